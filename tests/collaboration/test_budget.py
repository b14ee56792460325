import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.collaboration import budget
from srlr.collaboration.budget import Cost, Ledger, Price


def test_prices_are_exact():
    price = Price.per_million(0.15, 0.6)

    assert price.of(1_000_000, 0) == 150_000_000_000  # 0.15 USD in 1e-12
    assert price.of(3, 2) == 3 * 150_000 + 2 * 600_000
    assert Price.per_million(None, 2.0).of(7, 1) == 2_000_000
    assert Price.per_million(None, None).of(7, 1) is None


@given(
    st.integers(0, 10_000),
    st.lists(st.tuples(st.integers(1, 900), st.floats(0, 1), st.booleans()), max_size=60),
)
def test_no_order_of_requests_passes_the_limit(limit, requests):
    """Each may cost so much, takes a share of it, and ends at once or later."""
    ledger, open_ = Ledger(None, limit), []
    for worst, share, stays in requests:
        reserved, actual = Cost(worst), Cost(int(worst * share))
        if ledger.fits(reserved):
            ledger.reserve(reserved)
            open_.append((reserved, actual))
        if not stays and open_:
            ledger.settle(*open_.pop(0))

        assert ledger.tokens + ledger.reserved_tokens <= limit
    for one in open_:
        ledger.settle(*one)

    assert ledger.reserved_tokens == 0
    assert ledger.tokens <= limit


def test_money_is_bounded_too_and_the_refusal_says_both():
    ledger = Ledger(0.5, 100)
    ledger.reserve(Cost(10, budget.PICO // 2))

    assert not ledger.fits(Cost(1, 1))
    assert ledger.fits(Cost(90, 0))
    refusal = ledger.refusal(Cost(91, 1))
    assert "generate.budget.tokens=100" in refusal.what
    assert "generate.budget.usd=0.5" in refusal.what
    assert "generate.budget.tokens or generate.budget.usd" in refusal.hint


@pytest.mark.parametrize("text", ["plain words", "äöü ☃ 漢字", "\x00" * 20, "a" * 1000])
def test_no_text_has_more_tokens_than_is_reserved_for_it(text):
    assert budget.most_prompt_tokens([text]) >= len(text.encode())
