"""The table is what bandit says, of the files as they are fetched."""

import ast

import pytest

from srlr import assets
from srlr.roles import bandit_scan, security_findings, security_rules, security_units
from srlr.roles.security_findings import Found, Statement


def test_entries_say_lines_tests_and_fixed_forms():
    table = security_findings.statements()

    assert table["assert.py"] == (Statement(1, (Found(1, "B101", "low"),), False),)
    assert table["okay.py"] == (Statement(1, (), False),)
    assert table["binding.py"][-2].found == (Found(1, "B104", "medium"),)
    assert len(table) == 84


@pytest.mark.slow
@pytest.mark.assets
def test_bandit_finds_what_the_table_says_and_nothing_in_fixed_forms():
    pytest.importorskip("bandit")
    sources = dict(security_units.sources(assets.ensure("bandit-examples")))
    for name, known in security_findings.statements().items():
        units = security_units.units(sources[name])
        for one in known:
            text = units[one.first]
            wanted = {(f.line, security_rules.TESTS[f.test]) for f in one.found}

            assert {(f["line"], f["cwe"]) for f in bandit_scan.scan(text)} == wanted, (name, text)
            if one.has_fix:
                mended = security_rules.fixed(text, one.found[0].test)
                ast.parse(mended)

                assert bandit_scan.scan(mended) == [], (name, mended)
