import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srlr.training.kl import Controller, exact, k3

torch.set_num_threads(1)
log_shares = st.floats(-30.0, 0.0, width=32)


@pytest.mark.parametrize(
    ("policy", "reference", "nats"),
    [
        ([0.5, 0.5], [0.5, 0.5], 0.0),
        # 1/2 ln(1/2 : 1/4) + 1/2 ln(1/2 : 3/4) = 1/2 ln 2 + 1/2 ln 2/3 = 1/2 ln 4/3
        ([0.5, 0.5], [0.25, 0.75], 0.5 * math.log(4 / 3)),
        # 1/4 ln 1/2 + 3/4 ln 3/2: the other direction is another number
        ([0.25, 0.75], [0.5, 0.5], 0.25 * math.log(0.5) + 0.75 * math.log(1.5)),
        # 1/2 ln 2 + 1/4 ln 1 + 1/4 ln 1/2 = 1/4 ln 2
        ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5], 0.25 * math.log(2)),
    ],
)
def test_the_exact_divergence_by_hand(policy, reference, nats):
    found = exact(torch.tensor([policy]).log(), torch.tensor([reference]).log())

    assert found.shape == (1,)
    assert found.item() == pytest.approx(nats, abs=1e-6)


def test_the_exact_divergence_does_not_depend_on_the_logits_zero():
    policy, reference = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0.0, 1.0, 0.5]])

    torch.testing.assert_close(exact(policy + 9, reference - 5), exact(policy, reference))


def test_the_exact_divergence_is_computed_in_float32():
    logits = torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.bfloat16)

    assert exact(logits, logits).dtype == torch.float32


@pytest.mark.parametrize(
    ("policy", "reference", "estimate"),
    [
        (0.5, 0.5, 0.0),
        (0.25, 0.5, 1.0 - math.log(2)),  # r = 2: 2 - 1 - ln 2
        (0.5, 0.25, -0.5 + math.log(2)),  # r = 1/2: 1/2 - 1 + ln 2
    ],
)
def test_k3_by_hand(policy, reference, estimate):
    found = k3(torch.tensor([policy]).log(), torch.tensor([reference]).log())

    assert found.item() == pytest.approx(estimate, abs=1e-6)


def test_k3_over_all_tokens_a_policy_may_draw_is_the_exact_divergence():
    """Unbiased: Σ π(a) k3(a) = KL(π ‖ π_ref), term by term over three classes."""
    policy, reference = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.2, 0.6])
    mean = (policy * k3(policy.log(), reference.log())).sum()

    torch.testing.assert_close(mean, exact(policy.log()[None], reference.log()[None])[0])


def test_k3_of_a_small_difference_keeps_its_digits():
    """d = 1e-4: d²/2 + d³/6 = 5.00017e-9, and never less than nothing."""
    found = k3(torch.tensor([0.0]), torch.tensor([1e-4]))

    assert found.item() == pytest.approx(5.00017e-9, rel=1e-3)


@given(log_shares, log_shares)
def test_k3_is_never_negative(logp, reference):
    assert k3(torch.tensor([logp]), torch.tensor([reference])).item() >= 0.0


def test_k3_of_a_token_the_policy_had_almost_given_up_is_finite():
    """The difference is cut at 20: e²⁰ - 21."""
    found = k3(torch.tensor([-500.0]), torch.tensor([0.0]))

    assert found.item() == pytest.approx(math.exp(20.0) - 21.0, rel=1e-5)


@pytest.mark.parametrize(
    ("kl", "samples", "weight"),
    [
        (0.1, 100, 0.5),  # at the target nothing changes
        (0.11, 100, 0.5 * (1 + 0.1 * 0.1)),  # e = 0.1, a tenth of the horizon
        (0.09, 100, 0.5 * (1 - 0.1 * 0.1)),
        (9.0, 100, 0.5 * (1 + 0.2 * 0.1)),  # e is cut at 0.2
        (0.0, 100, 0.5 * (1 - 0.2 * 0.1)),  # and at -0.2
        (math.inf, 100, 0.5 * (1 + 0.2 * 0.1)),
        (9.0, 50_000, 0.5 * 1.2),  # more samples than the horizon count as the horizon
        (math.nan, 100, 0.5),
    ],
)
def test_the_controllers_weight_by_hand(kl, samples, weight):
    after = Controller(weight=0.5, target=0.1, horizon=1000).after(kl, samples)

    assert after.weight == pytest.approx(weight, rel=1e-12)
    assert (after.target, after.horizon) == (0.1, 1000)


@given(
    st.floats(1e-6, 1e3),
    st.floats(0.0, 1e6) | st.just(math.nan) | st.just(math.inf),
    st.integers(1, 10**9),
)
def test_one_look_never_changes_the_weight_by_more_than_a_fifth(weight, kl, samples):
    after = Controller(weight, target=0.1, horizon=100).after(kl, samples).weight

    assert weight * 0.8 * (1 - 1e-12) <= after <= weight * 1.2 * (1 + 1e-12)


@given(st.floats(1e-6, 1e3), st.floats(0.0, 10.0), st.integers(1, 10**6))
def test_the_weight_rises_above_the_target_and_falls_below_it(weight, kl, samples):
    after = Controller(weight, target=0.1, horizon=100).after(kl, samples).weight

    assert after >= weight if kl >= 0.1 else after <= weight


def test_a_weight_of_zero_stays_zero():
    assert Controller(0.0, 0.1, 100).after(5.0, 100).weight == 0.0
