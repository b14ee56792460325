"""select's page: one file that asks nobody for anything and escapes what cards say."""

import copy
import functools
import re

import pytest
from measurements import measured
from pages import Page

from srlr.core.compose import compose
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir
from srlr.models import catalog
from srlr.models.measured import Probe, Unmeasured
from srlr.stages import (
    select,
    select_checks,
    select_costs,
    select_memory,
    select_page,
    select_record,
    select_report,
)

BIG = Machine("cuda", "big <b>", 8, 200.0, 190.0, 1000.0, "bfloat16", bandwidth_gb_s=600.0)
SMALL = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")


@functools.cache
def made(machine, *words):
    asked = compose(words, environ={}).settings
    kept = catalog.out_of_reach
    catalog.out_of_reach = lambda *_: {}
    try:
        choice = select.choose(asked, machine)
    finally:
        catalog.out_of_reach = kept
    return select_record.record(asked, machine, choice, "2026-11-23T03:00:00+00:00")


@pytest.fixture(scope="module")
def text():
    return select_page.html(made(BIG, "hardware.price_usd_per_hour=1"))


def test_the_page_is_well_formed_and_asks_nobody_for_anything(text):
    page = Page(text)
    links = [v for _, attrs in page.tags for k, v in attrs.items() if k in ("href", "src")]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert (page.open, page.wrong) == ([], [])
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert len(ids) == len(set(ids))
    assert text.count("<caption>") == text.count("<table") >= 5


def test_it_shows_the_choice_its_rivals_and_how_sure_it_is(text):
    assert ">llama-3.2-3b-instruct</h1>" in text
    assert text.count("<svg") == 3
    assert "Score by model and criterion: llama-3.2-3b-instruct" in text
    assert "not measured" in text
    assert "big &lt;b&gt;" in text


def test_equal_records_make_the_same_page(text):
    assert select_page.html(made(BIG, "hardware.price_usd_per_hour=1")) == text


def test_a_stand_in_is_called_one_and_has_no_rivals_to_draw():
    text = select_page.html(made(SMALL))

    assert "<b>Stand-in.</b>" in text
    assert text.count("<svg") == 1
    assert "How sure it is of the weights" not in text


def test_more_criteria_than_colours_are_drawn():
    words = "role.weights={performance: 1, operational: 1, resource_fit: 1}"
    assert select_page.html(made(BIG, words)).count("<svg") == 3


def test_the_markdown_keeps_cells_of_cards_in_one_cell():
    record = copy.deepcopy(made(BIG, "hardware.price_usd_per_hour=1"))
    record["model_selection"]["excluded"][0]["figure"] = "a|b\nc"

    assert "a\\|b c |" in select_report.markdown(record)


OWN = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def after_measuring(tmp_path_factory):
    """A record as select --measure leaves it: 20 answers a second of 90 + 10 tokens."""
    words = (f"model={OWN}", "hardware.price_usd_per_hour=0.73")
    asked = compose(words, environ={}).settings
    one = measured(model=OWN, probe=Probe.of(32, 64, 0.5, (0.4, 0.3, 0.5)))
    choice = select.choose(asked, SMALL, found={OWN: one})
    record = select_record.record(asked, SMALL, choice, "2026-11-23T03:00:00+00:00")
    place = tmp_path_factory.mktemp("page") / "run"
    rundir = RunDir.create(place, config_yaml="", command="srlr", facts={})
    record["model_selection"] |= {
        "costs": select_costs.summary(asked, rundir, one),
        "memory_fit": select_memory.summary(asked, SMALL),
        **select_checks.told([one, Unmeasured("far", "its weights <are> elsewhere")]),
        "on_claims": {"selected_model": "other", "selection_score": 0.25},
        "kept_because": "",
    }
    return record


def test_the_page_of_a_measured_choice_has_figures_costs_and_where_it_breaks_even(after_measuring):
    text = select_page.html(after_measuring)
    page = Page(text)

    assert (page.open, page.wrong) == ([], [])
    assert text.count("<svg") == 2
    assert "What a month costs: smollm2-135m-instruct on own hardware" in text
    for said in (
        "10 / 14 / 20",
        "0.500 [0.381, 0.619]",
        "0.400 [0.300, 0.500]",
        "far: not measured: its weights &lt;are&gt; elsewhere",
        "by what is claimed: other instead, 0.250",
        "10 rows of 512 tokens",
        "an answer: $1.01e-05",
        ">gpt-6-luna</th>",
    ):
        assert said in text


def test_without_a_price_the_page_has_no_plot_of_costs(after_measuring):
    record = copy.deepcopy(after_measuring)
    record["model_selection"] |= {
        "costs": {"training": {"usd": 75, "basis": "what the tier says"}, "why": "no price"},
        "measured": {},
        "not_measured": {},
    }
    text = select_page.html(record)

    assert text.count("<svg") == 1
    assert "<li>not computed: no price</li>" in text


def test_the_plot_is_drawn_from_the_record_alone(after_measuring):
    own, offers = select_costs.compared(after_measuring["model_selection"]["costs"])

    assert (own.price_usd_per_hour, own.answers_per_s, own.tokens) == (0.73, 20.0, 100.0)
    luna = next(one for one in offers if one.name == "gpt-6-luna")
    assert (
        luna.input_usd_per_1m == catalog.cards()["gpt-6-luna"].facts["price_input_usd_per_1m"].value
    )


def test_the_markdown_says_the_same(after_measuring):
    text = select_report.markdown(after_measuring)

    assert f"| {OWN} | 10 / 14 / 20 | 100 / 200 / 300 | 20 (64 at once) | 0.500 [0.381" in text
    assert "| serving, 10 rows of 512 tokens |" in text
    assert "![what a month costs](break_even.svg)" in text
    assert "- by what is claimed: other instead, 0.250" in text


def test_what_others_did_and_why_a_choice_stays_is_told():
    said = {"kept_because": "one was not measured", "on_claims": None}
    assert select_report.aside(said) == ["one was not measured"]
    assert select_report.aside({}) == []

    busy = select_checks.told([measured(busy_cores=2.0)])
    told = {**busy, "memory_fit": {}, "costs": {"training": {"usd": None}, "why": "no price"}}
    assert "- Others kept up to 2 cores busy: idle, times are shorter." in select_report.measured(
        told
    )
    nothing = {**told, **select_checks.told([Unmeasured("far", "why")])}
    assert select_report.measured(nothing)[:2] == ["## Measured\n", "- far: not measured: why"]
