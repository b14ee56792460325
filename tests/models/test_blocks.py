from dataclasses import replace

import architectures
import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import nn

from srlr.core.training import Grpo
from srlr.models import blocks, local
from srlr.models.blocks import Product, rotated, together
from srlr.models.rollout import generate_tokens
from srlr.models.sampling import Sampling
from srlr.training import adapters

torch.set_num_threads(1)
OURS = {"llama", "qwen2", "mistral", "mistral_window"}


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def weights(*rows):
    return [nn.Parameter(torch.randn(number, 4)) for number in rows]


def test_weights_are_moved_together_once_and_stay_what_they_were():
    own = weights(2, 3, 1)
    expected = torch.cat([one.detach().clone() for one in own])
    whole = together(own)

    assert torch.equal(whole, expected)
    assert together(own).data_ptr() == whole.data_ptr() == own[0].data_ptr()


def test_what_a_weight_becomes_its_product_sees():
    own = weights(2, 3)
    whole = together(own)
    with torch.no_grad():
        own[1].copy_(torch.ones(3, 4))

    assert torch.equal(whole[2:], torch.ones(3, 4))


def test_weights_that_lie_apart_again_are_moved_again():
    own = weights(2, 3)
    together(own)
    own[0].data = torch.zeros(2, 4)
    whole = together(own)

    assert torch.equal(whole[:2], torch.zeros(2, 4))
    assert torch.equal(whole[2:], own[1])


def test_moved_weights_learn():
    own = weights(2, 3)
    with torch.inference_mode():  # as within a rollout
        together(own)
    (own[0].sum() + 2 * own[1].sum()).backward()

    assert torch.equal(own[0].grad, torch.ones(2, 4))
    assert torch.equal(own[1].grad, torch.full((3, 4), 2.0))


@pytest.mark.parametrize("bias", [True, False])
def test_several_layers_are_one_product(bias):
    layers = [nn.Linear(4, 2, bias), nn.Linear(4, 3, bias)]
    states = torch.randn(5, 4)
    expected = torch.cat([layer(states) for layer in layers], dim=-1)

    torch.testing.assert_close(Product.of(layers, pack=False)(states), expected)


def test_a_packed_product_is_the_same():
    layer = nn.Linear(64, 96, dtype=torch.bfloat16)
    states = torch.randn(5, 64, dtype=torch.bfloat16)

    torch.testing.assert_close(Product.of([layer], pack=True)(states), layer(states))


def test_a_state_is_turned_by_its_angle():
    """(1, 0) turned by 90 degrees is (0, 1); the halves of a head are the two coordinates."""
    cos, sin = torch.zeros(1, 4), torch.ones(1, 4)

    turned = rotated(torch.tensor([[1.0, 2.0, 0.0, 0.0]]), cos, sin)

    assert turned.tolist() == [[0.0, 0.0, 1.0, 2.0]]


@pytest.mark.parametrize("kind", architectures.CONFIGS)
def test_kinds_that_are_built_of_these_blocks_are_found(kind, tmp_path):
    model = tiny.load(architectures.make(tmp_path, kind))

    assert model.abilities.blocks == (kind in OURS)


def test_a_network_with_an_adapter_is_not_taken_apart(model):
    with_adapter = adapters.attach(model, Grpo(tuning="lora"), seed=0)

    assert blocks.of(with_adapter.model) is None


def test_a_network_with_one_more_part_in_its_layers_is_not_taken_apart(model):
    model.model.model.layers[1].self_attn.q_norm = nn.Identity()

    assert blocks.of(model.model) is None


def test_a_model_is_saved_as_it_is_though_its_weights_have_moved(
    model, tiny_model_folder, tmp_path
):
    generate_tokens(model, [[5, 6, 7]], Sampling(2))
    model.save(tmp_path / "saved")
    saved, original = (
        load_file(folder / "model.safetensors")
        for folder in (tmp_path / "saved", tiny_model_folder)
    )

    assert saved.keys() == original.keys()
    assert all(torch.equal(saved[name], original[name]) for name in saved)


def test_packed_weights_answer_as_the_networks_own(tiny_model_folder):
    model = local.load(tiny_model_folder, name="tiny", device="cpu", dtype="bfloat16")
    plain = replace(model, abilities=replace(model.abilities, packs=False))
    prompts = [[5, 6, 7], [8, 9]]

    assert model.abilities.packs
    packed, own = (generate_tokens(one, prompts, Sampling(16)) for one in (model, plain))
    assert [one.tokens[:2] for one in packed] == [one.tokens[:2] for one in own]
