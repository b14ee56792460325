"""Health over real worker processes: what is ill is replaced without anybody asking."""

import asyncio
import signal

from stub_fleet import FAST, Stage, ask, asks

from srlr.serving.monitor import Monitor
from srlr.serving.relay import Answered, answer


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 60))


def monitored(stage):
    monitor = Monitor(stage.fleet, stage.swaps, asks)
    stage.tasks.append(asyncio.create_task(monitor.run()))
    return monitor


async def until(holds, timeout_s=20):
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.05)


def test_a_version_without_workers_is_replaced_by_its_backup(tmp_path):
    async def scenario():
        async with Stage(tmp_path, versions={"v1": (), "v2": ()}) as stage:
            await stage.serve("v1")
            await stage.bring("v2")
            monitored(stage)
            await asyncio.sleep(0.1)
            wanted = stage.fleet.wanted["r", "v1"]
            stage.fleet.wanted["r", "v1"] = type(wanted)({**wanted.spec, "args": ["--fails"]})
            stage.kill("v1")
            await until(lambda: stage.fleet.slots("r").shares == {"v2": 100})
            async for _ in answer(stage.fleet, ask("x", max_tokens=1), told := Answered()):
                pass

            assert told.version == "v2"
            assert {"health.failed", "health.emergency"} <= set(stage.kinds())

    run(scenario())


def test_a_version_that_fails_often_is_degraded_and_swapped(tmp_path):
    async def scenario():
        health = FAST.model_copy(update={"breaker_failures": 1000, "min_answers": 10})
        async with Stage(tmp_path, health, {"v1": ("--breaks", "4"), "v2": ()}) as stage:
            await stage.serve("v1")
            await stage.bring("v2")
            monitored(stage)
            for number in range(30):
                async for _ in answer(stage.fleet, ask(f"{number}", max_tokens=1)):
                    pass
            await until(lambda: "swap.done" in stage.kinds())

            assert stage.fleet.slots("r").shares == {"v2": 100}
            assert {"health.degraded", "health.swap"} <= set(stage.kinds())

    run(scenario())


def test_a_worker_that_hangs_fails_its_checks_and_is_started_anew(tmp_path):
    async def scenario():
        quick = {"check_every_s": 0.2, "check_timeout_s": 0.3, "failed_checks": 2}
        async with Stage(tmp_path, FAST.model_copy(update=quick)) as stage:
            await stage.serve("v1")
            stuck = stage.fleet.of("r", "v1")[0].worker
            monitored(stage)
            stage.kill("v1", signal.SIGSTOP)
            await until(lambda: not stuck.alive and stage.fleet.alive("r", "v1") == 1)
            async for _ in answer(stage.fleet, ask("x", max_tokens=1)):
                pass

            assert {"health.check_failed", "health.alarm", "worker.started"} <= set(stage.kinds())

    run(scenario())
