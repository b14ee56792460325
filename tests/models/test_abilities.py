import pytest
import tiny
import torch
from transformers import AttentionInterface

from srlr.models import abilities
from srlr.models.attention import NAME, grouped_attention


@pytest.fixture
def network(tiny_model_folder):
    return tiny.load(tiny_model_folder).model


@pytest.fixture
def attend():
    """Puts another function in the place of our attention."""
    yield lambda function: AttentionInterface.register(NAME, function)
    AttentionInterface.register(NAME, grouped_attention)


def test_attention_that_forgets_its_mask_is_found_out(network, attend):
    def blind(module, query, key, value, attention_mask, **how):
        return grouped_attention(module, query, key, value, None, **how)

    attend(blind)
    can = abilities.measure(network, torch.float32)

    assert (can.cache, can.trees, can.head) == (False, False, True)
    assert network.config._attn_implementation == NAME  # alone and without padding it is right


def test_attention_that_is_wrong_is_replaced(network, attend):
    def wrong(module, query, key, value, attention_mask, **how):
        return grouped_attention(module, query, key, 2 * value, attention_mask, **how)

    attend(wrong)
    abilities.measure(network, torch.float32)

    assert network.config._attn_implementation == "eager"


def test_a_network_whose_layers_are_not_found_has_no_head(network):
    network.config.num_hidden_layers = 3

    assert not abilities.measure(network, torch.float32).head


def test_measuring_draws_no_random_number(network):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    abilities.measure(network, torch.float32)

    assert torch.equal(torch.rand(1), expected)


def test_one_architecture_is_measured_once(network, monkeypatch, attend):
    first = abilities.of(network, torch.float32)
    monkeypatch.setattr(abilities, "measure", None)

    assert abilities.of(network, torch.float32) is first
