"""Asking a language model on a server that speaks OpenAI's protocol, within a budget, once.

    with session.opened(path, budget) as shared:
        client = Client(shared, settings, "generate.teacher")
        answer = client.ask([{"role": "user", "content": "…"}], schema)

An answer that the journal has is not asked for again. Who judges trajectories by a model takes a
`protocol.Ask` and knows nothing of the rest.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from srlr.collaboration import budget, keys, protocol
from srlr.collaboration.budget import Cost, Price
from srlr.collaboration.faults import Asked, Fault
from srlr.collaboration.journal import Row, key_of
from srlr.collaboration.pace import Pace, backoff_s
from srlr.collaboration.session import Session
from srlr.collaboration.wire import Wire
from srlr.core.errors import ConfigError, MissingArtifact, SrlrError
from srlr.core.teaching import Teacher
from srlr.core.types import Message

T = TypeVar("T")
_SPENT_BY_NOBODY = Cost()


class Client:
    """One model on one server. `ask` is an Ask."""

    def __init__(self, session: Session, settings: Teacher, at: str) -> None:
        """Raises ConfigError or MissingArtifact where the key, the price or the package is missing.

        Args:
            at: the settings' place in the configuration, to say to a person.
        """
        assert settings.base_url is not None, "settings say so"
        self.session, self.settings, self.at = session, settings, at
        self.price = Price.per_million(
            settings.price_input_usd_per_1m_tokens, settings.price_output_usd_per_1m_tokens
        )
        budget.check(session.budget.usd, self.price, at)
        # What is replayed needs neither a key nor a client.
        replay = settings.replay
        key = (
            keys.Key(None) if replay else keys.read(settings.api_key_env, settings.api_key_file, at)
        )
        self.asked = Asked(settings.base_url, at, key, settings.timeout_s, settings.idle_s)
        self.pace = Pace(settings.concurrency, settings.failures_to_open, settings.cool_down_s)
        self._rng = random.Random(at)
        self._wire: Any = None if replay else Wire(self.asked, stream=settings.stream)
        self._ended: SrlrError | None = None
        self._model = settings.model
        self._naming = asyncio.Lock()

    def ask(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any] | None = None,
        *,
        max_tokens: int | None = None,
        seed: int = 0,
    ) -> protocol.Answer:
        """The model's answer; with a schema the server is asked to keep to it, where it can.

        Raises:
            Spent: the budget does not pay for it.
            MissingArtifact: replay, and the journal does not have it.
            SrlrError: the server refuses, or gives no answer to this request, retries included.
        """
        return self.session.run(self.answer(messages, schema, max_tokens=max_tokens, seed=seed))

    async def answer(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any] | None = None,
        *,
        max_tokens: int | None = None,
        seed: int = 0,
    ) -> protocol.Answer:
        """As `ask`, on the session's own loop."""
        clean = self.session.clean
        request: Row = {
            "model": await self._named(),
            "messages": [{**one, "content": clean(one["content"])} for one in messages],
            "max_tokens": max_tokens or self.settings.max_new_tokens,
            "temperature": self.settings.temperature,
            "seed": seed,
        }
        if schema is not None:
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": dict(schema)},
            }
        return protocol.answer(await self._once(request))

    @property
    def ended(self) -> bool:
        """Whether no further request is worth making: a key is wrong, or the server is gone."""
        return self._ended is not None

    def close(self) -> None:
        """Lets go of the connections."""
        if self._wire is not None:
            with contextlib.suppress(SrlrError):
                self.session.run(self._wire.close())

    # -- one request -------------------------------------------------------------------------------
    async def _once(self, request: Row) -> Row:
        """The journal's line for the answer, from the server if it is not there yet."""
        key = key_of(request)
        known = self.session.journal.answer(key)
        if known is not None:
            self.session.tally.replayed += 1
            return {**known, "replayed": True}
        if self.settings.replay:
            raise MissingArtifact(
                f"{self.at}.replay: the journal {str(self.session.journal.path)!r} has no answer "
                "to a request of this run",
                f"the same configuration and seed as when it was written, or {self.at}.replay="
                "false, which asks the server",
            )
        worst = self._worst(request)
        came = await self._persisted(lambda: self._tried(key, request, worst))
        if not isinstance(came, Fault):
            return came
        if came.kind == "fatal" or not self.pace.ever_well or self.pace.given_up:
            self._ended = came.error
        raise came.error

    async def _persisted(self, tried: Callable[[], Awaitable[T | Fault]]) -> T | Fault:
        """What comes in the end: after a fault that may pass it is tried again, `retries` times."""
        attempt = 0
        while True:
            came = await tried()
            if not isinstance(came, Fault) or came.kind in ("fatal", "refused"):
                return came
            if attempt >= self.settings.retries:
                return came
            wait_s = came.retry_after_s
            if wait_s is None:
                wait_s = backoff_s(self.settings.backoff_s, attempt, self._rng)
            await asyncio.sleep(wait_s)
            attempt += 1

    async def _tried(self, key: str, request: Row, worst: Cost) -> Row | Fault:
        """The journal's line for an answer, or why there is none."""
        entered = await self.pace.enter()
        try:
            if self._ended is not None:
                raise self._ended
            await self.session.reserve(worst)
            actual = worst  # also when this process is told to stop half-way
            try:
                sent = {"event": "sent", "key": key, **protocol.priced(worst)}
                await self.session.journal.write(sent)
                self.session.tally.sent += 1
                came = await self._wire.sent(request)
                if isinstance(came, Fault):
                    actual = worst if came.may_cost else _SPENT_BY_NOBODY
                    await self._note(key, came, actual)
                    self._pace(came, entered)
                    return came
                row = self._row(came, request)
                actual = Cost(row["tokens"], row["pico_usd"])
                line = {"event": "answer", "key": key, **row, "request": request}
                await self.session.journal.write(line)
                self.session.tally.answered += 1
                self.pace.well()
                return row
            finally:
                await self.session.settle(worst, actual)
        finally:
            await self.pace.leave()

    def _row(self, said: protocol.Said, request: Row) -> Row:
        """The fields of the journal's line; without figures of the server's own it is counted as
        the most that it can have been.
        """
        prompt, answer = said.prompt_tokens, said.answer_tokens
        if prompt is None or answer is None:
            prompt, answer = self._most_prompt_tokens(request), request["max_tokens"]
        return {
            "text": self.session.clean(said.text),
            "finish": said.finish,
            "model": said.model or request["model"],
            "prompt_tokens": prompt,
            "answer_tokens": answer,
            **protocol.priced(Cost(prompt + answer, self.price.of(prompt, answer))),
        }

    def _pace(self, came: Fault, entered: float) -> None:
        if came.kind == "busy":
            self.pace.busy(entered, came.retry_after_s)
        elif came.kind == "down":
            self.pace.failed()
            if came.retry_after_s is not None:
                self.pace.busy(entered, came.retry_after_s)
            if self.pace.given_up or (self.pace.openings and not self.pace.ever_well):
                self._ended = came.error
        elif came.kind == "fatal":
            self._ended = came.error

    async def _note(self, key: str, came: Fault, actual: Cost) -> None:
        self.session.tally.failed += 1
        row = {"event": "failed", "key": key, "why": came.error.what, **protocol.priced(actual)}
        await self.session.journal.write(row)

    # -- what it may cost, and who is asked --------------------------------------------------------

    def _worst(self, request: Row) -> Cost:
        prompt, answer = self._most_prompt_tokens(request), request["max_tokens"]
        return Cost(prompt + answer, self.price.of(prompt, answer))

    def _most_prompt_tokens(self, request: Row) -> int:
        texts = [one["content"] for one in request["messages"]]
        # A server may put the schema into the prompt.
        return budget.most_prompt_tokens([*texts, str(request.get("response_format", ""))])

    async def _named(self) -> str:
        """The model's name; where nobody said it, the only one that the server has."""
        async with self._naming:
            if self._ended is not None:
                raise self._ended
            if self._model is None:
                try:
                    self._model = await self._only()
                except SrlrError as error:
                    self._ended = error
                    raise
        return self._model

    async def _only(self) -> str:
        names = await self._names()
        if len(names) != 1:
            raise ConfigError(
                f"{self.asked.url} tells of {', '.join(map(repr, names)) or 'no model'}: which one "
                "is meant?",
                f"{self.at}.model={names[0] if names else 'NAME'}",
            )
        return names[0]

    async def _names(self) -> list[str]:
        request = {"models": self.asked.url}
        known = self.session.journal.answer(key_of(request))
        if known is not None or self.settings.replay:
            return list((known or await self._once(request))["names"])
        came: list[str] | Fault = await self._persisted(self._wire.names)
        if isinstance(came, Fault):
            raise came.error
        row = {"event": "answer", "key": key_of(request), "names": came}
        await self.session.journal.write({**row, **protocol.priced(Cost())})
        return came
