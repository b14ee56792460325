import math

import pytest
import torch

from srlr.training.losses import clipped_policy, imitation

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
    found = clipped_policy(logp, old, torch.tensor([advantage]), 0.2)

    assert found.item() == pytest.approx(loss, rel=1e-5, abs=1e-6)
    assert slope(found, logp) == pytest.approx([gradient], rel=1e-5, abs=1e-6)


def test_at_ratio_one_the_gradient_is_the_policy_gradient():
    """d/dlogp of Σ -A log p is -A, token by token."""
    advantage = torch.tensor([1.5, -0.5, 0.0, 3.0])
    logp = torch.tensor([-0.1, -2.0, -1.0, -7.0], requires_grad=True)
    loss = clipped_policy(logp, logp.detach(), advantage, 0.2)

    assert loss.item() == pytest.approx(-4.0)
    assert slope(loss, logp) == (-advantage).tolist()


def test_the_objective_is_a_sum_over_tokens():
    one = torch.tensor([-1.0])
    four = one.repeat(4)

    assert clipped_policy(four, four, torch.ones(4), 0.2) == 4 * clipped_policy(
        one, one, torch.ones(1), 0.2
    )
