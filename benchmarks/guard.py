"""What the guardrails find, what they find in harmless texts, and how long that takes.

python -m benchmarks.guard DATA_DIR [DIR …] [--show N] [--only injection toxicity …]

The folders hold gzipped JSON Lines as benchmarks.guard_data describes them. Nothing of split
`train` is measured, as weights, thresholds and patterns were made with it: attacks, insults and
personal data are those of the other splits; of a harmless set with one split, half by hash.

--show N   the first N texts of each sort that were missed, or found without reason
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks import guard_data as data
from benchmarks.redaction import CLASS_OF, Rate, said
from benchmarks.timing import machine, table
from srlr.core.guarding import Guard, InputConcern, Level, OutputConcern, RoleGuard
from srlr.serving.guard.checking import check_input, check_output
from srlr.serving.guard.policy import LEVELS, Policy, policy

Found = Callable[[str], bool]
SIZE = 1000
"""Characters of the texts that are timed, and of harmless rows joined."""
CONCERNS = ("injection", "harm", "toxicity", "pii", "secret")


def only(concern: str, level: Level, *, allow: tuple[str, ...] = ()) -> Policy:
    """A policy that looks for one thing."""
    into: dict[Any, Any] = {
        one: "replace" if one == concern else "allow" for one in get_args(InputConcern)
    }
    out: dict[Any, Any] = {
        one: "replace" if one == concern else "allow" for one in get_args(OutputConcern)
    }
    return policy(Guard(level=level, allow=allow), RoleGuard(input=into, output=out))


def finder(concern: str, level: Level, *, allow: tuple[str, ...] = ()) -> Found:
    """Whether anything of the concern is found, on the side on which it is looked for first."""
    asked = only(concern, level, allow=allow)
    if concern in ("toxicity", "pii", "secret"):
        return lambda text: bool(check_output(text, asked))
    return lambda text: bool(check_input(text, asked))


def joined(rows: Iterable[data.Row]) -> list[data.Row]:
    """Neighbouring prose of a set as texts of about SIZE characters."""
    made, parts, source = [], list[str](), ""
    for row in rows:
        if not row.source.startswith(("sentiment", "dialogue")):
            continue
        if row.source != source:
            parts, source = [], row.source
        parts.append(row.text)
        if sum(map(len, parts)) >= SIZE:
            made.append(data.Row(" ".join(parts)[:SIZE], False, "prose joined", row.split))
            parts = []
    return made


def lines(
    rows: Sequence[data.Row], find: Found, shown: list[str], group: Callable[[data.Row], str]
) -> list[list[str]]:
    """A row of the table for each group, and one for all."""
    hits, n = defaultdict[str, int](int), defaultdict[str, int](int)
    for row in rows:
        found = find(row.text)
        for name in (group(row), "all"):
            hits[name] += found
            n[name] += 1
        if found != row.bad:
            what = "missed" if row.bad else "found"
            shown.append(f"{what} in {group(row)}: {row.text[:300]!r}")
    names = [*sorted(name for name in n if name != "all"), "all"]
    return [
        [name, f"{n[name]:,}", *said(Rate(hits[name], n[name]), 2, 100)]
        for name in names
        if name in n
    ]


def side_by_side(tables: Sequence[list[list[str]]]) -> list[list[str]]:
    return [
        [*rows[0][:2], *(f"{row[2]} ({row[3]})" for row in rows)]
        for rows in zip(*tables, strict=True)
    ]


def recall(concern: str, rows: Sequence[data.Row], shown: list[str]) -> str:
    bad = [row for row in rows if row.bad]
    group: Callable[[data.Row], str] = (
        (lambda row: row.source) if concern == "injection" else (lambda row: row.kind)
    )
    tables = [lines(bad, finder(concern, level), shown, group) for level in LEVELS]
    return table(["%", "rows", *LEVELS], side_by_side(tables))


def ablated(rows: Sequence[data.Row], harmless: Sequence[data.Row]) -> str:
    """The patterns alone, the scorer alone, both: attacks found and harmless texts found."""
    patterns = tuple(
        f"injection.{name}"
        for name in "override persona reveal delimiter embedded tool exfiltrate hidden".split()
    )
    arms = {"patterns": ("injection.scorer",), "scorer": patterns, "both": ()}
    told = []
    for name, allow in arms.items():
        for level in LEVELS:
            find = finder("injection", level, allow=allow)
            found = Rate(sum(find(row.text) for row in rows), len(rows))
            wrong = Rate(sum(find(row.text) for row in harmless), len(harmless))
            told.append([f"{name}, {level}", *said(found, 1, 100), *said(wrong, 3, 100)])
    return table(["what", "attacks found, %", "95 %", "harmless found, %", "95 %"], told)


def personal(rows: Sequence[data.Row]) -> str:
    """By class of personal data, the share that is found whole enough: half of it or more."""
    asked = only("pii", "balanced")
    hits, n = defaultdict[str, int](int), defaultdict[str, int](int)
    for row in rows:
        edits = [edit for one in check_output(row.text, asked) for edit in one.edits]
        for start, end, name in row.spans:
            if name not in CLASS_OF:
                continue
            covered = any(
                2 * (min(end, edit.end) - max(start, edit.start)) >= end - start for edit in edits
            )
            for key in (CLASS_OF[name], "all"):
                hits[key] += covered
                n[key] += 1
    names = [*sorted(name for name in n if name != "all"), "all"]
    return table(
        ["class", "values", "found, %", "95 %"],
        [[name, f"{n[name]:,}", *said(Rate(hits[name], n[name]), 1, 100)] for name in names],
    )


def timed(texts: Sequence[str]) -> str:
    told = []
    for level in LEVELS:
        asked = policy(Guard(level=level))
        for name, check in (("in", check_input), ("out", check_output)):
            for text in texts[:50]:
                check(text, asked)
            took = []
            for text in texts:
                began = time.perf_counter()
                check(text, asked)
                took.append(1000 * (time.perf_counter() - began))
            cuts = statistics.quantiles(took, n=100)
            told.append([f"{name}, {level}", *(f"{cuts[at - 1]:.2f}" for at in (50, 90, 99))])
    return table([f"ms for {SIZE:,} characters", "p50", "p90", "p99"], told)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=CONCERNS, default=CONCERNS)
    asked = parser.parse_args(argv)
    paths = sorted(path for folder in asked.folders for path in folder.glob("*.jsonl.gz"))
    named = {data.name_of(path): path for path in paths}
    harmless = [row for row in data.harmless(paths) if row.split != "train"]
    prose = joined(harmless)
    harmless += prose
    bad = {
        "injection": data.injections(named["security_prompt_injection"]),
        "toxicity": (
            row
            for name in ("moderation_davidson", "moderation_surge_toxicity")
            for row in data.toxic(named[name])
        ),
    }
    print("## Guardrails\n")
    print(machine())
    for concern in asked.only:
        shown: list[str] = []
        if concern in bad:
            rows = [row for row in bad[concern] if row.split != "train"]
            print(f"\n### {concern}: found of what is there\n\n{recall(concern, rows, shown)}")
            good = [row for row in rows if not row.bad]
            tables = [
                lines(good, finder(concern, level), shown, lambda row: row.kind.split("_")[0])
                for level in LEVELS
            ]
            print("\nOf the same sets' harmless rows:\n")
            print(table(["%", "rows", *LEVELS], side_by_side(tables)))
            if concern == "injection":
                print(f"\n{ablated([row for row in rows if row.bad], harmless)}")
        if concern == "pii":
            rows = [r for r in data.personal(named["security_pii_presidio"]) if r.split != "train"]
            print(f"\n### pii: found of what is there\n\n{personal(rows)}")
        tables = [
            lines(harmless, finder(concern, level), shown, lambda row: row.source)
            for level in LEVELS
        ]
        print(f"\n### {concern}: found in harmless texts\n")
        print(table(["%", "texts", *LEVELS], side_by_side(tables)))
        print("\n".join(dict.fromkeys(shown[: asked.show])))
    print(f"\n### Time\n\n{timed([row.text for row in prose])}")


if __name__ == "__main__":
    main()
