"""core <- assets, text, sandbox <- models, rewards <- roles, collaboration, training, evaluation
<- stages, serving <- management <- cli: a module imports only from ranks to its left."""

import ast
from pathlib import Path

import srlr

PACKAGE = Path(srlr.__file__).parent

RANKS = [
    {"core"},
    {"assets", "text", "sandbox"},
    {"models", "rewards"},
    {"roles", "collaboration", "training", "evaluation"},
    {"stages", "serving"},
    {"management"},
    {"cli"},
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}


def imported(path):
    """The srlr packages that a file imports, those in function bodies included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("srlr."))


def breaches():
    for path in sorted(PACKAGE.rglob("*.py")):
        home = path.relative_to(PACKAGE).parts[0]
        if home in RANK:
            for other in imported(path):
                if other in RANK and other != home and RANK[other] >= RANK[home]:
                    yield f"{path.relative_to(PACKAGE)} imports {other}"


def test_a_module_imports_only_from_ranks_to_its_left():
    assert list(breaches()) == []


def test_every_package_has_a_rank():
    found = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert found <= set(RANK)


def test_only_render_prints():
    calls = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]

    assert {call.split(":")[0] for call in calls} == {"cli/render.py"}
