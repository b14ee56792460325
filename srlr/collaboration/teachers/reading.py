"""What a language model wrote, as trajectories: repaired where that is safe, else with the reason.

    Sure! ```json
    {"trajectories": [{"id": 1, "steps": [{"action": "a", "reward": 2,}], …   ->   one, complete

Safe is what changes no word of an action: marks around the JSON, commas before a closing bracket,
rewards that are scaled to sum 1, a label in other capitals. What is cut off at the end is asked for
again, and so is an id that came twice.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from srlr.core.types import Step

Outcome = Mapping[str, Mapping[str, Any]]
"""The fields of an answer, each with its JSON schema."""

_TOKENS = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)
_START = re.compile(r"[\[{]")


@dataclass(frozen=True, slots=True)
class Read:
    """One trajectory's steps and outcome, and what had to be repaired."""

    steps: tuple[Step, ...]
    outcome: dict[str, Any]
    repaired: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """By id what could be read; by id, or by "" for all of it, what could not and why."""

    found: dict[str, Read] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def schema(ids: Sequence[str], outcome: Outcome) -> dict[str, Any]:
    """The JSON schema of an answer about the problems `ids`."""
    step = {
        "type": "object",
        "properties": {
            "action": {"type": "string"},
            "reasoning": {"type": "string"},
            "reward": {"type": "number"},
        },
        "required": ["action", "reasoning", "reward"],
        "additionalProperties": False,
    }
    one = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": list(ids)},
            "steps": {"type": "array", "items": step, "minItems": 1},
            "expected_outcome": {
                "type": "object",
                "properties": {name: dict(kind) for name, kind in outcome.items()},
                "required": list(outcome),
                "additionalProperties": False,
            },
        },
        "required": ["id", "steps", "expected_outcome"],
        "additionalProperties": False,
    }
    several = {"type": "array", "items": one, "minItems": len(ids), "maxItems": len(ids)}
    return {
        "type": "object",
        "properties": {"trajectories": several},
        "required": ["trajectories"],
        "additionalProperties": False,
    }


def read(text: str, ids: Sequence[str], outcome: Outcome) -> Reading:
    """The trajectories of an answer about the problems `ids`."""
    reading, seen = Reading(), set[str]()
    rows, repairs = _objects(text)
    if rows is None:
        return Reading(wrong={"": "the answer is empty" if not text.strip() else "it is no JSON"})
    for row in rows:
        name = str(row.get("id")) if isinstance(row, dict) else None
        if name is None or (name not in ids and len(ids) == 1 == len(rows)):
            name = ids[0] if len(ids) == 1 else name
        if name is None or name not in ids:
            reading.wrong[""] = f"id {name!r} is none of {', '.join(ids)}"
            continue
        if name in seen:  # which one is meant, nobody can say
            reading.found.pop(name, None)
            reading.wrong[name] = "its id came twice"
            continue
        seen.add(name)
        try:
            reading.found[name] = _one(row, outcome, repairs)
        except ValueError as error:
            reading.wrong[name] = str(error)
    for name in ids:
        if name not in reading.found:
            reading.wrong.setdefault(name, "it is missing")
    return reading


def _objects(text: str) -> tuple[list[Any] | None, tuple[str, ...]]:
    """The answer's list of trajectories, and what was repaired to read it; None: there is none."""
    start = _START.search(text)
    if start is None:
        return None, ()
    body = text[start.start() :]
    repaired = () if not text[: start.start()].strip() else ("words around the JSON",)
    for repair, mended in ((), body), (("commas",), _TOKENS.sub(lambda m: m[1] or "", body)):
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(mended)
        except (json.JSONDecodeError, RecursionError):
            continue
        rows = _listed(value)
        if rows is not None:
            return rows, (*repaired, *repair)
    rows = _cut(_TOKENS.sub(lambda m: m[1] or "", body))
    return (rows, (*repaired, "cut")) if rows else (None, ())


def _listed(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        if "steps" in value:
            return [value]
        value = value.get("trajectories")
    return value if isinstance(value, list) else None


def _cut(body: str) -> list[Any]:
    """The whole objects of a list that breaks off."""
    start = body.find("[")
    rows: list[Any] = []
    decoder = json.JSONDecoder(strict=False)
    while start != -1:
        start = body.find("{", start)
        if start == -1:
            break
        try:
            row, start = decoder.raw_decode(body, start)
        except (json.JSONDecodeError, RecursionError):
            break
        rows.append(row)
    return rows


def _one(row: Any, outcome: Outcome, repairs: tuple[str, ...]) -> Read:
    """Raises ValueError, which says what is wrong."""
    if not isinstance(row, dict):
        raise ValueError("it is no object")
    steps = row.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ValueError("steps is no list, or an empty one")
    actions, rewards = [], []
    for number, step in enumerate(steps, 1):
        action = step.get("action") if isinstance(step, dict) else None
        if not isinstance(action, str) or not action.strip():
            raise ValueError(f"step {number} has no action")
        reasoning = step.get("reasoning", "")
        actions.append((action.strip(), reasoning.strip() if isinstance(reasoning, str) else ""))
        rewards.append(_reward(step.get("reward"), number))
    scaled, repaired = _scaled(rewards)
    said, mended = _outcome(row.get("expected_outcome"), outcome)
    made = tuple(Step(a, why, r) for (a, why), r in zip(actions, scaled, strict=True))
    return Read(made, said, (*repairs, *repaired, *mended))


def _reward(said: Any, number: int) -> float | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise ValueError(f"step {number}: reward is no number")
    if not math.isfinite(said) or said < 0:
        raise ValueError(f"step {number}: reward {said} is not from 0 to 1")
    return float(said)


def _scaled(rewards: Sequence[float | None]) -> tuple[list[float], tuple[str, ...]]:
    """Rewards that sum to 1: as they are, in proportion, or the same for all where one is missing
    or none is above 0.
    """
    said = [one for one in rewards if one is not None]
    total = math.fsum(said)
    if len(said) < len(rewards) or total <= 0:
        return [1.0 / len(rewards)] * len(rewards), ("rewards",)
    if abs(total - 1.0) <= 1e-6:
        return said, ()
    return [one / total for one in said], ("rewards",)


def _outcome(said: Any, outcome: Outcome) -> tuple[dict[str, Any], tuple[str, ...]]:
    if not isinstance(said, dict):
        raise ValueError("expected_outcome is no object")
    found = {}
    mended = bool(set(said) - set(outcome))
    for name, kind in outcome.items():
        if name not in said:
            raise ValueError(f"expected_outcome has no {name!r}")
        found[name] = _value(name, said[name], kind)
        mended = mended or type(found[name]) is not type(said[name]) or found[name] != said[name]
    return found, ("outcome",) if mended else ()


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


def _value(name: str, said: Any, kind: Mapping[str, Any]) -> Any:
    wanted = kind.get("type", "")
    if wanted in ("integer", "number") and isinstance(said, str | float):
        said = _number(said, wanted)
    strange = isinstance(said, bool) != (wanted == "boolean") if wanted in _TYPES else False
    if wanted in _TYPES and (strange or not isinstance(said, _TYPES[wanted])):
        raise ValueError(f"expected_outcome.{name} is no {wanted}")
    allowed = kind.get("enum")
    if allowed is not None and said not in allowed:
        close = [one for one in allowed if str(one).lower() == str(said).strip().lower()]
        if not close:
            raise ValueError(f"expected_outcome.{name} is none of {', '.join(map(str, allowed))}")
        return close[0]
    for limit, sign in (("minimum", -1), ("maximum", 1)):
        if limit in kind and (said - kind[limit]) * sign > 0:
            raise ValueError(f"expected_outcome.{name} {said} is beyond {kind[limit]}")
    return said


def _number(said: str | float, wanted: str) -> Any:
    """The number that a text holds and nothing else; what is no such text stays what it is."""
    try:
        value = float(said)
    except ValueError:
        return said
    if not math.isfinite(value):
        return None
    return int(value) if wanted == "integer" and value.is_integer() else value
