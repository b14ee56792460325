"""Answers that begin and end while others go on."""

from collections import Counter

import pytest
import tiny
import torch

from srlr.core.errors import ConfigError
from srlr.models import rollout
from srlr.models.continuous import Continuous, Wanted
from srlr.models.lanes_apart import LanesApart
from srlr.models.sampling import Sampling


@pytest.fixture(scope="module")
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def prompts(model):
    return [
        model.encode_chat(
            [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]
        )
        for text in tiny.SENTENCES
    ]


def finished(work, rows, steps=2000):
    """Tokens and text of each row once all have ended."""
    told = {id(row): ((), "") for row in rows}
    for _ in range(steps):
        if not (work.running or work.waiting):
            break
        for row, part in work.step():
            tokens, text = told[id(row)]
            told[id(row)] = (tokens + part.tokens, text + part.text)
    return [told[id(row)] for row in rows]


def answers(model, wanted, at_once=3):
    work = Continuous.of(model, at_once)
    return finished(work, [work.add(one) for one in wanted])


@pytest.mark.parametrize("stop", [(), ("e", " t")])
@pytest.mark.parametrize("apart", [False, True])
def test_greedy_answers_are_those_of_a_rollout(model, stop, apart):
    truth = rollout.generate_tokens(model, prompts(model), Sampling(30, stop=stop))
    work = Continuous.of(model, 3)
    if apart:
        work.lanes = LanesApart(model, 3)
    rows = [work.add(Wanted(prompt, 30, stop=stop)) for prompt in prompts(model)]

    assert finished(work, rows) == [(tuple(one.tokens), one.text) for one in truth]
    assert [row.end == "stop" for row in rows] == [one.stopped for one in truth]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_goes_on_after_every_one_of_its_tokens_as_it_would_have(model, temperature):
    prompt, other, *_ = prompts(model)
    how = {"temperature": temperature, "top_k": 40, "top_p": 0.9, "seed": 11}
    ((whole, _),) = answers(model, [Wanted(prompt, 16, **how)])

    for cut in range(1, 16):
        rest, _ = answers(
            model, [Wanted(prompt, 16, before=whole[:cut], **how), Wanted(other, 5, **how)]
        )
        assert whole[:cut] + rest[0] == whole


def test_draws_do_not_depend_on_who_else_there_is(model):
    wanted = [
        Wanted(one, 20, temperature=1.0, seed=place) for place, one in enumerate(prompts(model))
    ]
    together = answers(model, wanted, at_once=5)
    alone = [answers(model, [one])[0] for one in wanted]

    assert together == alone
    assert len(set(together)) == len(together)


def test_tokens_are_drawn_as_the_model_says(model):
    """1,000 first tokens against softmax(logits): chi-square of the likeliest seven and the rest
    is below its 99.9th percentile at 7 degrees of freedom, 24.3.
    """
    prompt, draws = prompts(model)[0], 1000
    with torch.inference_mode():
        mass = torch.softmax(model.model(torch.tensor([prompt])).logits[0, -1], -1)
    said = Counter(
        tokens[0]
        for tokens, _ in answers(
            model,
            [Wanted(prompt, 1, temperature=1.0, seed=seed) for seed in range(draws)],
            at_once=64,
        )
    )
    likeliest = mass.topk(7).indices.tolist()
    expected = [float(mass[token]) * draws for token in likeliest]
    found = [said[token] for token in likeliest]
    expected.append(draws - sum(expected))
    found.append(draws - sum(found))
    chi_square = sum((f - e) ** 2 / e for f, e in zip(found, expected, strict=True))

    assert chi_square < 24.3


def test_who_ended_makes_room_at_once_and_who_is_dropped_in_the_next_step(model):
    one, other, third, *_ = prompts(model)
    work = Continuous.of(model, 2)
    short, long = work.add(Wanted(one, 2)), work.add(Wanted(other, 500))
    waits = work.add(Wanted(third, 4))
    for _ in range(4):
        work.step()

    assert (short.end, work.running) == ("length", [long, waits])
    work.drop(long)
    work.step()
    assert long not in work.running
    assert long.end is None


def test_what_all_prompts_begin_with_is_read_once(model):
    work = Continuous.of(model, 2)
    first, *others = prompts(model)
    finished(work, [work.add(Wanted(first, 3))])
    model.tally.take()
    finished(work, [work.add(Wanted(prompt, 3)) for prompt in others])
    system = model.encode_chat([{"role": "system", "content": "Be kind."}])[:-4]

    assert work.taken_over >= len(others) * len(system) * 0.8
    assert model.tally.take().forward <= sum(map(len, others)) + 2 * len(others) - work.taken_over


def test_prompts_are_read_in_parts_while_others_are_answered(model, monkeypatch):
    monkeypatch.setattr("srlr.models.continuous.READ_AT_ONCE", {"cpu": 8})
    one, other, *_ = prompts(model)
    work = Continuous.of(model, 2)
    running = work.add(Wanted(one, 400))
    while not running.said:
        work.step()
    work.add(Wanted(other, 4))
    before = len(running.said)
    steps = -(-len(other) // 8)
    for _ in range(steps - 3):  # a part of it is taken over
        work.step()

    assert len(running.said) == before + steps - 3


@pytest.mark.parametrize(
    ("max_tokens", "before", "end"),
    [(3, (5, 6, 7), "length"), (9, (5, 2), "stop")],  # 2 is <|im_end|>
)
def test_nothing_follows_an_answer_that_has_ended(model, max_tokens, before, end):
    work = Continuous.of(model, 1)
    row = work.add(Wanted(prompts(model)[0], max_tokens, before=before))

    assert row.end == end
    assert not work.waiting


def test_an_answer_ends_with_the_context_and_a_prompt_that_leaves_no_room_is_refused(model):
    prompt = prompts(model)[0]
    work = Continuous.of(model, 1, context=len(prompt) + 3)
    row = work.add(Wanted(prompt, 100))
    finished(work, [row])

    assert (len(row.said), row.end) == (3, "length")
    with pytest.raises(
        ConfigError,
        match=rf"the prompt has {len(prompt) + 3} tokens, and 'tiny'|has {len(prompt) + 3}",
    ):
        work.add(Wanted([*prompt, 5, 6, 7], 1))
