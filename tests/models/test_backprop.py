import architectures
import pytest
import tiny
import torch

from srlr.core.training import Imitate
from srlr.models import backprop
from srlr.training import adapters

torch.set_num_threads(1)
OURS = ("llama", "qwen2", "mistral", "mistral_window")
IDS = torch.tensor([[1, 87, 85, 267, 42, 130, 7], [5, 6, 7, 8, 0, 0, 0]])


def inputs():
    """Two rows: in the first, the last token goes on from the third; the second is padded."""
    mask = torch.ones(2, 7, 7, dtype=torch.bool).tril()
    mask[0, 6, 3:6] = False
    mask[1, 4:] = torch.eye(7, dtype=torch.bool)[4:]
    position = torch.tensor([[0, 1, 2, 3, 4, 5, 3], [0, 1, 2, 3, 0, 0, 0]])
    return {"input_ids": IDS, "attention_mask": mask[:, None], "position_ids": position}


def loaded(folder, kind):
    return tiny.load(architectures.make(folder, kind))


def gradients(network, states):
    network.zero_grad()
    (states[inputs()["attention_mask"][:, 0].diagonal(dim1=1, dim2=2)] ** 2).sum().backward()
    return {
        name: None if weight.grad is None else weight.grad.clone()
        for name, weight in network.named_parameters()
    }


@pytest.mark.parametrize("kind", OURS)
def test_states_and_gradients_are_autograds(tmp_path, kind):
    model = loaded(tmp_path, kind)
    network = model.model.requires_grad_()
    body = backprop.learns(network, model.dtype)
    theirs = model.stack.body(**inputs(), use_cache=False).last_hidden_state
    expected = gradients(network, theirs)
    ours = body.states(**inputs())

    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(gradients(network, ours), expected, atol=1e-3, rtol=1e-3)


def test_layers_that_do_not_learn_get_no_gradient(tmp_path):
    model = loaded(tmp_path, "llama")
    network = model.model.requires_grad_(False)
    model.stack.layers[1].requires_grad_()
    found = gradients(network, backprop.learns(network, model.dtype).states(**inputs()))
    learnt = {name for name, gradient in found.items() if gradient is not None}

    assert learnt == {name for name in found if ".layers.1." in name}


def test_a_layer_whose_products_are_frozen_passes_its_gradient_on(tmp_path):
    model = loaded(tmp_path, "qwen2")
    network = model.model.requires_grad_()
    for name, weight in network.named_parameters():
        weight.requires_grad_("norm" in name or ".layers.0." in name)
    expected = gradients(network, model.stack.body(**inputs(), use_cache=False).last_hidden_state)
    found = gradients(network, backprop.learns(network, model.dtype).states(**inputs()))

    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", sorted(architectures.CONFIGS.keys() - OURS))
def test_networks_that_are_built_otherwise_are_left_to_autograd(tmp_path, kind):
    model = loaded(tmp_path, kind)

    assert backprop.learns(model.model, model.dtype) is None


def test_a_block_that_is_computed_again_as_a_whole_has_the_same_gradients(tmp_path):
    model = loaded(tmp_path, "llama")
    network = model.model.requires_grad_()
    expected = gradients(network, backprop.learns(network, model.dtype).states(**inputs()))
    network.activation_checkpointing_enable()
    body = backprop.learns(network, model.dtype)

    assert body.again
    torch.testing.assert_close(
        gradients(network, body.states(**inputs())), expected, atol=0, rtol=0
    )


def test_an_adapter_is_left_to_autograd(tmp_path):
    model = adapters.attach(loaded(tmp_path, "llama"), Imitate(tuning="lora"), seed=1)

    assert backprop.learns(model.model, model.dtype) is None


def test_a_network_that_drops_attention_is_left_to_autograd(tmp_path):
    model = loaded(tmp_path, "llama")
    model.stack.layers[0].self_attn.attention_dropout = 0.1

    assert backprop.learns(model.model, model.dtype) is None


def test_what_does_more_than_its_parts_say_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(backprop, "_MEASURED", {})
    model = loaded(tmp_path, "llama")
    model.stack.layers[0].register_forward_hook(lambda _, __, made: made * 2)
    before = [weight.requires_grad for weight in model.model.parameters()]

    assert backprop.learns(model.model, model.dtype) is None
    assert [weight.requires_grad for weight in model.model.parameters()] == before


def test_a_network_that_cannot_take_such_rows_is_left_to_autograd(tmp_path, monkeypatch):
    monkeypatch.setattr(backprop, "_MEASURED", {})
    model = loaded(tmp_path, "llama")
    model.stack.body.rotary_emb = torch.nn.Identity()

    assert backprop.learns(model.model, model.dtype) is None


def test_far_less_is_kept_for_the_backward_pass(tmp_path):
    model = loaded(tmp_path, "llama")
    network = model.model.requires_grad_()
    body = backprop.learns(network, model.dtype)
    body.states(**inputs())  # moves weights
    own = {weight.data_ptr() for weight in network.parameters()}

    def kept(forward):
        found = {}

        def keep(tensor):
            if tensor.data_ptr() not in own:
                found[tensor.data_ptr(), tensor.nbytes] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            states = forward()
        assert states.requires_grad
        return sum(tensor.nbytes for tensor in found.values())

    theirs = kept(lambda: model.stack.body(**inputs(), use_cache=False).last_hidden_state)
    ours = kept(lambda: body.states(**inputs()))

    assert ours < 0.6 * theirs
