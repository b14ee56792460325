"""What comes out where, and how progress reads."""

import io
import json
import sys

import pytest

from srlr import __version__
from srlr.cli import render


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_json_is_an_envelope_and_nothing_else(capsys):
    render.emit("thing", {"a": 1}, as_json=True, human="for people")
    out = capsys.readouterr()

    assert json.loads(out.out) == {
        "srlr": __version__,
        "schema": 1,
        "kind": "thing",
        "data": {"a": 1},
    }
    assert out.err == ""


def test_json_has_no_nan(capsys):
    render.emit("x", {"nan": float("nan"), "set": {1}, "path": render.PLAIN_EVERY_S}, as_json=True)

    assert json.loads(capsys.readouterr().out)["data"] == {"nan": None, "set": [1], "path": 10.0}


def test_people_get_a_text_or_what_a_function_prints(capsys):
    render.emit("x", {}, human="a text")
    render.emit("x", {}, human=lambda: render.text("printed"))
    render.emit("x", {})

    assert capsys.readouterr().out == "a text\nprinted\n"


def test_an_error_is_on_stderr_with_its_fix(capsys):
    render.error("it broke", "mend it")
    out = capsys.readouterr()

    assert out.err == "error: it broke\n  fix: mend it\n"
    assert out.out == ""


def test_an_error_for_machines_is_on_stdout_too(capsys):
    render.error("it broke", "mend it", as_json=True, exit_code=4)
    data = json.loads(capsys.readouterr().out)

    assert data["kind"] == "error"
    assert data["data"] == {"what": "it broke", "hint": "mend it", "exit_code": 4}


def test_a_table_fits_80_columns_and_keeps_figures_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    long = "a very long description " * 10
    render.table(("name", "what", "size"), [("x", long, "1234567 KB")], right=("size",))
    lines = capsys.readouterr().out.splitlines()

    assert max(map(len, lines)) <= 80
    assert any("1234567 KB" in line for line in lines)


def test_a_table_reads_no_markup_and_shows_none_as_nothing(capsys):
    render.table(("name",), [("[bold]x[/bold]",), (None,)])

    assert "[bold]x[/bold]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7, "0:07"), (750, "12:30"), (3725, "1:02:05")]
)
def test_durations(seconds, text):
    assert render.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 KB"), (812_000, "812 KB"), (5_300_000, "5.3 MB"), (1.24e9, "1.24 GB")]
)
def test_sizes(size, text):
    assert render.gigabytes(size) == text


def test_the_rate_counts_from_the_first_event():
    pace = render.Pace(first_done=100, started_s=10.0)

    assert pace.rate(100, 11.0) is None
    assert pace.rate(120, 20.0) == 2.0  # 20 items in 10 s
    assert pace.text(120, 140, 20.0) == "2/s, 0:10 left"
    assert pace.text(105, 140, 20.0) == "2.0 s each, 1:10 left"  # 35 left, 2 s each
    assert pace.text(140, 140, 30.0) == "2/s, took 0:20"


def test_without_a_terminal_a_line_comes_at_the_start_now_and_then_and_at_the_end(capsys):
    clock = Clock()
    with render.progress_sink(clock=clock) as sink:
        for done in range(1, 41):
            sink("srl", done, 40, {"loss": 0.5})
            clock.now_s += 1.0
    lines = capsys.readouterr().err.splitlines()

    assert [line.split()[1] for line in lines] == ["1/40", "11/40", "21/40", "31/40", "40/40"]
    assert lines[1] == "srl: 11/40 · 1/s, 0:29 left · loss 0.5"


def test_a_step_that_comes_again_is_a_new_one(capsys):
    clock = Clock()
    with render.progress_sink(clock=clock) as sink:
        for _ in range(2):
            sink("answers", 1, 1, {})

    assert capsys.readouterr().err == "answers: 1/1\nanswers: 1/1\n"


def test_one_that_begins_before_the_other_of_its_name_has_ended_has_its_own_rate(capsys):
    clock = Clock()
    with render.progress_sink(clock=clock) as sink:
        sink("steps", 5, 100, {})
        clock.now_s += 1000.0  # the run ended early, the next one took its time to begin
        for done in range(1, 12):
            sink("steps", done, 100, {})
            clock.now_s += 1.0

    assert capsys.readouterr().err.splitlines()[1:] == [
        "steps: 1/100",
        "steps: 11/100 · 1/s, 1:29 left",
    ]


def test_big_numbers_are_short(capsys):
    with render.progress_sink() as sink:
        sink("download", 5_000_000, 10_000_000, {})

    assert capsys.readouterr().err == "download: 5.0M/10.0M\n"


def test_quiet_says_nothing(capsys):
    with render.progress_sink(quiet=True) as sink:
        sink("srl", 1, 1, {})

    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self):
        return True


def test_on_a_terminal_a_bar_shows_count_rate_and_figures(monkeypatch):
    screen, clock = Terminal(), Clock()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with render.progress_sink(clock=clock) as sink:
        sink("srl", 1, 4, {"loss": 0.5})
        clock.now_s += 2
        sink("srl", 3, 4, {"loss": 0.25})
        render.note("a note in between")
        sink("srl", 4, 4, {})

    assert "4/4" in screen.getvalue()
    assert "took 0:02" in screen.getvalue()
    assert "a note in between" in screen.getvalue()


def test_on_a_terminal_one_that_begins_anew_has_a_bar_of_its_own(monkeypatch):
    screen, clock = Terminal(), Clock()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    with render.progress_sink(clock=clock) as sink:
        sink("steps", 3, 9, {})
        clock.now_s += 1000.0
        sink("steps", 1, 9, {})
        clock.now_s += 2.0
        sink("steps", 9, 9, {})

    assert "3/9" in screen.getvalue()
    assert "4/s, took 0:02" in screen.getvalue()


def test_no_color_is_honoured(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with render.progress_sink() as sink:
        sink("srl", 1, 1, {})

    assert "\x1b[3" not in screen.getvalue()


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("yes\n", True), ("\n", False)])
def test_a_question_takes_yes_from_a_terminal(monkeypatch, typed, answer):
    stdin = Terminal(typed)
    monkeypatch.setattr(sys, "stdin", stdin)

    assert render.confirm("remove?") is answer


def test_without_a_terminal_nobody_says_yes(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))

    assert render.confirm("remove?") is False
