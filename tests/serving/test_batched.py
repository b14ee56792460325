"""The own engine behind asyncio."""

import asyncio
import contextlib
import time

import pytest
import tiny

from srlr.serving.asked import Ask, Busy, Late, Refused
from srlr.serving.batched import Batched
from srlr.serving.spec import Spec


@pytest.fixture(scope="module")
def held(tiny_model_folder):
    spec = Spec(tiny_model_folder, "toy", "v1", max_running=2, max_waiting=2)
    return Batched(tiny.load(tiny_model_folder), spec)


def ask(name="a", max_tokens=12, **how):
    how.setdefault("messages", ({"role": "user", "content": f"The label of {name}"},))
    return Ask(name, "toy", max_tokens=max_tokens, **how)


async def answered(held, one):
    async with contextlib.aclosing(held.answer(one)) as pieces:
        return [piece async for piece in pieces]


def tokens(pieces):
    return tuple(token for piece in pieces for token in piece.tokens)


def test_answers_at_once_are_those_that_each_would_get_alone(held):
    async def both():
        asks = [ask(name, 20, temperature=0.7, seed=3) for name in "abcd"]
        together = await asyncio.gather(*(answered(held, one) for one in asks))
        alone = [await answered(held, one) for one in asks]
        return together, alone

    together, alone = asyncio.run(both())

    assert held.replay == "exact"
    assert list(map(tokens, together)) == list(map(tokens, alone))
    assert [pieces[-1].finish for pieces in together] == [pieces[-1].finish for pieces in alone]
    assert all(pieces[-1].prompt_tokens > 10 for pieces in together)
    assert not any(piece.prompt_tokens for pieces in together for piece in pieces[:-1])


def test_who_had_all_of_it_is_told_that_it_has_ended(held):
    async def twice():
        whole = await answered(held, ask(max_tokens=6))
        return whole, await answered(held, ask(max_tokens=6, delivered=tokens(whole)))

    whole, rest = asyncio.run(twice())

    assert (tokens(rest), rest[-1].finish) == ((), whole[-1].finish)
    assert rest[-1].prompt_tokens == whole[-1].prompt_tokens


def test_when_all_places_are_taken_others_are_told_to_come_later(held):
    async def five():
        return await asyncio.gather(
            *(answered(held, ask(str(one), 200)) for one in range(5)), return_exceptions=True
        )

    last = [found for found in asyncio.run(five()) if isinstance(found, Exception)]

    assert [type(found) for found in last] == [Busy]
    assert last[0].retry_after_s > 0
    assert (held.running, held.waiting) == (0, 0)


def test_who_leaves_makes_room(held):
    async def leave():
        pieces = held.answer(ask(max_tokens=1900))
        await anext(pieces)
        busy = held.running
        await pieces.aclose()
        await asyncio.sleep(0.2)
        return busy, held.running, list(held.work.running)

    assert asyncio.run(leave()) == (1, 0, [])


def test_a_deadline_ends_an_answer_before_it_begins_and_in_its_middle(held):
    async def late():
        found = []
        for deadline in (time.time() - 1, time.time() + 0.3):
            try:
                await answered(held, ask(max_tokens=1900, deadline=deadline))
            except Late as error:
                found.append(error.what)
        await asyncio.sleep(0.1)
        return found

    assert len(asyncio.run(late())) == 2
    assert held.running == 0


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ({"messages": ({"role": "user", "content": "word " * 3000},)}, r"prompt has \d{4} tokens"),
        ({"delivered": (10**6,)}, "delivered"),
        ({"messages": ({"role": "user", "content": "x"},), "prompt": None}, None),
    ],
)
def test_what_cannot_be_answered_is_refused_with_figures(held, how, named):
    if named is None:
        assert asyncio.run(answered(held, ask(**how)))
        return
    with pytest.raises(Refused, match=named):
        asyncio.run(answered(held, ask(**how)))


def test_a_bare_prompt_is_read_as_it_is(held):
    pieces = asyncio.run(answered(held, Ask("a", "toy", prompt="The plot was", max_tokens=3)))

    assert pieces[-1].prompt_tokens == len(held.model.encode("The plot was"))
