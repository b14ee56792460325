"""Answers that begin and end while others go on: what serving needs of the generation engine.

Every step takes each running answer one token further, and reads a part of the prompts of those
that have come; who has ended, or is no longer wanted, leaves its lane to who waits. What is drawn
depends on an answer's seed and on the token's place in it, not on who shares its steps, nor on
whether the tokens before it were said here or by somebody else.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from srlr.core.errors import ConfigError
from srlr.models import lanes
from srlr.models.lanes import Feed, Lanes
from srlr.models.local import LocalModel
from srlr.models.sampling import Sampling, draw
from srlr.models.spoken import Part, Spoken
from srlr.models.uniform import uniform

READ_AT_ONCE = {"cpu": 64, "cuda": 1024}
"""Tokens of prompts in a step: more would let those wait who are being answered."""
End = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An answer to `prompt`, of at most `max_tokens` tokens, of which `before` were said already;
    the other fields are as in Sampling.
    """

    prompt: Sequence[int]
    max_tokens: int
    before: Sequence[int] = ()
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(eq=False, slots=True)
class Row:
    """An answer that is under way."""

    wanted: Wanted
    limit: int
    spoken: Spoken
    unread: list[int]
    """Tokens that the lane does not hold yet."""
    lane: int | None = None
    end: End | None = None

    @property
    def said(self) -> list[int]:
        return self.spoken.tokens


@dataclass(slots=True)
class Continuous:
    """Answers under way, in the lanes of one model."""

    model: LocalModel
    lanes: Lanes
    running: list[Row] = field(default_factory=list)
    waiting: deque[Row] = field(default_factory=deque)
    context: int | None = None
    """Tokens of a prompt with its answer; None: without bound."""
    taken_over: int = 0
    """Tokens of prompts that were not read, as a lane held them."""

    @classmethod
    def of(cls, model: LocalModel, at_once: int, context: int | None = None) -> "Continuous":
        """For so many answers at once, of what the model reads or of less."""
        model.model.eval()
        bounds = [bound for bound in (model.context, context) if bound is not None]
        return cls(model, lanes.of(model, at_once), context=min(bounds, default=None))

    def room(self, wanted: Wanted) -> int:
        """How many tokens the answer may have; an answer ends where the context does.

        Raises:
            ConfigError: the prompt leaves no room for one.
        """
        context = self.context
        if context is not None and len(wanted.prompt) >= context:
            raise ConfigError(
                f"the prompt has {len(wanted.prompt)} tokens, and {self.model.name} reads "
                f"{context}, its answer included",
                "shorten it",
            )
        left = wanted.max_tokens if context is None else context - len(wanted.prompt)
        return min(wanted.max_tokens, left)

    def add(self, wanted: Wanted) -> Row:
        """A row that waits for a lane."""
        spoken = Spoken(self.model, wanted.stop, wanted.before)
        row = Row(wanted, self.room(wanted), spoken, [*wanted.prompt, *wanted.before])
        if wanted.before and wanted.before[-1] in self.model.stop_tokens:
            row.end = "stop"
        elif len(wanted.before) >= row.limit:
            row.end = "length"
        if row.end is None:
            self.waiting.append(row)
        return row

    def drop(self, row: Row) -> None:
        """Nobody wants it any more; its lane is free in the next step."""
        if row in self.running:
            self.running.remove(row)
        elif row in self.waiting:
            self.waiting.remove(row)

    def step(self) -> list[tuple[Row, Part]]:
        """Takes all one step further; what can be told of whom. Rows with an `end` have left."""
        while self.waiting and len(self.running) < self.lanes.count:
            self._begin(self.waiting.popleft())
        rows, feeds = self._feeds()
        if not rows:
            return []
        logits = self.lanes.go_on(feeds)
        ready = [place for place, row in enumerate(rows) if not row.unread]
        told = []
        for place, token in zip(ready, self._drawn(rows, logits, ready), strict=True):
            part = self._say(rows[place], token)
            if part is not None:
                told.append((rows[place], part))
        self.running = [row for row in self.running if row.end is None]
        return told

    def _begin(self, row: Row) -> None:
        taken = [other.lane for other in self.running if other.lane is not None]
        row.lane = self.lanes.free(taken, row.unread)
        kept = self.lanes.begin(row.lane, row.unread)
        self.taken_over += kept
        del row.unread[:kept]
        self.running.append(row)

    def _feeds(self) -> tuple[list[Row], list[Feed]]:
        """Who goes on in this step, and with which tokens."""
        left = READ_AT_ONCE.get(self.model.device.type, READ_AT_ONCE["cpu"])
        rows, feeds = [], []
        for row in self.running:
            reads = len(row.unread) > 1 or not row.said
            tokens = row.unread[:left] if reads else row.unread[:]
            if not tokens:
                continue
            left -= len(tokens) if reads else 0
            del row.unread[: len(tokens)]
            rows.append(row)
            feeds.append(Feed(row.lane or 0, tokens))
        return rows, feeds

    def _drawn(self, rows: list[Row], logits: torch.Tensor, ready: list[int]) -> list[int]:
        """A token for each of these rows; those that are drawn alike are drawn together."""
        alike: dict[Sampling, list[int]] = {}
        for place in ready:
            wanted = rows[place].wanted
            how = Sampling(
                max_new_tokens=1,
                temperature=wanted.temperature,
                top_k=wanted.top_k,
                top_p=wanted.top_p,
            )
            alike.setdefault(how, []).append(place)
        tokens: dict[int, int] = {}
        for how, places in alike.items():
            numbers = [uniform(rows[one].wanted.seed, len(rows[one].said)) for one in places]
            drawn = draw(
                logits[places],
                how,
                torch.tensor(numbers, dtype=torch.float64, device=logits.device),
                torch.arange(len(places)),
            )
            tokens |= dict(zip(places, drawn.token_S.tolist(), strict=True))
        return [tokens[place] for place in ready]

    def _say(self, row: Row, token: int) -> Part | None:
        part = row.spoken.add(token)
        if part is not None and part.ended:
            row.end = "stop"
        elif len(row.said) >= row.limit:
            row.end = "length"
            held = row.spoken.rest()
            part = held if part is None else Part(part.tokens + held.tokens, part.text + held.text)
        else:
            row.unread = [token]
        return part
