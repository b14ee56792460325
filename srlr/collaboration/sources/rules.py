"""Rules out of a YAML file.

    rules:
      - id: free-returns
        text: Returns are free within 30 days.
        when: {pattern: "(?i)return|refund", slices: {domain: [shop]}}

A rule without `when` always applies. `pattern` is looked for in the task's text, and `slices` names
values of the task's meta; both must hold where both are said. Rules with `when` come before the
others, each in the file's order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from srlr.collaboration.sources.texts import Shelf, Text
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.retrieving import Source as Said
from srlr.core.types import Task

_FORM = "write a list of rules, each with an id and a text; docs/retriever.md shows one"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(_Strict):
    """The tasks to which a rule applies."""

    pattern: str | None = None
    slices: dict[str, list[str]] = {}

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        return pattern

    @field_validator("slices", mode="before")
    @classmethod
    def _as_lists(cls, slices: Any) -> Any:
        """A lone value is a list of one, and values are compared as they are written."""
        if not isinstance(slices, dict):
            return slices
        return {
            key: [str(one) for one in (value if isinstance(value, list) else [value])]
            for key, value in slices.items()
        }

    def holds(self, task: Task) -> bool:
        if any(str(task.meta.get(key)) not in values for key, values in self.slices.items()):
            return False
        return self.pattern is None or re.search(self.pattern, task.prompt) is not None


class Rule(_Strict):
    """One rule of a file."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a file, those with `when` first."""

    name: str
    said: Said
    rules: tuple[Rule, ...]
    held_out: int

    def find(self, task: Task) -> list[Text]:
        """The first rules that apply."""
        applying = [rule for rule in self.rules if rule.when is None or rule.when.holds(task)]
        return [
            Text(rule.text, f"{self.name}: rule {rule.id}") for rule in applying[: self.said.limit]
        ]

    def facts(self) -> Mapping[str, Any]:
        return {"kind": "rules", "texts": len(self.rules), "held_out": self.held_out}


def read(name: str, said: Said, path: Path, shelf: Shelf) -> Rules:
    """Raises ConfigError, all that is wrong at once, or MissingArtifact."""
    written = _written(name, path)
    problems: list[str] = []
    rules: list[Rule] = []
    for number, row in enumerate(written, 1):
        try:
            rules.append(Rule.model_validate(row))
        except ValidationError as error:
            problems += [
                f"rule {number}: {'.'.join(map(str, one['loc'])) or 'it'}: "
                f"{one['msg'].removeprefix('Value error, ')}"
                for one in error.errors()
            ]
    ids = [rule.id for rule in rules]
    problems += [f"two rules have the id {one!r}" for one in sorted(set(ids)) if ids.count(one) > 1]
    if problems:
        shown = "\n  ".join(problems)
        raise ConfigError(f"source {name!r}: {str(path)!r} is wrong\n  {shown}", "correct the file")
    kept = [rule for rule in rules if not shelf.guard.gives_away(rule.text)]
    kept.sort(key=lambda rule: rule.when is None)
    return Rules(name, said, tuple(kept), len(rules) - len(kept))


def _written(name: str, path: Path) -> list[Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingArtifact(
            f"source {name!r}: {str(path)!r} is not there",
            f"correct generate.retriever.sources.{name}.path",
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        cause = " ".join(str(error).split())
        raise ConfigError(
            f"source {name!r}: {str(path)!r} is not YAML that can be read: {cause}", _FORM
        ) from error
    rows = content.get("rules") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"source {name!r}: {str(path)!r} has no rules", _FORM)
    return rows
