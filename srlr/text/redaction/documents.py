"""Redaction of what is made of texts: rows of JSON, tasks, trajectories. Each is one document.

    row(Redactor(), {"text": "I am jo@example.org", "phone": 4673395})
    == ({"text": "I am [EMAIL_1]", "phone": "[PHONE_1]"}, {"email": 1, "phone": 1})

Names of fields stay, and tell what is in them: a number in `phone` needs no other word for it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from srlr.core.types import Step, Task, Trajectory
from srlr.text.redaction.redactor import Redactor, Text, counts

Counts = dict[str, int]
"""How often something of a class was replaced, by class."""

_SHORTEST_NUMBER = 10**6
"""A number with fewer digits is nobody's."""


def row(redactor: Redactor, value: Any, prose: Iterable[str] = ()) -> tuple[Any, Counts]:
    """Any JSON value with every text and every whole number in it redacted.

    Args:
        prose: fields of the top whose name says nothing about what is in them.
    """
    texts: list[Text] = []
    _leaves(value, "", texts.append)
    plain = set(prose)
    if isinstance(value, Mapping):
        plain &= value.keys()
    asked = [Text(one.text, "" if one.field in plain else one.field) for one in texts]
    results = redactor.texts(asked)
    found = counts(results)
    if not found:
        return value, {}
    said = iter([one.text if one.spans else None for one in results])
    return _leaves(value, "", lambda leaf: next(said)), found


def _leaves(value: Any, field: str, take: Callable[[Text], str | None]) -> Any:
    """The value with each text or long number replaced by what `take` makes of it, if anything."""
    if isinstance(value, Mapping):
        return {key: _leaves(item, str(key), take) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_leaves(item, field, take) for item in value]
    if isinstance(value, str):
        said = take(Text(value, field))
    elif isinstance(value, int) and not isinstance(value, bool) and value >= _SHORTEST_NUMBER:
        said = take(Text(str(value), field))
    else:
        return value
    return value if said is None else said


def task(redactor: Redactor, given: Task) -> tuple[Task, Counts]:
    """The task with prompt, answer and meta redacted. An id or a group that is personal becomes a
    digest of itself: it stays apart from others.
    """
    body = {"prompt": given.prompt, "answer": given.answer, "meta": given.meta}
    new, found = row(redactor, body, ("prompt",))
    return _again(redactor, given, new), found


def _again(redactor: Redactor, given: Task, new: Mapping[str, Any]) -> Task:
    """The task with what `new` has of it; itself where that is all the same."""
    name, meta = _digest(redactor, given.id), new["meta"]
    if "group" in given.meta:
        group = _digest(redactor, str(given.meta["group"]))
        meta = {**meta, "group": group} if group != str(given.meta["group"]) else meta
    again = Task(name, new["prompt"], new["answer"], meta)
    return given if again == given else again


def tasks(redactor: Redactor, given: Iterable[Task]) -> tuple[list[Task], Counts, int]:
    """The tasks redacted, each a document of its own; how often what was replaced, and in how many
    tasks.
    """
    done, total, changed = [], Counts(), 0
    for one in given:
        new, found = task(redactor, one)
        done.append(new)
        changed += new is not one
        total = added(total, found)
    return done, total, changed


def trajectory(redactor: Redactor, given: Trajectory) -> tuple[Trajectory, Counts]:
    """The trajectory redacted: problem, steps, outcome and all that is said about it are one
    document, so that a step speaks of a value as the problem does.
    """
    whole = given.task
    body = {
        "prompt": whole.prompt,
        "answer": whole.answer,
        "meta": whole.meta,
        "steps": [[step.action, step.reasoning] for step in given.steps],
        "outcome": given.expected_outcome,
        "issues": given.issues,
        "citations": given.citations,
        "told": given.meta,
    }
    new, found = row(redactor, body, ("prompt", "steps", "issues"))
    redacted = _again(redactor, whole, new)
    if not found and redacted is whole:
        return given, {}
    steps = zip(new["steps"], given.steps, strict=True)
    return replace(
        given,
        task=redacted,
        steps=tuple(Step(said[0], said[1], step.reward) for said, step in steps),
        expected_outcome=new["outcome"],
        issues=tuple(new["issues"]),
        citations=tuple(new["citations"]),
        meta=new["told"],
    ), found


def attempt(redactor: Redactor, given: Mapping[str, Any]) -> dict[str, Any]:
    """A row of attempts.jsonl redacted: what a model said speaks of a value as the task does."""
    whole = Task(given["task"], given["prompt"], given["gold"], given["meta"])
    body = {
        "prompt": whole.prompt,
        "answer": whole.answer,
        "meta": whole.meta,
        "text": given["text"],
        "read": given["answer"],
    }
    new, _ = row(redactor, body, ("prompt", "text"))
    known = _again(redactor, whole, new)
    return {
        **given,
        "task": known.id,
        "prompt": known.prompt,
        "gold": known.answer,
        "meta": known.meta,
        "text": new["text"],
        "answer": new["read"],
    }


def added(one: Mapping[str, int], other: Mapping[str, int]) -> Counts:
    """Both counts in one, classes by name."""
    return {kind: one.get(kind, 0) + other.get(kind, 0) for kind in sorted({*one, *other})}


def _digest(redactor: Redactor, name: str) -> str:
    if not redactor.text(name).spans:
        return name
    return f"redacted-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
