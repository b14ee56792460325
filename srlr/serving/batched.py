"""The own generation engine behind asyncio: one thread takes all answers a step further."""

import asyncio
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from srlr.core import hardware
from srlr.core.errors import ConfigError, SrlrError
from srlr.models import lanes, local
from srlr.models.continuous import Continuous, Row, Wanted
from srlr.models.local import LocalModel
from srlr.models.spoken import Part
from srlr.serving.answerer import Pace, late, seconds_left
from srlr.serving.asked import Ask, Busy, Gone, Piece, Refused
from srlr.serving.spec import Spec

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Answer:
    """One that somebody waits for."""

    wanted: Wanted
    loop: asyncio.AbstractEventLoop
    told: asyncio.Queue[tuple[Part, str | None] | SrlrError] = field(default_factory=asyncio.Queue)
    row: Row | None = None
    started: bool = False
    over: bool = False

    def tell(self, what: tuple[Part, str | None] | SrlrError) -> None:
        self.loop.call_soon_threadsafe(self.told.put_nowait, what)


class Batched:
    """Answers of one model; see answerer.Answerer."""

    def __init__(self, model: LocalModel, spec: Spec) -> None:
        self.model, self.spec = model, spec
        self.work = Continuous.of(model, spec.max_running, spec.context)
        self.replay = "exact" if lanes.exact(self.work.lanes, _vocabulary(model)) else "rounding"
        self.pace = Pace()
        self.answers: list[_Answer] = []
        """All that are not over."""
        self.inbox: deque[_Answer] = deque()
        """Those the thread does not know yet."""
        self.call = threading.Condition()
        threading.Thread(target=self._run, name="answers", daemon=True).start()

    @property
    def running(self) -> int:
        return min(len(self.answers), self.spec.max_running)

    @property
    def waiting(self) -> int:
        return len(self.answers) - self.running

    @property
    def tokens_per_second(self) -> float:
        return self.pace.tokens_per_second

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        seconds_left(ask)
        self._has_room()
        answer = _Answer(await asyncio.to_thread(self._wanted, ask), asyncio.get_running_loop())
        self._has_room()
        with self.call:
            self.answers.append(answer)
            self.inbox.append(answer)
            self.call.notify()
        try:
            finish = None
            while finish is None:
                part, finish = await self._next(answer, ask)
                counted = len(answer.wanted.prompt) if finish else 0
                yield Piece(part.tokens, part.text, finish, counted)
        finally:
            with self.call:
                answer.over = True
                self.answers.remove(answer)
                self.call.notify()

    async def _next(self, answer: _Answer, ask: Ask) -> tuple[Part, Any]:
        left = seconds_left(ask)
        try:
            async with asyncio.timeout(left):  # not wait_for, which can lose a cancellation
                told = await answer.told.get()
        except TimeoutError:
            raise late(ask) from None
        if isinstance(told, SrlrError):
            raise told
        return told

    def _has_room(self) -> None:
        most = self.spec.max_running + self.spec.max_waiting
        if len(self.answers) >= most:
            raise Busy(
                f"{self.spec.release} has {self.spec.max_running} answers under way and "
                f"{self.spec.max_waiting} that wait",
                "try again later, or start more workers",
            )

    def _wanted(self, ask: Ask) -> Wanted:
        """The ask in tokens.

        Raises:
            Refused: it cannot be written as this model reads chats, or is too long for it.
        """
        try:
            prompt = (
                self.model.encode_chat(ask.messages)
                if ask.prompt is None
                else self.model.encode(ask.prompt)
            )
            if not prompt:
                raise Refused("the prompt has no token", "ask for something")
            if max(ask.delivered, default=0) >= _vocabulary(self.model):
                raise Refused("delivered has tokens of another model", "begin the answer anew")
            wanted = Wanted(
                prompt,
                ask.max_tokens,
                ask.delivered,
                ask.temperature,
                ask.top_k or None,
                ask.top_p,
                ask.stop,
                ask.seed,
            )
            self.work.room(wanted)
        except ConfigError as error:
            raise Refused(error.what, error.hint) from error
        return wanted

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        under_way: list[_Answer] = []
        try:
            while True:
                under_way = self._changed(under_way)
                of = {id(answer.row): answer for answer in under_way}
                for row, part in self.work.step():
                    self.pace.add(len(part.tokens))
                    of[id(row)].tell((part, row.end))
        except Exception as error:
            # What is in the lanes now is nobody's answer any more: the process ends, another one
            # is started.
            log.exception("%s has failed", self.spec.release)
            for answer in self.answers:
                answer.tell(Gone(f"the worker has failed: {error}"))
            os.kill(os.getpid(), signal.SIGTERM)

    def _changed(self, under_way: list[_Answer]) -> list[_Answer]:
        """Who is under way now; waits until there is somebody."""
        with self.call:
            while not (self.inbox or any(not one.over for one in under_way if _goes_on(one))):
                self._leave(under_way)
                under_way = []
                self.call.wait()
            came, self.inbox = list(self.inbox), deque()
        self._leave([one for one in under_way if one.over])
        under_way = [one for one in under_way if not one.over and _goes_on(one)]
        for one in came:
            if one.over:
                continue
            one.row = self.work.add(one.wanted)
            if one.row.end is not None:  # whoever asks had all of it
                one.tell((Part((), ""), one.row.end))
            else:
                under_way.append(one)
        return under_way

    def _leave(self, gone: list[_Answer]) -> None:
        for one in gone:
            if one.row is not None:
                self.work.drop(one.row)


def _goes_on(answer: _Answer) -> bool:
    return answer.row is not None and answer.row.end is None


def _vocabulary(model: LocalModel) -> int:
    size: int = model.model.config.get_text_config().vocab_size
    return size


def load(spec: Spec) -> Batched:
    """The transformers folder of a release, ready to answer.

    Raises:
        MissingArtifact, ConfigError, ResourceError: as models.local.load.
    """
    from srlr.core.settings import Hardware

    machine = hardware.probe(Hardware(name="auto"))
    local.prepare(spec.threads or machine.cores, seed=0)
    dtype = machine.compute_dtype if spec.dtype == "auto" else spec.dtype
    return Batched(
        local.load(spec.folder, name=spec.release, device=machine.device, dtype=dtype), spec
    )
