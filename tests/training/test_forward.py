import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from srlr.training import forward
from srlr.training.forward import Row, backward, hidden_states, log_probs, micro_batches, pack

torch.set_num_threads(1)
ROWS = [
    Row([1, 87, 85, 267], [[42, 130, 117], [42, 7], [9, 8, 7, 6, 5]]),
    Row([1, 2], [[300]]),
    Row([5, 6, 7, 8, 9, 10], [[11, 12], [11, 13]]),
]


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def packed_log_probs(model, rows):
    packed = pack(rows, model.stop_token, model.device)
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
    monkeypatch.setattr(forward, "LOGIT_TOKENS", logit_tokens)
    packed = pack(ROWS, model.stop_token, model.device)
    factor_N = torch.zeros(len(packed.target_N))
    factor_N.index_add_(0, packed.place_M, torch.linspace(-1, 1, len(packed.place_M)))
    whole = gradients(model.model, packed_log_probs(model, ROWS))
    model.model.zero_grad()
    slices = []

    def loss_of(logits_NV, tokens):
        slices.append(tokens)
        return (factor_N[tokens] * log_probs(logits_NV, packed.target_N[tokens])).sum()

    backward(model, hidden_states(model, packed), loss_of)

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
    packed = pack(ROWS, 77, model.device)
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


def test_a_completion_that_is_given_twice_costs_nothing():
    once, twice = Row([1, 2], [[5, 6, 7]]), Row([1, 2], [[5, 6, 7], [5, 6, 7]])

    assert (twice.length, twice.tree.scored) == (once.length, once.tree.scored)
    assert (once.said, twice.said) == (3, 6)
    assert twice.tree.places == [0, 1, 2, 0, 1, 2]


def test_a_tree_by_hand():
    """Two completions of 3 and 2 tokens after a prompt of 2, padded by a row of 6."""
    rows = [Row([1, 2], [[3, 4, 7], [5, 7]]), Row([1, 2, 3, 4, 5], [[6, 7]])]
    packed = pack(rows, 0, "cpu")
    seen = [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],  # the second completion: the prompt and itself
        [0, 0, 0, 0, 0, 1],  # padding: itself
    ]

    assert packed.ids_BT.tolist() == [[1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 6]]
    assert packed.position_BT.tolist() == [[0, 1, 2, 3, 2, 0], [0, 1, 2, 3, 4, 5]]
    assert packed.mask_B1TT[0, 0].int().tolist() == seen
    assert torch.equal(packed.mask_B1TT[1, 0], torch.ones(6, 6, dtype=torch.bool).tril())
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
