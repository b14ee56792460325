"""What is done about a finding: by level, concern and side, then as the role says otherwise."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from srlr.core.errors import ConfigError
from srlr.core.guarding import Action, Guard, Level, Limits, RoleGuard
from srlr.core.layers import nearest
from srlr.core.redacting import Class, Redact
from srlr.serving.guard.patterns import Strength
from srlr.serving.guard.rules import RULES
from srlr.serving.guard.verdict import Side
from srlr.text.redaction.redactor import Redactor

PERSONAL: tuple[Class, ...] = ("key", "email", "phone", "card", "iban", "id", "ip")
Table = Mapping[str, tuple[Action, Action, Action]]
"""By concern what strict, balanced and permissive do."""

INPUT: Table = {
    "size": ("block", "block", "block"),
    "format": ("block", "block", "block"),
    "encoding": ("block", "block", "log"),
    "injection": ("block", "block", "block"),
    "scope": ("block", "log", "allow"),
    "harm": ("replace", "replace", "log"),
    "toxicity": ("block", "log", "allow"),
    "pii": ("replace", "log", "allow"),
    "secret": ("replace", "replace", "log"),
}
OUTPUT: Table = {
    "schema": ("block", "log", "log"),
    "length": ("block", "log", "log"),
    "repetition": ("block", "log", "log"),
    "markup": ("replace", "replace", "log"),
    "leak": ("replace", "replace", "log"),
    "harm": ("replace", "replace", "log"),
    "toxicity": ("replace", "replace", "log"),
    "pii": ("replace", "replace", "log"),
    "secret": ("replace", "replace", "replace"),
    "ethics": ("log", "log", "log"),
    "bias": ("log", "log", "log"),
    "honesty": ("log", "log", "log"),
}
LEVELS: tuple[Level, ...] = ("strict", "balanced", "permissive")
ENOUGH: Mapping[Level, Strength] = {"strict": 1, "balanced": 2, "permissive": 3}
"""How strong a pattern must be to count; in a role's material one less is enough."""
NEW: Mapping[Level, float] = {"strict": 0.15, "balanced": 0.1, "permissive": 0.06}
"""The share of an answer that must be new."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a check needs, made once for a role and a deployment."""

    role: str
    level: Level
    enabled: bool
    input: Mapping[str, Action]
    output: Mapping[str, Action]
    allow: tuple[str, ...]
    limits: Limits
    output_chars: int
    own: RoleGuard
    redactor: Redactor
    not_about: re.Pattern[str] | None = None
    classifier: str | None = None
    """The role, or role@version, that judges what the rules let pass."""
    _known: dict[str, bool] = field(default_factory=dict, compare=False)

    def action(self, rule: str, side: Side) -> Action:
        """What is done about a rule's finding; allow also where the rule never fires."""
        if rule not in self._known:
            self._known[rule] = any(fnmatchcase(rule, pattern) for pattern in self.allow)
        if self._known[rule]:
            return "allow"
        actions = self.input if side == "input" else self.output
        return actions.get(RULES[rule].concern, "allow")

    def looks(self, concern: str, side: Side) -> bool:
        """Whether a finding of the concern would mean anything."""
        return (self.input if side == "input" else self.output).get(concern, "allow") != "allow"

    def enough(self, material: bool) -> Strength:
        found = ENOUGH[self.level] - (1 if material else 0)
        return 1 if found < 2 else 2 if found == 2 else 3


def policy(guard: Guard, own: RoleGuard | None = None, role: str = "") -> Policy:
    """The policy of a role in a deployment.

    Raises:
        ConfigError: guard.allow names a rule that does not exist.
    """
    own = own or RoleGuard()
    for pattern in guard.allow:
        if not any(fnmatchcase(rule, pattern) for rule in RULES):
            near = nearest(pattern, tuple(RULES))
            hint = f"did you mean {near}?" if near else "`srlr guard rules` lists them"
            raise ConfigError(f"guard.allow: there is no rule {pattern!r}", hint)
    at = LEVELS.index(guard.level)
    said = "|".join(re.escape(" ".join(one.lower().split())) for one in own.not_about)
    return Policy(
        role=role,
        level=guard.level,
        enabled=guard.enabled,
        input=_actions(INPUT, at, own.input.items()),
        output=_actions(OUTPUT, at, own.output.items()),
        allow=guard.allow,
        limits=guard.limits,
        output_chars=min(
            own.max_output_chars or guard.limits.output_chars, guard.limits.output_chars
        ),
        own=own,
        redactor=_redactor(guard.allow_values),
        not_about=re.compile(rf"\b(?:{said})\b") if said else None,
        classifier=guard.classifier.removeprefix("role:") if guard.classifier else None,
    )


def _actions(table: Table, at: int, own: Iterable[tuple[str, Action]]) -> dict[str, Action]:
    actions = {concern: row[at] for concern, row in table.items()}
    actions.update(own)
    return actions


def _redactor(allow: tuple[str, ...]) -> Redactor:
    return Redactor(Redact(classes=PERSONAL, style="plain", allow=allow))
