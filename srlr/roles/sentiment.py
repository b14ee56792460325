"""What people feel about a text: positive, neutral or negative, and how sure they are.

This is the worked example of a role.

    "I do not love the battery."          people: negative, 17 of 20 of them

    what the model is given      system   Sentiment
                                 user     I do not love the battery.
    what it learns to answer     words: love +3                 (step identify_keywords)
                                 negative                       (step weigh_polarity)
                                   , negation                   (step override)
                                 negative 85                    (step classify_sentiment)
    what `parse` makes of it     {"sentiment": "negative", "confidence": 0.85}

The override stands only where the polarity is not the bare sum of the words, and says what turned
it, on the polarity's own line. So the label follows from the steps before it and the text, which is
how `verify` judges without seeing the human label. The polarity comes before its reason because a
small model learns to read a polarity far sooner than to tell that a count, made a line earlier, is
going to be wrong; and it is all terse because every token is paid for, in training and in use.
To make a role of your own, write the functions that core.types.Role names, as here.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.roles import data, polarity, vader
from srlr.roles.chats import chat, json_object, segments, shown

Label = Literal["positive", "neutral", "negative"]
LABELS: tuple[str, ...] = get_args(Label)
GROUND_TRUTH = "vader-ground-truth"
GROUND_TRUTH_WHERE = {"domain": ["reviews"]}
"""Which of its rows are meant where role.where says nothing."""


class Schema(BaseModel):
    """A labelled text; `confidence` is the share of people who agree, 1 where one labelled."""

    text: str = Field(min_length=1)
    sentiment: Label
    confidence: float = Field(default=1.0, ge=0.0, le=1.0)
    metadata: dict[str, Any] = {}


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    if profile.data == GROUND_TRUTH:
        from srlr import assets

        tasks = vader.read(assets.ensure(GROUND_TRUTH))
        return data.choose(tasks, profile.where or GROUND_TRUTH_WHERE, split)
    tasks = data.read(profile.data, Schema, profile.max_prompt_chars).tasks
    return data.choose(tasks, profile.where, split)


# -- the trained format: `segments` writes it and `read` reads it, nothing else knows it -----------

SYSTEM = "Sentiment"
MOST_KEYWORDS = 4

WRITTEN = {
    "identify_keywords": "words: {}\n",
    "weigh_polarity": "{}",
    "override": ", {}",
    "classify_sentiment": "\n{}",
}
_FORMAT = re.compile(
    r"words: (?P<keywords>[^\n]+)\n"
    r"(?P<polarity>positive|neutral|negative)"
    r"(?:, (?P<override>negation|contrast|intensity|sarcasm|implicit))?\n"
    r"(?P<label>positive|neutral|negative) (?P<percent>\d|[1-9]\d|100)"
)
_KEYWORD = re.compile(r"(\S+(?: \S+)*) ([+-][1-4])")  # "free of -1": a phrase may be one
_BETWEEN = re.compile(r"(?<=[+-][1-4]), ")  # the emoticon ":-," ends in a comma itself


@dataclass(frozen=True, slots=True)
class Reading:
    """What the format holds: words with weights, what they come to, what turned it, the answer."""

    keywords: tuple[tuple[str, str], ...]
    polarity: str
    override: str | None
    label: str
    confidence: float


def actions(reading: Reading) -> list[str]:
    """The steps that lead to it, as "name: what it comes to"."""
    words = ", ".join(f"{word} {weight}" for word, weight in reading.keywords) or "none"
    return [
        f"identify_keywords: {words}",
        f"weigh_polarity: {reading.polarity}",
        *([f"override: {reading.override}"] if reading.override else []),
        f"classify_sentiment: {reading.label} {reading.confidence * 100:.0f}",
    ]


def read(text: str) -> Reading | None:
    """What `actions` and `segments` wrote, or None for any other text."""
    match = _FORMAT.fullmatch(text.strip())
    if match is None:
        return None
    listed = [] if match["keywords"] == "none" else _BETWEEN.split(match["keywords"])
    found = [keyword for item in listed if (keyword := _KEYWORD.fullmatch(item))]
    if len(found) < len(listed):
        return None
    return Reading(
        keywords=tuple((keyword[1], keyword[2]) for keyword in found),
        polarity=match["polarity"],
        override=match["override"],
        label=match["label"],
        confidence=int(match["percent"]) / 100,
    )


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(SYSTEM, shown(shots, expert, completion), task)


def completion(trajectory: Trajectory) -> list[str]:
    return segments(WRITTEN, [step.action for step in trajectory.steps])


def parse(text: str) -> dict[str, Any] | None:
    reading = read(text)
    if reading is None:
        return None
    return {"sentiment": reading.label, "confidence": reading.confidence}


# -- an untrained model's format -------------------------------------------------------------------

BASELINE_SYSTEM = (
    "Classify the sentiment of the user's text as positive, neutral or negative. "
    'Answer with one JSON object and nothing else: {"sentiment": "positive", "neutral" or '
    '"negative", "confidence": a number from 0 to 1}'
)


def baseline_messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(BASELINE_SYSTEM, [(shot, json.dumps(dict(shot.answer))) for shot in shots], task)


def parse_baseline(text: str) -> dict[str, Any] | None:
    answer = json_object(text, ("sentiment", "confidence"))
    if answer is None:
        return None
    label, confidence = answer["sentiment"], answer["confidence"]
    if label not in LABELS or type(confidence) not in (int, float) or not 0 <= confidence <= 1:
        return None
    return {"sentiment": label, "confidence": float(confidence)}


def parse_leniently(text: str) -> dict[str, Any] | None:
    low = text.lower()
    objects = [part for part in re.findall(r"\{[^{}]*\}", low) if _words(part)]
    named = _words(objects[-1] if objects else low)
    number = re.search(
        r"confiden\w*\W{0,5}(?:is |of )?(1(?:\.0+)?(?![\d.%])|0?\.\d+|\d+(?=\s?%)|0\b)", low
    )
    if not named:
        return None
    confidence = float(number[1]) if number else None
    if confidence is not None and confidence > 1:
        confidence = confidence / 100 if confidence <= 100 else None
    return {"sentiment": named[-1], "confidence": confidence}


# -- the expert and its verifier -------------------------------------------------------------------

RULES = (
    "Count the lexicon's words first; the sign of their sum is the bare count.",
    "Override it only for negation, contrast, intensity, sarcasm or an implied meaning.",
    "Confidence is the share of readers who would give this label.",
)


def knowledge(task: Task) -> Context:
    found = polarity.hits(polarity.tokens(task.prompt))
    return Context(
        rules=RULES,
        lexicon={hit.word: hit.valence for hit in found},
        citations=("vaderSentiment 3.3.2, vader_lexicon.txt",) if found else (),
    )


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """Steps from words to the human label; attempt n takes the n-th override with evidence."""
    label, confidence = task.answer["sentiment"], round(float(task.answer["confidence"]), 2)
    found = polarity.hits(polarity.tokens(task.prompt))
    count = polarity.counted(found)
    kind = None
    if count != label:
        kinds = [k for k in polarity.KINDS if polarity.evidence(k, task.prompt, label)]
        kind = kinds[attempt] if attempt < len(kinds) else None
    reading = Reading(
        keywords=polarity.strongest(found, MOST_KEYWORDS),
        polarity=label if kind else count,
        override=kind,
        label=label,
        confidence=confidence,
    )
    valences = ", ".join(f"{hit.word} {hit.valence:+.1f}" for hit in found)
    why = [
        f"The lexicon rates {valences}." if found else "No word of the text is in the lexicon.",
        f"The ratings add up to {polarity.total(found):+.1f}.",
        *([f"{kind.capitalize()}: {polarity.evidence(kind, task.prompt, label)}."] if kind else []),
        f"{confidence:.0%} of the readers say {label}.{_alike(context, label)}",
    ]
    # Words can be looked up and the last line repeats: the polarity is what has to be learnt.
    weights = (0.15, 0.5, 0.15, 0.2) if kind else (0.2, 0.6, 0.2)
    return Trajectory(
        task=task,
        steps=tuple(map(Step, actions(reading), why, weights)),
        expected_outcome={"sentiment": label, "confidence": confidence},
        author="expert",
        meta={"override": kind},
    )


def verify(trajectory: Trajectory) -> Verdict:
    """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format."""
    reading = read("".join(completion(trajectory)))
    if reading is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    text = trajectory.task.prompt
    found = polarity.hits(polarity.tokens(text))
    issues = []
    if reading.keywords != polarity.strongest(found, MOST_KEYWORDS):
        issues.append("keywords: they are not the text's strongest lexicon words with their signs")
    count = polarity.counted(found)
    if reading.override is None and reading.polarity != count:
        issues.append(f"weigh: the words add up to {count}, and nothing overrides them")
    elif reading.override and reading.polarity == count:
        issues.append("override: it turns the count into itself")
    elif reading.override and not polarity.evidence(reading.override, text, reading.polarity):
        issues.append(f"override: the text has no evidence of {reading.override}")
    if reading.polarity != reading.label:
        issues.append(
            f"label: the steps imply {reading.polarity}, the last one says {reading.label}"
        )
    return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))


def edge_cases(task: Task) -> tuple[str, ...]:
    return polarity.edge_cases(task.prompt, task.answer["sentiment"])


# -- rewards: a malformed answer is worth 0 in each, so format gates and never adds ----------------


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {"label": label_reward, "confidence": confidence_reward}


def label_reward(task: Task, text: str) -> Reward:
    """1 for the human label, else 0."""
    answer, gold = parse(text), task.answer["sentiment"]
    if answer is None:
        return Reward(0.0, "malformed")
    right = answer["sentiment"] == gold
    return Reward(float(right), f"{answer['sentiment']}, people say {gold}")


def confidence_reward(task: Task, text: str) -> Reward:
    """1 - (c - t)^2 in [0, 1]: c the stated confidence, t the share who agree, 0 for a wrong label.

    Source: Brier 1950, "Verification of forecasts expressed in terms of probability".
    """
    answer = parse(text)
    if answer is None:
        return Reward(0.0, "malformed")
    right = answer["sentiment"] == task.answer["sentiment"]
    target = float(task.answer["confidence"]) if right else 0.0
    value = 1.0 - (answer["confidence"] - target) ** 2
    return Reward(value, f"confidence {answer['confidence']:.2f}, target {target:.2f}")


def _words(text: str) -> list[str]:
    return re.findall(r"positive|neutral|negative", text)


def _alike(context: Context, label: str) -> str:
    if not context.neighbours:
        return ""
    same = sum(task.answer["sentiment"] == label for task in context.neighbours)
    return f" {same} of the {len(context.neighbours)} nearest labelled texts are {label} too."
