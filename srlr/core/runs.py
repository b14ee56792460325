"""Many run directories: their names, finding one again, and what they occupy.

    runs/<role>-<tier>/2026-11-22T14-03-05_a1b2c3/
    runs/latest -> the run a command worked on last

The directories are the truth; nothing here keeps an index.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import srlr
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir, hash_of, writing
from srlr.core.settings import Settings

LATEST = "latest"

WHERE_NOT_WHAT = frozenset(
    {"runs_dir", "store_dir", "seed", "deploy", "serve", "swap", "health", "workers", "guard"}
)
"""Settings that name a run or its place, or say how its model is served; two runs that differ only
here are the same experiment. So are a role's guardrails.
"""


def group(settings: Settings) -> str:
    """The folder of runs of one role and tier: `sentiment-gold`."""
    return f"{settings.role.name}-{settings.tier.name}"


def new_name(at: datetime | None = None, tail: str | None = None) -> str:
    """`2026-11-22T14-03-05_a1b2c3`: when in UTC, and six hex digits against two in one second."""
    at = at or datetime.now(UTC)
    return f"{at:%Y-%m-%dT%H-%M-%S}_{tail or secrets.token_hex(3)}"


def draw_seed() -> int:
    """31 fresh random bits."""
    return int.from_bytes(os.urandom(4), "big") >> 1


def config_hash(config: Mapping[str, Any]) -> str:
    """The same for two config.yaml contents that ask for the same work, whatever seed and place."""
    what = {key: value for key, value in config.items() if key not in WHERE_NOT_WHAT}
    if isinstance(role := what.get("role"), Mapping):
        what["role"] = {key: value for key, value in role.items() if key != "guard"}
    return hash_of(what)


def all_runs(runs_dir: Path) -> list[RunDir]:
    """Every readable run under `runs_dir`, the newest first; damaged ones are left out."""
    runs = []
    for manifest in runs_dir.glob("*/[!.]*/manifest.json"):
        with contextlib.suppress(ConfigError, MissingArtifact):
            runs.append(RunDir(manifest.parent))
    return sorted(runs, key=_age, reverse=True)


def _age(run: RunDir) -> tuple[str, str]:
    # Two runs of one second: the file system remembers which was made later.
    return str(
        run.manifest.get("created", "")
    ), f"{(run.path / 'command.txt').stat().st_mtime_ns:020}"


def locate(runs_dir: Path, name: str) -> Path | None:
    """The run that `name` means: a path, `latest`, or a folder's name under a group; else None.

    Raises:
        ConfigError: several groups hold a run of this name.
    """
    for candidate in (Path(name), runs_dir / name):
        if (candidate / "manifest.json").is_file():
            return candidate.parent / candidate.readlink() if candidate.is_symlink() else candidate
    found = sorted(p.parent for p in runs_dir.glob(f"*/{_literal(name)}/manifest.json"))
    if len(found) > 1:
        raise ConfigError(
            f"{name!r} names {len(found)} runs: {', '.join(map(str, found))}", "give the path"
        )
    return found[0] if found else None


def existing(runs_dir: Path, name: str) -> Path:
    """As `locate`, but the run must be there.

    Raises:
        MissingArtifact: no run of this name; the newest ones are listed.
    """
    path = locate(runs_dir, name)
    if path is not None:
        return path
    if Path(name).is_dir():
        return Path(name)  # opening it says what is wrong with it
    newest = [f"{r.path.parent.name}/{r.path.name}" for r in all_runs(runs_dir)[:3]]
    hint = (
        f"one of {', '.join(newest)}; `srlr runs list` shows all"
        if newest
        else ("start one with `srlr train role=ROLE tier=TIER`")
    )
    raise MissingArtifact(f"no run {name!r} under {str(runs_dir)!r}", hint)


def place_for(runs_dir: Path, settings: Settings, name: str) -> Path:
    """Where a new run called `name` goes: as it is when it is a path, else under its group."""
    if os.sep in name:
        return Path(name)
    if name in {LATEST, ".", ".."}:
        raise ConfigError(f"{name!r} cannot be a run's name", "choose another after --run")
    return runs_dir / group(settings) / name


def newest_unfinished(
    runs_dir: Path, config: Mapping[str, Any], stages: Sequence[str]
) -> RunDir | None:
    """The newest run of the same config in which one of `stages` is not done, or None.

    The seed counts only when `config` has one.
    """
    wanted, seed = config_hash(config), config.get("seed")
    for run in all_runs(runs_dir):
        same = run.manifest.get("config") == wanted
        same = same and seed in (None, run.manifest.get("seed"))
        if same and any(run.status(stage).get("status") != "done" for stage in stages):
            return run
    return None


def point_latest(runs_dir: Path, run: Path) -> None:
    """Makes runs/latest the link to `run`, in one step; a run kept elsewhere gets none."""
    if not run.resolve().is_relative_to(runs_dir.resolve()):
        return
    part = runs_dir / f".{LATEST}.{os.getpid()}"
    # A file system without links loses a convenience, never a run.
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)
        part.symlink_to(run.resolve().relative_to(runs_dir.resolve()))
        os.replace(part, runs_dir / LATEST)


def remove(run: Path) -> None:
    """Deletes a run that nobody works on.

    Raises:
        ResourceError: a process holds it, or the files cannot be deleted.
    """
    directory = RunDir(run)
    with directory.lock(), writing(run):
        shutil.rmtree(run)
    latest = run.parent.parent / LATEST
    if latest.is_symlink() and not latest.exists():
        latest.unlink()


def holder(run: Path) -> int | None:
    """The process that works on a run now, None where nobody does."""
    try:
        with open(run / ".lock", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
    except OSError:
        return None
    return None


def size_bytes(place: Path) -> int:
    """What the files under `place` hold; a link counts as nothing."""
    if place.is_file():
        return place.stat().st_size
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):  # a running stage may be replacing it
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def checkpoints(run: Path) -> list[tuple[str, int]]:
    """The model folders a run keeps (name in the run, bytes): those with weights in them."""
    folders = sorted({p.parent for p in run.glob("*/**/*.safetensors")})
    return [(str(f.relative_to(run)), size_bytes(f)) for f in folders]


def code_hash() -> str:
    """A hash of srlr's own source files: two runs with the same one ran the same code."""
    package = Path(srlr.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def versions(names: Iterable[str] = ("torch", "transformers")) -> dict[str, str | None]:
    """Installed versions, read from package metadata; None for what is not installed."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The dotted keys whose values differ between two nested mappings, sorted."""
    keys: list[str] = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            keys += changed_keys(a, b, f"{prefix}{key}.")
        elif json.dumps(a, default=str) != json.dumps(b, default=str):
            keys.append(prefix + key)
    return keys


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
