import math

import pytest
import torch

from srlr.training.losses import (
    beyond,
    clipped_policy,
    clipped_value,
    clipped_weight,
    entropy,
    imitation,
    sequence_level,
)

torch.set_num_threads(1)


def slope(loss, logp):
    return torch.autograd.grad(loss, logp)[0].tolist()


def test_imitation_is_the_weighted_sum_of_surprise():
    """Shares 1/2, 1/4, 1/8 with weights 2, 1, 0: 2 ln 2 + 1 ln 4 + 0 ln 8 = 4 ln 2."""
    logp = torch.tensor([0.5, 0.25, 0.125]).log().requires_grad_()
    loss = imitation(logp, torch.tensor([2.0, 1.0, 0.0]))

    assert loss.item() == pytest.approx(4 * math.log(2))
    assert slope(loss, logp) == pytest.approx([-2.0, -1.0, 0.0])


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient"),
    [
        # within 1 ± 0.2: -ρA, whose slope in log p is -ρA again
        (1.0, 2.0, -2.0, -2.0),
        (1.1, 2.0, -2.2, -2.2),
        (0.9, -2.0, 1.8, 1.8),
        # beyond, where the answer is good and likelier already: cut at 1.2, no slope
        (1.5, 2.0, -2.4, 0.0),
        # beyond, where the answer is bad and rarer already: cut at 0.8, no slope
        (0.5, -2.0, 1.6, 0.0),
        # beyond in the wrong direction: the pessimistic value, with its slope
        (0.5, 2.0, -1.0, -1.0),
        (1.5, -2.0, 3.0, 3.0),
        (1.5, 0.0, 0.0, 0.0),
    ],
)
def test_the_clipped_objective_by_hand(ratio, advantage, loss, gradient):
    old = torch.tensor([-1.25])
    logp = (old + math.log(ratio)).requires_grad_()
    found = clipped_policy(logp, old, torch.tensor([advantage]), 0.2, 0.2)

    assert found.item() == pytest.approx(loss, rel=1e-5, abs=1e-6)
    assert slope(found, logp) == pytest.approx([gradient], rel=1e-5, abs=1e-6)


def test_at_ratio_one_the_gradient_is_the_policy_gradient():
    """d/dlogp of Σ -A log p is -A, token by token."""
    advantage = torch.tensor([1.5, -0.5, 0.0, 3.0])
    logp = torch.tensor([-0.1, -2.0, -1.0, -7.0], requires_grad=True)
    loss = clipped_policy(logp, logp.detach(), advantage, 0.2, 0.2)

    assert loss.item() == pytest.approx(-4.0)
    assert slope(loss, logp) == (-advantage).tolist()


def test_the_objective_is_a_sum_over_tokens():
    one = torch.tensor([-1.0])
    four = one.repeat(4)

    assert clipped_policy(four, four, torch.ones(4), 0.2, 0.2) == 4 * clipped_policy(
        one, one, torch.ones(1), 0.2, 0.2
    )


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [
        (1.25, 2.0, -2.5),  # below 1.28: as it is
        (1.5, 2.0, -2.56),  # cut at 1.28
        (0.5, -2.0, 1.6),  # cut at 0.8
    ],
)
def test_the_bounds_above_and_below_are_their_own(ratio, advantage, loss):
    logp = torch.tensor([math.log(ratio)])

    assert clipped_policy(
        logp, torch.zeros(1), torch.tensor([advantage]), 0.2, 0.28
    ).item() == pytest.approx(loss)


@pytest.mark.parametrize(
    ("ratio", "weight"),
    [(1.0, 1.0), (3.0, 3.0), (9.0, 5.0), (0.1, 0.1)],  # at most 1 + 4, at least 1 - 1
)
def test_a_clipped_weight_drops_no_tokens_gradient(ratio, weight):
    """CISPO: the slope of -w·A·log p is -w·A, however far the ratio is."""
    logp = torch.tensor([math.log(ratio)], requires_grad=True)
    loss = clipped_weight(logp, torch.zeros(1), torch.tensor([2.0]), 1.0, 4.0)

    assert loss.item() == pytest.approx(-weight * 2.0 * math.log(ratio), abs=1e-6)
    assert slope(loss, logp) == pytest.approx([-weight * 2.0])


def test_the_ratio_of_a_sequence_is_the_geometric_mean_of_its_tokens():
    """Ratios 4 and 1: their mean is 2; a token's slope is that of s·log p with s = 2."""
    old = torch.tensor([-1.0, -2.0])
    logp = (old + torch.tensor([math.log(4.0), 0.0])).requires_grad_()
    mean = (logp.detach() - old).mean().expand(2)
    loss = clipped_policy(logp, sequence_level(logp, mean), torch.ones(2), 9.0, 9.0)

    assert loss.item() == pytest.approx(-4.0)
    assert slope(loss, logp) == pytest.approx([-2.0, -2.0])


@pytest.mark.parametrize(
    ("ratio", "advantage", "far"),
    [
        (1.3, 1.0, True),
        (1.27, 1.0, False),
        (0.5, 1.0, False),  # in the wrong direction: it may come back
        (0.7, -1.0, True),
        (1.3, -1.0, False),
        (9.0, 0.0, False),
    ],
)
def test_a_token_is_beyond_where_its_advantage_may_not_move_it_further(ratio, advantage, far):
    logp = torch.tensor([math.log(ratio)])

    assert beyond(logp, torch.zeros(1), torch.tensor([advantage]), 0.2, 0.28).tolist() == [far]


@pytest.mark.parametrize(
    ("value", "back", "epsilon", "loss", "gradient"),
    [
        # the old value is 1
        (1.1, 2.0, 0.2, 0.81, -1.8),  # near the old one: (V - R)²
        (1.5, 2.0, 0.2, 0.64, 0.0),  # moved towards R beyond 1.2: (1.2 - 2)², no slope
        (0.5, 2.0, 0.2, 2.25, -3.0),  # moved away: as wrong as it is, with its slope
        (0.5, 0.0, 0.2, 0.64, 0.0),  # the same below: (0.8 - 0)²
        (1.5, 2.0, None, 0.25, -1.0),
    ],
)
def test_the_clipped_error_of_a_value_by_hand(value, back, epsilon, loss, gradient):
    now = torch.tensor([value], requires_grad=True)
    found = clipped_value(now, torch.ones(1), torch.tensor([back]), epsilon)

    assert found.tolist() == pytest.approx([loss], rel=1e-5)
    assert slope(found.sum(), now) == pytest.approx([gradient], rel=1e-5)


def test_entropy_by_hand():
    """Shares 1/4 each: ln 4. Shares 1/2, 1/4, 1/4: 1.5 ln 2. One that is certain: 0."""
    shares = torch.tensor([[0.25] * 4, [0.5, 0.25, 0.25, 1e-30], [1.0, 1e-30, 1e-30, 1e-30]])

    assert entropy(shares.log().bfloat16()).tolist() == pytest.approx(
        [math.log(4), 1.5 * math.log(2), 0.0], abs=1e-3
    )


def test_the_slope_of_entropy_leads_away_from_what_is_likely():
    """dH/dlogit = -p (log p + H)."""
    logits = torch.tensor([[2.0, 0.5, -1.0]], requires_grad=True)
    logp = torch.log_softmax(logits.detach(), -1)
    expected = -logp.exp() * (logp - (logp.exp() * logp).sum())

    assert slope(entropy(logits).sum(), logits)[0] == pytest.approx(expected[0].tolist(), abs=1e-6)
