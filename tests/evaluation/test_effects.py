import itertools
import math
import random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from srlr.core.errors import ConfigError
from srlr.evaluation.effects import effect, holm, pass_at, split_p
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("label", ("a", "b"))


def rows(right):
    return [
        {
            "task": str(n),
            "prompt": "p",
            "answer": {"label": "a" if one else "b"},
            "gold": {"label": "a"},
            "valid": True,
        }
        for n, one in enumerate(right)
    ]


def test_an_effect_is_told_in_four_sizes():
    """10 tasks: 5 right before, 8 after; 4 fixed, 1 broken; differences of mean 0.3."""
    was = [True] * 5 + [False] * 5
    now = [True] * 4 + [False] + [True] * 4 + [False]
    found = effect(rows(was), rows(now), SCHEMA)
    gaps = [int(b) - int(a) for a, b in zip(was, now, strict=True)]

    assert found.odds_ratio == 4.0
    assert found.cohen_g == pytest.approx(0.3)  # 4 / 5 - 0.5
    assert found.cohen_h == pytest.approx(2 * math.asin(0.8**0.5) - math.pi / 2)
    assert found.cohen_d == pytest.approx(0.3 / stats.tstd(gaps))


def test_two_models_that_answer_alike_have_no_effect():
    found = effect(rows([True, False]), rows([True, False]), SCHEMA)

    assert (found.cohen_h, found.cohen_d, found.odds_ratio, found.cohen_g) == (0, None, None, None)


def test_one_task_has_no_spread():
    assert effect(rows([False]), rows([True]), SCHEMA).cohen_d is None


def test_models_that_were_asked_different_tasks_have_none():
    with pytest.raises(ConfigError, match="not asked the same tasks"):
        effect(rows([True]), rows([True, True]), SCHEMA)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=30)
def test_holm_agrees_with_its_definition(ps):
    """Rejected at a level is what a step-down with α/m, α/(m − 1), … rejects."""
    adjusted = holm(ps)
    for level in (0.01, 0.05, 0.2):
        going, rejected = True, set()
        for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
            going = going and (len(ps) - rank) * ps[place] <= level
            rejected |= {place} if going else set()

        assert {n for n, p in enumerate(adjusted) if p <= level} == rejected
    assert all(one >= p for one, p in zip(adjusted, ps, strict=True))


def test_holm_of_three_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_what_is_no_p_is_refused(p):
    with pytest.raises(ConfigError, match="is no p-value"):
        holm([0.1, p])


def test_the_p_of_two_groups_is_fishers_of_scipy():
    draw = random.Random(0)
    for _ in range(40):
        one, two = ([draw.random() < 0.3 for _ in range(draw.randrange(1, 60))] for _ in "ab")
        table = [[sum(g), len(g) - sum(g)] for g in (one, two)]

        assert split_p(one, two) == pytest.approx(stats.fisher_exact(table).pvalue, abs=1e-9)


def test_a_group_without_members_has_no_p():
    with pytest.raises(ConfigError, match="without members"):
        split_p([], [True])


def test_the_best_of_k_is_what_drawing_k_without_putting_back_gives():
    for right in range(6):
        for k in range(1, 6):
            chance = 1 - stats.hypergeom(5, right, k).pmf(0)

            assert pass_at(right, 5, k) == pytest.approx(chance)


@pytest.mark.parametrize(("right", "drawn", "k"), [(1, 4, 5), (1, 4, 0), (5, 4, 1), (-1, 4, 1)])
def test_the_best_of_more_than_were_drawn_is_not_defined(right, drawn, k):
    with pytest.raises(ConfigError, match="not defined"):
        pass_at(right, drawn, k)


@pytest.mark.parametrize(
    ("answers", "right", "k", "value"),
    [
        (5, 2, 1, 0.4),
        (5, 2, 2, 0.7),  # 1 - C(3, 2) / C(5, 2) = 1 - 3 / 10
        (5, 2, 4, 1.0),  # three wrong ones cannot fill four places
        (10, 0, 5, 0.0),
        (1, 1, 1, 1.0),
    ],
)
def test_pass_at_k_by_hand(answers, right, k, value):
    assert pass_at(right, answers, k) == pytest.approx(value)


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_choices_with_a_right_answer(answers, data):
    right = data.draw(st.integers(0, answers))
    k = data.draw(st.integers(1, answers))
    rows = [place < right for place in range(answers)]
    share = fmean(any(choice) for choice in itertools.combinations(rows, k))

    assert pass_at(right, answers, k) == pytest.approx(share)


@pytest.mark.parametrize(("answers", "right", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_a_pass_that_cannot_be_told_is_an_error(answers, right, k):
    with pytest.raises(ConfigError, match=r"answers"):
        pass_at(right, answers, k)
