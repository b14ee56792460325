import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.training import Grpo
from srlr.models.rollout import Completion
from srlr.training.groups import Asked, Group, Worth, compared, describe, rows_of
from srlr.training.losses import VARIANTS


def said(*tokens, stopped=True):
    return Completion("".join(map(str, tokens)), list(tokens), stopped, 0.0)


def group(worths, prompt=(1, 2), given=()):
    return Asked(prompt, given), [said(7)] * len(worths), worths


def worth(total, outcome=None, **parts):
    return Worth(total, total if outcome is None else outcome, parts)


def test_a_group_without_spread_in_its_outcome_is_left_out_whatever_its_totals():
    drawn = [group([worth(0.1, 0.0), worth(0.9, 0.0)]), group([worth(0.0), worth(1.0)])]
    left_out, kept = compared(drawn, Grpo())

    assert left_out.advantages is None
    assert kept.advantages == [-1.0, 1.0]


def test_totals_without_spread_teach_nothing_either():
    (only,) = compared([group([worth(0.5, 0.0), worth(0.5, 1.0)])], Grpo())

    assert only.advantages is None


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@given(st.integers(1, 5), st.floats(-1.0, 1.0))
def test_a_group_of_one_or_of_equals_teaches_nothing(variant, size, reward):
    worths = [worth(reward, part=reward)] * size
    settings = Grpo(variant=variant, min_reward_spread=0.0)

    for weights in (None, {"part": 1.0}):
        (only,) = compared([group(worths)], settings, weights)

        assert only.advantages is None


@pytest.mark.parametrize(
    ("variant", "advantages"),
    [("dapo", [-1.0, 1.0]), ("dr_grpo", [-2.0, 2.0]), ("rloo", [-4.0, 4.0])],
)
def test_the_variant_says_how_rewards_become_advantages(variant, advantages):
    (only,) = compared([group([worth(0.0), worth(4.0)])], Grpo(variant=variant))

    assert only.advantages == advantages


def test_rewards_normalised_one_by_one_do_not_drown_each_other():
    """Summed, length decides; each by itself, two are at odds: -1 + 1 and 1 - 1."""
    drawn = [
        group([worth(100.0, 0.0, long=100.0, right=0.0), worth(1.0, 1.0, long=0.0, right=1.0)])
    ]
    (summed,) = compared(drawn, Grpo())
    (alike,) = compared(drawn, Grpo(), {"long": 1.0, "right": 2.0})

    assert summed.advantages == [1.0, -1.0]
    assert alike.advantages == [-1.0, 1.0]


def test_a_group_in_which_normalised_rewards_agree_counts_more():
    """Sums are ±1 and ±2, over the deviation of all four (√2.5) and not of each group (GDPO)."""
    first = group([worth(0.0, a=0.0, b=1.0), worth(1.0, a=1.0, b=1.0)])
    second = group([worth(0.0, a=0.0, b=0.0), worth(1.0, a=1.0, b=1.0)])
    one, both = compared([first, second], Grpo(), {"a": 1.0, "b": 1.0})

    assert one.advantages == pytest.approx([-1 / 2.5**0.5, 1 / 2.5**0.5])
    assert both.advantages == pytest.approx([-2 / 2.5**0.5, 2 / 2.5**0.5])


def test_groups_of_one_prompt_share_a_row():
    """The second step is asked after the first: its given tokens are a branch of the same row."""
    first = Group(Asked([1, 2]), [said(3, 4), said(5)], [], [1.0, -1.0])
    second = Group(Asked([1, 2], [3, 4]), [said(6)], [], [0.0])
    other = Group(Asked([9]), [said(8)], [], [0.0])
    (row, own), (last, _) = rows_of([first, second, other])

    assert row.completions == [[3, 4], [5], [3, 4, 6]]
    assert row.given == [0, 0, 2]
    assert own == [first, second]
    assert (last.prompt, last.completions, last.given) == ((9,), [[8]], ())


def test_the_record_of_a_batch_by_hand():
    groups = [
        Group(
            Asked([1]), [said(3, 4), said(5, stopped=False)], [worth(0.0, a=1.0), worth(1.0)], None
        ),
        Group(Asked([2]), [said(6), said(7)], [worth(1.0, a=0.0), worth(1.0)], [1.0, -1.0]),
    ]

    assert describe(groups) == {
        "reward": 0.75,
        "reward_a": 0.5,  # of the two that were judged
        "kept_share": 0.5,
        "response_tokens": 1.25,
        "stopped_share": 0.75,
    }
