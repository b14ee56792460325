"""Answers on their way to the client: collected, read in the role's form, checked.

whole(asked)             every choice, finished
streamed(asked)          ("text", 0, "posi"), ("text", 0, "tive"), ("end", 0, Said(…))
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal

from srlr.core.serving import Structured
from srlr.serving.asked import Ask, Gone
from srlr.serving.asking import Wanted
from srlr.serving.backend import Answer, Backend
from srlr.serving.forms import Finish, Said
from srlr.serving.guard.checking import Given
from srlr.serving.guard.policy import Policy
from srlr.serving.guard.watch import Watch
from srlr.serving.guarded import Outgoing, Tell, let_out, visible
from srlr.serving.rejected import Rejected
from srlr.serving.speaking import Speaker

Event = tuple[Literal["text"], int, str] | tuple[Literal["end"], int, Said]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with all that its answers depend on.

    Args:
        moved: called once for each time an answer went on on another worker.
    """

    wanted: Wanted
    backend: Backend
    structured: Structured
    policy: Policy
    tell: Tell
    moved: Callable[[], None]

    def answer(self, ask: Ask, *, whole: bool) -> Answer:
        return self.backend.answer(ask, self.wanted.version, whole=whole)

    def speaker(self, version: str) -> Speaker:
        """What reads the answers that this version began."""
        served = self.wanted.served
        of = (
            one.speaker
            for one in self.backend.models()
            if one.role == served.role and one.version == version
        )
        return next(of, served.speaker)


async def whole(asked: Asked) -> list[Said]:
    """Every choice, in order; they are generated at once.

    Raises:
        Rejected: an answer is not in the role's form and serve.structured requires it.
        SrlrError: as the backend.
    """
    asks = asked.wanted.asks
    if len(asks) == 1:
        return [await _one(asked, asks[0])]
    tasks = [asyncio.ensure_future(_one(asked, ask)) for ask in asks]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        await _stopped(tasks)


async def _one(asked: Asked, ask: Ask) -> Said:
    said = await _settled(asked, ask, await _collected(asked, ask))
    checked = let_out(said.text, asked.policy, _given(asked, ask), asked.tell)
    asked.backend.judge(ask, valid=said.valid, violation=checked.stopped)
    said = replace(said, violations=visible(checked.verdicts))
    return _changed(asked, said, checked.text, stopped=checked.stopped)


def _given(asked: Asked, ask: Ask) -> Given:
    """What a guard is told of an answer beside its text."""
    hidden = tuple(one["content"] for one in ask.messages if one["role"] == "system")
    parse = asked.wanted.served.speaker.parse if _reads(asked, ask) else None
    return Given(hidden, parse)


def _changed(asked: Asked, said: Said, text: str, *, stopped: bool) -> Said:
    """The choice with the text that is sent, where that is another one."""
    if stopped:
        return replace(said, text=text, finish="content_filter", parsed=None, valid=None)
    if text == said.text or not said.valid:
        return replace(said, text=text)
    parsed = asked.speaker(said.form).parse(text)
    return replace(said, text=text, parsed=parsed, valid=parsed is not None)


async def _collected(asked: Asked, ask: Ask) -> Said:
    texts, tokens, answer = [], 0, asked.answer(ask, whole=True)
    finish: Finish | None = None
    prompt_tokens = 0
    async with aclosing(answer):
        async for piece in answer:
            texts.append(piece.text)
            tokens += len(piece.tokens) + piece.untold
            finish, prompt_tokens = piece.finish, piece.prompt_tokens
    return _said(asked, answer, "".join(texts), finish, tokens, prompt_tokens)


def _said(
    asked: Asked, answer: Answer, text: str, finish: Finish | None, tokens: int, prompt_tokens: int
) -> Said:
    if finish is None:
        raise Gone("the answer ended before its end", "ask again")
    if answer.migrated:
        asked.moved()
    version, migrated = answer.version, answer.migrated
    return Said(text, finish, version, migrated, prompt_tokens, tokens, form=answer.form)


async def _settled(asked: Asked, ask: Ask, said: Said) -> Said:
    """The answer, read; asked for once more where it cannot be and something was drawn, for the
    same greedy answer would only come again.
    """
    if not _reads(asked, ask):
        return said
    parsed = asked.speaker(said.form).parse(said.text)
    if parsed is None and asked.structured == "repair" and ask.temperature > 0:
        again = await _collected(asked, replace(ask, id=f"{ask.id}-again", temperature=0.0))
        parsed = asked.speaker(again.form).parse(again.text)
        if parsed is not None:
            tokens = said.tokens + again.tokens
            return replace(
                again, tokens=tokens, parsed=parsed, valid=True, repaired="asked again greedily"
            )
        said = replace(said, tokens=said.tokens + again.tokens)
    return _read(asked, said)


def _reads(asked: Asked, ask: Ask) -> bool:
    """Whether the answer is in a role's form at all: a bare text goes on in none, and a client's
    own schema is not the role's.
    """
    role = asked.wanted.served.speaker.role
    return asked.structured != "off" and role is not None and ask.prompt is None and not ask.schema


def _read(asked: Asked, said: Said) -> Said:
    """The answer with what is read of its text.

    Raises:
        Rejected: 422, it is not in the role's form and must be. Clients do not ask again on that:
            the same question has the same answer.
    """
    speaker = asked.speaker(said.form)
    parsed = speaker.parse(said.text)
    if parsed is not None:
        return replace(said, parsed=parsed, valid=True)
    if asked.structured == "require":
        what = f"the answer is not in the form of the role {asked.wanted.served.role!r}"
        hint = "ask with other words; serve.structured=repair lets such answers through, marked"
        raise Rejected(422, "invalid_answer", what, hint, more={"text": said.text})
    lenient = speaker.parse_leniently(said.text)
    repaired = None if lenient is None else "read generously"
    return replace(said, parsed=lenient, valid=False, repaired=repaired)


# -- streams ---------------------------------------------------------------------------------------


async def streamed(asked: Asked) -> AsyncGenerator[Event, None]:
    """The choices' texts as they come, and each one's end. The first text of each is empty: it says
    that there will be one, while guardrails hold its words back.

    Where serve.structured=require, a choice's text is held until it was read: what was sent could
    not be taken back.

    Raises:
        SrlrError: as `whole`, from the first event on or in the middle.
    """
    asks = asked.wanted.asks
    if len(asks) == 1:
        async with aclosing(_stream(asked, 0)) as only:
            async for one in only:
                yield one
        return
    events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue(64)

    async def pump(place: int) -> None:
        try:
            async with aclosing(_stream(asked, place)) as stream:
                async for one in stream:
                    await events.put(one)
            await events.put(None)
        except Exception as error:  # noqa: BLE001 - raised where the events are read
            await events.put(error)

    tasks = [asyncio.ensure_future(pump(place)) for place in range(len(asks))]
    try:
        left = len(tasks)
        while left:
            came = await events.get()
            if came is None:
                left -= 1
            elif isinstance(came, BaseException):
                raise came
            else:
                yield came
    finally:
        await _stopped(tasks)


async def _stream(asked: Asked, place: int) -> AsyncGenerator[Event, None]:
    ask = asked.wanted.asks[place]
    reads = _reads(asked, ask)
    hold = reads and asked.structured == "require"
    out = Outgoing(Watch(asked.policy, _given(asked, ask)), asked.tell)
    answer, tokens = asked.answer(ask, whole=hold), 0
    texts: list[str] = []
    finish: Finish | None = None
    prompt_tokens = 0
    async with aclosing(answer):
        async for piece in answer:
            if not hold and not texts:
                yield "text", place, ""
            texts.append(piece.text)
            tokens += len(piece.tokens) + piece.untold
            finish, prompt_tokens = piece.finish, piece.prompt_tokens
            if not hold and (text := out.feed(piece.text)):
                yield "text", place, text
            if out.stopped:
                finish = "stop"
                break
    said = _said(asked, answer, "".join(texts), finish, tokens, prompt_tokens)
    if reads and not out.stopped:
        said = _read(asked, said)
    if hold and (text := out.feed(said.text)):
        yield "text", place, text
    if text := out.end():
        yield "text", place, text
    asked.backend.judge(ask, valid=said.valid, violation=out.stopped)
    said = replace(said, violations=visible(out.verdicts))
    yield "end", place, _changed(asked, said, out.sent, stopped=out.stopped)


async def _stopped(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
