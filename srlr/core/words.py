"""What a person says: SRLR_ variables and bare `key=value` words, checked before anything is
composed.

    tier=gold                   chooses an option of a group
    srl.learning_rate=1e-4      sets a key
    ~role.rewards.confidence    takes an entry out of a mapping

In the environment the dot is a double underscore: SRLR_SRL__LEARNING_RATE=1e-4, SRLR_TIER=gold.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from srlr.core import schema
from srlr.core.layers import GROUPS, nearest
from srlr.core.problems import Problem, Source

RESERVED = frozenset({"SRLR_CACHE", "SRLR_API_KEY"})
"""SRLR_ variables that are no keys: where the cache of assets is, and who asks a gateway."""

_WORD = re.compile(
    r"(?P<mark>\+{0,2}|~)(?P<key>[^=+~\s][^=]*?)(?P<assign>=(?P<value>.*))?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Word:
    """`key=value` as it was said, and by whom."""

    key: str
    value: str | None
    source: Source
    delete: bool = False


@dataclass(slots=True)
class Said:
    """All words, sorted into choices of options and Hydra overrides; the later word wins."""

    choices: dict[str, Word] = field(default_factory=dict)
    values: dict[str, Word] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def from_environment(environ: Mapping[str, str]) -> tuple[list[Word], list[Problem]]:
    """The words in SRLR_ variables, by name; an empty variable says nothing, an unknown one is a
    problem."""
    words, problems = [], []
    for name in sorted(environ):
        if not name.startswith("SRLR_") or name in RESERVED or not environ[name].strip():
            continue
        key = name.removeprefix("SRLR_").lower().replace("__", ".")
        source = Source("environment", f"{name}={environ[name]}")
        if key in GROUPS or schema.field(key):
            words.append(Word(key, environ[name], source))
            continue
        meant = nearest(name, sorted(RESERVED)) or schema.nearest_key(key)
        if meant and meant not in RESERVED:
            meant = "SRLR_" + meant.upper().replace(".", "__")
        problems.append(Problem(name, "no such key", environ[name], meant, source))
    return words, problems


def from_command_line(
    words: Sequence[str], options: Mapping[str, Sequence[str]]
) -> tuple[list[Word], list[Problem]]:
    """The bare words of a command, in order."""
    found, problems = [], []
    for text in words:
        match = _WORD.fullmatch(text)
        source = Source("command line", text)
        if match is None or (match["assign"] is None and match["mark"] != "~"):
            problems.append(Problem(text, "is not key=value", nearest=_as_word(text, options)))
            continue
        found.append(Word(match["key"].strip(), match["value"], source, match["mark"] == "~"))
    return found, problems


def _as_word(text: str, options: Mapping[str, Sequence[str]]) -> str | None:
    """What a lone option's name was probably meant to choose: `sentiment` → `role=sentiment`."""
    return next((f"{group}={text}" for group, names in options.items() if text in names), None)


def sort(words: Sequence[Word], options: Mapping[str, Sequence[str]]) -> Said:
    """Words sorted into choices and overrides, each checked for a known key, a known option and a
    readable value."""
    said = Said()
    for word in words:
        if word.key in GROUPS:
            _choose(word, options[word.key], said)
        elif schema.field(word.key) is None:
            meant = _nearest(word.key, word.value)
            problem = Problem(word.key, "no such key", nearest=meant, source=word.source)
            said.problems.append(problem)
        else:
            said.values[word.key] = word
            _override(word, said)
    return said


def _nearest(key: str, value: str | None) -> str | None:
    meant = schema.nearest_key(key) or nearest(key, GROUPS)
    return None if meant is None else meant if value is None else f"{meant}={value}"


def _choose(word: Word, options: Sequence[str], said: Said) -> None:
    option = (word.value or "").strip().strip("'\"")
    if word.delete:
        problem = Problem(f"~{word.key}", "a group cannot be taken out", source=word.source)
        said.problems.append(problem)
    elif option not in options:
        said.problems.append(no_such_option(word.key, option, options, word.source))
    else:
        said.choices[word.key] = Word(word.key, option, word.source)


def no_such_option(key: str, option: str, options: Sequence[str], source: Source) -> Problem:
    close = nearest(option, options)
    what = f"no such option; there is {', '.join(options) or 'none'}"
    return Problem(key, what, option, f"{key}={close}" if close else None, source)


def _override(word: Word, said: Said) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    if word.delete:
        said.overrides.append(f"~{word.key}")
        return
    plain = f"++{word.key}={word.value}"
    for line in (plain, f"++{word.key}={quoted(word.value or '')}"):
        try:
            parsed = parser.parse_override(line)
        except HydraException:
            if (word.value or "").startswith(("[", "{")):
                break
            continue  # text that is no grammar, such as ./my(1).jsonl, is meant as it stands
        if parsed.is_sweep_override():
            what = f"takes one value; a list is written {word.key}=[a,b]"
            said.problems.append(Problem(word.key, what, word.value, source=word.source))
        else:
            said.overrides.append(line)
        return
    what = "cannot be read; is a bracket or a quote missing?"
    said.problems.append(Problem(word.key, what, word.value, source=word.source))


def quoted(text: str) -> str:
    """`text` as a Hydra string literal: nothing in it is read as grammar."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"'{escaped}'"
