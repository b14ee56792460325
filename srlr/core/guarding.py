"""What can be said of guardrails: how strict, what passes, and what a role needs otherwise."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, Positive

Level = Literal["strict", "balanced", "permissive"]
Action = Literal["allow", "log", "replace", "block"]
"""In this order: of several verdicts the last one decides."""
ACTIONS: tuple[Action, ...] = get_args(Action)
InputConcern = Literal[
    "size", "encoding", "format", "injection", "scope", "harm", "toxicity", "pii", "secret"
]
OutputConcern = Literal[
    "schema", "length", "repetition", "markup", "leak", "harm", "toxicity", "pii", "secret",
    "ethics", "bias", "honesty",
]  # fmt: skip
LOGGED: frozenset[str] = frozenset({"ethics", "bias", "honesty"})
"""Concerns of alignment: told, never the reason to refuse an answer."""
Said = Annotated[str, Field(min_length=1)]


class Limits(Node):
    """What one request may cost."""

    input_chars: Count = 32_000
    """Of all messages together."""
    messages: Count = 256
    output_tokens: Count = 4096
    output_chars: Count = 32_000
    seconds: Positive = 600.0


class Guard(Node):
    """How requests and answers of every role are guarded."""

    enabled: bool = True
    level: Level = "balanced"
    allow: tuple[Said, ...] = ()
    """Rules that never fire, by name; injection.* stands for all of a concern."""
    allow_values: tuple[Said, ...] = ()
    """Values that are nobody's secret, in any case and spelling; * stands for anything:
    *@example.org.
    """
    limits: Limits = Limits()
    classifier: Annotated[str, Field(pattern=r"^role:[\w.@-]+$")] | None = None
    """role:moderation: a trained role that judges what the rules let pass."""


class RoleGuard(Node):
    """What one role's guardrails do otherwise than the level says."""

    input: dict[InputConcern, Action] = {}
    """By concern, e.g. {toxicity: allow} where judging it is the role's task."""
    output: dict[OutputConcern, Action] = {}
    material: bool = False
    """What users send is a text to work on: nothing in it is addressed to the model, so an
    instruction in it is an attack.
    """
    looks_like: Literal["any", "code"] = "any"
    """What a request must look like to be within the role's task."""
    not_about: tuple[Said, ...] = ()
    """Words and phrases of requests that are not the role's task."""
    max_output_chars: Count | None = None
    """A longer answer is none of this role; None: the deployment's limit."""

    @model_validator(mode="after")
    def _alignment_is_only_logged(self) -> Self:
        for concern in LOGGED & set(self.output):
            if self.output[concern] not in ("allow", "log"):  # type: ignore[index]
                raise ValueError(f"output.{concern}: allow or log; it is never a reason to refuse")
        return self
