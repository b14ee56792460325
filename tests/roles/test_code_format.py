import pytest

from srlr.roles import code_format
from srlr.roles.code_format import Reading, fenced, found, functions, imported, outline, read

CODE = "def add(a, b):\n    return a + b"
TEXT = f"# add(a, b)\n# add\n{CODE}\n# add(1, 2) == 3"


def test_an_answer_is_read():
    assert read(TEXT) == Reading("add(a, b)", "add", CODE, "add(1, 2) == 3")
    assert read(f"\n{TEXT}\n") == read(TEXT)
    assert read(TEXT.replace("def", "import math\ndef", 1)).code.startswith("import math")


@pytest.mark.parametrize(
    "text",
    [
        "",
        CODE,
        TEXT.rpartition("\n")[0],
        TEXT.partition("\n")[2],
        TEXT.replace("return", "retrun a"),
        TEXT.replace(CODE, "x = 1"),
        TEXT.replace(CODE, "import math"),
        TEXT + "\nprint(1)",
        TEXT.replace("a + b", "a + b\0"),
        TEXT.replace("a + b", "(" * 300 + ")" * 300),
        TEXT.replace("a + b", "-" * 9000 + "1"),
        TEXT.replace("a + b", f"'{'x' * code_format.LONGEST}'"),
    ],
)
def test_any_other_text_is_no_answer(text):
    assert read(text) is None


def test_functions_and_imports_of_code():
    code = (
        "import os.path, re as r\nfrom a.b import c\nfrom . import d\n"
        "def f(): import sys\ndef g(): 1"
    )

    assert functions(code) == ["f", "g"]
    assert imported(code) == {"os", "re", "a", "sys"}
    assert functions("def f(") == []
    assert imported("import (") == set()
    assert functions("#" * (code_format.LONGEST + 1)) == []


def test_a_functions_head_and_outline():
    code = (
        "def f(): pass\ndef g(a: int, /, b=1):\n    'says'\n    if a:\n        b += 1\n"
        "    b -= 1\n    del a"
    )

    assert code_format.signature(code) == "g(a, b)"
    assert outline(code) == "choose, set, delete"
    assert outline("def f():\n    'says'") == "nothing"
    assert (code_format.signature("x"), outline("x (")) == ("", "nothing")


def test_an_invalid_escape_in_a_models_code_warns_nobody(recwarn):
    assert functions("def f():\n    return '\\d'") == ["f"]
    assert len(recwarn) == 0


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [
        (f"```python\n{CODE}\n```", CODE, CODE),
        (f"```\n{CODE}\n```", CODE, CODE),
        (f"Sure!\n```python\n{CODE}\n```\nIt adds.", None, CODE),
        (f"{CODE}\nThis adds them.", None, CODE),
        (f"Code:\n{CODE}\nThis adds (and\nmore.", None, CODE),
        (f"```python\nprint(1)\n```\n```python\n{CODE}\n```", None, CODE),
        ("```python\nx = 1\n```", None, None),
        ("def add(a, b): return (", None, None),
        ("no code", None, None),
    ],
)
def test_code_of_an_untrained_model(text, strict, lenient):
    assert fenced(text) == strict
    assert found(text) == lenient
