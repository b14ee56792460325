import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from transformers import AutoModelForCausalLM

from srlr.models import rollout
from srlr.models.rollout import BLOCK, generate, generate_tokens, part

torch.set_num_threads(1)
CHATS = [[{"role": "user", "content": sentence}] for sentence in tiny.SENTENCES]
NEW = 16


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


@pytest.fixture
def prompts(model):
    """Seven prompts of different lengths; all begin with the same two tokens."""
    texts = ["good", *tiny.SENTENCES, "bad " * 30]
    return [model.encode_chat([{"role": "user", "content": text}]) for text in texts]


def tokens(completions):
    return [completion.tokens for completion in completions]


def cut_after(answer, stop):
    """The answer up to and with its first stop token."""
    return answer[: answer.index(stop) + 1] if stop in answer else answer


def stop_at(model, token):
    """The model with another end-of-text token."""
    model.tokenizer.eos_token = model.tokenizer.convert_ids_to_tokens(token)
    assert model.stop_token == token


def often_said(answers):
    """The token that most answers contain before their last place."""
    words = {token for answer in answers for token in answer}
    return max(sorted(words), key=lambda token: sum(token in answer[:-4] for answer in answers))


def said_by_transformers(folder, prompts, stop):
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    seen = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    out = model.generate(
        input_ids=ids,
        attention_mask=seen,
        do_sample=False,
        max_new_tokens=NEW,
        eos_token_id=stop,
        pad_token_id=0,
    )
    return [cut_after(row, stop) for row in out[:, width:].tolist()]


def rows_run(model):
    """A list that grows by the rows and columns of each forward pass."""
    run = []
    model.model.model.register_forward_pre_hook(
        lambda _, __, given: run.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    return run


def decoded(run):
    """Rows of the passes after the last prompt was read: of one token, as prompts are longer."""
    read = max(place for place, (_, columns) in enumerate(run) if columns > 1)
    return [rows for rows, _ in run[read + 1 :]]


def test_greedy_answers_are_those_of_transformers(model, prompts, tiny_model_folder):
    ours = tokens(generate_tokens(model, prompts, max_new_tokens=NEW))

    assert ours == said_by_transformers(tiny_model_folder, prompts, model.stop_token)
    assert len(set(map(tuple, ours))) == len(prompts)


def test_answers_that_end_early_are_those_of_transformers(model, prompts, tiny_model_folder):
    stop = often_said(tokens(generate_tokens(model, prompts, max_new_tokens=NEW)))
    stop_at(model, stop)
    ours = tokens(generate_tokens(model, prompts, max_new_tokens=NEW))

    assert ours == said_by_transformers(tiny_model_folder, prompts, stop)


def test_rows_that_ended_leave_the_batch_without_changing_the_others(model, prompts):
    endless = tokens(generate_tokens(model, prompts, max_new_tokens=NEW))
    stop = often_said(endless)
    stop_at(model, stop)
    run = rows_run(model)
    answers = tokens(generate_tokens(model, prompts, max_new_tokens=NEW))

    assert answers == [cut_after(answer, stop) for answer in endless]
    assert len(set(map(len, answers))) > 2
    assert decoded(run) == [sum(len(answer) > step for answer in answers) for step in range(1, NEW)]


def test_samples_are_one_row_until_they_part(model, prompts):
    """So many rows run at a step as there are different beginnings of that length."""
    run = rows_run(model)
    answers = tokens(
        generate_tokens(model, prompts, max_new_tokens=NEW, samples=5, temperature=0.3)
    )
    groups = [answers[start : start + 5] for start in range(0, len(answers), 5)]
    beginnings = [
        sum(
            len({tuple(answer[:size]) for answer in group if len(answer) > size})
            for group in groups
        )
        for size in range(1, NEW)
    ]

    assert decoded(run) == [rows for rows in beginnings if rows]
    assert beginnings[0] < beginnings[-2] <= len(answers)


def test_samples_that_share_rows_are_those_drawn_one_by_one(model, prompts):
    """A prompt given five times, with one sample each, has the same uniform numbers and no row to
    share.
    """
    drawn = {"max_new_tokens": NEW, "temperature": 0.5, "seed": 4}
    together = generate_tokens(model, prompts, samples=5, **drawn)
    apart = generate_tokens(model, [p for p in prompts for _ in range(5)], **drawn)

    assert tokens(together) == tokens(apart)
    assert len(set(map(tuple, tokens(together)))) > 2 * len(prompts)


rows_and_tokens = st.integers(1, 6).flatmap(
    lambda rows: st.lists(
        st.tuples(st.integers(0, rows - 1), st.integers(0, 3)), min_size=1, max_size=12
    )
)


@given(rows_and_tokens)
def test_samples_stay_together_as_long_as_they_say_the_same(now):
    rows, said = zip(*now, strict=True)
    sources, new, placed = part(rows, said)

    assert [(sources[row], new[row]) for row in placed] == now
    assert len(sources) == len(set(now)) == len(set(placed))
    moved = {row for row, source in enumerate(sources) if row != source}
    assert not moved & {sources[row] for row in moved}  # nothing is overwritten before it is read
    stay = {row for row in rows if row < len(sources)}
    assert stay == set(range(len(sources))) - moved


def test_parting_by_hand():
    """Row 0 parts in two, row 1 has ended, row 2 goes on, row 3 from the end fills the gap of 1."""
    assert part([0, 0, 2, 3], [7, 8, 7, 7]) == ([0, 0, 2, 3], [7, 8, 7, 7], [0, 1, 2, 3])
    assert part([0, 0, 2, 3], [7, 7, 7, 7]) == ([0, 3, 2], [7, 7, 7], [0, 0, 2, 1])


def test_only_an_answer_that_ends_in_the_stop_token_has_stopped(model, prompts):
    stop = often_said(tokens(generate_tokens(model, prompts, max_new_tokens=NEW)))
    stop_at(model, stop)
    answers = generate_tokens(model, prompts, max_new_tokens=NEW)

    assert {answer.stopped for answer in answers} == {True, False}
    assert all(answer.stopped == (answer.tokens[-1] == stop) for answer in answers)
    assert all(answer.text == model.decode(answer.tokens) for answer in answers)
    assert all(answer.tokens.count(stop) <= 1 for answer in answers)


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_no_answer_is_longer_than_asked_for(model, prompts, limit):
    answers = generate_tokens(model, prompts, max_new_tokens=limit)

    assert [len(answer.tokens) for answer in answers if not answer.stopped] == [
        limit for answer in answers if not answer.stopped
    ]
    assert all(len(answer.tokens) <= limit for answer in answers)


def test_the_samples_of_a_prompt_are_neighbours_and_equal_where_nothing_is_drawn(model, prompts):
    one = tokens(generate_tokens(model, prompts, max_new_tokens=NEW))
    three = tokens(generate_tokens(model, prompts, max_new_tokens=NEW, samples=3))

    assert three == [answer for answer in one for _ in range(3)]


def test_drawn_samples_of_a_prompt_differ(model, prompts):
    drawn = tokens(
        generate_tokens(model, prompts[:2], max_new_tokens=NEW, samples=4, temperature=1.0)
    )

    assert len(set(map(tuple, drawn))) == 8


def test_a_prefix_that_all_prompts_share_changes_no_answer(model):
    same = [[1, 87, 85, 267, 201, tail, 2, 201] for tail in (42, 43, 44)] + [[1, 87, 85, 9]]
    other = [2, 5, 6]

    assert rollout._shared_prefix(same) == 3
    assert rollout._shared_prefix([*same, other]) == 0
    together = tokens(generate_tokens(model, same, max_new_tokens=NEW))
    apart = tokens(generate_tokens(model, [*same, other], max_new_tokens=NEW))

    assert together == apart[:-1]


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([[1, 2, 3]], 2),  # a prompt keeps one token of its own
        ([[1, 2, 3], [1, 2, 3]], 2),
        ([[1, 2, 3], [1, 2]], 1),
        ([[1, 2, 3], [1]], 0),
        ([[1, 2, 3], [4, 2, 3]], 0),
        ([[1, 2, 9, 9], [1, 2, 3, 9], [1, 2, 5, 9, 9]], 2),
    ],
)
def test_the_shared_prefix_is_what_all_prompts_begin_with(prompts, shared):
    assert rollout._shared_prefix(prompts) == shared


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=6), min_size=1, max_size=6))
def test_the_shared_prefix_is_common_and_cannot_be_longer(prompts):
    shared = rollout._shared_prefix(prompts)
    heads = [{tuple(prompt[:size]) for prompt in prompts} for size in (shared, shared + 1)]

    assert len(heads[0]) == 1
    assert shared == min(map(len, prompts)) - 1 or len(heads[1]) > 1


@pytest.mark.parametrize(
    ("lengths", "together"),
    [
        ([10], [(0, 1)]),
        ([10, 13], [(0, 2)]),  # 1.3 times the shortest is just together
        ([10, 14], [(0, 1), (1, 2)]),
        ([10, 11, 13, 14, 18, 19], [(0, 3), (3, 5), (5, 6)]),  # 1.3 · 14 = 18.2
        ([1, 1, 2], [(0, 2), (2, 3)]),
    ],
)
def test_prompts_of_similar_length_are_read_together(lengths, together):
    assert [(run.start, run.stop) for run in rollout.runs(lengths)] == together


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20).map(sorted))
def test_every_prompt_is_read_once_and_padded_by_little(lengths):
    runs = [lengths[run] for run in rollout.runs(lengths)]

    assert [length for run in runs for length in run] == lengths
    assert all(run[-1] <= rollout.PADDED_AT_MOST * run[0] for run in runs)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_does_not_depend_on_who_shares_its_batch(model, prompts, temperature):
    answers = [
        tokens(
            generate_tokens(
                model,
                prompts,
                max_new_tokens=NEW,
                samples=2,
                temperature=temperature,
                seed=5,
                batch_size=size,
            )
        )
        for size in (1, 4, 6, 64)
    ]

    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_the_seed_decides_what_is_drawn(model, prompts):
    drawn = [
        tokens(generate_tokens(model, prompts[:3], max_new_tokens=6, temperature=1.0, seed=seed))
        for seed in (1, 1, 2)
    ]

    assert drawn[0] == drawn[1] != drawn[2]


def test_one_prompt_alone_is_answered_as_among_others(model, prompts):
    among = tokens(generate_tokens(model, prompts, max_new_tokens=NEW))

    assert tokens(generate_tokens(model, prompts[4:5], max_new_tokens=NEW)) == among[4:5]


def test_a_prompt_of_one_token_is_answered(model):
    (answer,) = generate_tokens(model, [[5]], max_new_tokens=3)

    assert len(answer.tokens) == 3


def test_no_prompts_have_no_answers(model):
    heard = []

    assert generate(model, [], max_new_tokens=4, progress=lambda *now: heard.append(now)) == []
    assert heard == []


def test_progress_is_told_at_the_start_and_after_each_batch(model):
    heard = []
    generate(
        model,
        CHATS,
        max_new_tokens=2,
        samples=2,
        batch_size=4,
        progress=lambda *now: heard.append(now),
        what="rollouts",
    )

    assert heard == [("rollouts", done, 10) for done in (0, 4, 8, 10)]


def test_chats_are_answered_as_their_tokens_are(model):
    encoded = [model.encode_chat(chat) for chat in CHATS]

    assert tokens(generate(model, CHATS, max_new_tokens=5)) == tokens(
        generate_tokens(model, encoded, max_new_tokens=5)
    )


def test_generating_leaves_no_gradient_behind(model, prompts):
    model.model.train()
    generate_tokens(model, prompts[:2], max_new_tokens=2)

    assert not model.model.training
    assert all(parameter.grad is None for parameter in model.model.parameters())


ROW_0 = torch.tensor([0])
QUARTERS = torch.tensor([0.1, 0.2, 0.3, 0.4]).log()


@pytest.mark.parametrize(
    ("temperature", "uniform", "token"),
    [
        (0.0, 0.05, 3),  # the likeliest, whatever is drawn
        # shares 0.1 0.2 0.3 0.4, so they end at 0.1 0.3 0.6 1
        (1.0, 0.0, 0),
        (1.0, 0.0999, 0),
        (1.0, 0.1001, 1),
        (1.0, 0.2999, 1),
        (1.0, 0.3001, 2),
        (1.0, 0.6001, 3),
        (1.0, 0.999999, 3),
        # squares 0.01 0.04 0.09 0.16 of 0.30, so they end at 1/30 5/30 14/30 1
        (0.5, 0.0333, 0),
        (0.5, 0.0334, 1),
        (0.5, 0.1666, 1),
        (0.5, 0.1667, 2),
        (0.5, 0.4666, 2),
        (0.5, 0.4667, 3),
    ],
)
def test_a_uniform_number_picks_the_token_whose_share_it_falls_into(temperature, uniform, token):
    picked = rollout._pick(QUARTERS[None], temperature, torch.tensor([uniform]), ROW_0)

    assert picked.tolist() == [token]


LARGEST_BELOW_ONE = 1.0 - 2.0**-24


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("uniform", [0.0, 0.5, 0.999999, LARGEST_BELOW_ONE])
def test_only_tokens_that_may_come_are_picked_at_the_edges(size, uniform):
    """The only possible token is the first, a middle one, the last: no other is ever taken."""
    for only in {0, size // 2, size - 1}:
        logits = torch.full((1, size), -torch.inf)
        logits[0, only] = 2.0

        picked = rollout._pick(logits, 0.7, torch.tensor([uniform]), ROW_0)

        assert picked.item() == only


def test_the_edges_of_the_uniform_take_the_first_and_the_last_token():
    logits, uniform = torch.zeros(1, 300), torch.tensor([0.0, LARGEST_BELOW_ONE])

    assert rollout._pick(logits, 1.0, uniform, torch.tensor([0, 0])).tolist() == [0, 299]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_sample_picks_from_its_own_row(temperature):
    logits = torch.full((3, 300), -torch.inf)
    logits[[0, 1, 2], [4, 290, 8]] = 0.0
    rows = torch.tensor([2, 0, 1, 1])

    assert rollout._pick(logits, temperature, torch.rand(4), rows).tolist() == [8, 4, 290, 290]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_drawn_tokens_are_distributed_as_the_softmax(temperature):
    """Chi-square over the tokens that are expected at least 5 times; the rest is one class."""
    generator = torch.Generator().manual_seed(3)
    draws = 20_000
    logits = torch.randn(1, 300, generator=generator) * 2
    uniform = torch.rand(draws, generator=generator)
    picked = rollout._pick(logits, temperature, uniform, ROW_0.expand(draws))
    expected = (torch.softmax(logits[0].double() / temperature, 0) * draws).numpy()
    seen = np.bincount(picked.numpy(), minlength=300)
    often = expected >= 5
    test = stats.chisquare(
        [*seen[often], seen[~often].sum()], [*expected[often], expected[~often].sum()]
    )

    assert test.pvalue > 0.01


def test_an_even_grid_of_uniforms_gives_every_token_its_share():
    """n p of n draws, and at most one more or less at either end of the token's interval."""
    draws = 10_000
    logits = torch.randn(1, 300, generator=torch.Generator().manual_seed(8)) * 2
    uniform = (torch.arange(draws).double() + 0.5).float() / draws
    picked = rollout._pick(logits, 1.0, uniform, ROW_0.expand(draws))
    expected = torch.softmax(logits[0].double(), 0) * draws

    assert (torch.bincount(picked, minlength=300) - expected).abs().max() <= 2
