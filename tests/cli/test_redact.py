"""srlr redact: text and rows in, the same without what is personal out; values are never told."""

import json

import pytest

from srlr.cli import app

SECRETS = ("jo@example.org", "4673395", "hunter22")


@pytest.fixture
def srlr(tmp_path, monkeypatch, capsys):
    """`srlr("x.txt", content, "--json")`: code, stdout, stderr of `srlr redact x.txt --json`."""
    monkeypatch.chdir(tmp_path)

    def run(name, content, *words):
        (tmp_path / name).write_bytes(content)
        code = app.main(["redact", name, *words])
        said = capsys.readouterr()
        assert not any(secret in said.err for secret in SECRETS)
        return code, said.out, said.err

    return run


def test_a_text_keeps_everything_else_to_the_byte(srlr):
    code, out, err = srlr("x.txt", b"Ask jo@example.org\r\nor 203.0.113.7 \xc3\xa9")

    assert (code, out) == (0, "Ask [EMAIL_1]\r\nor [IP_1] é")
    assert err == "redacted: email 1, ip 1\n"


def test_a_text_without_anything_is_itself_and_quiet_says_nothing(srlr):
    assert srlr("x.txt", b"plain\n") == (0, "plain\n", "nothing was found\n")
    assert srlr("x.txt", b"jo@example.org", "-q") == (0, "[EMAIL_1]", "")
    assert srlr("x.txt", b"") == srlr("x.jsonl", b"") == (0, "", "nothing was found\n")


def test_each_row_is_a_document_and_an_unchanged_one_goes_on_byte_for_byte(srlr):
    rows = b'{"text": "jo@example.org"}\n\n{"x":  1.0, "\\u0041": "b"}\n{"phone": 4673395}'
    code, out, err = srlr("x.jsonl", rows)

    assert code == 0
    assert out == ('{"text": "[EMAIL_1]"}\n\n{"x":  1.0, "\\u0041": "b"}\n{"phone": "[PHONE_1]"}\n')
    assert err == "redacted: email 1, phone 1\n"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"text": "jo@example.org', "not JSON"),
        (b"\xff", "byte 1 is not UTF-8"),
        (b'{"a": "jo@example.org", "a": "x"}', "a field is there twice"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out_and_named(srlr, line, why):
    code, out, err = srlr("x.jsonl", b'{"text": "good"}\n' + line + b'\n{"text": "too"}\n')

    assert code == 2
    assert out == '{"text": "good"}\n{"text": "too"}\n'
    assert "row 2 is left out" in err
    assert why in err


def test_half_of_a_pair_is_written_as_it_can_be(srlr):
    code, out, _ = srlr("x.jsonl", b'{"text": "jo@example.org \\ud800"}\n')

    assert (code, json.loads(out)) == (0, {"text": "[EMAIL_1] \ud800"})


def test_a_json_file_is_one_document(srlr):
    code, out, _ = srlr("x.json", b'[{"a": "jo@example.org"}, {"b": "al@example.org"}]')

    assert (code, json.loads(out)) == (0, [{"a": "[EMAIL_1]"}, {"b": "[EMAIL_2]"}])
    assert srlr("x.json", b'{"a": 1 }')[1] == '{"a": 1 }'
    assert srlr("x.json", b"{")[0] == 2


def test_the_report_tells_places_and_no_values(srlr):
    code, out, _ = srlr("x.txt", b"Ask jo@example.org", "--json")
    told = json.loads(out)

    assert code == 0
    assert told["kind"] == "redaction"
    assert told["data"] == {
        "documents": 1,
        "found": {"email": 1},
        "spans": [{"start": 4, "end": 18, "class": "email"}],
        "rows": [],
        "unreadable": [],
    }


def test_the_report_of_rows_tells_which(srlr):
    _, out, _ = srlr("x.jsonl", b'{"a": 1}\n{"password": "hunter22"}\n{\n', "--json")
    data = json.loads(out)["data"]

    assert "hunter22" not in out
    assert data["documents"] == 2
    assert data["rows"] == [{"row": 2, "found": {"key": 1}}]
    assert data["unreadable"][0]["row"] == 3


def test_the_output_is_a_file_written_whole_which_may_be_the_input(srlr, tmp_path):
    code, out, _ = srlr("x.txt", b"jo@example.org\n", "-o", "x.txt", "--json")

    assert code == 0
    assert json.loads(out)["data"]["found"] == {"email": 1}
    assert (tmp_path / "x.txt").read_text() == "[EMAIL_1]\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_an_output_that_cannot_be_written_is_said(srlr):
    code, out, err = srlr("x.txt", b"jo@example.org", "-o", "no/such/folder")

    assert (code, out) == (4, "")
    assert "choose a folder" in err


def test_check_fails_where_something_is_found(srlr):
    assert srlr("x.txt", b"plain", "--check")[0] == 0
    assert srlr("x.txt", b"jo@example.org", "--check")[0] == 5


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("--classes", "ip"), "jo@example.org Mrs. Doe [IP_1]"),
        (("--classes", "all"), "[EMAIL_1] Mrs. [NAME_1] [IP_1]"),
        (("--style", "plain"), "[EMAIL] Mrs. Doe [IP]"),
        (("--allow", "*@example.org"), "jo@example.org Mrs. Doe [IP_1]"),
    ],
)
def test_what_is_replaced_and_by_what_can_be_said(srlr, words, out):
    assert srlr("x.txt", b"jo@example.org Mrs. Doe 203.0.113.7", *words)[1] == out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("x.txt", "--classes", "emial"), 2, "did you mean email?"),
        (("x.txt", "--classes", "zzz"), 2, "any of email,phone"),
        (("x.txt", "--classes", ","), 2, "names none"),
        (("x.txt", "--style", "loud"), 2, "--style 'loud'"),
        (("x.txt", "--allow", ""), 2, "--allow"),
        (("nothing.txt",), 3, "cannot read 'nothing.txt'"),
        (("latin.txt",), 2, "is not UTF-8: byte 4"),
    ],
)
def test_what_cannot_be_meant_is_said_with_a_fix(tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")

    assert app.main(["redact", *words]) == code
    assert said in capsys.readouterr().err


def test_rows_come_through_a_pipe(run_srlr):
    done = run_srlr("redact", input='{"text": "jo@example.org"}\nno row\n')

    assert done.returncode == 2
    assert done.stdout == '{"text": "[EMAIL_1]"}\n'
    assert run_srlr("redact", input="call me on 467 3395").stdout == "call me on [PHONE_1]"
