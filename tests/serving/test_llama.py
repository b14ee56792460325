"""A GGUF, answered by llama.cpp in this process; the tiny model's."""

import asyncio
import contextlib
import shutil
import time
from dataclasses import replace

import pytest
import tiny
from serving.living import Living, answered, text, tokens

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.models.rollout import generate_tokens
from srlr.models.sampling import Sampling
from srlr.serving import llama
from srlr.serving.asked import Ask, Busy, Late, Refused
from srlr.serving.spec import Spec

CHAT = ({"role": "user", "content": "The label of a — naïve 🎉 film"},)


@pytest.fixture(scope="module")
def living():
    return Living()


@pytest.fixture(scope="module")
def how(tiny_gguf):
    return Spec(
        tiny_gguf, "toy", "v1", "llamacpp", threads=1, max_running=2, max_waiting=1, context=1024
    )


@pytest.fixture(scope="module")
def held(living, how, tmp_path_factory):
    one = llama.load(how, tmp_path_factory.mktemp("l") / "w.sock")
    yield one
    if one.session is not None:
        living(one.session.close())


@pytest.fixture(scope="module")
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def ask(max_tokens=24, **how):
    how.setdefault("messages", CHAT)
    return Ask("a", "toy", max_tokens=max_tokens, **how)


def test_an_answer_is_the_models_own_token_for_token(living, held, model):
    prompt = model.encode_chat(CHAT)
    (own,) = generate_tokens(model, [prompt], Sampling(24))

    pieces = living(answered(held, ask()))

    assert tokens(pieces) == tuple(own.tokens)
    assert text(pieces) == own.text
    assert pieces[-1].finish == ("stop" if own.stopped else "length")
    assert [piece.prompt_tokens for piece in pieces] == [0] * (len(pieces) - 1) + [len(prompt)]
    assert held.replay == "rounding"
    assert held.tokens_per_second > 0


def test_what_ends_an_answer_in_the_model_ends_it_here(living, held, model):
    """Seeds are tried until one draws the end."""
    for seed in range(40):
        pieces = living(answered(held, ask(200, temperature=1.0, seed=seed)))
        if pieces[-1].finish == "stop":
            break

    assert pieces[-1].finish == "stop"
    assert tokens(pieces)[-1] in model.stop_tokens
    assert "<|" not in text(pieces)
    rest = living(answered(held, ask(200, delivered=tokens(pieces))))
    assert (tokens(rest), text(rest), rest[-1].finish) == ((), "", "stop")


def test_a_stop_text_ends_it_and_is_not_said(living, held):
    whole = text(living(answered(held, ask())))
    word = whole[len(whole) // 2 :][:4]

    pieces = living(answered(held, ask(stop=(word,))))

    assert (text(pieces), pieces[-1].finish) == (whole.partition(word)[0], "stop")


@pytest.mark.parametrize("drawn", [{}, {"temperature": 0.9, "top_p": 0.95, "top_k": 40, "seed": 6}])
def test_it_goes_on_from_any_token(living, held, drawn):
    whole = living(answered(held, ask(**drawn)))
    for place in range(1, len(whole)):
        begun = tokens(whole[:place])
        rest = living(answered(held, ask(**drawn, delivered=begun)))

        assert begun + tokens(rest) == tokens(whole)
        assert text(whole[:place]) + text(rest) == text(whole)
        assert rest[-1].finish == whole[-1].finish
        assert rest[-1].prompt_tokens == whole[-1].prompt_tokens


def test_draws_depend_on_the_seed_alone(living, held):
    async def at_once():
        asks = [ask(12, temperature=1.0, seed=seed) for seed in (1, 2, 1)]
        return await asyncio.gather(*(answered(held, one) for one in asks))

    one, other, again = map(tokens, living(at_once()))

    assert one == again != other


def test_a_bare_prompt_is_read_as_it_is(living, held, model):
    pieces = living(answered(held, ask(3, messages=(), prompt="The plot was")))

    assert pieces[-1].prompt_tokens == len(model.encode("The plot was"))


def test_an_answer_ends_where_its_room_does(living, held):
    pieces = living(answered(held, ask(5000, stop=("\x00",))))

    if pieces[-1].finish == "length":
        assert pieces[-1].prompt_tokens + len(tokens(pieces)) == held.context


def test_when_all_places_are_taken_others_are_told_to_come_later(living, held):
    async def four():
        return await asyncio.gather(
            *(answered(held, ask(64, seed=one)) for one in range(4)), return_exceptions=True
        )

    failed = [one for one in living(four()) if isinstance(one, Exception)]

    assert [type(one) for one in failed] == [Busy]
    assert (held.running, held.waiting, len(held.free)) == (0, 0, 2)


def test_who_leaves_or_is_late_makes_room(living, held):
    async def leave():
        async with contextlib.aclosing(held.answer(ask(900))) as pieces:
            await anext(pieces)
            before = held.running
        cut = asyncio.create_task(answered(held, ask(900, temperature=1.0)))
        await asyncio.sleep(0.05)
        cut.cancel()
        await asyncio.wait([cut])
        for left in (-1, 0.02):  # greedily it says 900 tokens; what is drawn may end at once
            with pytest.raises(Late):
                await answered(held, ask(900, deadline=time.time() + left))
        return before, held.running, len(held.free), await answered(held, ask(4))

    before, after, free, pieces = living(leave())

    assert (before, after, free) == (1, 0, 2)
    assert pieces[-1].finish


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"messages": ({"role": "user", "content": "word " * 2000},)}, r"prompt has \d+ tokens"),
        ({"delivered": (10**6,)}, "another model"),
        ({"messages": (), "prompt": ""}, "prompt has 0 tokens"),
    ],
)
def test_what_cannot_be_answered_is_refused(living, held, wrong, named):
    with pytest.raises(Refused, match=named):
        living(answered(held, ask(**wrong)))


def test_what_cannot_be_loaded_is_named(tmp_path, tiny_gguf, how):
    socket = tmp_path / "w.sock"
    with pytest.raises(MissingArtifact, match="there is none"):
        llama.load(replace(how, folder=tmp_path), socket)
    for name in ("a.gguf", "b.gguf"):
        shutil.copy(tiny_gguf, tmp_path / name)
    with pytest.raises(MissingArtifact, match=r"'a\.gguf', 'b\.gguf'"):
        llama.load(replace(how, folder=tmp_path), socket)

    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny_gguf.read_bytes()[:-20_000])
    with pytest.raises((MissingArtifact, ResourceError), match=r"cut\.gguf"):
        llama.load(replace(how, folder=cut), socket)
