"""Swaps between real worker processes while requests come."""

import asyncio
import signal

import pytest
from stub_fleet import FAST, Stage, ask, load, quick

from srlr.core.errors import MissingArtifact
from srlr.serving import slots as moves
from srlr.serving.relay import Answered, answer
from srlr.serving.slots import Forbidden

GOOD = {"v2": (), "v3": ()}


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 90))


def begin(stage, to, settings):
    return stage.swaps.start("r", to, settings, by="tester", why="a test")


def states(stage):
    return {slot.version: slot.state for slot in stage.fleet.slots("r").slots}


@pytest.mark.parametrize("strategy", ["gradual", "stateless", "stateful", "emergency"])
def test_no_request_is_lost_while_traffic_moves(tmp_path, strategy):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")

            async def swap():
                begin(stage, "v2", quick(strategy))
                await stage.ended()

            unary, streams = await asyncio.gather(
                load(stage, 120, 60, swap()), load(stage, 40, 20, stream=15)
            )

            assert unary.lost + unary.truncated + streams.lost + streams.truncated == []
            assert stage.fleet.slots("r").shares == {"v2": 100}
            assert stage.fleet.ledger.swaps("r")[0].state == "done"
            assert stage.pointed == ["v2"]
            assert (streams.migrated > 0) == (strategy in ("stateful", "emergency"))
            assert stage.fleet.audit.verify() == []

    run(scenario())


def test_the_order_is_load_warm_verify_add_shift_drain_unload(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            begun = len(stage.kinds())
            begin(stage, "v2", quick(min_seconds=0.1))
            await stage.ended()
            kinds = [kind for kind in stage.kinds()[begun:] if kind.startswith("slots.")]

            assert kinds == [
                *(f"slots.{move}" for move in ("load", "warm", "verify", "add")),
                *["slots.shift"] * 3,
                "slots.drain",
                "slots.unload",
            ]
            assert stage.fleet.alive("r", "v1") == 0

    run(scenario())


@pytest.mark.parametrize(
    ("args", "says"),
    [(("--fails",), "does not start"), (("--breaks", "1"), "does not answer")],
    ids=["does not load", "does not pass the smoke set"],
)
def test_after_a_failed_load_the_old_version_serves_on(tmp_path, args, says):
    async def scenario():
        async with Stage(tmp_path, versions={"v2": args}) as stage:
            await stage.serve("v1")

            async def swap():
                begin(stage, "v2", quick())
                record = await stage.ended()

                assert record.state == "failed"
                assert says in record.reason

            told = await load(stage, 60, 60, swap())

            assert told.lost + told.truncated == []
            assert stage.fleet.slots("r").shares == {"v1": 100}
            assert states(stage)["v2"] == "failed"
            assert stage.fleet.alive("r", "v2") == 0
            assert stage.pointed == []

    run(scenario())


def test_a_version_that_fails_requests_is_taken_back_and_none_is_lost(tmp_path):
    async def scenario():
        health = FAST.model_copy(update={"breaker_failures": 1000, "breaker_share": 1.0})
        async with Stage(tmp_path, health, {"v2": ("--breaks", "2")}) as stage:
            await stage.serve("v1")

            async def swap():
                begin(stage, "v2", quick(steps=(50, 100), min_requests=500, min_seconds=60))
                record = await stage.ended()

                assert record.state == "rolled back"
                assert "errors" in record.reason

            told = await load(stage, 180, 60, swap())

            assert told.lost + told.truncated == []
            assert stage.fleet.slots("r").shares == {"v1": 100}
            assert "swap.rollback" in stage.kinds()

    run(scenario())


def test_a_version_that_is_slower_is_taken_back(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions={"v2": ("--unary-s", "0.15")}) as stage:
            await stage.serve("v1")

            async def swap():
                begin(stage, "v2", quick(steps=(50, 100), min_requests=500, min_seconds=60))
                record = await stage.ended()

                assert record.state == "rolled back"
                assert "time to an answer" in record.reason

            assert (await load(stage, 240, 60, swap())).lost == []

    run(scenario())


def test_what_guardrails_and_users_say_takes_a_version_back(tmp_path):
    async def scenario(bad, said):
        async with Stage(tmp_path / said, versions=GOOD) as stage:
            await stage.serve("v1")
            begin(stage, "v2", quick(steps=(50, 100), min_requests=500, min_seconds=60))

            async def one(number):
                async for _ in answer(
                    stage.fleet, wanted := ask(f"unary {number}", max_tokens=1), told := Answered()
                ):
                    pass
                stage.fleet.judge("r", wanted.id, **bad(told.version == "v2"))

            for number in range(10):
                await asyncio.gather(*(one(f"{number} {n}") for n in range(40)))
                if "r" not in stage.swaps.running:
                    break
            record = await stage.ended()

            assert record.state == "rolled back"
            assert said in record.reason

    run(scenario(lambda new: {"violation": new}, "violations"))
    run(scenario(lambda new: {"quality": 0.2 if new else 0.9}, "feedback"))


def test_conversations_stay_with_the_version_that_they_have_moved_to(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            begin(stage, "v2", quick(min_seconds=0.4))
            seen = {f"c{n}": [] for n in range(30)}
            while "r" in stage.swaps.running:
                for name, versions in seen.items():
                    async for _ in answer(
                        stage.fleet, ask("hi", max_tokens=1, conversation=name), told := Answered()
                    ):
                        pass
                    versions.append(told.version)

            assert all(versions == sorted(versions) for versions in seen.values())
            assert any(len(set(versions)) == 2 for versions in seen.values())

    run(scenario())


def test_an_abort_takes_the_traffic_back_and_a_rollback_undoes_what_is_done(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions={**GOOD, "v1": ()}) as stage:
            await stage.serve("v1")
            slow = quick(min_requests=500, min_seconds=60)
            begin(stage, "v2", slow)
            with pytest.raises(Forbidden, match="a swap of 'r' to v2 is under way"):
                begin(stage, "v3", slow)
            while stage.fleet.slots("r").shares != {"v2": 5, "v1": 95}:
                await asyncio.sleep(0.02)
            stage.swaps.abort("r", by="tester", why="changed my mind")

            assert (await stage.ended()).state == "rolled back"
            assert stage.fleet.slots("r").shares == {"v1": 100}

            begin(stage, "v2", quick("stateless"))
            await stage.ended()
            stage.swaps.rollback("r", quick("stateless"), by="tester", why="v1 was better")

            assert (await stage.ended()).state == "done"
            assert stage.fleet.slots("r").shares == {"v1": 100}

    run(scenario())


def test_what_cannot_be_swapped_is_refused(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            with pytest.raises(MissingArtifact, match="there is no r@v9"):
                begin(stage, "v9", quick())
            with pytest.raises(Forbidden, match="has all the traffic already"):
                begin(stage, "v1", quick())
            with pytest.raises(Forbidden, match="no swap of 'r' is under way"):
                stage.swaps.abort("r", by="tester", why="a test")
            with pytest.raises(Forbidden, match="no swap of 'r' is on record"):
                stage.swaps.rollback("r", quick(), by="tester", why="a test")

            assert stage.fleet.ledger.swaps() == []

    run(scenario())


def test_no_more_traffic_than_the_new_version_carries(tmp_path):
    """60 requests a second of 50 ms need 3 places; one carries a third."""

    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            find = stage.find

            async def small(role, version):
                wanted = await find(role, version)
                return type(wanted)({**wanted.spec, "max_running": 1}, wanted.workers)

            stage.swaps.find = small

            async def swap():
                begin(stage, "v2", quick(steps=(5, 100), min_seconds=0.2, max_seconds=1.0))
                record = await stage.ended()

                assert record.state == "rolled back"
                assert "its workers carry" in record.reason

            await load(stage, 100, 60)  # the rate is known before
            told = await load(stage, 120, 60, swap())

            assert told.lost == []

    run(scenario())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_loses_nothing_with_a_warm_backup(tmp_path, how):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            await stage.bring("v2")

            async def kill():
                await asyncio.sleep(0.7)
                stage.kill("v1", how)

            unary, streams = await asyncio.gather(
                load(stage, 120, 60, kill()), load(stage, 40, 20, stream=15)
            )

            assert unary.lost + unary.truncated + streams.lost + streams.truncated == []
            assert max(unary.seconds) < 1.0

    run(scenario())


def test_after_an_emergency_the_old_version_stands_by_again(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            await stage.bring("v2")
            stage.kill("v1", signal.SIGSTOP)
            stuck = stage.fleet.of("r", "v1")[0].worker
            begin(stage, "v2", quick("emergency"))
            async for _ in answer(stage.fleet, ask("x", max_tokens=1), told := Answered()):
                pass

            assert told.version == "v2"
            stuck.process.kill()
            while states(stage)["v1"] != "verified":
                await asyncio.sleep(0.02)
            assert stage.fleet.slots("r").shares == {"v2": 100}
            assert stage.fleet.backup("r") == "v1"

    run(scenario())


def test_an_emergency_overrules_another_swap(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            await stage.bring("v3")
            begin(stage, "v2", quick(min_requests=500, min_seconds=60))
            while "v2" not in stage.fleet.slots("r").shares:
                await asyncio.sleep(0.02)
            begin(stage, "v3", quick("emergency"))
            record = await stage.ended()

            assert (record.new, record.state) == ("v3", "done")
            assert stage.fleet.slots("r").shares == {"v3": 100}
            assert stage.fleet.ledger.swaps("r")[1].state == "failed"

    run(scenario())


def test_a_killed_gateway_s_successor_goes_on_with_its_swap(tmp_path):
    """The first one's ledger is left as a kill leaves it: nothing is taken back or ended."""

    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            begin(stage, "v2", quick(min_requests=500, min_seconds=60))
            while stage.fleet.slots("r").shares != {"v2": 5, "v1": 95}:
                await asyncio.sleep(0.02)
        async with Stage(tmp_path, versions=GOOD) as stage:
            assert stage.fleet.slots("r").shares == {"v2": 5, "v1": 95}
            assert {stage.fleet.alive("r", version) for version in ("v1", "v2")} == {1}

            assert [record.new for record in stage.swaps.resume()] == ["v2"]
            stage.swaps.abort("r", by="tester", why="seen enough")
            assert (await stage.ended()).state == "rolled back"
            assert "swap.resumed" in stage.kinds()

    run(scenario())


def test_a_swap_whose_new_version_no_longer_starts_is_taken_back(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions=GOOD) as stage:
            await stage.serve("v1")
            begin(stage, "v2", quick())
            await asyncio.sleep(0)  # in the ledger, and killed while it loads
        async with Stage(tmp_path, versions={"v2": ("--fails",)}) as stage:
            stage.swaps.resume()

            assert (await stage.ended()).state == "failed"
            assert stage.fleet.slots("r").shares == {"v1": 100}

    run(scenario())


def test_the_only_version_is_never_failed(tmp_path):
    async def scenario():
        async with Stage(tmp_path) as stage:
            await stage.serve("v1")
            with pytest.raises(Forbidden):
                await stage.fleet.give_up("r", "v1", "ill", by="test")

            assert stage.fleet.alive("r", "v1") == 1
            assert moves.chosen(stage.fleet.slots("r"), "a") == "v1"

    run(scenario())
