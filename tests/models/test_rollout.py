from dataclasses import replace

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM

from srlr.models.reading import runs, shared_prefix, tokens_read
from srlr.models.rollout import generate, generate_tokens
from srlr.models.sampling import Sampling

torch.set_num_threads(1)
CHATS = [[{"role": "user", "content": sentence}] for sentence in tiny.SENTENCES]
NEW = 16


@pytest.fixture(params=[True, False], ids=["in blocks", "by transformers"])
def model(tiny_model_folder, request):
    """Steps of a token a row are made by this package's blocks, or by transformers."""
    model = tiny.load(tiny_model_folder)
    assert model.abilities.blocks
    return replace(model, abilities=replace(model.abilities, blocks=request.param))


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


def cut_before(answer, stop):
    return answer[: answer.index(stop)] if stop in answer else answer


def stop_at(model, token):
    """The model with another end-of-text token."""
    return replace(model, stop_tokens=(token,))


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
    model.model.model.embed_tokens.register_forward_pre_hook(
        lambda _, given: run.append((*given[0].shape, 1)[:2])
    )
    return run


def decoded(run):
    """Rows of the passes after the last prompt was read: of one token, as prompts are longer."""
    read = max(place for place, (_, columns) in enumerate(run) if columns > 1)
    return [rows for rows, _ in run[read + 1 :]]


def test_greedy_answers_are_those_of_transformers(model, prompts, tiny_model_folder):
    ours = tokens(generate_tokens(model, prompts, Sampling(NEW)))

    assert ours == said_by_transformers(tiny_model_folder, prompts, model.stop_token)
    assert len(set(map(tuple, ours))) == len(prompts)


def test_answers_that_end_early_are_those_of_transformers(model, prompts, tiny_model_folder):
    stop = often_said(tokens(generate_tokens(model, prompts, Sampling(NEW))))
    model = stop_at(model, stop)
    ours = tokens(generate_tokens(model, prompts, Sampling(NEW)))

    assert ours == said_by_transformers(tiny_model_folder, prompts, stop)


def test_rows_that_ended_leave_the_batch_without_changing_the_others(model, prompts):
    endless = tokens(generate_tokens(model, prompts, Sampling(NEW)))
    stop = often_said(endless)
    model = stop_at(model, stop)
    run = rows_run(model)
    answers = tokens(generate_tokens(model, prompts, Sampling(NEW)))

    assert answers == [cut_after(answer, stop) for answer in endless]
    assert len(set(map(len, answers))) > 2
    assert decoded(run) == [sum(len(answer) > step for answer in answers) for step in range(1, NEW)]


def test_samples_are_one_row_until_they_part(model, prompts):
    """So many rows run at a step as there are different beginnings of that length."""
    run = rows_run(model)
    answers = tokens(generate_tokens(model, prompts, Sampling(NEW, samples=5, temperature=0.3)))
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
    drawn = Sampling(NEW, temperature=0.5, seed=4)
    together = generate_tokens(model, prompts, replace(drawn, samples=5))
    apart = generate_tokens(model, [p for p in prompts for _ in range(5)], drawn)

    assert tokens(together) == tokens(apart)
    assert len(set(map(tuple, tokens(together)))) > 2 * len(prompts)


def test_only_an_answer_that_ends_in_the_stop_token_has_stopped(model, prompts):
    stop = often_said(tokens(generate_tokens(model, prompts, Sampling(NEW))))
    model = stop_at(model, stop)
    answers = generate_tokens(model, prompts, Sampling(NEW))

    assert {answer.stopped for answer in answers} == {True, False}
    assert all(answer.stopped == (answer.tokens[-1] == stop) for answer in answers)
    assert all(answer.text == model.decode(cut_before(answer.tokens, stop)) for answer in answers)
    assert all(answer.tokens.count(stop) <= 1 for answer in answers)


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_no_answer_is_longer_than_asked_for(model, prompts, limit):
    answers = generate_tokens(model, prompts, Sampling(limit))

    assert [len(answer.tokens) for answer in answers if not answer.stopped] == [
        limit for answer in answers if not answer.stopped
    ]
    assert all(len(answer.tokens) <= limit for answer in answers)


def test_the_samples_of_a_prompt_are_neighbours_and_equal_where_nothing_is_drawn(model, prompts):
    one = tokens(generate_tokens(model, prompts, Sampling(NEW)))
    three = tokens(generate_tokens(model, prompts, Sampling(NEW, samples=3)))

    assert three == [answer for answer in one for _ in range(3)]


def test_drawn_samples_of_a_prompt_differ(model, prompts):
    drawn = tokens(generate_tokens(model, prompts[:2], Sampling(NEW, samples=4, temperature=1.0)))

    assert len(set(map(tuple, drawn))) == 8


def test_a_prefix_that_all_prompts_share_changes_no_answer(model):
    same = [[1, 87, 85, 267, 201, tail, 2, 201] for tail in (42, 43, 44)] + [[1, 87, 85, 9]]
    other = [2, 5, 6]

    assert shared_prefix(same) == 3
    assert shared_prefix([*same, other]) == 0
    together = tokens(generate_tokens(model, same, Sampling(NEW)))
    apart = tokens(generate_tokens(model, [*same, other], Sampling(NEW)))

    assert together == apart[:-1]


@pytest.fixture
def chains(model):
    """The nested prompts of three trajectories, of 4, 1 and 3 steps, in disorder."""
    steps = [[40, 41, 42], [43], [44, 45, 46, 47, 48]]
    both = []
    for text, size in (("good", 4), (tiny.SENTENCES[0], 1), ("bad " * 9, 3)):
        prompt = model.encode_chat([{"role": "user", "content": text}])
        both += [sum(steps[:number], prompt) for number in range(size)]
    return both[::-1]


LONE, EQUAL = [[9, 9]], [[1, 2], [1, 2], [1, 2, 3]]
SHORT, SHORTEST = [[7], [7, 8, 9]], [[5], [7], [7, 8, 9]]


@pytest.mark.parametrize(
    "more",
    [[], LONE, EQUAL, SHORT, SHORTEST],
    ids=["shared prefix", "nothing shared", "equal", "nested token", "token by itself"],
)
@pytest.mark.parametrize("chosen", [slice(None), slice(0, 3)], ids=["chains", "one chain"])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 5e-5), (torch.float64, 1e-6)])
def test_nested_prompts_are_answered_as_each_by_itself(
    model, chains, chosen, more, dtype, rounding
):
    """Log-probs are float32 in either case, so that those of float64 show what is not rounding."""
    model.model.to(dtype)
    prompts = [*chains[chosen], *more]
    alone = Sampling(NEW, 3, samples=3, temperature=1.0, seed=3, log_probs=True)
    apart = generate_tokens(model, prompts, alone)
    for rows in (6, 15, 1000):
        together = generate_tokens(model, prompts, replace(alone, batch_size=rows))

        assert tokens(together) == tokens(apart)
        for one, other in zip(together, apart, strict=True):
            assert one.logps == pytest.approx(other.logps, abs=rounding)


def test_equal_prompts_alone_are_answered_alike(model, prompts):
    (one,) = tokens(generate_tokens(model, prompts[:1], Sampling(NEW)))

    assert tokens(generate_tokens(model, prompts[:1] * 2, Sampling(NEW))) == [one, one]
    assert (
        tokens(generate_tokens(model, [[5], [5]], Sampling(3)))[0]
        == tokens(generate_tokens(model, [[5]], Sampling(3)))[0]
    )


def test_what_nested_prompts_share_is_read_once(model, chains):
    """Of each trajectory the longest prompt but its last token; then every prompt's last token."""
    run = rows_run(model)
    generate_tokens(model, chains, Sampling(1))
    shared = shared_prefix(chains)
    heads = sorted(len(chains[longest]) - shared - 1 for longest in (0, 3, 4))
    read = max(place for place, (_, columns) in enumerate(run) if columns > 1)

    assert run[0] == (1, shared)
    assert run[read + 1 :] == [(len(chains), 1)]
    assert run[1 : read + 1] == [(len(heads[own]), max(heads[own])) for own in runs(heads)]


def test_a_model_without_our_cache_answers_nested_prompts_too(model, chains):
    drawn = Sampling(NEW, 4, samples=2, temperature=1.0)
    borrowed = replace(model, abilities=replace(model.abilities, cache=False))

    assert tokens(generate_tokens(borrowed, chains, drawn)) == tokens(
        generate_tokens(model, chains, drawn)
    )


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_does_not_depend_on_who_shares_its_batch(model, prompts, temperature):
    answers = [
        tokens(
            generate_tokens(
                model,
                prompts,
                Sampling(NEW, size, samples=2, temperature=temperature, seed=5),
            )
        )
        for size in (1, 4, 6, 64)
    ]

    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_the_seed_decides_what_is_drawn(model, prompts):
    drawn = [
        tokens(generate_tokens(model, prompts[:3], Sampling(6, temperature=1.0, seed=seed)))
        for seed in (1, 1, 2)
    ]

    assert drawn[0] == drawn[1] != drawn[2]


def test_one_prompt_alone_is_answered_as_among_others(model, prompts):
    among = tokens(generate_tokens(model, prompts, Sampling(NEW)))

    assert tokens(generate_tokens(model, prompts[4:5], Sampling(NEW))) == among[4:5]


def test_a_prompt_of_one_token_is_answered(model):
    (answer,) = generate_tokens(model, [[5]], Sampling(3))

    assert len(answer.tokens) == 3


def test_no_prompts_have_no_answers(model):
    heard = []

    assert generate(model, [], Sampling(4), progress=lambda *now: heard.append(now)) == []
    assert heard == []


def test_progress_is_told_at_the_start_and_after_each_batch(model):
    heard = []
    generate(
        model,
        CHATS,
        Sampling(2, batch_size=4, samples=2),
        progress=lambda *now: heard.append(now),
        what="rollouts",
    )

    assert heard == [("rollouts", done, 10) for done in (0, 4, 8, 10)]


def test_chats_are_answered_as_their_tokens_are(model):
    encoded = [model.encode_chat(chat) for chat in CHATS]

    assert tokens(generate(model, CHATS, Sampling(5))) == tokens(
        generate_tokens(model, encoded, Sampling(5))
    )


def test_generating_leaves_no_gradient_behind(model, prompts):
    model.model.train()
    generate_tokens(model, prompts[:2], Sampling(2))

    assert not model.model.training
    assert all(parameter.grad is None for parameter in model.model.parameters())


# -- tokens ----------------------------------------------------------------------------------------


def test_a_token_is_counted_each_time_it_is_computed(model, prompts):
    """A prompt is read, every token of its answer but the last; samples that agree are one."""
    (alone,) = generate_tokens(model, prompts[:1], Sampling(NEW))
    one = model.tally.take().forward
    generate_tokens(model, prompts[:1], Sampling(NEW, samples=3))

    assert one == len(prompts[0]) + len(alone.tokens) - 1
    assert model.tally.take().forward == one


def test_what_prompts_share_is_counted_once(model, prompts):
    answers = generate_tokens(model, prompts, Sampling(NEW))
    shared = shared_prefix(prompts)
    read = shared + sum(len(prompt) - shared for prompt in prompts)

    assert model.tally.take().forward == read + sum(len(one.tokens) - 1 for one in answers)


def test_of_nested_prompts_the_longest_is_counted_and_the_last_token_of_the_others(model, prompts):
    nested = [prompts[1][:-4], prompts[1][:-2], prompts[1]]

    assert tokens_read(nested) == len(prompts[1]) + 2
    assert tokens_read(prompts) == sum(map(len, prompts))
