"""The machine's refusals, wherever in a stage they surface, as errors that say what to do."""

import contextlib
import errno
from collections.abc import Iterator

from srlr.core.errors import ResourceError, SrlrError

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}

_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")
_DISK_WORDS = ("no space left on device", "disk quota exceeded", "file too large")


@contextlib.contextmanager
def machine_errors(stage: str) -> Iterator[None]:
    """Turns a full disk, a missing permission and exhausted memory into ResourceError.

    Libraries wrap them in types of their own (safetensors, torch), so the words are read too.
    Whatever else is raised passes unchanged.
    """
    try:
        yield
    except SrlrError:
        raise
    except Exception as error:
        refusal = _refusal(stage, error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(stage: str, error: Exception) -> ResourceError | None:
    said = str(error).lower()
    code = error.errno if isinstance(error, OSError) else None
    if code in DISK or any(words in said for words in _DISK_WORDS):
        return ResourceError(
            f"{stage}: the disk is full: {error}",
            "free some space (`srlr runs list` shows what runs occupy) and type the same command: "
            "it goes on from the last checkpoint",
        )
    if code in PERMISSION:
        return ResourceError(
            f"{stage}: no permission: {error}", "change the owner, or use runs_dir=DIR"
        )
    if isinstance(error, MemoryError) or any(words in said for words in _MEMORY_WORDS):
        node = stage if stage in {"srl", "rlvr"} else None
        smaller = f"{node}.micro_batch_tokens=512" if node else "rollout.batch_size=16"
        return ResourceError(
            f"{stage}: out of memory: {str(error).splitlines()[0] if said else 'MemoryError'}",
            f"a smaller batch ({smaller}) or a smaller model; the run goes on from where it was",
        )
    return None
