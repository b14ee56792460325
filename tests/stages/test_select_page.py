"""select's page: one file that asks nobody for anything and escapes what cards say."""

import copy
import functools
import re

import pytest
from pages import Page

from srlr.core.compose import compose
from srlr.core.hardware import Machine
from srlr.models import catalog
from srlr.stages import select, select_page, select_record, select_report

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
