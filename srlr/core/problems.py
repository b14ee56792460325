"""What is wrong with a configuration, and who said it: collected first, raised all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srlr.core.errors import ConfigError

UNSAID = object()


@dataclass(frozen=True, slots=True)
class Source:
    """Who set a value. `where` is the file's name, the variable with its value, the word typed, or
    the run's file."""

    kind: Literal["file", "environment", "command line", "select", "run", "default"]
    where: str

    def __str__(self) -> str:
        return self.where if self.kind in ("file", "run") else f"{self.kind}: {self.where}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot be meant."""

    key: str
    what: str
    """What is wrong and what is allowed."""
    value: Any = UNSAID
    nearest: str | None = None
    """What was probably meant, as it would be typed."""
    source: Source | None = None

    def __str__(self) -> str:
        said = self.key if self.value is UNSAID else f"{self.key} = {_shown(self.value)}"
        meant = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        by = f" ({self.source})" if self.source else ""
        return f"{said}: {self.what}{meant}{by}"


def refuse(problems: Sequence[Problem]) -> None:
    """Nothing, where there is nothing wrong.

    Raises:
        ConfigError: names every problem with its key, value, what is allowed, the nearest valid
        name and who said it.
    """
    if not problems:
        return
    if len(problems) == 1:
        what = str(problems[0])
    else:
        lines = "".join(f"\n  {one}" for one in problems)
        what = f"{len(problems)} things in the configuration are wrong:{lines}"
    raise ConfigError(what, _hint(problems))


def _hint(problems: Sequence[Problem]) -> str:
    meant = [one.nearest for one in problems if one.nearest]
    if meant and len(problems) == 1:
        return f"say {meant[0]}"
    if any("no such option" in one.what for one in problems):
        return "see what there is: `srlr config groups`"
    return "see what a key takes: `srlr config explain KEY`"


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
