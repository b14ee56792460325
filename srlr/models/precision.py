"""Whether this machine computes faster in bfloat16 or in float32: measured once, then remembered.

A processor's flags say what it can do, not how well it does it here. So one product of a realistic
size is timed both ways, in turns, and the best of each counts. The figures are kept in the cache,
a file for each processor, torch and number of threads, so that no command measures them again.

    <cache>/speed/KEY.json    {"processor", "torch", "threads", "float32", "bfloat16"}

A run's own choice is in its manifest, where `select` puts it: it never changes under a run.
"""

import contextlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from srlr.assets import cache_dir
from srlr.core import hardware, runs
from srlr.core.errors import SrlrError
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir, hash_of, write_atomic
from srlr.core.settings import Hardware

Dtype = Literal["float32", "bfloat16"]
TOKENS, NARROW, WIDE = 512, 576, 1536
"""A micro-batch in the widest layers of the embedded model."""
TURNS_MIN, TURNS_MAX, LIMIT_S = 4, 12, 0.2
ATTEMPTS = 3
"""Measurements before figures that contradict the flags are believed."""
CLEARLY = 1.5
"""How many times faster the kind that the flags speak against must be. Turns on a busy machine
differ by less; emulated and native bfloat16 differ from float32 by more."""


@dataclass(frozen=True, slots=True)
class Speeds:
    """Of matrix products, in GFLOP/s."""

    float32: float
    bfloat16: float


def choose(flagged: Dtype, speeds: Speeds | None) -> Dtype:
    """The flags' choice, unless the other one is clearly faster; the flags' own without figures."""
    if speeds is None:
        return flagged
    if flagged == "bfloat16":
        return "float32" if speeds.float32 > CLEARLY * speeds.bfloat16 else "bfloat16"
    return "bfloat16" if speeds.bfloat16 > CLEARLY * speeds.float32 else "float32"


def decided(node: Hardware, place: Path = Path()) -> Machine:
    """This machine with the dtype that is fast on it, measured where no command has done so."""
    machine = hardware.probe(node, place)
    return _with(machine, speeds(machine.cores) if _open(machine, node) else None)


def foreseen(node: Hardware, place: Path = Path()) -> Machine:
    """As `decided`, for a plan: where nothing is measured yet, the flags decide."""
    machine = hardware.probe(node, place)
    return _with(machine, known(machine.cores) if _open(machine, node) else None)


def settle(node: Hardware, rundir: RunDir) -> Machine:
    """As `decided`, and the choice is put into the run's manifest."""
    machine = decided(node, rundir.path)
    rundir.manifest["compute_dtype"] = machine.compute_dtype
    rundir.save_manifest()
    return machine


def settled(node: Hardware, rundir: RunDir) -> Machine:
    """This machine with the dtype that the run has begun with, whatever it would choose today."""
    chosen = rundir.manifest.get("compute_dtype")
    if chosen is None or node.compute_dtype != "auto":
        return decided(node, rundir.path)
    return replace(hardware.probe(node, rundir.path), compute_dtype=chosen)


def _open(machine: Machine, node: Hardware) -> bool:
    """Whether there is something to choose: a GPU's driver knows, and the settings may have."""
    return machine.device == "cpu" and node.compute_dtype == "auto"


def _with(machine: Machine, found: Speeds | None) -> Machine:
    return replace(machine, compute_dtype=choose(machine.compute_dtype, found))


# -- figures ---------------------------------------------------------------------------------------


def speeds(threads: int) -> Speeds | None:
    """This machine's, from the cache or measured now; None where torch does not load."""
    found = known(threads)
    if found is None:
        try:
            found = _measured(threads)
        except (ImportError, OSError):  # not installed, or a library of it is not
            return None
        _keep(threads, found)
    return found


def _measured(threads: int) -> Speeds:
    """The best of some measurements: of one, where it says what the flags say."""
    flagged, found = hardware.cpu_dtype(), Speeds(0.0, 0.0)
    for _ in range(ATTEMPTS):
        new = measure(threads)
        found = Speeds(max(found.float32, new.float32), max(found.bfloat16, new.bfloat16))
        if choose(flagged, found) == flagged:
            break
    return found


def known(threads: int) -> Speeds | None:
    """This machine's figures in the cache; None where they are not, or cannot be read."""
    try:
        row = json.loads(_file(threads).read_text(encoding="utf-8"))
        found = Speeds(float(row["float32"]), float(row["bfloat16"]))
    except (SrlrError, OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.float32 > 0 and found.bfloat16 > 0 else None


def measure(threads: int) -> Speeds:
    """Times both kinds in turns for about LIMIT_S; the first turn prepares the products and counts
    nothing.

    Raises:
        ImportError, OSError: torch does not load.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    draw = torch.Generator().manual_seed(0)
    plain = [torch.randn(TOKENS, NARROW, generator=draw), torch.randn(NARROW, WIDE, generator=draw)]
    pairs = {"float32": plain, "bfloat16": [matrix.bfloat16() for matrix in plain]}
    best = dict.fromkeys(pairs, float("inf"))
    try:
        began = time.perf_counter()
        for turn in range(TURNS_MAX):
            for name, (left, right) in pairs.items():
                start = time.perf_counter()
                torch.mm(left, right)
                if turn:
                    best[name] = min(best[name], time.perf_counter() - start)
            if turn >= TURNS_MIN and time.perf_counter() - began > LIMIT_S:
                break
    finally:
        torch.set_num_threads(before)
    work = 2 * TOKENS * NARROW * WIDE / 1e9
    return Speeds(**{name: round(work / seconds, 1) for name, seconds in best.items()})


def _keep(threads: int, found: Speeds) -> None:
    """A cache that cannot be written costs a measurement, never a command."""
    with contextlib.suppress(SrlrError, OSError):
        path = _file(threads)
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {**_key(threads), "float32": found.float32, "bfloat16": found.bfloat16}
        write_atomic(path, json.dumps(row) + "\n")


def _file(threads: int) -> Path:
    return cache_dir() / "speed" / f"{hash_of(_key(threads))}.json"


def _key(threads: int) -> dict[str, Any]:
    return {"processor": hardware.cpu_name(), **runs.versions(("torch",)), "threads": threads}
