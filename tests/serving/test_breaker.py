import pytest

from srlr.core.swapping import Health
from srlr.serving.breaker import Breaker, admits, after, asked, left

RULES = Health(breaker_failures=3, breaker_share=0.5, breaker_window=6, breaker_s=5.0)


def told(oks, at=0.0):
    breaker = Breaker()
    for ok in oks:
        breaker = after(breaker, ok, at, RULES)
    return breaker


@pytest.mark.parametrize(
    ("oks", "closed"),
    [
        ([False, False], True),
        ([False, False, False], False),  # three in a row
        ([True, False, True, False, False], True),  # the window is not full
        ([True, False, True, False, True, False], False),  # half of a full one
        ([True, True, True, False, True, False], True),
        ([False, True, False, True, False, True], True),  # it ends with an answer
    ],
)
def test_it_opens_after_failures_in_a_row_or_too_large_a_share(oks, closed):
    assert admits(told(oks), 0.0, RULES) == closed


def test_after_a_while_one_request_probes_it():
    open_ = told([False] * 3)

    assert not admits(open_, 4.9, RULES)
    assert admits(open_, 5.0, RULES)
    assert not admits(asked(open_), 5.0, RULES)


def test_the_probe_decides():
    probing = asked(told([False] * 3))

    assert admits(after(probing, True, 5.0, RULES), 5.0, RULES)
    assert not admits(after(probing, False, 5.0, RULES), 9.9, RULES)
    assert admits(after(probing, False, 5.0, RULES), 10.0, RULES)


def test_a_probe_that_says_nothing_leaves_the_place_to_another():
    assert admits(left(asked(told([False] * 3))), 5.0, RULES)
