"""What becomes of requests while workers are killed and versions are swapped.

    python -m benchmarks.serve_faults [--requests 1000] [--per-second 60]

Workers are real processes without a model: 50 ms for an answer in one piece, 30 tokens in 0.6 s for
a stream. Every answer is compared, token for token, with what the model would have said; one that
has ended without a finish counts as truncated. One row a fault, which happens after a third.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import machine, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from stub_fleet import Stage, load, quick

STREAM_TOKENS = 30
STREAMS_SHARE = 0.5
"""Streams a second, as a share of requests a second."""


async def killed(stage, how):
    stage.kill("v1", how)


async def swapped(stage, strategy, to="v2", **settings):
    why = "a benchmark"
    stage.swaps.start("r", to, quick(strategy, **settings), by="benchmark", why=why)
    return await stage.ended(timeout_s=120)


async def rolled_back(stage):
    await swapped(stage, "stateless")
    stage.swaps.rollback("r", quick("stateful"), by="benchmark", why="a benchmark")
    await stage.ended(timeout_s=120)


FAULTS = {
    "kill -9, warm backup": lambda stage: killed(stage, signal.SIGKILL),
    "SIGTERM, warm backup": lambda stage: killed(stage, signal.SIGTERM),
    "swap gradual": lambda stage: swapped(stage, "gradual"),
    "swap stateless": lambda stage: swapped(stage, "stateless"),
    "swap stateful": lambda stage: swapped(stage, "stateful"),
    "swap emergency": lambda stage: swapped(stage, "emergency", "v0"),
    "failed load": lambda stage: swapped(stage, "gradual", "broken"),
    "roll-back": rolled_back,
}


async def trial(name, requests, per_s):
    """Both kinds of requests at once, with the fault after a third of the time."""
    versions = {"v0": (), "v1": (), "v2": (), "broken": ("--fails",)}
    with tempfile.TemporaryDirectory() as folder:
        async with Stage(folder, versions=versions) as stage:
            await stage.serve("v1")
            await stage.bring("v0")

            async def fault():
                await asyncio.sleep(requests / per_s / 3)
                await FAULTS[name](stage)

            streams = int(requests * STREAMS_SHARE), per_s * STREAMS_SHARE
            return await asyncio.gather(
                load(stage, requests, per_s, fault()),
                load(stage, *streams, stream=STREAM_TOKENS),
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--per-second", type=float, default=60.0)
    said = parser.parse_args()
    rows = []
    for name in FAULTS:
        unary, streams = asyncio.run(trial(name, said.requests, said.per_second))
        ordered = sorted(unary.seconds)
        rows.append(
            (
                name,
                f"{len(unary.lost) + len(unary.truncated)} of {unary.sent}",
                f"{ordered[len(ordered) // 2] * 1000:.0f} / {ordered[-1] * 1000:.0f}",
                f"{len(streams.lost) + len(streams.truncated)} of {streams.sent}",
                str(streams.migrated),
            )
        )
        print(" · ".join(rows[-1]), flush=True)
    print(machine())
    columns = ("fault", "lost", "p50 / max ms", "truncated streams", "moved in mid-answer")
    print(table(columns, rows))


if __name__ == "__main__":
    main()
