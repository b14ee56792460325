import math

import pytest
import torch

from srlr.training import optim
from srlr.training.optim import MasterAdamW

torch.set_num_threads(1)
BETAS = (0.9, 0.95)


def network(dtype=torch.float32, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 2)).to(dtype)


def learn(model, optimiser, steps, first=0, scale=1.0):
    for step in range(first, first + steps):
        torch.manual_seed(step)
        (model(torch.randn(4, 5, dtype=model[0].weight.dtype)) ** 2).mean().backward()
        optimiser.step(scale, 1.0)


def exact(optimiser):
    return list(optimiser.tensors("weights").values())


def weights(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_in_float32_it_is_adamw_with_clipped_gradients():
    ours, theirs = network(), network()
    optimiser = MasterAdamW(ours.parameters(), 1e-2, 0.1)
    adamw = torch.optim.AdamW(theirs.parameters(), lr=0.5e-2, weight_decay=0.1, betas=BETAS)
    for step in range(5):
        learn(ours, optimiser, 1, step, scale=0.5)
        torch.manual_seed(step)
        adamw.zero_grad()
        (theirs(torch.randn(4, 5)) ** 2).mean().backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        adamw.step()

    assert all(a is b for a, b in zip(optimiser.masters, ours.parameters(), strict=True))
    torch.testing.assert_close(weights(ours), weights(theirs))


def test_the_first_step_is_the_learning_rate_whatever_the_gradient():
    """Adam's first step is lr · g / |g|; decay takes lr · decay · w: 2 - 0.1 - 0.1·0.5·2."""
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimiser = MasterAdamW([weight], 0.1, 0.5)
    weight.grad = torch.tensor([0.03])
    optimiser.step(1.0, 1.0)

    assert weight.item() == pytest.approx(1.8, abs=1e-6)


def test_a_heads_learning_rate_follows_the_others_at_its_own_rate():
    """Adam's first step is the learning rate: 0.1 and ten times that, both halved."""
    below, head = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimiser = MasterAdamW([below], 0.1, 0.0, head=[head], head_rate=10.0)
    below.grad, head.grad = torch.tensor([0.3]), torch.tensor([-0.4])
    norm = optimiser.step(0.5, 1.0)

    assert norm == pytest.approx(0.5)
    assert (below.item(), head.item()) == pytest.approx((-0.05, 0.5), abs=1e-6)
    assert set(optimiser.tensors("weights")) == {"0", "1"}


def test_the_norm_is_that_before_clipping():
    a, b = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    optimiser = MasterAdamW([a, b], 0.1, 0.0)
    a.grad, b.grad = torch.tensor([3.0]), torch.tensor([4.0])

    assert optimiser.step(1.0, 1.0) == pytest.approx(5.0)
    assert a.grad is None


def test_small_updates_add_up_under_bfloat16_weights():
    """A hundred steps of 0.001 from 1.0 make 0.9, which bfloat16 has as 230/256."""
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    optimiser = MasterAdamW([weight], 1e-3, 0.0)
    for _ in range(100):
        weight.sum().backward()
        optimiser.step(1.0, 1.0)

    assert exact(optimiser)[0].item() == pytest.approx(0.9, abs=1e-4)
    assert weight.dtype == torch.bfloat16
    assert weight.item() == 230 / 256


@pytest.mark.parametrize("at_once", [1, 40, 10**6])
def test_under_bfloat16_weights_it_is_adamw_in_float32_bit_for_bit(monkeypatch, at_once):
    monkeypatch.setattr(optim, "AT_ONCE", at_once)
    model = network(torch.bfloat16)
    optimiser = MasterAdamW(model.parameters(), 1e-2, 0.1)
    copies = [torch.nn.Parameter(parameter.detach().float()) for parameter in model.parameters()]
    adamw = torch.optim.AdamW(copies, lr=1e-2, weight_decay=0.1, betas=BETAS, fused=True)
    for step in range(4):
        torch.manual_seed(step)
        (model(torch.randn(4, 5, dtype=torch.bfloat16)) ** 2).mean().backward()
        for copy, master in zip(copies, optimiser.masters, strict=True):
            copy.grad = master.grad.clone()
        torch.nn.utils.clip_grad_norm_(copies, 1.0)
        adamw.step()
        optimiser.step(1.0, 1.0)

        assert all(map(torch.equal, exact(optimiser), copies))
        assert all(map(torch.equal, weights(model), [copy.bfloat16() for copy in copies]))


def test_between_steps_float32_weights_take_two_bytes_beside_the_models():
    model = network(torch.bfloat16)
    optimiser = MasterAdamW(model.parameters(), 1e-2, 0.1)
    learn(model, optimiser, 1)

    assert {master.untyped_storage().nbytes() for master in optimiser.masters} == {4}
    assert [rest.nbytes for rest in optimiser.rests.values()] == [
        2 * p.numel() for p in weights(model)
    ]


def test_half_precision_of_another_kind_has_a_float32_copy():
    model = network(torch.float16)
    optimiser = MasterAdamW(model.parameters(), 1e-2, 0.1)
    learn(model, optimiser, 2)

    assert optimiser.rests == {}
    assert all(map(torch.equal, weights(model), [one.half() for one in exact(optimiser)]))


def test_bfloat16_weights_alone_would_lose_small_updates():
    """Why there are float32 weights: 1 - 0.001 rounds to 1, a hundred times over."""
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    adamw = torch.optim.AdamW([weight], lr=1e-3, weight_decay=0.0, betas=BETAS)
    for _ in range(100):
        weight.grad = torch.ones_like(weight)
        adamw.step()

    assert weight.item() == 1.0


def test_gradients_of_micro_batches_are_added_up_in_float32():
    """256 + 1 is 256 in bfloat16, which has 8 bits; in float32 the ones arrive."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.bfloat16))
    optimiser = MasterAdamW([weight], 1e-3, 0.0)
    for gradient in (256.0, 1.0, 1.0):
        (gradient * weight).sum().backward()

        assert weight.grad is None

    assert optimiser.step(1.0, 1.0) == 258.0


def test_a_second_optimiser_takes_over_when_the_first_is_gone():
    weight = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    first = MasterAdamW([weight], 1e-3, 0.0)
    del first
    second = MasterAdamW([weight], 1e-3, 0.0)
    (3.0 * weight).sum().backward()

    assert second.step(1.0, 1.0) == 3.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_leaves_the_weights_and_the_next_step_works(dtype, broken):
    model = network(dtype)
    optimiser = MasterAdamW(model.parameters(), 1e-2, 0.1)
    before = weights(model)
    sum((broken * parameter).sum() for parameter in model.parameters()).backward()
    norm = optimiser.step(1.0, 1.0)

    assert not math.isfinite(norm)
    assert all(map(torch.equal, before, weights(model)))
    learn(model, optimiser, 2)

    assert not any(map(torch.equal, before, weights(model)))
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_restored_tensors_go_on_bit_for_bit(dtype):
    model = network(dtype)
    optimiser = MasterAdamW(model.parameters(), 1e-2, 0.1)
    learn(model, optimiser, 3)
    kept = {
        kind: {name: tensor.clone() for name, tensor in optimiser.tensors(kind).items()}
        for kind in optimiser.names()
    }
    learn(model, optimiser, 3, first=3)

    again = network(dtype, seed=1)
    restored = MasterAdamW(again.parameters(), 1e-2, 0.1)
    restored.restore(kept, 3)
    learn(again, restored, 3, first=3)

    assert all(map(torch.equal, weights(model), weights(again)))
    assert all(map(torch.equal, exact(optimiser), exact(restored)))


def test_before_the_first_step_there_are_weights_and_no_moments():
    optimiser = MasterAdamW(network().parameters(), 1e-2, 0.0)

    assert optimiser.names() == ["weights"]
    assert len(optimiser.tensors("weights")) == 4


def test_frozen_weights_are_left_alone():
    model = network()
    model[0].requires_grad_(False)
    optimiser = MasterAdamW(model.parameters(), 1e-2, 0.1)
    before = weights(model)
    learn(model, optimiser, 1)
    same = list(map(torch.equal, before, weights(model)))

    assert same == [True, True, False, False]
