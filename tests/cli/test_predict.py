"""Texts in, JSON Lines out: rows that are bad, rows that come late, models that are not there."""

import json
import os
import threading
import types

import pytest

from srlr.cli import app, predict
from srlr.core import compose
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.training import Stepwise

SETTINGS = compose.compose(("rollout.batch_size=2", "role.max_prompt_chars=20")).settings

ROLE = types.SimpleNamespace(
    messages=lambda task: [{"role": "user", "content": task.prompt}],
    baseline_messages=lambda task: [{"role": "user", "content": f"base {task.prompt}"}],
    parse=lambda text: {"label": text} if text.startswith("=") else None,
    parse_baseline=lambda text: {"label": text} if text.startswith("{") else None,
    parse_leniently=lambda text: {"label": text.strip()},
)


def echo(chats):
    return [f"={chat[0]['content']}" for chat in chats]


@pytest.fixture
def feed(tmp_path):
    """The rows of a file with these bytes."""

    def rows(content):
        (tmp_path / "in").write_bytes(content)
        descriptor = os.open(tmp_path / "in", os.O_RDONLY)
        return [row for batch in predict.read_rows(descriptor, SETTINGS) for row in batch]

    return rows


def test_lines_are_texts_or_objects_with_a_text(feed):
    rows = feed(b'good\n{"text": "bad", "id": 7}\n\n"quoted"\n')

    assert [(row.number, row.text, row.id) for row in rows] == [
        (1, "good", None),
        (2, "bad", 7),
        (4, '"quoted"', None),
    ]


def test_the_last_line_needs_no_end_and_windows_lines_are_read(feed):
    assert [row.text for row in feed(b"\xef\xbb\xbfone\r\ntwo")] == ["one", "two"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"text": ', "not JSON"),
        (b'{"txt": "a"}', '"text"'),
        (b'{"text": 5}', '"text"'),
        (b'{"text": "  "}', "empty"),
        (b"\xff\xfe good", "not UTF-8: byte 1"),
        (b"x" * 21, "21 characters; role.max_prompt_chars is 20"),
        (b"y" * 1_000_000, "1,000,000 characters"),
    ],
)
def test_a_bad_row_says_why_and_the_next_is_read(feed, line, why):
    bad, good = feed(line + b"\nfine\n")

    assert why in bad.error
    assert (good.number, good.text, good.error) == (2, "fine", "")


def test_batches_are_as_large_as_the_model_takes(tmp_path):
    (tmp_path / "in").write_text("a\nb\nc\n")
    batches = predict.read_rows(os.open(tmp_path / "in", os.O_RDONLY), SETTINGS)

    assert [len(batch) for batch in batches] == [2, 1]


def test_a_slow_pipe_is_answered_as_it_comes():
    reader, writer = os.pipe()
    batches = predict.read_rows(reader, SETTINGS)
    os.write(writer, b"first\nsec")
    first = next(batches)
    threading.Timer(0.05, lambda: (os.write(writer, b"ond\n"), os.close(writer))).start()

    assert [row.text for row in first] == ["first"]
    assert [row.text for row in next(batches)] == ["second"]


def test_answers_keep_the_order_and_bad_rows_their_place(capsys):
    batch = [
        predict.Row(1, "a"),
        predict.Row(2, error="not JSON"),
        predict.Row(3, "b", id=["any", "thing"]),
    ]
    code = predict.answer_all(iter([batch]), echo, ROLE, base=False)
    out = capsys.readouterr()
    rows = [json.loads(line) for line in out.out.splitlines()]

    assert code == 2
    assert rows == [
        {"text": "a", "answer": {"label": "=a"}, "output": "=a", "valid": True},
        {"row": 2, "error": "not JSON"},
        {
            "id": ["any", "thing"],
            "text": "b",
            "answer": {"label": "=b"},
            "output": "=b",
            "valid": True,
        },
    ]
    assert "1 rows" not in out.err
    assert "1 row could not be read" in out.err


def test_an_output_that_does_not_parse_is_not_valid(capsys):
    predict.answer_all(iter([[predict.Row(1, "a")]]), lambda chats: ["hm"], ROLE, base=False)
    row = json.loads(capsys.readouterr().out)

    assert row == {"text": "a", "answer": None, "output": "hm", "valid": False}


def test_the_untrained_model_is_asked_and_read_as_the_baseline_is(capsys):
    predict.answer_all(iter([[predict.Row(1, "a")]]), echo, ROLE, base=True)
    row = json.loads(capsys.readouterr().out)

    assert row["output"] == "=base a"
    assert row["answer"] == {"label": "=base a"}
    assert row["valid"] is False


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    composed = compose.compose(("seed=1", "model=smollm2-135m-instruct"))
    return RunDir.create(
        tmp_path / "runs/sentiment-gold/r1", config_yaml=composed.yaml, command="", facts={}
    )


def which(**more):
    return predict.Which("r1", **more)


def test_the_last_trained_stage_answers(run):
    run.record("srl", status="done")
    run.record("rlvr", status="running")

    assert predict.newest(run) == "srl"
    run.record("rlvr", status="done")
    assert predict.newest(run) == "rlvr"


def test_an_untrained_run_says_how_to_train_it(run):
    with pytest.raises(MissingArtifact, match="nothing is trained") as missing:
        predict.predict(["a"], None, which(), quiet=True)

    assert "--stage base" in missing.value.hint


def test_a_stage_that_left_no_model_names_the_command(run):
    pytest.importorskip("torch")
    with pytest.raises(MissingArtifact) as missing:
        predict.predict(["a"], None, which(stage="srl"), quiet=True)

    assert missing.value.hint == "srlr srl --run runs/sentiment-gold/r1"


@pytest.mark.parametrize(
    ("texts", "source", "stage"),
    [([], None, None), (["a"], "in.jsonl", None), (["a"], None, "evaluate")],
)
def test_what_cannot_be_meant_is_refused(run, texts, source, stage):
    with pytest.raises(ConfigError):
        predict.predict(texts, source, which(stage=stage), quiet=True)


def test_a_missing_input_is_said_before_a_model_is_loaded(run):
    with pytest.raises(MissingArtifact, match=r"in\.jsonl"):
        predict.predict([], "in.jsonl", which(stage="base"), quiet=True)


def test_a_folder_as_input_is_refused(run, tmp_path):
    with pytest.raises(MissingArtifact, match="folder"):
        predict.predict([], str(tmp_path), which(stage="base"), quiet=True)


def test_the_command_answers_as_json_lines(run, monkeypatch, capsys):
    run.record("srl", status="done")
    monkeypatch.setattr(predict, "_load", lambda rundir, settings, stage: echo)

    assert app.main(["predict", "--run", "r1", "I love it", "It broke", "-q"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [row["text"] for row in rows] == ["I love it", "It broke"]
    assert {tuple(row) for row in rows} == {("text", "answer", "output", "valid")}


def test_what_a_trained_model_thinks_aloud_is_left_out(run, monkeypatch):
    said = [types.SimpleNamespace(text="<think>hm</think>=yes")]
    monkeypatch.setattr("srlr.stages.answering.load", lambda *words: None)
    monkeypatch.setattr("srlr.models.rollout.generate", lambda *words: said)
    monkeypatch.setattr(predict, "_weights", lambda *words: None)
    settings = SETTINGS.model_copy(update={"srl": Stepwise(monologue=True)})

    assert predict._load(run, settings, "srl")([]) == ["=yes"]
    assert predict._load(run, settings, "base")([]) == ["<think>hm</think>=yes"]
    assert predict._load(run, SETTINGS, "srl")([]) == ["<think>hm</think>=yes"]


def test_the_command_ends_with_2_after_a_bad_row(run, monkeypatch, capsys, tmp_path):
    run.record("srl", status="done")
    monkeypatch.setattr(predict, "_load", lambda rundir, settings, stage: echo)
    (tmp_path / "in.jsonl").write_text('{"text": "fine"}\n{"text"\n')

    assert app.main(["predict", "--run", "r1", "--input", "in.jsonl"]) == 2
    out = capsys.readouterr()

    assert len(out.out.splitlines()) == 2
    assert "model of srl" in out.err
