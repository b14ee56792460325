import json

import pytest
import torch

from srlr.core.errors import MissingArtifact
from srlr.models import stacking
from srlr.models.stacking import Adapter

Q, K = "base_model.model.layers.0.q_proj", "base_model.model.layers.0.k_proj"


def adapter(seed, rank, scale, modules=(Q, K)):
    numbers = torch.Generator().manual_seed(seed)
    weights = {}
    for name in modules:
        weights[f"{name}.lora_A.weight"] = torch.randn(rank, 6, generator=numbers)
        weights[f"{name}.lora_B.weight"] = torch.randn(4, rank, generator=numbers)
    return Adapter(weights, rank, scale, tuple(sorted(m.rpartition(".")[2] for m in modules)))


def delta(one, name):
    return one.scale * one.weights[f"{name}.lora_B.weight"] @ one.weights[f"{name}.lora_A.weight"]


def test_the_sum_does_what_its_parts_do_together():
    one, other = adapter(0, 2, 2.0), adapter(1, 3, 0.5)
    both = stacking.added([one, other])

    assert (both.rank, both.modules) == (5, ("k_proj", "q_proj"))
    for name in (Q, K):
        torch.testing.assert_close(delta(both, name), delta(one, name) + delta(other, name))


def test_a_module_that_one_part_leaves_alone_is_the_others():
    one, other = adapter(0, 2, 2.0, (Q,)), adapter(1, 3, 0.5, (K,))
    both = stacking.added([one, other])

    torch.testing.assert_close(delta(both, Q), delta(one, Q))
    torch.testing.assert_close(delta(both, K), delta(other, K))


def test_what_is_written_is_read_again(tmp_path):
    one = adapter(0, 2, 2.0)
    one.write(tmp_path / "served")
    again = stacking.read(tmp_path / "served")

    assert (again.rank, again.scale, again.modules) == (2, 2.0, ("k_proj", "q_proj"))
    assert again.digest() == one.digest()
    assert json.loads((tmp_path / "served" / "adapter_config.json").read_text())["lora_alpha"] == 4


def test_a_digest_is_of_every_number():
    one, other = adapter(0, 2, 2.0), adapter(0, 2, 2.0)
    other.weights[f"{Q}.lora_B.weight"][0, 0] += 1e-6

    assert len({one.digest(), other.digest(), adapter(0, 2, 1.0).digest()}) == 3


@pytest.mark.parametrize("damage", ["remove", "cut", "strange"])
def test_a_damaged_adapter_is_named(tmp_path, damage):
    adapter(0, 2, 2.0).write(tmp_path)
    if damage == "remove":
        (tmp_path / "adapter_config.json").unlink()
    elif damage == "strange":
        (tmp_path / "adapter_config.json").write_text("{}")
    else:
        weights = tmp_path / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-9])

    with pytest.raises(MissingArtifact, match=f"{tmp_path}.*cannot be read"):
        stacking.read(tmp_path)
