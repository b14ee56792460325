"""The plot of what a month costs: what it names, marks and leaves out."""

import re
from xml.etree import ElementTree

import pytest

from srlr.evaluation import break_even
from srlr.models.costs import Offer, Own

OWN = Own(0.73, 10.0, 90.0, 10.0)
OFFERS = [Offer("nano", 0.05, 0.4), Offer("big", 3.0, 15.0), Offer("a <b> & c", 1.0, 2.0)]


def texts(svg):
    return [one.text for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("text")]


def test_every_offer_and_the_model_have_a_line_dearest_first():
    svg = break_even.standalone(OWN, OFFERS, 1e6, "tiny")
    shown = [one for one in texts(svg) if one in ("tiny", "big", "a <b> & c", "nano")]

    assert shown == ["tiny", "big", "a <b> & c", "nano"]
    assert {"$100", "$1k", "1M", "requests a month"} <= set(texts(svg))
    assert "mathdefault" not in svg


def test_a_file_of_its_own_has_its_colours_and_is_the_same_each_time():
    svg = break_even.standalone(OWN, OFFERS, None, "tiny")

    assert set(re.findall(r"var\((--[\w-]+)\)", svg)) <= set(re.findall(r"(--[\w-]+):", svg))
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert svg == break_even.standalone(OWN, OFFERS, None, "tiny")


@pytest.mark.parametrize("own", [OWN, Own(0.0, 10.0, 90.0, 10.0)])
@pytest.mark.parametrize("offers", [OFFERS, [Offer("free", 0.0, 0.0)], []])
@pytest.mark.parametrize("expected", [None, 1e6])
def test_prices_of_nothing_are_drawn_too(own, offers, expected):
    assert "$-" not in "".join(
        filter(None, texts(break_even.standalone(own, offers, expected, "m")))
    )


@pytest.mark.parametrize(
    ("value", "text"), [(0.01, "0.01"), (100, "100"), (10_000, "10k"), (1e6, "1M"), (1e9, "1G")]
)
def test_powers_of_ten_as_people_write_them(value, text):
    assert break_even.short(value) == text
