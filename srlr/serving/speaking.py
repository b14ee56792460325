"""How a release is spoken to: which messages its model sees, and how its text is read.

A client that sends one message of a user to a role means the role's task: the model is given what
it was trained on, as `srlr predict` builds it. A chat with a system message of its own, or with
several turns, goes to the model as it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srlr import roles
from srlr.core.profile import RoleProfile
from srlr.core.types import Message, Role, Task
from srlr.serving.rejected import Rejected

_THOUGHT = re.compile(r"<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A role's forms for one release.

    Args:
        role: its module; None for a release of a role that has none, whose text nobody reads.
        profile: what the role was when the release was published.
        untrained: the base model as it is, to which the form must be described.
        aloud: it was taught to think aloud, and its thoughts are no part of its answer.
    """

    role: Role | None = None
    untrained: bool = False
    aloud: bool = False
    profile: RoleProfile | None = None
    max_tokens: int = 128
    stop: tuple[str, ...] = ()

    def chat(self, said: Sequence[Message]) -> tuple[Message, ...]:
        """The messages that the model is given.

        Raises:
            Rejected: the text is longer than the role takes.
        """
        if self.role is None or len(said) != 1 or said[0]["role"] != "user":
            return tuple(said)
        text = said[0]["content"]
        limit = None if self.profile is None else self.profile.max_prompt_chars
        if limit is not None and len(text) > limit:
            what = f"messages[0].content: {len(text):,} characters, and the role takes {limit:,}"
            hint = "send less, or deploy the role with a larger role.max_prompt_chars"
            raise Rejected(400, "prompt_too_long", what, hint, param="messages[0].content")
        task = Task("asked", text, {})
        ask = self.role.baseline_messages if self.untrained else self.role.messages
        return tuple(ask(task))

    def parse(self, text: str) -> dict[str, Any] | None:
        """The answer in a text that is exactly in the role's form."""
        if self.role is None:
            return None
        if self.untrained:
            return self.role.parse_baseline(text)
        return self.role.parse(_THOUGHT.sub("", text).lstrip() if self.aloud else text)

    def parse_leniently(self, text: str) -> dict[str, Any] | None:
        """As a patient person would read it."""
        return None if self.role is None else self.role.parse_leniently(text)


def speaker(
    profile: RoleProfile | None,
    role_path: str | None = None,
    *,
    untrained: bool = False,
    aloud: bool = False,
    max_tokens: int = 128,
    stop: Sequence[str] = (),
) -> Speaker:
    """The speaker of a release.

    Raises:
        SrlrError: as `roles.load`.
    """
    found = None if profile is None else roles.load(profile, role_path)
    return Speaker(found, untrained, aloud, profile, max_tokens, tuple(stop))
