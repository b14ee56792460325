"""What answers cost, by hand; and break-even against trying every volume."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.settings import Fact, ModelCard
from srlr.models import costs
from srlr.models.costs import Offer, Own

OWN = Own(0.73, answers_per_s=10.0, prompt_tokens=90.0, answer_tokens=10.0)
OFFER = Offer("bought", 1.0, 2.0)
"""90 · $1 + 10 · $2 per 1M = $0.00011 a request."""


def card(name, **facts):
    made = {
        key: Fact(value=value, source="https://x", date="2026-11-23")
        for key, value in facts.items()
    }
    return ModelCard(name=name, source="api:x/y", facts=made)


def test_a_machine_by_hand():
    """$0.73 an hour, 730 hours a month; 10 answers a second are 26,280,000 a month."""
    assert OWN.monthly_usd == pytest.approx(532.9)
    assert OWN.monthly_answers == pytest.approx(26_280_000)
    assert OWN.request_usd == pytest.approx(0.73 / 36_000)
    assert OFFER.request_usd(OWN) == pytest.approx(0.00011)


@pytest.mark.parametrize(
    ("volume", "machines", "usd"),
    [(0, 1, 532.9), (26_000_000, 1, 532.9), (27_000_000, 2, 1065.8)],
)
def test_machines_are_paid_for_whole(volume, machines, usd):
    assert costs.machines(OWN, volume) == machines
    assert costs.own_monthly_usd(OWN, volume) == pytest.approx(usd)


def test_a_million_tokens_are_dearer_at_a_small_volume():
    """1,000,000 requests of 100 tokens are 100M; busy machines: 0.73 / 3600 / 1000 tokens a
    second.
    """
    assert costs.usd_per_1m_tokens(OWN, 1_000_000) == pytest.approx(5.329)
    assert costs.usd_per_1m_tokens(OWN, None) == pytest.approx(0.73 / 3.6)


def test_break_even_by_hand():
    """$532.90 over $0.00011; at 10M requests $1,100 there and $532.90 here: $567.10 saved."""
    found = costs.break_even(OWN, OFFER, 10_000_000, 75.0)

    assert found.requests_per_month == pytest.approx(532.9 / 0.00011)
    assert (found.monthly_usd, found.own_monthly_usd) == pytest.approx((1100.0, 532.9))
    assert found.months == pytest.approx(75.0 / 567.1)
    assert "$533 a month" in found.why


@pytest.mark.parametrize(
    ("own", "offer", "volume", "why"),
    [
        (Own(0.0, 10.0, 90.0, 10.0), OFFER, 0.0, "own hardware costs nothing"),
        (Own(0.0, 10.0, 90.0, 10.0), Offer("free", 0.0, 0.0), 0.0, "own hardware costs nothing"),
        (OWN, Offer("free", 0.0, 0.0), None, "the offer costs nothing"),
        (OWN, Offer("cheap", 0.01, 0.01), None, "more than the offer's $1e-06"),
    ],
)
def test_prices_of_nothing_and_offers_that_no_machine_beats(own, offer, volume, why):
    found = costs.break_even(own, offer, None, None)

    assert found.requests_per_month == volume
    assert why in found.why
    assert (found.monthly_usd, found.months) == (None, None)


def test_training_is_never_paid_back_where_nothing_is_saved():
    assert costs.break_even(OWN, OFFER, 1000, 75.0).months is None
    assert costs.break_even(OWN, OFFER, 10_000_000, None).months is None


prices = st.floats(0.01, 100)


@given(prices, st.floats(0.01, 1000), st.floats(1, 5000), st.floats(1, 500), prices, prices)
def test_break_even_is_the_first_volume_at_which_own_hardware_costs_no_more(
    price, speed, prompt, answer, sent, written
):
    own, offer = Own(price, speed, prompt, answer), Offer("x", sent, written)
    found = costs.break_even(own, offer, None, None).requests_per_month
    bought = offer.request_usd(own)

    if found is None:  # not with any number of full machines either
        for machines in (1, 2, 7):
            volume = machines * own.monthly_answers * (1 - 1e-9)
            assert costs.own_monthly_usd(own, volume) > bought * volume * (1 - 1e-6)
        return
    assert costs.own_monthly_usd(own, found * (1 - 1e-9)) <= bought * found * (1 + 1e-6)
    assert costs.own_monthly_usd(own, found * 0.9) > bought * found * 0.9


@given(prices, st.floats(1, 1e8), st.floats(1.0, 3.0))
def test_a_dearer_machine_never_costs_less(price, volume, times):
    dear = Own(price * times, 10.0, 90.0, 10.0)
    cheap = Own(price, 10.0, 90.0, 10.0)

    assert costs.usd_per_1m_tokens(dear, volume) >= costs.usd_per_1m_tokens(cheap, volume)


def test_offers_are_for_pay_cards_with_both_prices():
    both = {"price_input_usd_per_1m": 1, "price_output_usd_per_1m": 2.5}
    found = costs.offers(
        {
            "b": card("b", for_pay=True, **both),
            "a": card("a", for_pay=True, **both),
            "free": card("free", **both),
            "half": card("half", for_pay=True, price_input_usd_per_1m=1),
        }
    )

    assert found == [Offer("a", 1.0, 2.5), Offer("b", 1.0, 2.5)]


def test_curves_are_what_a_month_costs():
    volumes = [1.0, 1e6]

    assert costs.curve(OWN, None, volumes) == [(v, OWN.monthly_usd) for v in volumes]
    assert costs.curve(OWN, OFFER, volumes)[1] == (1e6, pytest.approx(110.0))
    assert math.isclose(costs.curve(OWN, OFFER, volumes)[0][1], 0.00011)
