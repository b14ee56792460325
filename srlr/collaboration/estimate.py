"""What teachers on servers would take of tokens and money, estimated before anything is read."""

from dataclasses import dataclass

from srlr.collaboration.budget import PICO, Price
from srlr.core.settings import Settings
from srlr.core.teaching import Teacher

TOKENS_PER_CHAR = 0.25
FIXED_PROMPT_TOKENS = 900
"""What a request says before its problems: the form, rules and solved examples; of sentiment."""
TASK_PROMPT_TOKENS = 60
"""Beside a problem's text: its braces, its words and their weights."""
TYPICAL_PROBLEM_CHARS = 300
TASK_ANSWER_TOKENS = 180
"""Four steps with their reasons as JSON."""
ATTEMPTS = 1.5
"""Requests for a task, those after a rejection included."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`usd` is None where a token's price is not known; `seconds` assumes SECONDS_PER_TOKEN."""

    requests: int
    tokens: int
    usd: float | None
    seconds: float


SECONDS_PER_TOKEN = 0.02
"""Of an answer, by a server that has room for all requests at once."""


def of(settings: Settings) -> Estimate | None:
    """For all tasks that become trajectories; None where no server is asked."""
    generate = settings.generate
    teachers = [generate.teacher, *generate.more_teachers.values()]
    if not any(one.asks for one in teachers):
        return None
    weight = sum(one.weight for one in teachers)
    tasks = generate.num_tasks * generate.srl_share
    found = [
        _one(one, tasks * one.weight / weight, generate.num_examples_per_request)
        for one in teachers
        if one.asks
    ]
    priced = [one.usd for one in found if one.usd is not None]
    return Estimate(
        sum(one.requests for one in found),
        sum(one.tokens for one in found),
        sum(priced) if len(priced) == len(found) else None,
        max(one.seconds for one in found),
    )


def _one(teacher: Teacher, tasks: float, together: int) -> Estimate:
    asked = tasks * ATTEMPTS
    requests = max(1, round(asked / together)) if asked else 0
    problem = TYPICAL_PROBLEM_CHARS * TOKENS_PER_CHAR + TASK_PROMPT_TOKENS
    prompt = round(requests * FIXED_PROMPT_TOKENS + asked * problem)
    answer = round(asked * min(TASK_ANSWER_TOKENS, teacher.max_new_tokens))
    price = Price.per_million(
        teacher.price_input_usd_per_1m_tokens, teacher.price_output_usd_per_1m_tokens
    )
    pico = price.of(prompt, answer)
    seconds = answer * SECONDS_PER_TOKEN / max(1, min(requests, teacher.concurrency))
    return Estimate(requests, prompt + answer, None if pico is None else pico / PICO, seconds)
