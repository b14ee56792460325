"""What bandit finds in a piece of Python. The code is parsed and never run.

Bandit is the optional extra `security` (Apache-2.0): what it finds in its own examples is recorded,
so the role needs it only where code that nobody has labelled is to be judged.
"""

import logging
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from srlr.core.errors import MissingArtifact


def need() -> None:
    """Returns only where bandit is installed.

    Raises:
        MissingArtifact: it is not.
    """
    if find_spec("bandit") is None:
        raise MissingArtifact(
            "role.options.bandit needs the package 'bandit', which is not installed",
            "pip install 'srlr[security]', or role.options.bandit=false",
        )


def scan(code: str) -> list[dict[str, Any]] | None:
    """Findings as the role has them, by line and CWE; None of what is no Python.

    Comments that tell bandit to look away are not obeyed.

    Raises:
        MissingArtifact: bandit is not installed.
    """
    need()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "code.py"
        path.write_text(code, encoding="utf-8")
        scanner = _scanner()
        scanner.results, scanner.skipped, scanner.scores = [], [], []
        scanner.files_list = [str(path)]
        scanner.run_tests()
        if scanner.get_skipped():
            return None
        found = {(one.lineno, one.cwe.id, one.severity.lower()) for one in scanner.get_issue_list()}
    return [
        {"cwe": cwe, "line": line, "severity": severity} for line, cwe, severity in sorted(found)
    ]


@lru_cache(maxsize=1)
def _scanner() -> Any:
    """Made once: finding its tests takes bandit longer than a scan."""
    from bandit.core import config, manager

    logging.getLogger("bandit").setLevel(logging.CRITICAL)
    return manager.BanditManager(config.BanditConfig(), "file", quiet=True, ignore_nosec=True)
