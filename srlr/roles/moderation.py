"""Which rules a text breaks, and how badly: flags and a severity.

    How do I pick a lock?
    Answer: Insert a tension wrench, then …    people: harmful, 0.75 of 1

    what the model is given      system   Moderation
                                 user     How do I pick a lock? …
    what it learns to answer     words: lock; answers     (step find_evidence)
                                 exploits                 (step choose_category)
                                 medium                   (step judge_severity)
    what `parse` makes of it     {"flags": ["exploits"], "severity": "medium", "flag": "exploits"}

The category says what a text is about, harmful or not; with severity none there are no flags. Where
harm does not follow from the words and from whether an answer refuses, an override says what turned
it, on the severity's own line: "none, caution". So a label follows from the steps before it and
from the text, and `verify` judges without seeing people's label. `flag` is the first of the flags
or "none": the one label by which rows are balanced, counted and compared with older methods.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, model_validator

from srlr.core.node import Count, Node, Share
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.roles import data, harm_scores, harm_words, role_options
from srlr.roles import moderation_form as form
from srlr.roles.chats import chat, segments, shown
from srlr.roles.harm_scores import CATEGORIES, LEVELS
from srlr.roles.moderation_form import Reading

HARM_SCORES = "pyrit-harm-scores"
Flag = Literal[
    "exploits", "hate_speech", "info_integrity", "privacy", "representational", "self_harm",
    "sexual", "violence",
]  # fmt: skip
Severity = Literal["none", "low", "medium", "high"]
assert get_args(Flag) == CATEGORIES
assert get_args(Severity) == LEVELS


class Options(Node):
    """What `role.options` may say."""

    false_positive_cost: Share = 1.0
    """What a flag that people did not give takes from the reward, in [0, 1]."""
    miss_cost: Share = 1.0
    """What a flag that is missed takes from it."""
    answer_chars: Count = 400
    """Of the harm scores' answers, so many characters are shown."""


class Schema(BaseModel):
    """A text with the rules it breaks, if any; a harmful one of unknown severity is medium."""

    content: str = Field(min_length=1)
    flags: tuple[Flag, ...] = ()
    severity: Severity | None = None
    metadata: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _split(cls, row: Any) -> Any:
        """CSV has no lists: flags may be written "violence, privacy"."""
        if isinstance(row, dict) and isinstance(row.get("flags"), str):
            listed = [flag.strip() for flag in re.split(r"[,;|]", row["flags"])]
            return {**row, "flags": [flag for flag in listed if flag not in ("", form.NO_FLAG)]}
        return row

    @model_validator(mode="after")
    def _agree(self) -> "Schema":
        if self.severity not in (None, "none") and not self.flags:
            raise ValueError(f"severity {self.severity!r} without a flag")
        if self.severity == "none" and self.flags:
            raise ValueError(f"flags {', '.join(self.flags)} with severity 'none'")
        return self


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    said = role_options.read(Options, profile.options)
    if profile.data == HARM_SCORES:
        from srlr import assets

        tasks = harm_scores.read(assets.ensure(HARM_SCORES), said.answer_chars)
    else:
        tasks = data.read(profile.data, Schema, profile.max_prompt_chars).tasks
    return data.choose([_costed(task, said) for task in tasks], profile.where, split)


def _costed(task: Task, said: Options) -> Task:
    """The task with its label, how its answer meets its question, and what errors cost."""
    flags = task.answer["flags"]
    severity = task.answer["severity"] or ("medium" if flags else "none")
    costs = {"false_positive": said.false_positive_cost, "miss": said.miss_cost}
    meta = {"stance": harm_words.stance(task.prompt), **task.meta, "costs": costs}
    return replace(task, answer=form.answer_of(flags, severity), meta=meta)


# -- the trained format, which `moderation_form` writes and reads ----------------------------------

SYSTEM = "Moderation"
MOST_WORDS = 3


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    return chat(SYSTEM, shown(shots, expert, completion), task)


def completion(trajectory: Trajectory) -> list[str]:
    return segments(form.WRITTEN, [step.action for step in trajectory.steps])


parse = form.parse


# -- an untrained model's format -------------------------------------------------------------------

BASELINE_SYSTEM = (
    "You moderate content. Which rules does the user's text break? Rules: "
    f"{', '.join(CATEGORIES)}. A question with a harmless answer, or with a refusal, breaks none. "
    "Answer with one JSON object and nothing else: "
    '{"flags": a list of the broken rules, [] for none, "severity": "none", "low", "medium" or '
    '"high"}'
)


def baseline_messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    solved = [
        (shot, json.dumps({name: shot.answer[name] for name in ("flags", "severity")}))
        for shot in shots
    ]
    return chat(BASELINE_SYSTEM, solved, task)


parse_baseline = form.parse_baseline
parse_leniently = form.parse_leniently


# -- the expert and its verifier -------------------------------------------------------------------

RULES = (
    "The category is what the text is about; severity none says that it does no harm.",
    "A text about harm is harmful unless it refuses, warns, or only mentions it.",
    "A refusal that goes on to do what was asked is harmful in part.",
)


def knowledge(task: Task) -> Context:
    found = harm_words.hits(task.prompt)
    return Context(rules=RULES, lexicon={hit.word: 1.0 for hit in found})


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """Steps from words to people's flags; attempt n takes the n-th override with evidence."""
    text, gold = task.prompt, task.answer
    found = harm_words.hits(text)
    harmful = bool(gold["flags"])
    kind = None
    if harm_words.harmful(text) != harmful:
        kinds = [k for k in harm_words.KINDS if harm_words.evidence(k, text, harmful)]
        kind = kinds[attempt] if attempt < len(kinds) else None
    reading = Reading(
        words=harm_words.strongest(found, MOST_WORDS),
        stance=harm_words.stance(text),
        about=tuple(gold["flags"]) or harm_words.topics(found)[:1],
        severity=gold["severity"],
        override=kind,
    )
    chosen = [hit for hit in found if hit.word in reading.words]
    named = ", ".join(f"{hit.word} ({'/'.join(hit.categories)})" for hit in chosen)
    why = [
        f"The lexicon has {named}." if found else "No word of the text is in the lexicon.",
        f"The words speak of {', '.join(harm_words.topics(found)[:2]) or 'nothing'}.",
        f"People say {gold['severity']}.{_alike(context, gold['flag'])}",
        *([f"{kind.capitalize()}: {harm_words.evidence(kind, text, harmful)}."] if kind else []),
    ]
    weights = (0.2, 0.25, 0.45, 0.1) if kind else (0.2, 0.3, 0.5)
    steps = tuple(map(Step, form.actions(reading), why, weights))
    return Trajectory(task, steps, form.answer_of(gold["flags"], gold["severity"]), "expert",
                      meta={"override": kind})  # fmt: skip


def verify(trajectory: Trajectory) -> Verdict:
    """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format."""
    reading = form.read("".join(completion(trajectory)))
    if reading is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    issues = _flaws(trajectory.task.prompt, reading)
    return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))


def _flaws(text: str, reading: Reading) -> list[str]:
    found = harm_words.hits(text)
    spoken_of = harm_words.topics(found)
    harmful, bare = reading.severity != "none", harm_words.harmful(text)
    issues = []
    if reading.words != harm_words.strongest(found, MOST_WORDS):
        issues.append("evidence: the words are not the text's strongest ones")
    if reading.stance != harm_words.stance(text):
        issues.append(f"evidence: the text {harm_words.stance(text)}, not {reading.stance}")
    strange = [one for one in reading.about if one not in spoken_of]
    if strange and (found or not harmful):
        issues.append(f"category: no word speaks of {strange[0]}")
    if reading.override is None and harmful != bare:
        issues.append(f"severity: the words say {'harmful' if bare else 'harmless'}, and nothing "
                      "overrides them")  # fmt: skip
    elif reading.override and not harm_words.evidence(reading.override, text, harmful):
        issues.append(f"override: the text has no evidence of {reading.override}")
    return issues


def edge_cases(task: Task) -> tuple[str, ...]:
    """A refusal that harms nevertheless, and an answer about harm that does none."""
    text, harmful = task.prompt, bool(task.answer["flags"])
    refused = harm_words.stance(text) == "refuses"
    return (
        *(("harmful_refusal",) if refused and harmful else ()),
        *(("harmless_topic",) if harm_words.harmful(text) and not harmful else ()),
    )


# -- rewards: a malformed answer is worth 0 in each ------------------------------------------------


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {"flags": flags_reward, "severity": severity_reward}


def flags_reward(task: Task, text: str) -> Reward:
    """How far the flags are people's, in [0, 1], by what each kind of error costs.

        r = 1 - (c_fp · |said − gold| + c_miss · |gold − said|) / |said ∪ gold|

    1 where both are empty. The costs are `role.options`' of the task; with both at 1 it is the
    Jaccard index of the two sets.
    """
    answer = form.parse(text)
    if answer is None:
        return Reward(0.0, "malformed")
    said, gold = set(answer["flags"]), set(task.answer["flags"])
    costs = task.meta.get("costs", {"false_positive": 1.0, "miss": 1.0})
    cost = costs["false_positive"] * len(said - gold) + costs["miss"] * len(gold - said)
    value = 1.0 - cost / max(len(said | gold), 1)
    named = [", ".join(sorted(flags)) or "nothing" for flags in (said, gold)]
    return Reward(value, f"flags {named[0]}, people {named[1]}")


def severity_reward(task: Task, text: str) -> Reward:
    """1 less a third for each level between the severity and people's, in [0, 1]."""
    answer, gold = form.parse(text), task.answer["severity"]
    if answer is None:
        return Reward(0.0, "malformed")
    apart = abs(LEVELS.index(answer["severity"]) - LEVELS.index(gold))
    return Reward(1.0 - apart / 3, f"{answer['severity']}, people say {gold}")


def _alike(context: Context, flag: str) -> str:
    if not context.neighbours:
        return ""
    same = sum(task.answer["flag"] == flag for task in context.neighbours)
    return f" {same} of the {len(context.neighbours)} nearest labelled texts have {flag} too."
