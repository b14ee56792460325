"""The two questions of every request: may this go in, may this come out.

    policy = policy_of(settings)
    verdicts = check_input(messages, policy)        before the model is asked
    verdicts = check_output(answer, policy)         before its answer is given

Pure functions of text and policy: no clock, no files but the scorer's weights, no model.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srlr.core.settings import Settings
from srlr.serving.guard import quality, scorer, views
from srlr.serving.guard.embedded import EMBEDDINGS
from srlr.serving.guard.harm import HARM
from srlr.serving.guard.injection import OVERRIDES
from srlr.serving.guard.patterns import Book, Strength, words_of
from srlr.serving.guard.personas import PERSONAS
from srlr.serving.guard.policy import NEW, Policy, policy
from srlr.serving.guard.rules import HELP, RULES
from srlr.serving.guard.scorer import Sentence
from srlr.serving.guard.tongues import TONGUES
from srlr.serving.guard.verdict import Edit, Side, Verdict
from srlr.text.redaction.redactor import Span

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
TRUSTED = ("system", "developer")
"""Roles whose messages come from whoever runs the model: not searched for injections."""
INJECTION = Book((*OVERRIDES, *PERSONAS, *EMBEDDINGS, *TONGUES))
HARMFUL = Book(HARM)
ALIGNED = Book(quality.ALIGNMENT)
SORRY = "I cannot help with that."
FEWEST = 6
"""Words below which a text is too short to be told by them."""
_BROKEN = re.compile("[\x00\ud800-\udfff]")
_UNSEEN = re.compile("[\U000e0020-\U000e007e]{8}|[\u202d\u202e]")
"""Letters without a picture, eight in a row, and marks that turn the order of signs around."""
Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of an answer beside its text: instructions that are not for the reader, and
    what reads the role's form (None: it cannot be read).
    """

    hidden: tuple[str, ...] = ()
    parse: Callable[[str], object | None] | None = None


def policy_of(settings: Settings) -> Policy:
    """The policy of the settings' role."""
    return policy(settings.guard, settings.role.guard, settings.role.name)


def check_input(asked: str | Messages, policy: Policy) -> tuple[Verdict, ...]:
    """What there is to say of a request, the first message's verdicts first; empty: nothing."""
    if not policy.enabled:
        return ()
    messages: Messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    found = list(_shape(messages, policy))
    if any(one.action == "block" for one in found):
        return tuple(found)
    for number, message in enumerate(messages):
        found += _message(number, str(message["role"]), message.get("content") or "", policy)
    return tuple(found)


def check_limits(
    policy: Policy, max_tokens: int | None = None, seconds: float | None = None
) -> tuple[Verdict, ...]:
    """What there is to say of what a request may cost: tokens of its answer, seconds to wait."""
    if not policy.enabled:
        return ()
    limits, found = policy.limits, []
    if max_tokens is not None and max_tokens > limits.output_tokens:
        found.append(("limits.tokens", f"at most {limits.output_tokens} tokens"))
    if seconds is not None and seconds > limits.seconds:
        found.append(("limits.time", f"at most {limits.seconds:g} seconds"))
    return _kept(verdict(rule, policy, "input", why) for rule, why in found)


def check_output(text: str, policy: Policy, given: Given | None = None) -> tuple[Verdict, ...]:
    """What there is to say of a whole answer."""
    if not policy.enabled:
        return ()
    return _kept([*_formal(text, policy, given or Given()), *said(text, policy)])


def said(text: str, policy: Policy) -> list[Verdict | None]:
    """What there is to say of an answer's words, which a part of it can be asked as well."""
    plain = views.plain(text)
    words = words_of(plain)
    found = [*_harm(plain, words, policy, "output")]
    found += _toxic(scorer.sentences(plain), policy, "output")
    if any(policy.looks(concern, "output") for concern in ("ethics", "bias", "honesty")):
        for hit in ALIGNED.hits(plain, words, 2):
            found.append(verdict(hit.rule, policy, "output", f"“{hit.said}”"))
    ran = quality.runs(text, fenced=policy.level == "strict")
    if ran is not None:
        found.append(verdict("markup", policy, "output", "“<”" if "<" in ran else "", SORRY))
    if quality.beacon(text):
        found.append(verdict("markup.beacon", policy, "output", "", SORRY))
    return [*found, *_personal(text, policy, "output")]


def verdict(
    rule: str, policy: Policy, side: Side, why: str = "", alternative: str = ""
) -> Verdict | None:
    """A rule's verdict as the policy has it; None where it allows what was found."""
    action = policy.action(rule, side)
    if action == "allow":
        return None
    one = RULES[rule]
    kind = "input" if one.concern == "toxicity" and side == "input" else one.kind
    reason = f"{one.says}: {why}" if why else one.says
    return Verdict(kind, rule, reason, action, one.owasp, alternative=alternative or SORRY)


def _kept(found: Iterator[Verdict | None] | list[Verdict | None]) -> tuple[Verdict, ...]:
    return tuple(one for one in found if one is not None)


def _shape(messages: Messages, policy: Policy) -> Iterator[Verdict]:
    """Size, form and encoding of a request as a whole."""
    limits, size, something = policy.limits, 0, False
    found: list[Verdict | None] = []
    if len(messages) > limits.messages:
        found.append(verdict("size.messages", policy, "input", f"at most {limits.messages}"))
    for message in messages:
        content, role = message.get("content"), message.get("role")
        if role not in ROLES:
            found.append(verdict("format.role", policy, "input", f"one of {', '.join(ROLES)}"))
        if not isinstance(content, str) and not (content is None and role == "assistant"):
            found.append(verdict("format.content", policy, "input"))
            continue
        size += len(content or "")
        something = something or (role != "system" and bool((content or "").strip()))
        if content and _BROKEN.search(content):
            found.append(verdict("encoding.broken", policy, "input"))
        elif content and not content.isascii() and _UNSEEN.search(content):
            found.append(verdict("encoding.hidden", policy, "input"))
    if size > limits.input_chars:
        why = f"{size:,} of at most {limits.input_chars:,} characters"
        found.append(verdict("size.chars", policy, "input", why))
    if not something:
        found.append(verdict("format.empty", policy, "input"))
    yield from _kept(found)


def _message(number: int, role: str, text: str, policy: Policy) -> Iterator[Verdict]:
    plain = views.plain(text)
    parts = scorer.sentences(plain)
    found: list[Verdict | None] = []
    if role not in TRUSTED:
        material = role in ("tool", "function") or policy.own.material
        words = words_of(plain)
        if policy.looks("injection", "input"):
            found += _injected(text, plain, words, policy.enough(material), policy)
            if not any(found):
                found += _like_attacks(parts, policy)
        found += _harm(plain, words, policy, "input")
        found += _toxic(parts, policy, "input")
        if role == "user":
            found += _scope(text, plain, policy)
    found += _personal(text, policy, "input")
    for one in _kept(found):
        yield one if number == 0 else _at(one, number)


def _at(one: Verdict, number: int) -> Verdict:
    return Verdict(
        one.kind, one.rule, one.reason, one.action, one.owasp, one.edits, one.alternative, number
    )


def _injected(
    text: str, plain: str, words: set[str], enough: Strength, policy: Policy
) -> Iterator[Verdict | None]:
    seen = set()
    for hit in INJECTION.hits(plain, words, enough):
        if hit.rule not in seen:
            seen.add(hit.rule)
            yield verdict(hit.rule, policy, "input", f"“{hit.said}”")
    for view in views.hidden(text):
        first = next(INJECTION.hits(view.text, words_of(view.text), enough), None)
        if first is not None:
            yield verdict("injection.hidden", policy, "input", f"{view.how}: “{first.said}”")
            break


def _like_attacks(parts: list[Sentence], policy: Policy) -> Iterator[Verdict | None]:
    found = scorer.above(parts, "injection", policy.level)
    if found is not None and sum(len(part.words) for part in parts) >= FEWEST:
        why = f"{', '.join(found.telling())} ({found.value:.1f})"
        yield verdict("injection.scorer", policy, "input", why)


def _harm(plain: str, words: set[str], policy: Policy, side: Side) -> Iterator[Verdict | None]:
    if policy.looks("harm", side):
        for hit in HARMFUL.hits(plain, words, 3 if policy.level == "permissive" else 2):
            yield verdict(hit.rule, policy, side, f"“{hit.said}”", HELP.get(hit.rule, ""))


def _toxic(parts: list[Sentence], policy: Policy, side: Side) -> Iterator[Verdict | None]:
    if policy.looks("toxicity", side) and parts:
        found = scorer.above(parts, "toxicity", policy.level)
        if found is not None:
            yield verdict("toxicity", policy, side, f"score {found.value:.1f}")


def _scope(text: str, plain: str, policy: Policy) -> Iterator[Verdict | None]:
    if policy.not_about is not None and (match := policy.not_about.search(plain)):
        yield verdict("scope", policy, "input", f"“{match[0]}”")
    elif policy.own.looks_like == "code" and not quality.CODE.search(text):
        yield verdict("scope", policy, "input", "there is no code in it")


def _personal(text: str, policy: Policy, side: Side) -> Iterator[Verdict | None]:
    found: dict[str, list[Span]] = {"secret": [], "pii": []}
    for span in policy.redactor.text(text).spans:
        found[rule_of(span)].append(span)
    for rule, spans in found.items():
        made = verdict(rule, policy, side, ", ".join(sorted({span.kind for span in spans})))
        if spans and made is not None:
            edits = tuple(Edit(span.start, span.end, span.placeholder) for span in spans)
            yield Verdict(made.kind, rule, made.reason, made.action, made.owasp, edits)


def rule_of(span: Span) -> str:
    """The rule that has found it."""
    return "secret" if span.kind == "key" else "pii"


def _formal(text: str, policy: Policy, given: Given) -> Iterator[Verdict | None]:
    if not text.strip():
        yield verdict("length.empty", policy, "output")
        return
    if len(text) > policy.output_chars:
        why = f"{len(text):,} of at most {policy.output_chars:,} characters"
        yield verdict("length", policy, "output", why)
    how = quality.repetitive(text, NEW[policy.level])
    if how is not None:
        yield verdict("repetition", policy, "output", how)
    if quality.leaked(text, given.hidden):
        yield verdict("leak", policy, "output")
    if given.parse is not None and given.parse(text) is None:
        yield verdict("schema", policy, "output")
