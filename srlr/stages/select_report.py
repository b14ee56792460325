"""report.md of select, made from the decision record alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from srlr.stages import select_costs


def markdown(decision: Mapping[str, Any]) -> str:
    """The record as Markdown."""
    said = decision["model_selection"]
    stand_in = f", standing in for tier {said['stand_in_for']}" if said["stand_in_for"] else ""
    parts = [
        f"# Selected: {said['selected_model']}{stand_in}",
        f"Role {said['role']}, tier {said['tier']}, {said['timestamp']}; "
        f"review by {said['review_by']}.",
        "\n".join(f"- {line}" for line in (*said["reasoning"], *aside(said))),
        table("Alternatives", ("name", "score", "why_not"), said["alternatives_considered"]),
        table("Excluded", ("name", "constraint", "figure"), said["excluded"]),
        table(
            "Criteria of the selected model",
            ("family", "criterion", "weight", "score", "basis", "note"),
            criteria(said["criteria_breakdown"]),
        ),
        _tree(said["decision_tree"]),
        table(
            "How far a weight can move",
            ("criterion", "weight", "same_choice_from", "same_choice_to", "else"),
            said["sensitivity"]["weights"],
        ),
        _wins(said["sensitivity"]["wins_under_random_weights"]),
        _results("Computed before anything is loaded", said["computed_checks"]),
        _results("Validation", said["validation_results"]),
        *(measured(said) if "measured" in said else ()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def aside(said: Mapping[str, Any]) -> list[str]:
    """What measuring has changed of the decision, or why it has not."""
    before, kept = said.get("on_claims"), said.get("kept_because")
    lines = [] if not kept else [kept]
    if before is not None:
        name, score = before["selected_model"], before["selection_score"]
        same = "too" if name == said["selected_model"] else "instead"
        lines.append(f"by what is claimed: {name} {same}, {score:.3f}")
    return lines


def measured(said: Mapping[str, Any]) -> list[str]:
    """What was measured, what memory was computed, and what it costs: a section each."""
    missing = [f"- {name}: not measured: {why}" for name, why in said["not_measured"].items()]
    busy = max((one["busy_cores"] for one in said["measured"].values()), default=0.0)
    if busy >= 1:
        missing.append(f"- Others kept up to {busy:g} cores busy: idle, times are shorter.")
    rows = [{"model": name, **figures(one)} for name, one in said["measured"].items()]
    sections = [
        table("Measured", list(rows[0]), rows) if rows else "## Measured\n",
        "\n".join(missing),
        table("Memory, computed", ("when", "GB", "of"), memory(said["memory_fit"])),
        "\n".join(select_costs.lines(said["costs"])),
    ]
    return [section for section in sections if section]


def figures(one: Mapping[str, Any]) -> dict[str, str]:
    """A measured model's figures by what they are, as people read them."""
    first, whole = (
        " / ".join(f"{one[kind][p]:g}" for p in ("p50", "p95", "p99"))
        for kind in ("first_token_ms", "answer_ms")
    )
    f1 = one["macro_f1"]
    return {
        "first token P50 / P95 / P99, ms": first,
        "answer P50 / P95 / P99, ms": whole,
        "answers/s": f"{one['answers_per_s']:g} ({one['at_once']} at once)",
        "right, 95 % interval": "{:.3f} [{:.3f}, {:.3f}]".format(*one["accuracy"]),
        "macro F1": "–" if f1 is None else "{:.3f} [{:.3f}, {:.3f}]".format(*f1),
        "peak memory, GB": f"{one['peak_memory_gb']:g} ({one['computed_memory_gb']:g} computed)",
    }


def memory(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """The computed peaks, each with its terms."""

    def how(name: str, one: Mapping[str, Any]) -> str:
        load = f"{one['rows']} rows of {one['tokens']} tokens" if name == "serving" else ""
        return f"{name}, {load or one['tuning']}"

    return [
        {
            "when": how(name, one),
            "GB": f"{one['peak_gb']:g}",
            "of": ", ".join(
                f"{part.replace('_', ' ')} {gb:g}" for part, gb in one["parts_gb"].items()
            ),
        }
        for name, one in found.items()
    ]


def criteria(breakdown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the breakdown: what weighs something first, the rest by family."""
    rows = [
        {"family": family, "criterion": name, **mark}
        for family, marks in breakdown.items()
        for name, mark in marks.items()
    ]
    return sorted(rows, key=lambda row: -row["weight"])


def table(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A section with a table; '' without rows."""
    if not rows:
        return ""
    head = "| " + " | ".join(column.replace("_", " ") for column in columns) + " |"
    rule = "|" + "---|" * len(columns)
    body = ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    return "\n".join([f"## {title}\n", head, rule, *body])


def _tree(tree: Mapping[str, Any]) -> str:
    lines = [f"- {line}" for line in tree["path"]]
    lines += [f"- {tree['use']}", f"- weights: {tree['weights_from']}"]
    return "\n".join([f"## Decision tree of family {tree['family']}\n", *lines])


def _wins(found: Mapping[str, Any]) -> str:
    rows = [{"model": name, "wins": f"{share:.1%}"} for name, share in found["share"].items()]
    return table(f"Wins under {found['draws']} random weightings", ("model", "wins"), rows)


def _results(title: str, results: Mapping[str, str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {name}: {result}" for name, result in results.items())


def _cell(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
