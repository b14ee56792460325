"""What the guardrails find, what they find in harmless texts, and how long that takes.

python -m benchmarks.guard DATA_DIR [DIR …] [--show N]

The folders hold gzipped JSON Lines as benchmarks.guard_data describes them. Nothing of split
`train` is measured, as weights, thresholds and patterns were made with it: attacks, insults and
personal data are those of the other splits; of a harmless set with one split, half by hash.

--show N   the first N texts of each sort that were missed, or found without reason
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from benchmarks import guard_data as data
from benchmarks.redaction import CLASS_OF, Rate, said
from benchmarks.timing import machine, table
from srlr.core.guarding import Guard, InputConcern, Level, OutputConcern, RoleGuard
from srlr.serving.guard import scorer, views
from srlr.serving.guard.checking import check_input, check_output
from srlr.serving.guard.policy import LEVELS, Policy, policy
from srlr.serving.guard.rules import RULES

SIZE = 1000
"""Characters of the texts that are timed, and of harmless rows joined."""
SCORER = "injection.scorer"
ALONE = "scorer alone"


class Seen(NamedTuple):
    """A text with the rules that found something, by level."""

    row: data.Row
    rules: dict[Level, frozenset[str]]

    def found(self, level: Level, concern: str) -> bool:
        return any(RULES[rule].concern == concern for rule in self.rules[level] - {ALONE})


def telling(level: Level) -> Policy:
    """A policy that tells everything that it finds."""
    into: dict[Any, Any] = dict.fromkeys(get_args(InputConcern), "log")
    out: dict[Any, Any] = dict.fromkeys(get_args(OutputConcern), "log")
    return policy(Guard(level=level), RoleGuard(input=into, output=out))


def look(rows: Sequence[data.Row]) -> list[Seen]:
    policies = {level: telling(level) for level in LEVELS}
    return [
        Seen(row, {level: rules(row.text, policies[level]) for level in LEVELS}) for row in rows
    ]


def rules(text: str, asked: Policy) -> frozenset[str]:
    found = {one.rule for one in (*check_input(text, asked), *check_output(text, asked))}
    parts = scorer.sentences(views.plain(text))
    if scorer.above(parts, "injection", asked.level) is not None:
        found.add(ALONE)
    return frozenset(found)


def joined(rows: Sequence[data.Row]) -> list[data.Row]:
    """Neighbouring prose of a set as texts of SIZE characters."""
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


def shares(seen: Sequence[Seen], concern: str, group: Callable[[data.Row], str]) -> str:
    """By group, and of all: the share in which the concern is found at each level."""
    groups = defaultdict[str, list[Seen]](list)
    for one in seen:
        groups[group(one.row)].append(one)
    lines = []
    for name, some in [*sorted(groups.items()), ("all", list(seen))]:
        cells = [name, f"{len(some):,}"]
        for level in LEVELS:
            rate = Rate(sum(one.found(level, concern) for one in some), len(some))
            share, bounds = said(rate, 2, 100)
            cells.append(f"{share} ({bounds})")
        lines.append(cells)
    return table(["%", "texts", *LEVELS], lines)


def ablated(attacks: Sequence[Seen], harmless: Sequence[Seen]) -> str:
    """The patterns alone, the scorer alone, both: attacks found and harmless texts found."""
    arms: dict[str, Callable[[Seen, Level], bool]] = {
        "patterns": lambda one, level: any(
            rule.startswith("injection.") and rule != SCORER for rule in one.rules[level]
        ),
        "scorer": lambda one, level: ALONE in one.rules[level],
        "both": lambda one, level: one.found(level, "injection"),
    }
    told = []
    for name, found in arms.items():
        for level in LEVELS:
            hit, wrong = (
                Rate(sum(found(one, level) for one in some), len(some))
                for some in (attacks, harmless)
            )
            told.append([f"{name}, {level}", *said(hit, 1, 100), *said(wrong, 2, 100)])
    return table(["what", "attacks found, %", "95 %", "harmless found, %", "95 %"], told)


def personal(rows: Sequence[data.Row]) -> str:
    """By class of personal data, the share of which at least half is replaced."""
    asked = telling("balanced")
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
    """Processor time: what other programs take is not the guardrails'."""
    told = []
    for level in LEVELS:
        asked = policy(Guard(level=level))
        for name, check in (("in", check_input), ("out", check_output)):
            took = []
            warm = texts[:50]
            for text in (*warm, *texts):
                began = time.thread_time()
                check(text, asked)
                took.append(1000 * (time.thread_time() - began))
            cuts = statistics.quantiles(took[len(warm) :], n=100)
            told.append([f"{name}, {level}", *(f"{cuts[at - 1]:.2f}" for at in (50, 90, 99))])
    return table([f"ms for {SIZE:,} characters", "p50", "p90", "p99"], told)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--show", type=int, default=0)
    asked = parser.parse_args(argv)
    paths = sorted(path for folder in asked.folders for path in folder.glob("*.jsonl.gz"))
    named = {data.name_of(path): path for path in paths}
    rows = [row for row in data.harmless(paths) if row.split != "train"]
    prose = joined(rows)
    harmless = look([*rows, *prose])
    print(f"## Guardrails\n\n{machine()}")
    attacks = look(_measured(data.injections(named["security_prompt_injection"])))
    bad = [one for one in attacks if one.row.bad]
    print(f"\n### Injection: attacks found\n\n{shares(bad, 'injection', lambda row: row.source)}")
    print(f"\n{ablated(bad, harmless)}")
    insults = look(
        [
            row
            for name in ("moderation_davidson", "moderation_surge_toxicity")
            for row in _measured(data.toxic(named[name]))
        ]
    )
    print(f"\n### Toxicity: found by label\n\n{shares(insults, 'toxicity', lambda row: row.kind)}")
    pii = _measured(data.personal(named["security_pii_presidio"]))
    print(f"\n### Personal data: values found\n\n{personal(pii)}")
    for concern in ("injection", "harm", "toxicity", "pii", "secret"):
        print(f"\n### Found in harmless texts: {concern}\n")
        print(shares(harmless, concern, lambda row: row.source))
    print(f"\n### Time\n\n{timed([row.text for row in prose])}")
    for what, seen, concern in (
        ("missed", attacks, "injection"),
        ("missed", insults, "toxicity"),
        *(("found", harmless, one) for one in ("injection", "harm", "toxicity", "pii", "secret")),
    ):
        wrong = [one for one in seen if one.found("balanced", concern) != one.row.bad]
        for one in wrong[: asked.show]:
            told = sorted(one.rules["balanced"])
            print(f"{what} {concern} {one.row.source} {told}: {one.row.text[:240]!r}")


def _measured(rows: Any) -> list[data.Row]:
    return [row for row in rows if row.split != "train"]


if __name__ == "__main__":
    main()
