"""Two sides that do one thing, each in a process of its own, by turns.

A side's peak memory is its process's, and neither side's warm caches or settings help or harm the
other. A side that waits does nothing.
"""

import contextlib
import json
import resource
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.timing import ratios, spread, table

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Turns:
    """What a side told of its turns (its warm-up left out), and what it needed in all."""

    figures: list[Figures]
    peak_mb: float

    def column(self, name: str) -> list[float]:
        return [one[name] for one in self.figures]


def arguments(module_doc: str | None, sides: Sequence[str], **sizes: int) -> Namespace:
    """--side NAME is how a benchmark starts itself again; each size is an option of its name."""
    parser = ArgumentParser(description=module_doc)
    parser.add_argument("--side", choices=sides)
    for name, value in {"turns": 5, "threads": 2, **sizes}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    return parser.parse_args()


def alternate(module: str, asked: Namespace, sides: Sequence[str]) -> dict[str, Turns]:
    """Runs `python -m module --side NAME …` for each side, a warm-up and `asked.turns` turns."""
    sizes = {name: value for name, value in vars(asked).items() if name != "side"}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in sizes.items()]
    running = {
        side: subprocess.Popen(
            [sys.executable, "-m", module, f"--side={side}", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for side in sides
    }
    told: dict[str, list[Figures]] = {side: [] for side in sides}
    for turn in range(1 + asked.turns):
        for side in sides if turn % 2 == 0 else reversed(sides):
            told[side].append(_ask(running[side], side))
    peaks = {side: _ask(process, side, last=True)["peak_mb"] for side, process in running.items()}
    for process in running.values():
        process.wait()
    return {side: Turns(told[side][1:], peaks[side]) for side in sides}


def against_trl(turns: Mapping[str, Turns], what: str, heads: Sequence[str]) -> str:
    """A table of the seconds of a turn and of the peak memory of both sides, and their ratios."""
    theirs, own = turns["trl"], turns["ours"]
    seconds = theirs.column("seconds"), own.column("seconds")
    times = spread(ratios(*seconds), "{:.2f}")
    rows = [
        [f"{what}, s", *map(spread, seconds), times],
        [
            "peak memory of the process, MB",
            f"{theirs.peak_mb:.0f}",
            f"{own.peak_mb:.0f}",
            f"{own.peak_mb / theirs.peak_mb:.2f}",
        ],
    ]
    return table(heads, rows)


def _ask(process: "subprocess.Popen[str]", side: str, *, last: bool = False) -> Figures:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended: no line will come
        process.stdin.write("stop\n" if last else "go\n")
        process.stdin.flush()
    for line in process.stdout:
        if line.startswith("{"):
            found: Figures = json.loads(line)
            return found
    raise SystemExit(f"the side {side!r} ended with {process.wait()}")


class Turnstile:
    """What a side goes through: waits to be let in, tells its figures, waits again."""

    def __init__(self) -> None:
        self.out, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
        self.began = 0.0

    def enter(self) -> None:
        """Returns when it is this side's turn. Ends the process where there is none left."""
        if sys.stdin.readline().strip() != "go":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            self._tell({"peak_mb": peak})
            raise SystemExit(0)
        self.began = time.perf_counter()

    def leave(self, figures: Mapping[str, float] | None = None) -> None:
        """Tells the seconds since `enter`, and what else is to be told."""
        seconds = time.perf_counter() - self.began
        self._tell({"seconds": seconds, **(figures or {})})

    def repeat(self, turn: Callable[[int], Mapping[str, float] | None]) -> None:
        """Goes through until none is left; `turn` gets its number, the warm-up's is 0."""
        number = 0
        while True:
            self.enter()
            self.leave(turn(number))
            number += 1

    def _tell(self, figures: Mapping[str, float]) -> None:
        print(json.dumps(figures), file=self.out, flush=True)
