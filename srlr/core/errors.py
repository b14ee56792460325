"""Errors a person can fix, each with its exit code.

    SrlrError
    ├── ConfigError      2   something said on the command line, in a YAML or in the data is wrong
    ├── MissingArtifact  3   a file, an asset, a run or an optional package is not there
    ├── ResourceError    4   the machine said no: memory, disk, permission, a lock, the network
    │   └── LostError    4   a process that worked with this one is gone
    └── GateFailed       5   the work was done and the result is below what was asked for

Anything else that escapes is a bug: it keeps its traceback and exits with 1. Ctrl-C exits with 130.
"""


class SrlrError(Exception):
    """What went wrong, and the one thing to do about it.

    Args:
        what: the fact, with identifiers in quotes; one or several lines.
        hint: what the reader can type or change next.
    """

    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.hint}" if self.hint else self.what


class ConfigError(SrlrError):
    """Something the user wrote cannot be meant: a key, a value, a data row."""

    exit_code = 2


class MissingArtifact(SrlrError):
    """Something that must exist does not: an input file, an asset, an extra."""

    exit_code = 3


class ResourceError(SrlrError):
    """The machine refused: disk, memory, permission, a lock held by another process, the
    network.
    """

    exit_code = 4


class LostError(ResourceError):
    """A process that worked with this one is gone; what ended it is the error to tell."""


class GateFailed(SrlrError):
    """The stage ran and its result does not reach the floor that was asked for."""

    exit_code = 5
