from srlr.roles import security_units

SOURCE = '''import os  # nosec

@decorated
def f(a):
    # why
    return a  # because

x = "# no comment"
y = """
  # no comment either
"""
'''


def test_statements_are_taken_with_their_decorators_and_without_comments():
    assert security_units.units(SOURCE) == {
        1: "import os",
        3: "@decorated\ndef f(a):\n    return a",
        8: 'x = "# no comment"',
        9: 'y = """\n  # no comment either\n"""',
    }


def test_long_statements_are_left_out():
    lines = "x = [\n" + "1,\n" * 5 + "]"

    assert security_units.units(lines) == {}
    assert security_units.units("x = '" + "a" * 240 + "'") == {}


def test_what_is_no_python_has_no_statements():
    assert security_units.units("def (") == {}
    assert security_units.units("a\0b") == {}


def test_files_are_read_in_order_whatever_their_encoding(tmp_path):
    (tmp_path / "b.py").write_bytes(b"x = '\xe9'")
    (tmp_path / "a.py").write_text("y = 1")
    (tmp_path / "c.txt").write_text("no code")

    assert list(security_units.sources(tmp_path / "a.py")) == [
        ("a.py", "y = 1"), ("b.py", "x = '\ufffd'"),
    ]  # fmt: skip
