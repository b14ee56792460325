import math

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM
from transformers.models.gemma2 import modeling_gemma2 as gemma2
from transformers.models.llama.modeling_llama import eager_attention_forward

from srlr.models import attention
from srlr.models.attention import LONGEST_ROW_TOKENS, grouped_attention

torch.set_num_threads(1)
MODULE = torch.nn.Module()
SHORT, LONG = 7, LONGEST_ROW_TOKENS + 5


def make(queries, keys, heads=4, kv_heads=2, size=8, rows=3):
    generator = torch.Generator().manual_seed(queries * 1000 + keys)
    kept = (rows, kv_heads, keys, size)
    shapes = [(rows, heads, queries, size), kept, kept]
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def fused(query, key, value, mask, scaling=None):
    """torch's own attention over keys and values repeated for every head of their group."""
    repeats = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
    out = functional.scaled_dot_product_attention(query, key, value, mask, scale=scaling)
    return out.transpose(1, 2)


def causal(queries, keys):
    """True where key <= query, the queries being the last ones: written out, entry by entry."""
    return torch.tensor([[k <= keys - queries + q for k in range(keys)] for q in range(queries)])


def gradients(out, inputs):
    seed = torch.linspace(-1, 1, out.numel()).reshape(out.shape)
    return torch.autograd.grad(out, inputs, seed)


@pytest.mark.parametrize("keys", [SHORT, LONG])
@pytest.mark.parametrize("queries", [1, 5])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_without_a_mask_it_is_causal_attention(keys, queries, kv_heads):
    inputs = make(queries, keys, kv_heads=kv_heads)

    ours, weights = grouped_attention(MODULE, *inputs, None)
    theirs = fused(*inputs, causal(queries, keys))

    assert weights is None
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradients(ours, inputs), gradients(theirs, inputs))


@pytest.mark.parametrize("keys", [SHORT, LONG])
@pytest.mark.parametrize("queries", [1, 5])
def test_a_query_looks_only_where_its_rows_mask_is_true(keys, queries):
    inputs = make(queries, keys)
    mask = torch.rand(3, 1, queries, keys, generator=torch.Generator().manual_seed(0)) < 0.5
    mask[..., 0] = True  # every query sees something

    ours, _ = grouped_attention(MODULE, *inputs, mask, scaling=0.3)
    theirs = fused(*inputs, mask, 0.3)

    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradients(ours, inputs), gradients(theirs, inputs))


@pytest.mark.parametrize("keys", [SHORT, LONG])
def test_one_mask_serves_all_rows_and_all_queries_where_it_has_size_one(keys):
    query, key, value = make(5, keys)
    mask = torch.arange(keys)[None, None, None] < 4

    ours, _ = grouped_attention(MODULE, query, key, value, mask)
    only_four, _ = grouped_attention(
        MODULE, query, key[:, :, :4], value[:, :, :4], torch.ones(1, 1, 5, 4, dtype=torch.bool)
    )

    torch.testing.assert_close(ours, only_four)


def test_it_equals_the_eager_attention_of_transformers():
    query, key, value = make(5, SHORT)
    mask = causal(5, SHORT)
    MODULE.num_key_value_groups = 2
    added = torch.zeros(5, SHORT).masked_fill(~mask, torch.finfo(torch.float32).min)[None, None]

    ours, _ = grouped_attention(MODULE, query, key, value, mask[None, None])
    theirs, _ = eager_attention_forward(MODULE, query, key, value, added, 8**-0.5)

    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("keys", [SHORT, LONG])
def test_capped_scores_are_those_of_transformers(keys):
    query, key, value = make(5, keys)
    mask = causal(5, keys)
    MODULE.num_key_value_groups, MODULE.training = 2, False
    added = torch.zeros(5, keys).masked_fill(~mask, torch.finfo(torch.float32).min)[None, None]

    ours, _ = grouped_attention(MODULE, query, key, value, mask[None, None], softcap=1.5)
    theirs, _ = gemma2.eager_attention_forward(
        MODULE, query, key, value, added, scaling=8**-0.5, softcap=1.5
    )

    torch.testing.assert_close(ours, theirs)


def test_two_keys_by_hand():
    """Scores 0 and ln 3 give the shares 1/4 and 3/4, so values 0 and 8 give 6."""
    query = torch.ones(1, 1, 1, 1)
    key = torch.tensor([0.0, math.log(3.0)]).view(1, 1, 2, 1)
    value = torch.tensor([0.0, 8.0]).view(1, 1, 2, 1)

    out, _ = grouped_attention(MODULE, query, key, value, None)

    assert out.shape == (1, 1, 1, 1)
    assert out.item() == pytest.approx(6.0)


def test_a_whole_model_says_the_same_with_it_as_with_eager_attention(tiny_model_folder):
    ids = torch.tensor([[1, 87, 85, 267, 201, 42, 130]])

    said = [
        AutoModelForCausalLM.from_pretrained(
            tiny_model_folder, dtype=torch.float32, attn_implementation=name
        )(input_ids=ids).logits.detach()
        for name in (attention.register(), "eager")
    ]

    torch.testing.assert_close(*said, atol=1e-4, rtol=1e-4)
