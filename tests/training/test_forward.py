from dataclasses import replace

import architectures
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from srlr.models import local
from srlr.models.tally import Tally
from srlr.training import head
from srlr.training.forward import (
    Row,
    backward,
    hidden_states,
    log_probs,
    micro_batches,
    pack,
    scores,
    whole,
)

torch.set_num_threads(1)
ROWS = [
    Row([1, 87, 85, 267], [[42, 130, 117], [42, 7], [9, 8, 7, 6, 5]]),
    Row([1, 2], [[300]]),
    Row([5, 6, 7, 8, 9, 10], [[11, 12], [11, 13]]),
]


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def padded(model, token):
    """The model with another stop token, which is what rows are padded with."""
    return replace(model, stop_tokens=(token,))


def packed_log_probs(model, rows):
    packed = pack(rows, model)
    logits = model.model.get_output_embeddings()(hidden_states(model, packed))
    return log_probs(logits, packed.target_N)[packed.place_M]


def plain_log_probs(plain, rows):
    """One forward pass of transformers' eager model for every prompt with one completion."""
    found = []
    for row in rows:
        for completion in row.completions:
            ids = torch.tensor([[*row.prompt, *completion]])
            logp = torch.log_softmax(plain(input_ids=ids).logits[0], -1)
            found += [logp[len(row.prompt) + at - 1, token] for at, token in enumerate(completion)]
    return torch.stack(found)


def gradients(model, logp):
    model.zero_grad()
    (logp * torch.linspace(-1, 1, len(logp))).sum().backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_a_packed_tree_is_as_good_as_separate_passes(model, tiny_model_folder):
    plain = AutoModelForCausalLM.from_pretrained(
        tiny_model_folder, dtype=torch.float32, attn_implementation="eager"
    )
    ours, theirs = packed_log_probs(model, ROWS), plain_log_probs(plain, ROWS)

    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        gradients(model.model, ours), gradients(plain, theirs), atol=1e-4, rtol=1e-3
    )


@pytest.mark.parametrize("logit_tokens", [1, 3, 13, 14])
def test_a_loss_taken_in_pieces_has_the_gradient_of_the_whole(model, logit_tokens, monkeypatch):
    """13 tokens are scored: in 13 pieces, in 5, in one that is full, in one that is not."""
    monkeypatch.setattr(head, "LOGIT_TOKENS", logit_tokens)
    packed = pack(ROWS, model)
    factor_N = torch.zeros(len(packed.target_N))
    factor_N.index_add_(0, packed.place_M, torch.linspace(-1, 1, len(packed.place_M)))
    whole = gradients(model.model, packed_log_probs(model, ROWS))
    model.model.zero_grad()
    slices = []

    def loss_of(logits_NV, tokens):
        slices.append(tokens)
        return (factor_N[tokens] * log_probs(logits_NV, packed.target_N[tokens])).sum()

    backward(model, packed, loss_of)

    assert len(slices) == -(-13 // logit_tokens)
    assert [n for piece in slices for n in range(13)[piece]] == list(range(13))
    torch.testing.assert_close(
        {name: parameter.grad for name, parameter in model.model.named_parameters()},
        whole,
        atol=1e-5,
        rtol=1e-4,
    )


def test_neither_padding_nor_company_changes_a_row(model):
    together = packed_log_probs(model, ROWS)
    apart = torch.cat([packed_log_probs(model, [row]) for row in ROWS])
    packed = pack(ROWS, padded(model, 77))
    other_padding = model.model.get_output_embeddings()(hidden_states(model, packed))

    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)
    assert torch.equal(together, log_probs(other_padding, packed.target_N)[packed.place_M])


def test_a_completion_does_not_see_its_siblings(model):
    changed = Row(ROWS[0].prompt, [[50, 51, 52], *ROWS[0].completions[1:]])
    before, after = packed_log_probs(model, ROWS[:1]), packed_log_probs(model, [changed])

    torch.testing.assert_close(before[3:], after[3:], atol=1e-5, rtol=1e-5)


def test_what_completions_have_in_common_is_read_once():
    """The example of the module's docstring."""
    a, b, c, d, e, f = range(10, 16)
    row = Row([1, 2, 3, 4], [[a, b, c, d], [a, b, e, f]])

    assert row.length == 8
    assert (row.tree.tokens, row.tree.parents) == ([a, b, c, e], [3, 4, 5, 5])
    assert list(row.tree.scored) == [(3, a), (4, b), (5, c), (6, d), (5, e), (7, f)]
    assert row.tree.places == [0, 1, 2, 3, 0, 1, 4, 5]


def test_given_tokens_are_read_and_not_scored(model):
    """The second completion goes on from what the first began with; only its last is scored."""
    whole = Row([1, 2], [[42, 7], [42, 130, 117]])
    row = Row([1, 2], [[42, 7], [42, 130, 117]], given=[0, 2])

    assert (row.said, row.length, row.tree.tokens) == (3, whole.length, whole.tree.tokens)
    assert row.tree.places == [0, 1, 2]
    torch.testing.assert_close(
        packed_log_probs(model, [row]), packed_log_probs(model, [whole])[[0, 1, 4]]
    )


def test_a_completion_that_is_given_twice_costs_nothing():
    once, twice = Row([1, 2], [[5, 6, 7]]), Row([1, 2], [[5, 6, 7], [5, 6, 7]])

    assert (twice.length, twice.tree.scored) == (once.length, once.tree.scored)
    assert (once.said, twice.said) == (3, 6)
    assert twice.tree.places == [0, 1, 2, 0, 1, 2]


def test_a_tree_by_hand(model):
    """Two completions of 3 and 2 tokens after a prompt of 2, padded by a row of 6."""
    rows = [Row([1, 2], [[3, 4, 7], [5, 7]]), Row([1, 2, 3, 4, 5], [[6, 7]])]
    packed = pack(rows, padded(model, 0))
    seen = [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],  # the second completion: the prompt and itself
        [0, 0, 0, 0, 0, 1],  # padding: itself
    ]

    assert packed.inputs["input_ids"].tolist() == [[1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 6]]
    assert packed.inputs["position_ids"].tolist() == [[0, 1, 2, 3, 2, 0], [0, 1, 2, 3, 4, 5]]
    assert packed.inputs["attention_mask"][0, 0].int().tolist() == seen
    assert torch.equal(
        packed.inputs["attention_mask"][1, 0], torch.ones(6, 6, dtype=torch.bool).tril()
    )
    assert packed.row_N.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert packed.source_N.tolist() == [1, 2, 3, 1, 4, 4, 5]
    assert packed.target_N.tolist() == [3, 4, 7, 5, 7, 6, 7]


def test_a_row_knows_its_size():
    assert (ROWS[0].length, ROWS[0].said) == (10, 10)  # one token shared, three last ones


def test_log_probs_by_hand():
    """Logits 0 and ln 3 are shares 1/4 and 3/4."""
    logits = torch.tensor([[1.0, 3.0], [1.0, 3.0]]).log().bfloat16()
    found = log_probs(logits, torch.tensor([0, 1]))

    assert found.dtype == torch.float32
    assert found.exp().tolist() == pytest.approx([0.25, 0.75], abs=2e-3)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), max_size=30),
    st.integers(1, 100),
)
def test_micro_batches_hold_every_row_once_and_stay_below_the_limit(sizes, max_tokens):
    rows = [Row([0] * prompt, [[0] * completion]) for prompt, completion in sizes]
    batches = list(micro_batches(rows, max_tokens))

    assert sorted(index for batch in batches for index in batch) == list(range(len(rows)))
    for batch in batches:
        width = max(rows[index].length for index in batch)

        assert len(batch) == 1 or width * len(batch) <= max_tokens


def test_a_row_that_is_too_long_runs_alone_and_the_others_together():
    rows = [Row([0] * size, [[0]]) for size in (3, 49, 4, 2)]

    assert list(micro_batches(rows, 15)) == [[1], [2, 0, 3]]  # widths 50; 5, 4, 3 at 5 each


@pytest.mark.parametrize("kind", sorted(architectures.CONFIGS))
def test_every_kind_of_network_gives_the_log_probs_and_gradients_of_separate_passes(tmp_path, kind):
    """As a tree where it takes one, else row by row; its logits in pieces, or as it makes them."""
    model = local.load(architectures.make(tmp_path, kind), name=kind, device="cpu", dtype="float32")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager")
    rows = [*ROWS, Row([1, 2], [[3, 4, 5], [3, 4, 9]], given=[0, 2])]
    truth = plain_log_probs(plain, rows)
    truth = torch.cat([truth[:-3], truth[-1:]])  # of the last completion, two tokens are given
    theirs = gradients(plain, truth)
    model.model.zero_grad()
    packed = pack(rows, model)
    weight_N = torch.zeros(len(packed.target_N))
    weight_N.index_add_(0, packed.place_M, torch.linspace(-1, 1, len(packed.place_M)))

    def loss_of(logits_NV, tokens):
        return (weight_N[tokens] * log_probs(logits_NV, packed.target_N[tokens])).sum()

    backward(model, packed, loss_of)
    ours = {name: parameter.grad for name, parameter in model.model.named_parameters()}

    torch.testing.assert_close(
        scores(model, packed, 1.0)[packed.place_M], truth, atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_a_loss_of_the_states_is_added_whether_or_not_logits_come_in_pieces(tmp_path, kind):
    """As from one plain pass of the whole: Σ w · log p, and half the states' squares."""
    model = local.load(architectures.make(tmp_path, kind), name=kind, device="cpu", dtype="float32")
    packed = pack(ROWS, model)
    model.model.zero_grad()
    logits, states = whole(model, packed)
    (log_probs(logits, packed.target_N).sum() + (states**2).sum() / 2).backward()
    both = {name: parameter.grad for name, parameter in model.model.named_parameters()}
    model.model.zero_grad()
    backward(
        model,
        packed,
        lambda logits_NV, tokens: log_probs(logits_NV, packed.target_N[tokens]).sum(),
        lambda states_ND: (states_ND**2).sum() / 2,
    )
    ours = {name: parameter.grad for name, parameter in model.model.named_parameters()}

    assert states.shape == (len(packed.target_N), 32)
    torch.testing.assert_close(ours, both, atol=1e-4, rtol=1e-3)


def test_rows_that_cannot_be_trees_are_counted_one_by_one(tmp_path):
    """Three completions of at most 5 tokens after a prompt of 4: three rows of 9."""
    folder = architectures.make(tmp_path, "bloom")
    model = local.load(folder, name="bloom", device="cpu", dtype="float32")

    assert list(micro_batches(ROWS, 27, model)) == [[0], [2, 1]]
    assert list(micro_batches(ROWS, 27)) == [[0, 2], [1]]


@pytest.mark.parametrize("head", [True, False])
def test_idle_rows_have_a_gradient_everywhere_which_is_zero_and_count_nothing(model, head):
    idle = pack(ROWS, model, idle=True)
    model = replace(model, abilities=replace(model.abilities, head=head), tally=Tally())
    weights = list(model.model.parameters())
    for weight in weights:
        weight.requires_grad_().grad = None
    backward(
        model,
        idle,
        lambda logits, tokens: -log_probs(logits, idle.target_N[tokens]).sum(),
        lambda states: (states**2).sum(),
    )

    assert all(weight.grad is not None and not weight.grad.any() for weight in weights)
    assert (model.tally.forward, model.tally.backward) == (0, 0)
