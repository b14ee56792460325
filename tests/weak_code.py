"""Example files as small as the table of findings allows: made-up statements on the lines that the
table names, for tests without the package.
"""

from srlr.roles import security_findings

WEAK = {
    "B101": "assert row",
    "B301": "row = pickle.loads(body)",
    "B608": "cur.execute(\"SELECT * FROM foo WHERE id = '%s'\" % identifier)",
}
SAFE = "row = len(body)"


def written(folder):
    """A file for each of the table, each statement on its own line, and the path of the first."""
    for name, known in security_findings.statements().items():
        lines = [""] * max(one.first for one in known)
        for one in known:
            test = one.found[0].test if one.found else ""
            lines[one.first - 1] = WEAK.get(test, SAFE)
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder / "assert.py"
