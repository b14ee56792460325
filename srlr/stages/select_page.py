"""report.html of select: the decision record as one self-contained page.

Names and notes come from cards that anybody may have written: everything but our own drawings is
escaped, and the page forbids scripts and every kind of loading to the browser.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from srlr.evaluation import break_even, page
from srlr.stages import select_costs, select_plots, select_report


def html(decision: Mapping[str, Any]) -> str:
    """The page in one file: no script, no request, no asset; the same text for equal records."""
    said = decision["model_selection"]
    return (
        page.environment()
        .get_template("select.html.j2")
        .render(
            said=said,
            tables=select_report,
            costs=select_costs,
            drawings=drawings(said),
        )
    )


def drawings(said: Mapping[str, Any]) -> dict[str, Markup]:
    """Our own SVG by name, marked as safe for the template; '' without two models to compare."""
    marks = [mark for family in said["criteria_breakdown"].values() for mark in family.items()]
    weights = {name: mark["weight"] for name, mark in marks if mark["weight"] > 0}
    found = dict.fromkeys(("moves", "wins", "break_even"), "")
    found["scores"] = select_plots.scores(said["scores"], weights)
    costs = said.get("costs", {})
    if costs.get("break_even"):
        own, offers = select_costs.compared(costs)
        volume, model = costs["requests_per_month"], said["selected_model"]
        found["break_even"] = break_even.drawing(own, offers, volume, model)
    if len(said["scores"]) > 1:
        shares = said["sensitivity"]["wins_under_random_weights"]["share"]
        found["moves"] = select_plots.sensitivity(said["sensitivity"]["weights"])
        found["wins"] = select_plots.wins(shares)
    # safe: matplotlib and plots.svg escape the names of models and criteria in them
    return {name: Markup(one) for name, one in found.items()}
