"""What generate tells people: a line for the screen, and report.md with examples."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from srlr.collaboration.estimate import Estimate
from srlr.core.teaching import Budget
from srlr.core.types import Trajectory

EXAMPLES = 3


def tally(words: Iterable[str]) -> dict[str, int]:
    """How often each word occurs, the most frequent first."""
    counts = Counter(words)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def notes(summary: Mapping[str, Any]) -> list[str]:
    """Lines worth reading at once: the shares, and whatever is less than was asked for."""
    shares = summary["shares"]
    kinds = ", ".join(f"{kind} {count}" for kind, count in summary["overridden"].items())
    lines = [
        f"agreed {shares['agreed']:.1%}, overridden {shares['overridden']:.1%}"
        f"{f' ({kinds})' if kinds else ''}, rejected {shares['rejected']:.1%}"
        f" of {summary['asked']:,} trajectories"
    ]
    if summary["drawn"] < summary["num_tasks"]:
        lines.append(
            f"only {summary['drawn']:,} of {summary['num_tasks']:,} tasks: the data have no more"
        )
    if summary["cost"] is not None:
        lines.append(_cost(summary["cost"], summary["accepted"]))
    if summary["unwritten"]:
        counts = Counter[str]()
        for why, count in summary["unwritten"].items():
            counts[why.partition(":")[0]] += count
        said = ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())
        lines.append(
            f"nothing to judge for {counts.total():,} tasks ({said}): see generate/unwritten.jsonl"
        )
    if summary["rejected"]:
        lines.append(
            f"{summary['accepted']:,} trajectories instead of {summary['asked']:,}; "
            f"the {summary['rejected']:,} tasks without one go to RLVR"
        )
    dropped = summary["dropped"]
    if any(dropped.values()):
        lines.append(
            f"left out of training: {dropped['contaminated']:,} that repeat held-out rows, "
            f"{dropped['near_duplicates']:,} near-duplicates"
        )
    return [*lines, *_redaction(summary["redacted"])]


def _redaction(told: Mapping[str, Any]) -> list[str]:
    if not told["classes"]:
        return ["nothing was redacted: generate.redact.classes is empty"]
    if not told["training_rows"]:
        return []
    found = ", ".join(f"{kind} {count:,}" for kind, count in told["found"].items())
    return [f"redacted in {told['training_rows']:,} training rows: {found or 'ids'}"]


def _cost(cost: Mapping[str, Any], accepted: int) -> str:
    """A line on what the teachers' requests have taken."""
    usd = cost["usd"]
    line = f"{cost['sent']:,} requests, {cost['replayed']:,} answers from the journal, "
    line += f"{cost['tokens']:,} tokens"
    if usd is not None:
        line += f", ${usd:.4f}"
    if accepted:
        each = f"${usd / accepted:.6f} and " if usd is not None else ""
        line += f": {each}{cost['tokens'] / accepted:,.0f} tokens an accepted trajectory"
    if cost["unfinished"]:
        line += f"; {cost['unfinished']} that a stop had cut off are counted in full"
    return line


def foreseen(asked: Estimate, budget: Budget) -> str:
    """What the teachers' requests may take, for a dry run."""
    price = "at a price that is not known" if asked.usd is None else f"about ${asked.usd:,.2f}"
    line = f"about {asked.requests:,} requests to the teacher, {asked.tokens:,} tokens, {price}"
    limits = [
        *([f"${budget.usd:,g}"] if budget.usd is not None else []),
        *([f"{budget.tokens:,} tokens"] if budget.tokens is not None else []),
    ]
    return f"{line}, never more than {' or '.join(limits)}" if limits else line


def report(
    summary: Mapping[str, Any], accepted: Sequence[Trajectory], rejected: Sequence[Trajectory]
) -> str:
    """The report in Markdown."""
    rows = [
        ("agreed: without an override", "agreed", summary["agreed"]),
        ("overridden", "overridden", sum(summary["overridden"].values())),
        ("rejected", "rejected", summary["rejected"]),
    ]
    parts = [
        "# Generated trajectories",
        f"Seed {summary['seed']}; {summary['drawn']:,} tasks drawn from {summary['available']:,}, "
        f"{summary['use']['srl']:,} for SRL and {summary['use']['rlvr']:,} for RLVR.",
        _table(
            ("outcome", "tasks", "share"),
            [(what, f"{count:,}", f"{summary['shares'][key]:.1%}") for what, key, count in rows],
        ),
        _counts("Overrides", summary["overridden"]),
        _counts("Labels drawn", summary["labels"]),
        _counts("Why there is nothing to judge", summary["unwritten"]),
        _counts("Why trajectories were turned down", tally(i for t in rejected for i in t.issues)),
        "## Notes\n\n" + "\n".join(f"- {note}" for note in summary["notes"]),
        "## Accepted, for example",
        *(_example(trajectory) for trajectory in _varied(accepted)),
    ]
    if rejected:
        parts += ["## Rejected, for example", *map(_example, rejected[:EXAMPLES])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _varied(accepted: Sequence[Trajectory]) -> list[Trajectory]:
    """The first trajectory of each override, and of none, at most two more than EXAMPLES."""
    first: dict[str, Trajectory] = {}
    for trajectory in accepted:
        first.setdefault(str(trajectory.meta.get("override")), trajectory)
    return list(first.values())[: EXAMPLES + 2]


def _counts(title: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    return f"## {title}\n\n" + _table(("what", "count"), [(k, f"{n:,}") for k, n in counts.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _example(trajectory: Trajectory) -> str:
    quoted = " ".join(trajectory.task.prompt.split())
    steps = "\n".join(
        f"{n}. `{step.action}` ({step.reward:g}) {step.reasoning}"
        for n, step in enumerate(trajectory.steps, 1)
    )
    issues = "".join(f"\n- {issue}" for issue in trajectory.issues)
    return f"> {quoted}\n\n{steps}" + (f"\n{issues}" if issues else "")
