"""What answers cost on one's own hardware, what they cost where they are bought, and from which
volume on the one is cheaper than the other. Pure functions of prices and measured speeds, in US
dollars.

Own hardware is rented by the hour, whether it answers or not; a month has HOURS_A_MONTH of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srlr.core.settings import ModelCard
from srlr.models.card import claim, number

HOURS_A_MONTH = 730.0


@dataclass(frozen=True, slots=True)
class Own:
    """A model on hardware by the hour, as fast as it was measured."""

    price_usd_per_hour: float
    answers_per_s: float
    """One machine's, as many at once as it is asked."""
    prompt_tokens: float
    """Of a request, in the mean; as all that follow."""
    answer_tokens: float

    @property
    def monthly_usd(self) -> float:
        """One machine's, busy or not."""
        return self.price_usd_per_hour * HOURS_A_MONTH

    @property
    def monthly_answers(self) -> float:
        """What one machine can give in a month."""
        return self.answers_per_s * 3600 * HOURS_A_MONTH

    @property
    def request_usd(self) -> float:
        """Of a machine that is always busy."""
        return self.price_usd_per_hour / 3600 / self.answers_per_s

    @property
    def tokens(self) -> float:
        """Of a request and its answer together."""
        return self.prompt_tokens + self.answer_tokens


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that is paid for by the token, as its card claims."""

    name: str
    input_usd_per_1m: float
    output_usd_per_1m: float

    def request_usd(self, own: Own) -> float:
        """Of the same request; another tokenizer would make somewhat fewer or more tokens of it."""
        sent = own.prompt_tokens * self.input_usd_per_1m
        return (sent + own.answer_tokens * self.output_usd_per_1m) / 1e6


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Own hardware against one offer."""

    name: str
    request_usd: float
    requests_per_month: float | None
    """The lowest monthly volume at which own hardware costs no more; None: there is none."""
    why: str
    monthly_usd: float | None
    """Of the offer, and of own hardware, at the expected volume; None where nobody states one."""
    own_monthly_usd: float | None
    months: float | None
    """Until what is saved has paid for the training; None: never, or not known."""


def offers(cards: Mapping[str, ModelCard]) -> list[Offer]:
    """The for-pay models of a catalog whose two prices are on their cards, by name."""
    found = []
    for name, card in sorted(cards.items()):
        prices = [number(card, f"price_{way}_usd_per_1m") for way in ("input", "output")]
        if claim(card, "for_pay") and prices[0] is not None and prices[1] is not None:
            found.append(Offer(name, prices[0], prices[1]))
    return found


def machines(own: Own, requests_per_month: float) -> int:
    """How many can answer so many requests, spread evenly over the month."""
    return max(1, math.ceil(requests_per_month / own.monthly_answers))


def own_monthly_usd(own: Own, requests_per_month: float) -> float:
    return machines(own, requests_per_month) * own.monthly_usd


def usd_per_1m_tokens(own: Own, requests_per_month: float | None) -> float:
    """Of prompts and answers together: at a volume, or of machines that are always busy."""
    if requests_per_month is None:
        return own.request_usd / own.tokens * 1e6
    spent = own_monthly_usd(own, requests_per_month)
    return spent / (requests_per_month * own.tokens) * 1e6


def break_even(
    own: Own, offer: Offer, requests_per_month: float | None, training_usd: float | None
) -> BreakEven:
    """Where own hardware begins to be cheaper than an offer.

        V* = monthly price of a machine / price of a request there

    unless a machine cannot answer V* requests in a month: then each further machine costs more than
    what it can take over, and there is no such volume.
    """
    bought = offer.request_usd(own)
    volume, why = _volume(own, bought)
    theirs = None if requests_per_month is None else bought * requests_per_month
    ours = None if requests_per_month is None else own_monthly_usd(own, requests_per_month)
    return BreakEven(
        offer.name, bought, volume, why, theirs, ours, _months(theirs, ours, training_usd)
    )


def _volume(own: Own, bought_usd: float) -> tuple[float | None, str]:
    if own.monthly_usd == 0:
        return 0.0, "own hardware costs nothing an hour"
    if bought_usd == 0:
        return None, "the offer costs nothing"
    volume = own.monthly_usd / bought_usd
    if volume > own.monthly_answers:
        return None, (
            f"a machine that is always busy pays ${own.request_usd:.3g} a request, "
            f"more than the offer's ${bought_usd:.3g}"
        )
    return volume, f"${own.monthly_usd:,.0f} a month over ${bought_usd:.3g} a request"


def _months(theirs: float | None, ours: float | None, training_usd: float | None) -> float | None:
    if theirs is None or ours is None or training_usd is None or theirs <= ours:
        return None
    return training_usd / (theirs - ours)


def curve(own: Own, offer: Offer | None, volumes: Sequence[float]) -> list[tuple[float, float]]:
    """(requests, US dollars) a month: of an offer, or of own hardware where there is none."""
    if offer is None:
        return [(volume, own_monthly_usd(own, volume)) for volume in volumes]
    return [(volume, offer.request_usd(own) * volume) for volume in volumes]
