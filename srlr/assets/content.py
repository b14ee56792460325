"""Which bytes a file has: checksums, what was wanted, and the stamp recording what was right."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

STAMP = "srlr-asset.json"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file that something must be or become."""

    filename: str
    sha256: str
    size: int | None = None

    def mismatch(self, path: Path) -> str | None:
        """Why the file at `path` is not this one, to be read after "is"; None when it is."""
        try:
            has = path.stat().st_size
            if self.size is not None and has != self.size:
                kind = "truncated" if has < self.size else "too long"
                return f"{kind}: {has:,} bytes where {self.size:,} are locked"
            if (sha256 := digest(path)) != self.sha256:
                return f"corrupt: its sha256 is {sha256}, locked is {self.sha256}"
        except FileNotFoundError:
            return "not there"
        except OSError as error:
            return f"unreadable: {error.strerror}"
        return None


def walk(folder: Path) -> list[Path]:
    """Every file under `folder`, sorted, the stamp excepted."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(STAMP))


def write_stamp(folder: Path, facts: Mapping[str, Any]) -> None:
    """Records each file's checksum, size and time beside them, with `facts` about how they came."""
    files = {}
    for path in walk(folder):
        name, stat = path.relative_to(folder).as_posix(), path.stat()
        files[name] = {"sha256": digest(path), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    part = folder / f"{STAMP}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump({"format": 1, **facts, "files": files}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, folder / STAMP)


def read_stamp(folder: Path) -> dict[str, Any]:
    """What `write_stamp` recorded, or an empty dict when that is missing or damaged."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        files = stamp["files"].values()
        whole = all(isinstance(f["sha256"], str) and f["size"] + f["mtime_ns"] >= 0 for f in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return dict(stamp) if whole and stamp.get("format") == 1 else {}


def digest(path: Path) -> str:
    """The file's sha256; this process does not read a file that has not changed a second time."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, mtime_ns: int, ctime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def forget_digests() -> None:
    """The next `digest` of every file reads it."""
    _digest.cache_clear()


def human(size: float) -> str:
    """A size as people say it: 2.5 MB."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
