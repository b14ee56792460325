"""What requests may cost together: reserved before one is sent, settled when its answer is there.

Money is counted in whole millionths of a millionth of a dollar, so that sums are exact.
"""

from dataclasses import dataclass

from srlr.core.errors import ConfigError, ResourceError

PICO = 10**12
PROMPT_OVERHEAD_TOKENS = 256
MESSAGE_OVERHEAD_TOKENS = 16
"""What a chat template may add, generously: a system prompt of the model's own, marks of turns."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of one token, in 1e-12 USD; None where nobody said."""

    prompt: int | None = None
    answer: int | None = None

    @classmethod
    def per_million(cls, prompt_usd: float | None, answer_usd: float | None) -> "Price":
        """From USD for a million tokens; where one is said, the other is 0."""
        if prompt_usd is None and answer_usd is None:
            return cls()
        return cls(*(round((one or 0.0) * 1e6) for one in (prompt_usd, answer_usd)))

    def of(self, prompt_tokens: int, answer_tokens: int) -> int | None:
        """1e-12 USD for so many tokens, or None."""
        if self.prompt is None or self.answer is None:
            return None
        return self.prompt * prompt_tokens + self.answer * answer_tokens


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens of prompt and answer together, and 1e-12 USD where the price is known."""

    tokens: int = 0
    pico_usd: int | None = None


class Spent(ResourceError):
    """What is left of the budget does not pay for one more request."""


class Ledger:
    """What was spent and what is reserved; `spent` and `reserved` together never pass the limits.

    Not thread-safe: it belongs to one event loop.
    """

    def __init__(self, limit_usd: float | None, limit_tokens: int | None) -> None:
        self.limit_pico = None if limit_usd is None else int(limit_usd * PICO)
        self.limit_tokens = limit_tokens
        self.tokens = self.pico = 0
        self.reserved_tokens = self.reserved_pico = 0

    def fits(self, cost: Cost) -> bool:
        """Whether it fits beside all that is spent and reserved."""
        tokens = self.tokens + self.reserved_tokens + cost.tokens
        pico = self.pico + self.reserved_pico + (cost.pico_usd or 0)
        return not (
            (self.limit_tokens is not None and tokens > self.limit_tokens)
            or (self.limit_pico is not None and pico > self.limit_pico)
        )

    def reserve(self, cost: Cost) -> None:
        """Keeps it back; call only where it `fits`."""
        self.reserved_tokens += cost.tokens
        self.reserved_pico += cost.pico_usd or 0

    def settle(self, reserved: Cost, actual: Cost) -> None:
        """Puts what a request did cost in the place of what was kept back for it."""
        self.reserved_tokens -= reserved.tokens
        self.reserved_pico -= reserved.pico_usd or 0
        self.spend(actual)

    def spend(self, cost: Cost) -> None:
        self.tokens += cost.tokens
        self.pico += cost.pico_usd or 0

    def refusal(self, cost: Cost) -> Spent:
        """Why a request that may cost so much is not sent."""
        parts, more = [], []
        if self.limit_tokens is not None:
            parts.append(
                f"{self.tokens:,} of generate.budget.tokens={self.limit_tokens:,} are spent and "
                f"the next request may take {cost.tokens:,}"
            )
            more.append("generate.budget.tokens")
        if self.limit_pico is not None:
            parts.append(
                f"${self.pico / PICO:.4f} of generate.budget.usd={self.limit_pico / PICO:g} are "
                f"spent and the next request may cost ${(cost.pico_usd or 0) / PICO:.4f}"
            )
            more.append("generate.budget.usd")
        return Spent(
            f"the budget pays for no further request: {'; '.join(parts)}",
            f"a larger {' or '.join(more)}, a smaller generate.num_examples_per_request or "
            "generate.teacher.max_new_tokens; answers that are paid for are kept",
        )


def check(limit_usd: float | None, price: Price, key: str) -> None:
    """Raises ConfigError where a budget in money is to be kept and the price is not known."""
    if limit_usd is not None and price.of(1, 1) is None:
        raise ConfigError(
            "generate.budget.usd cannot be kept: what a token costs is not known",
            f"{key}.price_input_usd_per_1m_tokens=… and {key}.price_output_usd_per_1m_tokens=…, "
            "or generate.budget.tokens instead",
        )


def most_prompt_tokens(texts: list[str]) -> int:
    """More tokens than these messages have in any model: none has more tokens than bytes."""
    size = sum(len(text.encode()) + MESSAGE_OVERHEAD_TOKENS for text in texts)
    return PROMPT_OVERHEAD_TOKENS + size
