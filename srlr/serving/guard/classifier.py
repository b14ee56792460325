"""A trained role as a further judge of what the rules let pass: guard.classifier=role:moderation.

It is asked after the rules and only where they found nothing that stops the text, as a model costs
a thousand times what they do. What it says is a verdict like any other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from srlr.serving.guard.checking import verdict
from srlr.serving.guard.policy import Policy
from srlr.serving.guard.verdict import Side, Verdict, worst

Answer = Callable[[str, str], Awaitable[Mapping[str, Any] | None]]
"""answer(role, text): the role's answer as its schema has it; None: it could not be read."""
HARMLESS = ("none", "ok", "safe")


async def classify(
    text: str, policy: Policy, side: Side, answer: Answer, found: Sequence[Verdict] = ()
) -> tuple[Verdict, ...]:
    """What the classifier adds to what the rules have `found`; nothing where there is none, where
    the rules have decided already, or for the classifier's own requests.
    """
    role = policy.classifier
    if not policy.enabled or role is None or role.split("@")[0] == policy.role:
        return ()
    if worst(found) in ("replace", "block") or not policy.looks("harm", side):
        return ()
    said = await answer(role, text)
    return judged(said, policy, side)


def judged(said: Mapping[str, Any] | None, policy: Policy, side: Side) -> tuple[Verdict, ...]:
    """The verdict in a moderation role's answer. An answer that could not be read says nothing."""
    flags = [str(flag) for flag in (said or {}).get("flags") or ()]
    if not flags and str((said or {}).get("flag", "none")) not in HARMLESS:
        flags = [str((said or {})["flag"])]
    if not flags:
        return ()
    severity = (said or {}).get("severity")
    why = ", ".join(flags) + (f" ({severity})" if severity else "")
    one = verdict("classifier", policy, side, why)
    return () if one is None else (one,)
