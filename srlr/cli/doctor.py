"""srlr doctor: whether this machine can do the work, line by line, each with a fix."""

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from srlr.cli import render
from srlr.core import compose, hardware, runs
from srlr.core.errors import ResourceError, SrlrError
from srlr.core.settings import Hardware, Settings
from srlr.models import precision

PYTHON_MIN = (3, 11)
MEMORY_WARN_GB, MEMORY_FAIL_GB = 6.0, 2.0
"""The embedded model trains within 5 GiB; below 2 GB not even its weights and optimiser fit."""
DISK_WARN_GB, DISK_FAIL_GB = 5.0, 1.0
"""A run keeps a few checkpoints of half a gigabyte; one of them must fit."""

OPTIONAL = {
    "matplotlib": "matplotlib",
    "safetensors": "safetensors",
    "scikit-learn": "sklearn",
    "transformers": "transformers",
    "vaderSentiment": "vaderSentiment",
}
"""Distribution → module of what the extra `train` brings besides torch."""

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `fix` is what to type where it is not ok."""

    name: str
    status: Status
    found: str
    fix: str = ""


def doctor(*, as_json: bool, config_dir: Path | None = None) -> int:
    """Looks, shows, and returns the exit code: 4 if something fails, else 0."""
    checks = look(config_dir)
    failed = any(check.status == "fail" for check in checks)

    def human() -> None:
        render.table(
            ("", "what", "found"), [(check.status, check.name, check.found) for check in checks]
        )
        for check in checks:
            if check.fix:
                render.text(f"{check.name}: {check.fix}")

    data = {"ok": not failed, "checks": [asdict(check) for check in checks]}
    render.emit("doctor", data, as_json=as_json, human=human)
    return ResourceError.exit_code if failed else 0


def look(config_dir: Path | None = None) -> list[Check]:
    """Every check, in the order in which a newcomer meets them."""
    checks = [python(), torch()]
    try:
        settings: Settings | None = compose.compose((), config_dir=config_dir).settings
        checks.append(Check("config", "ok", "composes"))
    except SrlrError as error:
        settings = None
        checks.append(Check("config", "fail", error.what, error.hint))
    runs_dir = Path(settings.runs_dir) if settings else Path("runs")
    checks += machine(settings.hardware if settings else Hardware(name="auto"), runs_dir)
    checks += [writable("run folder", runs_dir, "choose another with runs_dir=DIR"), cache()]
    return [*checks, sandbox(), *optional()]


def python() -> Check:
    """The interpreter's version."""
    found = sys.version.split()[0]
    if sys.version_info >= PYTHON_MIN:
        return Check("Python", "ok", found)
    wanted = ".".join(map(str, PYTHON_MIN))
    return Check("Python", "fail", found, f"install Python {wanted} or newer")


def torch() -> Check:
    """Whether torch is installed; without it runs can be looked at, not made."""
    version = runs.versions(("torch",))["torch"]
    if version is None:
        return Check("torch", "warn", "not installed", "pip install 'srlr[train]'")
    return Check("torch", "ok", version)


def machine(node: Hardware, runs_dir: Path) -> list[Check]:
    """Accelerator, dtype, cores, memory and disk."""
    try:
        found = precision.decided(node, runs_dir)
    except SrlrError as error:
        return [Check("accelerator", "fail", error.what, error.hint)]
    gpu = found.device == "cuda"
    names = f"{found.device_name}, {found.memory_gb:.0f} GB" if gpu else "none; the CPU trains"
    return [
        Check("accelerator", "ok", names),
        Check("processor", "ok", f"{hardware.cpu_name()}, {found.cores} cores"),
        Check("bfloat16", "ok", _speeds(found)),
        _amount(
            "memory",
            found.memory_available_gb,
            (MEMORY_WARN_GB, MEMORY_FAIL_GB),
            f"{found.memory_available_gb:.1f} of {found.memory_gb:.1f} GB free",
            "close other programs, or srl.micro_batch_tokens=512 rlvr.micro_batch_tokens=512",
        ),
        _amount(
            "disk",
            found.disk_free_gb,
            (DISK_WARN_GB, DISK_FAIL_GB),
            f"{found.disk_free_gb:.1f} GB free for {str(runs_dir)!r}",
            "remove old runs (`srlr runs list`), or choose another place with runs_dir=DIR",
        ),
    ]


def _speeds(found: hardware.Machine) -> str:
    """Whether bfloat16 is used, and the two figures that decide it on a CPU."""
    said = "used" if found.compute_dtype == "bfloat16" else "not used: float32"
    figures = precision.speeds(found.cores) if found.device == "cpu" else None
    if figures is None:
        return said
    return f"{said}; {figures.bfloat16:.0f} GFLOP/s, float32 {figures.float32:.0f}"


def _amount(name: str, have: float, floors: tuple[float, float], found: str, fix: str) -> Check:
    warn, fail = floors
    status: Status = "fail" if have < fail else "warn" if have < warn else "ok"
    return Check(name, status, found, "" if status == "ok" else fix)


def writable(name: str, folder: Path, fix: str) -> Check:
    """Whether files can be made in `folder`, or in what it would be made in."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Check(name, "ok", str(folder.absolute()))
    return Check(name, "fail", f"cannot write in {str(there)!r}", fix)


def cache() -> Check:
    """Whether models and data sets can be kept, and which are there."""
    from srlr import assets

    folder = _try(assets.cache_dir)
    if not isinstance(folder, Path):
        return Check("cache", "fail", str(folder), "set SRLR_CACHE=DIR to a place of yours")
    check = writable("cache", folder, "set SRLR_CACHE=DIR to a place of yours")
    missing = _missing_assets()
    if check.status != "ok" or not missing:
        return check
    return Check(
        "cache",
        "warn",
        f"{folder}: {', '.join(missing)} not there yet",
        f"srlr assets fetch {' '.join(missing)} (or let `srlr train` do it)",
    )


def _missing_assets() -> list[str]:
    from srlr import assets

    try:
        states = assets.glance(list(assets.catalog().values()))
    except SrlrError as error:
        return [error.what]
    return [state.name for state in states if state.status != "ready"]


def sandbox() -> Check:
    """Whether generated code can be run apart from this machine: by a trial, as a run begins."""
    from srlr.core.sandboxing import Sandbox
    from srlr.sandbox import Call, call, require

    asked = Sandbox()
    try:
        by = require(asked)
        ran = call("def double(x):\n    return 2 * x", [Call("double", (21,))], asked)
    except SrlrError as error:  # only a role that runs code needs it
        return Check("sandbox", "warn", error.what, error.hint)
    assert by is not None, "it is asked for"
    if [one.value for one in ran.replies] != [42]:
        said = ran.replies[0].error if ran.replies else ran.ended
        fix = "see role.sandbox: its memory_mb and cpu_s may be too little for this Python"
        return Check("sandbox", "warn", f"a trial of 21 + 21 failed: {said}", fix)
    ways = {"root": "as a user of its own", "user": "in a user namespace"}
    return Check("sandbox", "ok", f"bubblewrap, {ways[by.way]}; a run took {ran.seconds:.2f} s")


def _try(call: Callable[[], Path]) -> Path | SrlrError:
    try:
        return call()
    except SrlrError as error:
        return error


def optional() -> list[Check]:
    """What the extra `train` brings besides torch."""
    versions = runs.versions(OPTIONAL)
    return [
        Check(name, "ok", versions[name] or "installed")
        if importlib.util.find_spec(module)
        else Check(name, "warn", "not installed", "pip install 'srlr[train]'")
        for name, module in OPTIONAL.items()
    ]
