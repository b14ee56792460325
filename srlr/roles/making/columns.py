"""Which column of a table holds the texts and which the labels."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.roles.data import SHOWN, SUFFIXES
from srlr.roles.rows import Row, rows_of

TEXTS = (
    "text", "content", "body", "message", "sentence", "review", "comment", "question", "prompt",
    "description", "title", "subject",
)  # fmt: skip
LABELS = (
    "label", "class", "category", "intent", "topic", "tag", "sentiment", "target", "type",
    "department", "queue", "priority",
)  # fmt: skip
"""Names that columns of texts and of labels are likely to have, the likeliest first."""
RESERVED = {"id", "group", "split", "metadata"}
MOST_LABELS = 50
LONGEST_LABEL = 40
"""Characters."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table's rows, and which of its columns are meant. `labels` are sorted."""

    path: Path
    rows: tuple[Mapping[str, str], ...]
    text: str
    label: str
    labels: tuple[str, ...]

    @property
    def longest(self) -> int:
        """What role.max_prompt_chars must be, at least 2000."""
        return max(2000, *(len(row[self.text]) for row in self.rows))


def read(path: Path, text: str | None = None, label: str | None = None) -> Table:
    """The table at `path`; columns that are not named are inferred.

    Raises:
        MissingArtifact: there is no such file.
        ConfigError: it is empty or ill-formed, a row lacks its text or label, no column can be
            taken, or the labels are none.
    """
    rows = _rows(path)
    columns = list(dict.fromkeys(name for row in rows for name in row.values))
    kept = [{name: _plain(row.values.get(name)) for name in columns} for row in rows]
    for option, name in (("--text", text), ("--label", label)):
        if name is not None and name not in columns:
            near = difflib.get_close_matches(name, columns, 1)
            raise ConfigError(
                f"{path.name!r} has no column {name!r}: it has {', '.join(columns)}",
                f"{option} {near[0]}" if near else f"{option} with one of these",
            )
    chosen_label = label or _label_column(path, kept, [c for c in columns if c != text])
    labels = _labels(path, [row[chosen_label] for row in kept], chosen_label)
    chosen_text = text or _text_column(path, kept, [c for c in columns if c != chosen_label])
    if chosen_text == chosen_label:
        raise ConfigError(
            f"column {chosen_text!r} cannot be text and label at once", "name two columns"
        )
    _refuse_gaps(path, rows, kept, (chosen_text, chosen_label))
    return Table(path, tuple(kept), chosen_text, chosen_label, labels)


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise MissingArtifact(f"there is no file {str(path)!r}", "--from-csv PATH of a table")
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"{str(path)!r}: {path.suffix or 'no suffix'!r} is not read",
            f"give a file that ends in {', '.join(SUFFIXES)}",
        )
    rows = list(rows_of(path))
    bad = [f"{row.where}: {row.problem}" for row in rows if row.problem]
    if bad:
        raise ConfigError(
            f"{str(path)!r}: {_listed(bad)}", "correct these rows; nothing was written"
        )
    if not rows:
        raise ConfigError(
            f"{str(path)!r} has no rows", "the first line names the columns, a row follows each"
        )
    only = next(iter(rows[0].values)) if len(rows[0].values) == 1 else ""
    if wrong := next((sign for sign in ";\t|" if sign in only), None):
        raise ConfigError(
            f"{str(path)!r}: its columns are separated by {wrong!r}", "save it with commas"
        )
    return rows


def _plain(value: object) -> str:
    return "" if value is None else str(value).strip()


def _label_column(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    """A likely name first, then the column with the fewest different values."""
    fits = {name: n for name in columns if 2 <= (n := _different(rows, name)) <= _most(rows)}
    fits = {name: n for name, n in fits.items() if name.lower() not in RESERVED}
    if not fits:
        raise ConfigError(
            f"{path.name!r}: no column looks like labels ({_described(rows, columns)})",
            "say which: --label COLUMN; each label should be there several times",
        )
    return min(fits, key=lambda name: (_place(name, LABELS), fits[name]))


def _text_column(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    """A likely name first, then the column with the longest texts."""
    fits = [name for name in columns if name.lower() not in RESERVED and _words(rows, name) >= 2]
    if not fits:
        raise ConfigError(
            f"{path.name!r}: no column looks like texts ({_described(rows, columns)})",
            "say which: --text COLUMN",
        )
    return min(fits, key=lambda name: (_place(name, TEXTS), -_words(rows, name)))


def _place(name: str, likely: Sequence[str]) -> int:
    low = name.strip().lower()
    return likely.index(low) if low in likely else len(likely)


def _different(rows: Sequence[Mapping[str, str]], name: str) -> int:
    return len({row[name] for row in rows if row[name]})


def _most(rows: Sequence[Mapping[str, str]]) -> int:
    """Different values of a column that may be labels: each is there twice and more."""
    return min(MOST_LABELS, len(rows) // 2)


def _words(rows: Sequence[Mapping[str, str]], name: str) -> float:
    """Of a text, on average over those that are not empty."""
    counts = [len(row[name].split()) for row in rows if row[name]]
    return sum(counts) / max(1, len(counts))


def _described(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    return "; ".join(
        f"{name}: {_different(rows, name)} different values in {len(rows)} rows" for name in columns
    )


def _refuse_gaps(
    path: Path, rows: Sequence[Row], kept: Sequence[Mapping[str, str]], names: Sequence[str]
) -> None:
    gaps = [
        f"{row.where}: {name!r} is empty"
        for row, values in zip(rows, kept, strict=True)
        for name in names
        if not values[name]
    ]
    if gaps:
        raise ConfigError(f"{path.name!r}: {_listed(gaps)}", "fill in or remove these rows")


def _labels(path: Path, values: Sequence[str], column: str) -> tuple[str, ...]:
    counts = Counter(value for value in values if value)
    where = f"{path.name!r}: column {column!r}"
    if len(counts) < 2:
        raise ConfigError(
            f"{where} has one label only, {next(iter(counts), '')!r}", "--label COLUMN"
        )
    if len(counts) > MOST_LABELS:
        raise ConfigError(
            f"{where} has {len(counts)} different values, labels are at most {MOST_LABELS}",
            "--label COLUMN, or put rare labels together",
        )
    for label in counts:
        if len(label) > LONGEST_LABEL or not label.isprintable():
            raise ConfigError(
                f"{where}: {label[:LONGEST_LABEL]!r} is no label: one line, at most "
                f"{LONGEST_LABEL} characters",
                "--label COLUMN, or shorten it",
            )
    by_letters: dict[str, str] = {}
    for label in sorted(counts):
        other = by_letters.setdefault(label.lower(), label)
        if other != label:
            raise ConfigError(f"{where}: {other!r} and {label!r} are one label", "write it one way")
    return tuple(sorted(counts))


def _listed(problems: Sequence[str]) -> str:
    shown = "\n  ".join(problems[:SHOWN])
    rest = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"{len(problems)} problems\n  {shown}{rest}" if len(problems) > 1 else problems[0]
