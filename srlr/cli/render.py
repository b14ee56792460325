"""The only printer: results on stdout, everything said on the way there on stderr.

stdout  one table or text for people, or one JSON envelope for machines; never both
stderr  progress, notes, warnings, errors
"""

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from srlr import __version__

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

SCHEMA = 1
"""The version of the JSON envelope; it grows when a field changes its meaning or goes away."""

PLAIN_EVERY_S = 10.0
"""Without a terminal, a running step says one line in this many seconds."""

Sink = Callable[[str, int, int, Mapping[str, float]], None]


def envelope(kind: str, data: Any) -> dict[str, Any]:
    """What every `--json` answer looks like."""
    return {"srlr": __version__, "schema": SCHEMA, "kind": kind, "data": data}


def emit(
    kind: str,
    data: Any,
    *,
    as_json: bool = False,
    human: Callable[[], object] | str | None = None,
) -> None:
    """A command's result: `data` in an envelope, or `human`, a text or a function that prints."""
    if as_json:
        print(_json(envelope(kind, data), indent=2))
    elif callable(human):
        human()
    elif human is not None:
        print(human)
    sys.stdout.flush()


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent, allow_nan=False)


def _plain(value: Any) -> Any:
    """`value` made of what JSON has: NaN and infinity become null, anything unknown its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)


def line(value: Any) -> None:
    """One JSON Lines row on stdout, out at once: the other end of a pipe sees it now."""
    print(_json(value), flush=True)


def text(value: str) -> None:
    """A line of plain text on stdout, exactly as it is."""
    print(value)


def exact(value: str) -> None:
    """Text on stdout without a line's end of its own."""
    sys.stdout.write(value)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str = "",
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """A table on stdout; columns in `right` hold figures, those in `whole` are never broken."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        box=SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        figures = column in right
        drawn.add_column(
            column,
            justify="right" if figures else "left",
            no_wrap=figures or column in whole,
            overflow="fold",
        )
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    _print(drawn)


def note(message: str) -> None:
    """A remark for the person at the terminal, on stderr."""
    _say(message)


def error(what: str, hint: str = "", *, as_json: bool = False, exit_code: int = 1) -> None:
    """An error and what to do about it, on stderr; with `as_json` also an envelope on stdout."""
    _say(f"error: {what}")
    if hint:
        _say(f"  fix: {hint}")
    if as_json:
        emit("error", {"what": what, "hint": hint, "exit_code": exit_code}, as_json=True)


def confirm(question: str) -> bool:
    """Whether a person at a terminal says yes; without one nobody can, so no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _say(message: str) -> None:
    # Plain print: rich would wrap a path at column 80 and nobody could copy it. stderr is looked up
    # at call time, because a live bar replaces it and draws around what is written there.
    with contextlib.suppress(BrokenPipeError):
        print(message, file=sys.stderr, flush=True)


def _print(renderable: "RenderableType") -> None:
    _console(sys.stdout).print(renderable)


def _console(file: TextIO) -> "Console":
    from rich.console import Console

    return Console(file=file, highlight=False, soft_wrap=False)


# -- progress --------------------------------------------------------------------------------------


@dataclass
class Pace:
    """How fast one step goes, counted from its first event: a resume adds nothing.

    `last_done` is where it was last: less than that is said by another that goes by the same name,
    of the next run of an ablation or after a return to an earlier step.
    """

    first_done: int
    started_s: float
    said_s: float = field(default=float("-inf"))
    last_done: int = 0

    def rate(self, done: int, now_s: float) -> float | None:
        """Items a second, None before there is anything to divide."""
        elapsed, items = now_s - self.started_s, done - self.first_done
        return items / elapsed if elapsed > 0 and items > 0 else None

    def text(self, done: int, total: int, now_s: float) -> str:
        """`2.5/s, 0:40 left`: for a rate below one a second, seconds for one."""
        rate = self.rate(done, now_s)
        if rate is None:
            return ""
        speed = f"{_short(rate)}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
        if done >= total:
            return f"{speed}, took {duration(now_s - self.started_s)}"
        return f"{speed}, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """`0:07`, `12:30` or `1:02:05`."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


def gigabytes(size_bytes: float) -> str:
    """`812 KB`, `5.3 MB` or `1.24 GB` (powers of ten)."""
    for unit, scale, digits in (("GB", 1e9, 2), ("MB", 1e6, 1)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.{digits}f} {unit}"
    return f"{size_bytes / 1e3:.0f} KB"


def _short(number: float) -> str:
    if number >= 1e6:
        return f"{number / 1e6:.1f}M"
    return f"{number:.0f}" if number >= 100 or number == int(number) else f"{number:.1f}"


def _figures(figures: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in list(figures.items())[:4])


@contextlib.contextmanager
def progress_sink(
    *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
) -> Iterator[Sink]:
    """What a run or a download reports to: a live bar on a terminal, else a line now and then."""
    if quiet:
        yield lambda what, done, total, figures=None: None  # type: ignore[misc]
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _Live(bars, clock)
    else:
        yield _Lines(clock)


class _Lines:
    """Plain lines: the first event of a step, one in PLAIN_EVERY_S, and its end."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.steps: dict[str, Pace] = {}

    def __call__(
        self, what: str, done: int, total: int, figures: Mapping[str, float] | None = None
    ) -> None:
        now_s = self.clock()
        if what not in self.steps or done < self.steps[what].last_done:
            self.steps[what] = Pace(done, now_s)
        pace = self.steps[what]
        pace.last_done = done
        finished = done >= total
        if not finished and now_s - pace.said_s < PLAIN_EVERY_S:
            return
        pace.said_s = now_s
        parts = [f"{_short(done)}/{_short(total)}", pace.text(done, total, now_s)]
        _say(f"{what}: " + " · ".join(p for p in (*parts, _figures(figures or {})) if p))
        if finished:
            del self.steps[what]


class _Live:
    """Bars that redraw in place; a step's bar stays when it is full."""

    def __init__(self, bars: "Progress", clock: Callable[[], float]) -> None:
        self.bars, self.clock = bars, clock
        self.steps: dict[str, tuple[TaskID, Pace]] = {}

    def __call__(
        self, what: str, done: int, total: int, figures: Mapping[str, float] | None = None
    ) -> None:
        now_s = self.clock()
        if what not in self.steps or done < self.steps[what][1].last_done:
            task = self.bars.add_task(what, total=total, count="", pace="")
            self.steps[what] = (task, Pace(done, now_s))
        task, pace = self.steps[what]
        pace.last_done = done
        # A terminal that went away must not take the training along: rich would exit here.
        with contextlib.suppress(SystemExit, OSError):
            self.bars.update(
                task,
                completed=done,
                total=total,
                count=f"{_short(done)}/{_short(total)}",
                pace=" ".join(
                    filter(None, (pace.text(done, total, now_s), _figures(figures or {})))
                ),
            )
        if done >= total:
            del self.steps[what]


def _bars() -> "Progress":
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[count]}", markup=False),
        TextColumn(
            "{task.fields[pace]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=_console(sys.stderr),
        refresh_per_second=4,
        expand=True,
    )
