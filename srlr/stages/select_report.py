"""report.md of select, made from the decision record alone."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(decision: Mapping[str, Any]) -> str:
    """The record as Markdown."""
    said = decision["model_selection"]
    stand_in = f", standing in for tier {said['stand_in_for']}" if said["stand_in_for"] else ""
    parts = [
        f"# Selected: {said['selected_model']}{stand_in}",
        f"Role {said['role']}, tier {said['tier']}, {said['timestamp']}; "
        f"review by {said['review_by']}.",
        "\n".join(f"- {line}" for line in said["reasoning"]),
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
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


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
