"""Fair timing of two ways to do one thing: by turns in one process, medians and spreads."""

import gc
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

Side = Callable[[int], object]
"""side(turn) does the work of one turn."""
Clock = Callable[[], float]


def alternate(
    sides: Mapping[str, Side], turns: int, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of every turn of each side; who starts changes from turn to turn, so that a busy or a
    throttled machine slows all sides alike.

    time.process_time as `clock` leaves out what other programs took: for work of one thread only,
    as threads that wait for each other cost no processor time.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns):
        order = list(sides.items())
        for name, side in order if turn % 2 == 0 else reversed(order):
            gc.collect()
            start = clock()
            side(turn)
            seconds[name].append(clock() - start)
    return seconds


def ratios(peer: Sequence[float], ours: Sequence[float]) -> list[float]:
    """How many times faster we are, turn by turn."""
    return [theirs / own for theirs, own in zip(peer, ours, strict=True)]


def spread(values: Sequence[float], form: str = "{:.3g}", factor: float = 1.0) -> str:
    """Median and quartiles, as `12.1 (11.8 to 12.6)`; `factor` changes the unit."""
    low, _, high = (
        quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    )
    shown = [form.format(factor * value) for value in (median(values), low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def machine(*packages: str) -> str:
    """One line: processor, cores, load, Python and the versions of packages."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    parts = [
        names[0] if names else platform.machine(),
        f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} at the start)",
        f"Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
    ]
    return " · ".join(parts)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; the first column is text, the others are figures."""
    rules = ["---", *("--:" for _ in headers[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headers, rules, *rows))
