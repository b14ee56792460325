"""A backend over a fleet: each version is spoken to, and read, as it was trained."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from stub_fleet import Stage, ask
from stub_worker import text, whole

from srlr.core.guarding import Guard
from srlr.serving import answers
from srlr.serving import slots as moves
from srlr.serving.answers import Asked
from srlr.serving.asking import Wanted
from srlr.serving.backend import Served
from srlr.serving.backing import Backed
from srlr.serving.guard.policy import policy
from srlr.serving.rejected import Rejected
from srlr.serving.speaking import Speaker


def speaker(words, limit=None):
    """Of a role that puts some words before a text, and reads them into the answer."""
    role = SimpleNamespace(
        messages=lambda task: ({"role": "user", "content": f"{words}: {task.prompt}"},),
        parse=lambda answer: {words: answer},
        parse_leniently=lambda _: None,
    )
    return Speaker(role, profile=limit and SimpleNamespace(max_prompt_chars=limit))


@contextlib.asynccontextmanager
async def backed(folder, **speakers):
    """Two versions, the second with all of the traffic."""
    async with Stage(folder) as stage:
        for version in ("v1", "v2"):
            await stage.serve(version)
        stage.fleet.change("r", moves.shift, "v2", 100, by="test", why="test")
        one = Backed(None, None, stage.fleet, stage.swaps, None)
        one.speakers = {("r", version): spoken for version, spoken in speakers.items()}
        yield one


def wanted(said="good", version=None):
    """A request that was read while the first version was the main one."""
    asked = ask(f"first: {said}", max_tokens=3, said=({"role": "user", "content": said},))
    served = Served("r", "v1", speaker("first"))
    return Wanted("a", 0, "r", served, version, (asked,), asked.said)


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 60))


@pytest.mark.parametrize(("version", "words"), [(None, "second"), ("v1", "first")])
def test_the_version_that_answers_is_asked_and_read_in_its_own_form(tmp_path, version, words):
    async def scenario():
        async with backed(tmp_path, v1=speaker("first"), v2=speaker("second")) as backend:
            asked = Asked(
                wanted(version=version),
                backend,
                "repair",
                policy(Guard(), None, "r"),
                lambda *_: None,
                lambda: None,
            )
            (said,) = await answers.whole(asked)
            streamed = [event async for event in answers.streamed(asked)]

            own = text(whole(f"{words}: good", 3))
            assert (said.text, said.parsed, said.valid) == (own, {words: own}, True)
            assert (streamed[-1][2].text, streamed[-1][2].parsed) == (own, {words: own})

    run(scenario())


def test_what_is_too_long_for_the_version_that_would_answer_is_rejected(tmp_path):
    async def scenario():
        async with backed(tmp_path, v1=speaker("first"), v2=speaker("second", 3)) as backend:
            (asked,) = wanted().asks
            with pytest.raises(Rejected, match="the role takes 3"):
                await anext(aiter(backend.answer(asked, None, whole=True)))
            assert not any(one.flights for one in backend.fleet.everyone())

    run(scenario())


def test_what_was_asked_of_a_version_that_nothing_is_known_of_stays_as_it_was(tmp_path):
    async def scenario():
        async with backed(tmp_path) as backend:
            (asked,) = wanted().asks
            answer = backend.answer(asked, None, whole=False)
            tokens = [token async for piece in answer for token in piece.tokens]

            assert tuple(tokens) == whole("first: good", 3)
            assert (answer.version, answer.form) == ("v2", "v2")

    run(scenario())
