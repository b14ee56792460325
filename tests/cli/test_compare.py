"""srlr compare, through the command line."""

import json

import browser
import evaluated
import pytest
from fake_stages import REPORT
from pages import Page

from srlr.cli import app


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs of 60 tasks, one of 40, one of another role, one that is not evaluated."""
    place = tmp_path_factory.mktemp("made")
    for name, right in (("a", 20), ("b", 50), ("<b>&c", 51)):
        table = evaluated.figure(REPORT, right / 60)
        curves = {"rlvr": {"dev_accuracy": [[0, 0.2], [5, right / 60]]}} if name != "a" else {}
        rows = evaluated.answers("rlvr", right)
        evaluated.make(place, name, rows, table=table, curves=curves)
    evaluated.make(place, "short", evaluated.answers("rlvr", 30, 40))
    other = [{**row, "task": f"x{row['task']}"} for row in evaluated.answers("rlvr", 9)]
    evaluated.make(place, "others", other)
    evaluated.make(place, "mood", [], role={**evaluated.ROLE, "label": "mood"})
    bare = evaluated.make(place, "bare", [])
    (bare.path / "evaluate" / "report.json").unlink()
    return place


@pytest.fixture
def compare(runs, capsys):
    def call(*words):
        capsys.readouterr()
        code = app.main(["compare", *map(str, words), "--runs-dir", str(runs)])
        return code, capsys.readouterr()

    return call


def test_every_two_runs_are_tested_on_the_same_tasks(compare):
    code, out = compare("a", "b", "<b>&c", "--json")
    data = json.loads(out.out)["data"]
    pairs = {(one["run"], one["against"]): one for one in data["pairs"]}

    assert code == 0
    assert data["tasks"] == 60
    assert pairs["b", "a"]["gap"]["value"] == pytest.approx(0.5)
    assert pairs["b", "a"]["flips"] == {"fixed": 30, "broken": 0, "p": 2 / 2**30}
    assert pairs["b", "a"]["p_holm"] < 0.05 < pairs["<b>&c", "b"]["p_holm"]
    assert all(one["p_holm"] >= one["gap"]["p"] for one in data["pairs"])


def test_the_page_stands_alone_and_escapes_what_it_shows(compare, tmp_path):
    place = tmp_path / "new" / "page.html"
    code, out = compare("a", "b", "<b>&c", "--html", place)
    text = place.read_text()
    page = Page(text)

    assert code == 0
    assert f"page: {place}" in out.out
    assert "b − a" in out.out
    assert page.wrong == page.open == []
    assert not page.all("script")
    assert not page.all("link")
    assert "&lt;b&gt;&amp;c" in text
    assert "<b>&c" not in text
    assert "prefers-color-scheme: dark" in text
    assert len(page.all("svg")) == 2


def test_runs_that_were_asked_different_tasks_are_compared_on_those_in_common_if_asked(compare):
    code, out = compare("a", "short")

    assert code == 2
    assert "of 60, 40 are in all of them" in out.err
    assert "--common compares the 40 tasks" in out.err

    code, out = compare("a", "short", "--common", "--json")

    assert code == 0
    assert json.loads(out.out)["data"]["tasks"] == 40


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("a",), 2, "one run cannot be compared"),
        (("a", "a"), 2, "with itself"),
        (("a", "none"), 3, "no run 'none'"),
        (("a", "bare"), 3, "'evaluate/report.json' is not in"),
        (("a", "mood"), 2, "roles with other answers: toy, toy"),
        (("a", "others", "--common"), 2, "of 60, 0 are in all of them"),
    ],
)
def test_what_cannot_be_compared_is_told(compare, words, code, what):
    found, out = compare(*words)

    assert found == code
    assert what in out.err


@pytest.mark.browser
@pytest.mark.parametrize("scheme", [browser.LIGHT, browser.DARK])
def test_the_page_is_drawn_on_a_desk_and_on_a_phone_and_axe_finds_nothing(
    compare, tmp_path, scheme
):
    compare("a", "b", "<b>&c", "--html", tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text()
    chromium = browser.Browser(tmp_path)

    for width in (1000, 390):
        browser.looks_drawn(chromium, text, width, scheme)
    assert chromium.width(text, 390) == 390
    assert chromium.violations(text, scheme) == []
