import sys

import pytest

from srlr.core.errors import MissingArtifact
from srlr.roles import bandit_scan


def test_findings_are_told_by_line_and_cwe_whatever_comments_say():
    pytest.importorskip("bandit")
    code = "import os\nassert os  # nosec\nrow = eval('1')\n"

    assert bandit_scan.scan(code) == [
        {"cwe": 703, "line": 2, "severity": "low"},
        {"cwe": 78, "line": 3, "severity": "medium"},
    ]
    assert bandit_scan.scan("row = 1\n") == []
    assert bandit_scan.scan("def (") is None


def test_without_bandit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bandit", None)
    with pytest.raises(MissingArtifact, match="needs the package 'bandit'") as caught:
        bandit_scan.scan("x = 1")

    assert "pip install 'srlr[security]'" in caught.value.hint
