"""What the selected model will cost: to train, to answer, and against models that are paid for by
the token.

writes  select/break_even.svg
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.models import catalog, costs
from srlr.models.costs import Offer, Own
from srlr.models.measured import Measured

PLOT = "select/break_even.svg"
LEARNING = ("srl", "rlvr")


def summary(settings: Settings, rundir: RunDir, found: Measured | None) -> dict[str, Any]:
    """The costs as the decision record has them; what is not known is None, and `why` says why."""
    needs, price = settings.role.requirements, settings.hardware.price_usd_per_hour
    volume = needs.expected_requests_per_month
    trained = training(settings, rundir)
    known = {"price_usd_per_hour": price, "requests_per_month": volume, "training": trained}
    (rundir.path / PLOT).unlink(missing_ok=True)
    if price is None or found is None:
        why = (
            "hardware.price_usd_per_hour is not stated" if price is None else "nothing is measured"
        )
        return {**known, "why": why}
    own = Own(price, found.answers_per_s, found.prompt_tokens, found.answer_tokens)
    folder = None if settings.config_dir is None else Path(settings.config_dir)
    offers = costs.offers(catalog.cards(folder))
    each = [
        asdict(costs.break_even(own, offer, volume, trained["usd"])) | asdict(offer)
        for offer in offers
    ]
    if offers:
        from srlr.evaluation import break_even

        rundir.write_text(PLOT, break_even.standalone(own, offers, volume, found.model))
    return {
        **known,
        "tokens_per_request": [round(own.prompt_tokens, 1), round(own.answer_tokens, 1)],
        "answers_per_s": own.answers_per_s,
        "usd_per_request": own.request_usd,
        "usd_per_1m_tokens": costs.usd_per_1m_tokens(own, None),
        "at_volume": None
        if volume is None
        else {
            "machines": costs.machines(own, volume),
            "usd_per_month": costs.own_monthly_usd(own, volume),
            "usd_per_1m_tokens": costs.usd_per_1m_tokens(own, volume),
        },
        "break_even": each,
        "why": "" if offers else "the catalog has no card that is for_pay and says its prices",
    }


def training(settings: Settings, rundir: RunDir) -> dict[str, Any]:
    """What SRL and RLVR cost on this hardware: in hours that the run took, or is planned to take;
    where nobody states a price, what the tier says.
    """
    from srlr.stages import state

    price = settings.hardware.price_usd_per_hour
    entries = [rundir.status(name) for name in LEARNING]
    if all(entry.get("status") == "done" for entry in entries):
        seconds, basis = sum(entry.get("seconds", 0.0) for entry in entries), "this run took"
    else:
        seconds = sum(state.load(name).plan(settings).seconds for name in LEARNING)
        basis = "this run is planned to take"
    hours = seconds / 3600
    if price is not None:
        return {"usd": hours * price, "hours": hours, "basis": f"what {basis}"}
    usd = settings.tier.training_cost_usd
    return {"usd": usd, "hours": hours, "basis": "what the tier says; no price is stated"}


def compared(found: Mapping[str, Any]) -> tuple[Own, list[Offer]]:
    """Own hardware and the offers that a record's costs compare; no offers where it compares none.

    Raises:
        KeyError: nothing was measured, or no price is stated.
    """
    own = Own(found["price_usd_per_hour"], found["answers_per_s"], *found["tokens_per_request"])
    names = [field.name for field in fields(Offer)]
    return own, [Offer(**{name: one[name] for name in names}) for one in found["break_even"]]


def lines(found: Mapping[str, Any]) -> list[str]:
    """The costs as Markdown."""
    rows = ["## Cost", "", *(f"- {line}" for line in told(found))]
    if found.get("break_even"):
        rows += [
            "",
            "| against | a request | cheaper from, requests a month | training paid back |",
        ]
        rows.append("|---|---|---|---|")
        rows += [f"| {one['name']} | {' | '.join(cells(one))} |" for one in found["break_even"]]
        rows += ["", "![what a month costs](break_even.svg)"]
    return rows


def told(found: Mapping[str, Any]) -> list[str]:
    """The costs in sentences."""
    trained, rows = found["training"], []
    if trained["usd"] is not None:
        rows.append(f"training: ${trained['usd']:,.2f}, {trained['basis']}")
    if "usd_per_request" in found:
        rows.append(
            f"an answer: ${found['usd_per_request']:.3g}, 1M tokens "
            f"${found['usd_per_1m_tokens']:.3g}, on a machine that is always busy at "
            f"${found['price_usd_per_hour']:g} an hour"
        )
    if found.get("at_volume"):
        at = found["at_volume"]
        many = "1 machine" if at["machines"] == 1 else f"{at['machines']} machines"
        rows.append(
            f"{found['requests_per_month']:,} requests a month: ${at['usd_per_month']:,.0f} for "
            f"{many}, ${at['usd_per_1m_tokens']:.3g} per 1M tokens"
        )
    if found["why"]:
        rows.append(f"not computed: {found['why']}")
    return rows


def cells(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """Of one offer: what a request costs, from where own is cheaper, when training is paid back."""
    volume, months = one["requests_per_month"], one["months"]
    begins = f"never: {one['why']}" if volume is None else f"{volume:,.0f}"
    back = "" if months is None else f"in {months:.3g} months"
    return f"${one['request_usd']:.3g}", begins, back
