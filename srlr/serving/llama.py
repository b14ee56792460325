"""A GGUF file, answered by llama.cpp (the package xllamacpp), which has a server of its own.

Its server is asked for a few tokens at a time: what it has read stays in the slot, so nothing is
computed twice, and between two requests it is known which tokens an answer has, whatever letters
they are parts of. Where tokens are drawn, each is asked for by itself, with a seed that depends on
its place. Prompts are written by the model's chat template as everywhere else.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlr.core import hardware
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.types import Message
from srlr.models import chat
from srlr.models.lanes import common
from srlr.models.spoken import Spoken
from srlr.models.uniform import uniform
from srlr.serving.answerer import Pace, late, seconds_left
from srlr.serving.asked import Ask, Busy, Gone, Piece, Refused
from srlr.serving.spec import Spec

AT_ONCE = 4
"""Tokens of a request where nothing is drawn: fewer cost more requests, more come in jerks."""
CONTEXT = 4096
"""Tokens of each slot, which are reserved, where the Spec says nothing else."""
READ_AT_ONCE = 256
SEEDS = 2**32 - 1
"""The last number of 32 bits means a random seed."""


@dataclass(frozen=True, slots=True)
class Words:
    """The tokenizer's side of the model; as models.spoken.Words."""

    tokenizer: Any
    name: str
    stop_tokens: tuple[int, ...]

    def encode(self, text: str) -> list[int]:
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        return self.encode(chat.render(self.tokenizer, messages, self.name))

    def decode(self, tokens: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return text


@dataclass(slots=True)
class Slot:
    """One of the server's caches."""

    number: int
    held: list[int] = field(default_factory=list)


class Llama:
    """Answers of one GGUF file; see answerer.Answerer."""

    replay = "rounding"

    def __init__(self, server: Any, words: Words, spec: Spec, context: int, socket: Path) -> None:
        self.server, self.words, self.spec = server, words, spec
        self.context, self.socket = context, socket
        self.free = [Slot(number) for number in range(spec.max_running)]
        self.turn = asyncio.Semaphore(spec.max_running)
        self.inside = 0
        self.pace = Pace()
        self.session: Any = None

    @property
    def running(self) -> int:
        return min(self.inside, self.spec.max_running)

    @property
    def waiting(self) -> int:
        return self.inside - self.running

    @property
    def tokens_per_second(self) -> float:
        return self.pace.tokens_per_second

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        seconds_left(ask)
        if self.inside >= self.spec.max_running + self.spec.max_waiting:
            raise Busy(
                f"{self.spec.release} has {self.spec.max_running} answers under way and "
                f"{self.spec.max_waiting} that wait",
                "try again later, or start more workers",
            )
        self.inside += 1
        try:
            prompt = await asyncio.to_thread(self._prompt, ask)
            async with contextlib.AsyncExitStack() as stack:
                try:
                    async with asyncio.timeout(seconds_left(ask)):
                        await stack.enter_async_context(self.turn)
                except TimeoutError:
                    raise late(ask) from None
                slot = max(self.free, key=lambda one: common(one.held, prompt))
                self.free.remove(slot)
                stack.callback(self.free.append, slot)
                async for piece in self._pieces(ask, prompt, slot):
                    yield piece
        finally:
            self.inside -= 1

    def _prompt(self, ask: Ask) -> list[int]:
        """The ask's prompt in tokens.

        Raises:
            Refused: it cannot be written as this model reads chats, or is too long for it.
        """
        words = self.words
        try:
            bare = ask.prompt is not None
            prompt = words.encode(ask.prompt or "") if bare else words.encode_chat(ask.messages)
        except ConfigError as error:
            raise Refused(error.what, error.hint) from error
        if not 0 < len(prompt) < self.context:
            raise Refused(
                f"the prompt has {len(prompt)} tokens, and {self.spec.release} reads "
                f"{self.context}, its answer included",
                "shorten it" if prompt else "ask for something",
            )
        if max(ask.delivered, default=0) >= len(words.tokenizer):
            raise Refused("delivered has tokens of another model", "begin the answer anew")
        return prompt

    async def _pieces(self, ask: Ask, prompt: list[int], slot: Slot) -> AsyncGenerator[Piece, None]:
        spoken = Spoken(self.words, ask.stop, ask.delivered)
        limit = min(ask.max_tokens, self.context - len(prompt))
        end = bool(ask.delivered) and ask.delivered[-1] in self.words.stop_tokens
        while not end and len(spoken.tokens) < limit:
            for token in await self._more(ask, prompt + spoken.tokens, slot, limit, len(prompt)):
                part = spoken.add(token)
                end = part is not None and part.ended
                if part is not None and not end:
                    yield Piece(part.tokens, part.text)
                if end and part is not None:
                    yield Piece(part.tokens, part.text, "stop", len(prompt))
                    return
        rest = spoken.rest()
        yield Piece(rest.tokens, rest.text, "stop" if end else "length", len(prompt))

    async def _more(
        self, ask: Ask, tokens: list[int], slot: Slot, limit: int, prompt: int
    ) -> list[int]:
        """The next tokens of an answer."""
        place = len(tokens) - prompt
        drawn = ask.temperature > 0
        body = {
            "prompt": tokens,
            "id_slot": slot.number,
            "n_predict": 1 if drawn else min(AT_ONCE, limit - place),
            "return_tokens": True,
            "cache_prompt": True,
            "temperature": ask.temperature,
            "top_k": ask.top_k,
            "top_p": ask.top_p,
            "samplers": ["temperature", "top_k", "top_p"] if drawn else ["temperature"],
            "seed": int(uniform(ask.seed, place) * SEEDS),
        }
        slot.held = tokens
        try:
            async with asyncio.timeout(seconds_left(ask)):
                told = await self._post("/completion", body)
        except TimeoutError:
            raise late(ask) from None
        said: list[int] = told["tokens"]
        if told["stop_type"] == "eos" and (not said or said[-1] not in self.words.stop_tokens):
            said = [*said, self.words.stop_tokens[0]]
        if not said:
            raise Gone(f"llama.cpp said nothing, and not why: {told.get('stop_type')!r}")
        self.pace.add(len(said))
        return said

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        import aiohttp

        if self.session is None:
            # Its server closes a connection after an answer, whatever it promised.
            self.session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(self.socket), limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        try:
            async with self.session.post(f"http://llama{path}", json=body) as response:
                told = await response.json()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Gone(f"llama.cpp does not answer: {error}") from error
        if response.status != 200:
            raise Gone(f"llama.cpp says {response.status}: {str(told)[:200]}")
        return told


def load(spec: Spec, beside: Path) -> Llama:
    """The GGUF of a release, ready to answer.

    Raises:
        MissingArtifact: there is none, or more than one; or xllamacpp is not installed.
        ConfigError: it has no chat template, or nothing that ends an answer.
        ResourceError: llama.cpp cannot load it.
    """
    try:
        import xllamacpp
    except ModuleNotFoundError as error:
        raise MissingArtifact(
            f"engine llamacpp: the package {error.name!r} is not installed",
            "pip install 'srlr[llamacpp]', or take the engine transformers",
        ) from error
    path = gguf(spec.folder)
    words = _words(path, spec.release)
    socket = beside.with_name(f"{beside.stem}-llama.sock")
    socket.unlink(missing_ok=True)
    context = spec.context or CONTEXT
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.hostnames = [str(socket)]
    params.n_parallel = spec.max_running
    params.n_threads_http = spec.max_running + 2
    params.n_ctx = context * spec.max_running
    params.n_batch = params.n_ubatch = READ_AT_ONCE
    params.cache_ram_mib = 0  # 8 GB otherwise, of prompts that were asked once
    params.verbosity = -1
    params.warmup = False
    for cores in (params.cpuparams, params.cpuparams_batch):
        cores.n_threads = spec.threads or hardware.cores()
    try:
        server = xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise ResourceError(
            f"llama.cpp cannot load {str(path)!r}: {error}",
            "make the file anew, or give each answer less room (context)",
        ) from error
    return Llama(server, words, spec, context, socket)


def gguf(folder: Path) -> Path:
    """The GGUF file that is meant by a folder or by itself.

    Raises:
        MissingArtifact: there is none, or more than one.
    """
    found = [folder] if folder.is_file() else sorted(folder.glob("*.gguf"))
    if len(found) != 1:
        names = ", ".join(repr(one.name) for one in found) or "none"
        raise MissingArtifact(
            f"the engine llamacpp needs one GGUF file in {str(folder)!r}, and there is {names}",
            "export the release as GGUF, or take the engine transformers",
        )
    return found[0]


def _words(path: Path, name: str) -> Words:
    """The tokenizer beside the file, or the one inside it."""
    from transformers import AutoTokenizer

    try:
        if (path.parent / "tokenizer.json").is_file():
            tokenizer = AutoTokenizer.from_pretrained(path.parent, local_files_only=True)
        else:
            tokenizer = AutoTokenizer.from_pretrained(
                path.parent, gguf_file=path.name, local_files_only=True
            )
    except Exception as error:  # tokenizers raises Exception itself
        raise MissingArtifact(
            f"the tokenizer of {str(path)!r} cannot be read: {error}", "make the file anew"
        ) from error
    return Words(tokenizer, name, chat.stop_tokens(tokenizer, None, name))
