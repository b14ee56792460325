"""Requests through real worker processes that are killed, stopped, full and broken."""

import asyncio
import contextlib
import random
import signal
import time
from dataclasses import replace

import pytest
from stub_fleet import FAST, Stage, ask
from stub_worker import text, whole

from srlr.core.swapping import Health
from srlr.serving import relay
from srlr.serving import slots as moves
from srlr.serving.asked import Busy, Gone, Late, Refused
from srlr.serving.relay import Answered, Cut, answer


async def heard(stage, wanted, told=None, kill=None):
    """All pieces; `kill(number of tokens so far)` is called after each."""
    pieces = []
    async for piece in answer(stage.fleet, wanted, told):
        pieces.append(piece)
        if kill is not None:
            kill(sum(len(one.tokens) for one in pieces))
    return pieces


def tokens(pieces):
    return tuple(token for piece in pieces for token in piece.tokens)


def at_third(stage):
    """Kills v1 after its third token."""
    return lambda so_far: so_far == 3 and stage.kill("v1")


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 60))


def test_an_answer_comes_in_pieces_with_its_end(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            pieces = await heard(stage, ask("tell me", max_tokens=5), told := Answered())

            assert tokens(pieces) == whole("tell me", 5)
            assert pieces[-1].finish == "length"
            assert told.version == "v1"
            assert (told.lost, told.migrated) == (0, 0)

    run(scenario())


def test_streams_whose_worker_is_killed_go_on_with_the_same_tokens(tmp_path):
    """Each at a random token, at the other worker of the version."""

    async def scenario():
        draw = random.Random(7)
        async with Stage(tmp_path) as stage:
            await stage.serve("v1", workers=2)
            for number in range(3):
                told, at, count = Answered(), draw.randrange(1, 20), 20

                def kill(so_far, at=at):
                    if so_far == at:
                        kill_carrier(stage)

                pieces = await heard(stage, ask(f"story {number}", max_tokens=count), told, kill)

                assert tokens(pieces) == whole(f"story {number}", count)
                assert "".join(piece.text for piece in pieces) == text(tokens(pieces))
                assert (told.versions, told.lost, told.migrated) == (["v1"], 1, 1)
                while stage.fleet.missing("r", "v1"):
                    await asyncio.sleep(0.02)

    run(scenario())


def test_at_the_only_worker_a_stream_waits_for_it_to_come_back(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            pieces = await heard(
                stage, ask("wait", max_tokens=8), told := Answered(), at_third(stage)
            )

            assert tokens(pieces) == whole("wait", 8)
            assert told.migrated == 1
            assert {"worker.lost", "worker.started"} <= set(stage.kinds())

    run(scenario())


def test_a_stream_goes_on_at_the_version_that_remains_and_says_so(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            await stage.bring("v2")
            began = time.monotonic()
            pieces = await heard(
                stage, ask("on", max_tokens=8), told := Answered(), at_third(stage)
            )

            assert tokens(pieces) == whole("on", 8)
            assert told.versions == ["v1", "v2"]
            assert time.monotonic() - began < 1.0

    run(scenario())


def test_a_version_with_other_tokens_does_not_go_on_with_a_stream(tmp_path):
    async def scenario():
        health = FAST.model_copy(update={"patience_s": 0.0})
        async with Stage(tmp_path, health) as stage:
            await stage.serve("v1")
            (stage.folder / "tokenizer.json").write_text("another")
            await stage.bring("v2")

            with pytest.raises(Cut, match="no worker of 'r' is left that can go on"):
                await heard(stage, ask("on", max_tokens=8), None, at_third(stage))
            assert tokens(await heard(stage, ask("new", max_tokens=3))) == whole("new", 3)

    run(scenario())


def kill_carrier(stage):
    """Kills the worker that is answering."""
    carrier = next(one for one in stage.fleet.everyone() if one.flights)
    stage.kill("v1", number=stage.fleet.of("r", "v1").index(carrier))


@pytest.mark.parametrize(
    ("how", "args", "hint"),
    [({"schema": {"type": "object"}}, (), "a schema"), ({}, ("--mute",), "which tokens")],
    ids=["schema", "tokens not told"],
)
def test_what_nobody_can_go_on_with_is_cut(tmp_path, how, args, hint):
    async def scenario():
        async with Stage(tmp_path, versions={"v1": args}) as stage:
            await stage.serve("v1", workers=2)
            pieces = answer(stage.fleet, ask("on", max_tokens=8, **how))
            await anext(pieces)
            kill_carrier(stage)

            with pytest.raises(Cut) as caught:
                async for _ in pieces:
                    pass
            assert hint in caught.value.hint

    run(scenario())


def test_a_whole_answer_that_a_schema_bounds_is_begun_anew(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1", workers=2)
            wanted = ask("on", max_tokens=10, schema={"type": "object"})
            asked = asyncio.create_task(relay.whole(stage.fleet, wanted, told := Answered()))
            await asyncio.sleep(0.1)
            kill_carrier(stage)
            piece = await asked

            assert piece.tokens == whole("on", 10)
            assert (told.lost, told.migrated) == (1, 0)

    run(scenario())


def test_a_worker_that_hangs_counts_as_gone(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1", workers=2)
            stage.kill("v1", signal.SIGSTOP)
            try:
                answers = await asyncio.gather(
                    *(heard(stage, ask(f"a {n}", max_tokens=3)) for n in range(8))
                )
            finally:
                stage.kill("v1", signal.SIGCONT)

            assert [tokens(one) for one in answers] == [whole(f"a {n}", 3) for n in range(8)]

    run(scenario())


def test_a_worker_that_breaks_is_left_alone_and_tried_again(tmp_path):
    async def scenario():
        health = FAST.model_copy(update={"breaker_failures": 2, "breaker_s": 60.0})
        async with Stage(tmp_path, health, {"bad": ("--breaks", "1")}) as stage:
            await stage.serve("good")
            await stage.bring("bad")
            stage.fleet.change("r", moves.add, "bad", by="test", why="test")
            stage.fleet.change("r", moves.shift, "bad", 50, by="test", why="test")
            told = [Answered() for _ in range(20)]
            answers = [await heard(stage, ask("x", max_tokens=2), one) for one in told]

            assert all(tokens(one) == whole("x", 2) for one in answers)
            assert sum(one.lost for one in told) == 2

    run(scenario())


def test_a_full_worker_passes_on_and_a_full_fleet_says_so(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions={"v1": ("--room", "1")}) as stage:
            await stage.serve("v1", workers=2)
            told = [Answered() for _ in range(3)]
            answers = await asyncio.gather(
                *(heard(stage, ask("x", max_tokens=9), one) for one in told),
                return_exceptions=True,
            )

            assert sum(isinstance(one, Busy) for one in answers) == 1
            assert sum(not isinstance(one, Busy) for one in answers) == 2

    run(scenario())


def test_what_nobody_can_answer_is_refused_and_blames_no_worker(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            for _ in range(5):
                with pytest.raises(Refused, match="max_tokens"):
                    await heard(stage, ask("x", max_tokens=0))

            assert stage.fleet.told("r").of("v1") == []
            assert next(stage.fleet.everyone()).breaker.opened_at is None

    run(scenario())


def test_nobody_waits_after_the_deadline(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            began = time.time()
            with pytest.raises(Late):
                await heard(stage, ask("x", max_tokens=500, deadline=began + 0.3))

            assert time.time() - began < 0.6
            assert stage.fleet.under_way("r", "v1") == 0

    run(scenario())


def test_a_version_asked_for_by_name_answers_or_nobody(tmp_path):
    async def scenario():
        health = Health(patience_s=0.0)
        async with Stage(tmp_path, health) as stage:
            await stage.serve("v1")
            await stage.bring("v2")
            async for _ in answer(stage.fleet, ask("x", max_tokens=1), told := Answered(), "v2"):
                pass

            assert told.versions == ["v2"]
            with pytest.raises(Busy, match="no worker of 'r@v3' is alive"):
                async for _ in answer(stage.fleet, ask("x"), None, "v3"):
                    pass

    run(scenario())


def test_a_client_that_goes_away_leaves_nothing_behind(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            pieces = answer(stage.fleet, ask("x", max_tokens=500))
            await anext(pieces)
            await pieces.aclose()
            await asyncio.sleep(0.1)
            member = next(stage.fleet.everyone())

            assert not member.flights
            assert (await member.worker.health())["running"] == 0
            assert member.breaker.recent == ()

    run(scenario())


def test_a_role_without_workers_is_busy_and_not_a_hang(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            with pytest.raises(Busy):
                await heard(stage, ask("x", role="nobody"))

    run(scenario())


def test_gone_is_what_a_cut_is():
    assert issubclass(Cut, Gone)


def written(ask, version):
    (said,) = ask.messages
    return replace(ask, messages=({**said, "content": f"{version}: {said['content']}"},))


def test_a_version_is_asked_in_its_own_words_and_who_goes_on_in_those_of_the_first(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            await stage.serve("v2")
            for version in ("v1", "v2"):
                one = await relay.whole(
                    stage.fleet, ask("tell", max_tokens=3), None, version, written
                )
                assert one.tokens == whole(f"{version}: tell", 3)

            pieces, told = [], Answered()
            async with contextlib.aclosing(
                answer(stage.fleet, ask("tell", max_tokens=9), told, write=written)
            ) as source:
                async for piece in source:
                    pieces.append(piece)
                    if len(pieces) == 3:
                        first = told.version
                        stage.kill(first)

            assert (told.form, told.migrated) == (first, 1)
            assert told.version != first
            assert tokens(pieces) == whole(f"{first}: tell", 9)

    run(scenario())
