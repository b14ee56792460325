"""srlr track, through the command line."""

import json
import re
from pathlib import Path

import browser
import evaluated
import pytest
from fake_stages import REPORT
from pages import Page

from srlr.cli import app
from srlr.evaluation import tracker


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Four evaluated runs, the last of which is worse, and one whose report is damaged."""
    place = tmp_path_factory.mktemp("made")
    for n, name in enumerate("abcd"):
        table = evaluated.figure(REPORT, 0.3 if name == "d" else 0.75)
        rows = evaluated.answers("rlvr", 8 + n, 10)
        at = f"2026-11-0{n + 1}T00:00:00+00:00"
        evaluated.make(place / "runs", name, rows, at=at, table=table)
    damaged = evaluated.make(place / "runs", "f", [])
    damaged.write_json("evaluate/report.json", {"run": "f"})
    (damaged.path.parent / "e").mkdir()
    (damaged.path.parent / "e" / "manifest.json").write_text('{"format": 1, "stages": {}}')
    (damaged.path.parent / "e" / "command.txt").touch()
    return place


@pytest.fixture
def here(runs, monkeypatch):
    monkeypatch.chdir(runs)
    (runs / "runs" / tracker.FILE).unlink(missing_ok=True)
    return runs


def track(capsys, *words):
    capsys.readouterr()
    code = app.main(["track", *map(str, words)])
    return code, capsys.readouterr()


def test_all_runs_are_read_again_and_a_fallen_figure_is_an_alert(here, capsys):
    code, out = track(capsys, "--rebuild", "--json")
    data = json.loads(out.out)["data"]
    (series,) = data["series"]

    assert code == 0
    assert [one["run"] for one in series["evaluations"]] == ["a", "b", "c", "d"]
    assert series["decision"] == "alert"
    assert series["why"].startswith("0.300 against 0.")
    assert "4 evaluated runs read again" in out.err
    assert "left out: " in out.err
    assert data["database"].endswith("runs/track.sqlite")


def test_a_table_shows_the_history_and_check_exits_with_5(here, capsys, tmp_path):
    plot = tmp_path / "new" / "history.html"
    code, out = track(capsys, "--rebuild", "--check", "--plot", plot)

    assert code == 5
    assert re.search(r"2026-11-04 00:00 +d +\w+ +0\.300 \[0\.200 0\.400\]", out.out)
    assert "alert: 0.300 against" in out.out
    assert str(plot) in out.out

    text = plot.read_text()
    page = Page(text)

    assert page.wrong == page.open == []
    assert not page.all("script")
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "1 of 1 series is worse than before" in text
    assert "prefers-color-scheme: dark" in text


def test_one_series_is_drawn_as_an_svg_of_its_own(here, capsys, tmp_path):
    code, _ = track(capsys, "--rebuild", "--plot", tmp_path / "h.svg", "--metric", "accuracy")
    text = (tmp_path / "h.svg").read_text()

    assert code == 0
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "prefers-color-scheme:dark" in text


def test_nothing_tracked_says_how_to_begin(here, capsys):
    code, out = track(capsys, "--role", "nobody")

    assert code == 0
    assert "holds no such evaluation" in out.err
    assert "srlr track --rebuild" in out.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--metric", "accurcy"), "--metric accuracy"),
        (("--stage", "xyz"), "one of baseline, srl"),
        (("--plot", "x.png"), "--plot history.html"),
        (("--plot", "x.svg"), "an .svg holds one series and there are 0"),
        (("evaluate.track.windw=3",), "evaluate.track.window"),
    ],
)
def test_misspelt_words_are_told(here, capsys, words, what):
    code, out = track(capsys, *words)

    assert code == 2
    assert what in out.err


def test_a_file_that_is_no_database_is_told(here, capsys):
    Path("runs/track.sqlite").write_text("no database at all, long enough to look like one" * 20)
    code, out = track(capsys)

    assert code == 4
    assert "not a database" in out.err


@pytest.mark.browser
@pytest.mark.parametrize("scheme", [browser.LIGHT, browser.DARK])
def test_the_page_is_drawn_on_a_desk_and_on_a_phone_and_axe_finds_nothing(
    here, capsys, tmp_path, scheme
):
    track(capsys, "--rebuild", "--plot", tmp_path / "history.html")
    text = (tmp_path / "history.html").read_text()
    chromium = browser.Browser(tmp_path)

    for width in (1000, 390):
        browser.looks_drawn(chromium, text, width, scheme)
    assert chromium.width(text, 390) == 390
    assert chromium.violations(text, scheme) == []


@pytest.mark.browser
def test_axe_would_find_what_is_wrong(tmp_path):
    text = "<!doctype html><title>x</title><body><img src=''><a href='#'></a></body>"

    assert browser.Browser(tmp_path).violations(text, browser.LIGHT)
