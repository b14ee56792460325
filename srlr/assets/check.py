"""Is what the cache holds what was locked? Cheap enough to ask on every use."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from srlr.assets.cache import disk, entry
from srlr.assets.content import STAMP, Wanted, read_stamp, write_stamp
from srlr.assets.locked import Asset, DerivedAsset, HubAsset, PackageAsset, PathAsset, UrlAsset
from srlr.assets.packages import members_of

HASHED_ON_USE_BYTES = 128 << 20
"""Files up to this size are hashed on every use, about 0.3 s at most; larger ones when their size
or time is not what was recorded as right, and always by `verify`."""


@dataclass(frozen=True, slots=True)
class State:
    """One asset here and now; `why` is empty when it is ready, `path` where it is or would be."""

    name: str
    status: Literal["ready", "missing", "corrupt"]
    why: str
    path: Path


def content(asset: Asset) -> Path:
    """The path a caller is given: the file of one-file assets, the folder of the others."""
    match asset:
        case PackageAsset():
            return entry(asset) / PurePosixPath(asset.member).name
        case UrlAsset():
            return entry(asset) / asset.filename
        case PathAsset():
            return asset.path.expanduser().absolute()
    return entry(asset)


def inspect(asset: Asset, hashed_bytes: int | None = HASHED_ON_USE_BYTES) -> State:
    """The asset's state; unchanged files over `hashed_bytes` are believed (None: no file is).

    Raises:
        ResourceError: the cache folder cannot be looked at.
    """
    path = content(asset)
    folder = path.parent if isinstance(asset, PathAsset) else entry(asset)
    with disk(folder):
        if not (path if isinstance(asset, PathAsset) else folder).exists():
            return State(asset.name, "missing", f"{str(path)!r} is not there", path)
    stamp = {} if isinstance(asset, PathAsset) else read_stamp(folder)
    recorded = stamp.get("files", {})
    wanted = _wanted(asset, recorded)
    if not wanted:
        return State(asset.name, "corrupt", f"its record {STAMP} is missing or damaged", path)
    for file in wanted:
        here = folder / file.filename
        if _unchanged(here, file, recorded.get(file.filename), hashed_bytes):
            continue
        if problem := file.mismatch(here):
            return State(asset.name, "corrupt", f"{file.filename} is {problem}", path)
    if hashed_bytes is not None:
        with suppress(OSError):  # a shared cache may be read-only
            if _touched(folder, recorded):
                write_stamp(folder, stamp)
    return State(asset.name, "ready", "", path)


def _wanted(asset: Asset, recorded: dict[str, Any]) -> list[Wanted]:
    """Every file the asset consists of: as locked, or as recorded when it was made here."""
    match asset:
        case PackageAsset():
            return members_of(asset)
        case UrlAsset() | PathAsset():
            return [Wanted(content(asset).name, asset.sha256, asset.size)]
        case HubAsset():
            return [Wanted(name, sha256) for name, sha256 in asset.files.items()]
        case DerivedAsset():
            return [Wanted(name, file["sha256"], file["size"]) for name, file in recorded.items()]


def _unchanged(
    path: Path, file: Wanted, record: dict[str, Any] | None, hashed_bytes: int | None
) -> bool:
    """The file is large, and has the size and time it had when it was found to be right."""
    if hashed_bytes is None or record is None or record["sha256"] != file.sha256:
        return False
    try:
        stat = path.stat()
    except OSError:
        return False
    now = (stat.st_size, stat.st_mtime_ns)
    return stat.st_size > hashed_bytes and now == (record["size"], record["mtime_ns"])


def _touched(folder: Path, recorded: dict[str, Any]) -> bool:
    """A right file has not the recorded time, as after a copy, and would be hashed each time."""
    return any(
        (folder / name).stat().st_mtime_ns != file["mtime_ns"] for name, file in recorded.items()
    )
