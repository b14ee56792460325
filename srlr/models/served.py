"""Answers by a server in place of this process: LocalModel.server is a Served, or None.

    answers     what `rollout` does, for prompts that are tokens
    agrees      whether the server has these weights at all: what it takes for the likeliest token
                must be so, nearly, for them
    keep        puts what the server needs, to have these weights again, beside them

The server has fixed weights. An adapter that learns reaches it as a file: before answers are drawn,
the adapter is written and loaded under a name made of its content, so that answers never come from
other weights than the model's; those loaded before are unloaded.

Source: vLLM's entrypoints/openai/completion/protocol.py and entrypoints/serve/lora (November 2026).
"""

import contextlib
import itertools
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from srlr.core.errors import ConfigError
from srlr.core.types import Progress
from srlr.models import remote, scoring, stacking
from srlr.models.local import LocalModel
from srlr.models.remote import Body, Choice, Server
from srlr.models.rollout import Completion, generate_tokens
from srlr.models.sampling import Sampling
from srlr.models.stops import Stops

FOLDER = "served"
"""Beside weights: the adapter by which a server comes from its own weights to them."""
AGREES_NATS = 1.5
"""How much less likely than the likeliest a token may be that the server takes for the likeliest.

Rounding to bfloat16, or to 4 bits, moves log-probabilities by less; other weights by more."""
AGREES_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server understands beyond OpenAI's own options.

    `ids`: how it tells tokens: by themselves, with log-probabilities, or not at all; a server that
    tells them takes prompts as tokens too. `several`: whether n samples are one request. `draws`:
    whether it draws tokens at all, and not always the likeliest.
    """

    ids: Literal["token_ids", "logprobs", "none"]
    several: bool
    draws: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """A server's model, and the adapters that are put on it from here.

    `name` is what the server calls it. `folder` is where adapters are written for the server to
    read; `start` is an adapter that is part of the model as it was loaded. `run` begins the names
    of this run's adapters.
    """

    server: Server
    name: str
    dialect: Dialect
    folder: Path
    run: str
    start: Path | None = None

    def answers(
        self,
        model: LocalModel,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        *,
        progress: Progress | None = None,
        what: str = "answers",
    ) -> list[Completion]:
        """As rollout.generate_tokens. Log-probabilities, where they are wanted, are this process's:
        the server's are of its own rounding.
        """
        total = len(prompts) * sampling.samples
        tell = progress or (lambda what, done, total: None)
        name = self._ready(model, prompts[0])
        tell(what, 0, total)
        out = self._drawn(model, name, prompts, sampling, lambda done: tell(what, done, total))
        if sampling.log_probs or sampling.entropies:
            return scoring.scored(model, prompts, out, sampling)
        return out

    def _drawn(
        self,
        model: LocalModel,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
        heard: Callable[[int], None] = lambda done: None,
    ) -> list[Completion]:
        """Answers by what the server calls `name`; `heard` is told how many are there."""
        began = time.perf_counter()
        bodies = self.bodies(model, name, prompts, sampling)
        each = len(prompts) * sampling.samples // len(bodies)
        counted = itertools.count(each, each)
        found = remote.complete(self.server, bodies, lambda: heard(next(counted)))
        stops = Stops(model, sampling.stop)
        said = [self._said(stops, one) for choices in found for one in self._all(choices, each)]
        seconds = (time.perf_counter() - began) / len(said)
        return [Completion(text, tokens, ended, seconds) for text, tokens, ended in said]

    def _all(self, choices: list[Choice], each: int) -> list[Choice]:
        if len(choices) != each:
            raise ConfigError(
                f"{self.server.url} gave {len(choices)} answers where {each} were asked for",
                "use a server that knows n, such as `vllm serve`, or rollout.engine=own",
            )
        return choices

    # -- requests ----------------------------------------------------------------------------------

    def bodies(
        self,
        model: LocalModel,
        name: str,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling,
    ) -> list[Body]:
        """A request a prompt, or, where the server knows no n, a request a sample."""
        plain = self.dialect.ids == "none"
        if sampling.temperature and not self.dialect.draws:
            raise ConfigError(
                f"{self.server.url} gives the likeliest answer whatever the temperature",
                "use a server that draws, such as `vllm serve`, or rollout.engine=own",
            )
        if plain and sampling.top_k is not None and sampling.temperature:
            raise ConfigError(f"{self.server.url} knows no top_k", "top_k=null, or `vllm serve`")
        shared: Body = {
            "model": name,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if not plain:
            shared |= exact(model, sampling, self.dialect)
        bodies = []
        for number, prompt in enumerate(prompts):
            own = shared | {
                "prompt": text_of(model, prompt, self.server.url) if plain else list(prompt)
            }
            if self.dialect.several or sampling.samples == 1:
                own |= {"n": sampling.samples} if sampling.samples > 1 else {}
                bodies.append(own | {"seed": seed(sampling.seed, number)})
            else:
                for sample in range(sampling.samples):
                    bodies.append(own | {"seed": seed(sampling.seed, number, sample)})
        return bodies

    def _said(self, stops: Stops, choice: Choice) -> tuple[str, list[int], bool]:
        """The answer's text, its tokens with those that ended it, and whether it did end.

        An answer is cut where this process would have ended it. Where the server left out the token
        that ended one, it is put back: a model that is trained must be told that it stopped.
        """
        model = stops.model
        tokens = model.encode(choice.text) if choice.tokens is None else choice.tokens
        size = next((n for n, one in enumerate(tokens, 1) if one in model.stop_tokens), len(tokens))
        tokens = tokens[:size]
        if tokens:
            text, size, ended = stops.finish(tokens)
            if ended or not choice.ended:
                return text, tokens[:size], ended
        elif not choice.ended:
            raise ConfigError(
                f"{self.server.url} gave an answer without a token that nothing had ended",
                "see what the server logs; rollout.engine=own needs none",
            )
        return model.decode(tokens), [*tokens, model.stop_token], True

    def agrees(self, model: LocalModel, prompt: Sequence[int], name: str) -> None:
        """Raises ConfigError where what the server calls `name` has other weights than the model.

        Each token that the server takes for the likeliest must nearly be that for the model. Where
        the server tells the text alone, the same text will do: its tokens need not be those read.
        """
        sampling = Sampling(AGREES_TOKENS)
        (answer,) = self._drawn(model, name, [prompt], sampling)
        (own,) = generate_tokens(replace(model, server=None), [prompt], sampling)
        if answer.text == own.text:
            return
        gap = scoring.behind(model, prompt, answer.tokens)
        if not gap <= AGREES_NATS:
            raise ConfigError(
                f"{self.server.url} has other weights than {model.name} here: a token of what "
                f"{name!r} says is {gap:.1f} nats less likely for this model than its likeliest",
                "serve the weights that the stage begins with (srl: the base model; rlvr: srl/best "
                "of the run), or rollout.engine=own",
            )

    # -- adapters ----------------------------------------------------------------------------------

    def _ready(self, model: LocalModel, prompt: Sequence[int]) -> str:
        """The name by which the server has the model's weights of this moment.

        Those that are new to it are tried on a prompt.
        """
        if model.adapter is None and self.start is None:
            return self.name
        adapter = stacking.total(model.adapter, self.start)
        name = f"{self.run}-{adapter.digest()}"
        known = self._known()
        if name not in known:
            adapter.write(self.folder / name)
            self._load(name)
            self.agrees(model, prompt, name)
        for other in sorted(known - {name}):
            if other.startswith(f"{self.run}-"):
                with contextlib.suppress(remote.NotThere):
                    remote.post(self.server, "/unload_lora_adapter", {"lora_name": other})
                shutil.rmtree(self.folder / other, ignore_errors=True)
        return name

    def _known(self) -> set[str]:
        return {str(row["id"]) for row in remote.listed(self.server)}

    def _load(self, name: str) -> None:
        body = {"lora_name": name, "lora_path": str((self.folder / name).resolve())}
        try:
            remote.post(self.server, "/load_lora_adapter", body)
        except remote.NotThere as error:
            raise ConfigError(
                f"{self.server.url} takes no adapters while it runs: {error.what}",
                "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve … --enable-lora "
                "--max-lora-rank 64, which reads this machine's files; or rollout.engine=own",
            ) from error
        except remote.Refused:
            if name not in self._known():  # else an answer that came too late had loaded it
                raise

    def keep(self, model: LocalModel, folder: Path) -> None:
        """Writes into `folder` by which adapter the server comes to these weights."""
        if model.adapter is not None or self.start is not None:
            stacking.total(model.adapter, self.start).write(folder / FOLDER)


def exact(model: LocalModel, sampling: Sampling, dialect: Dialect) -> Body:
    """Options by which vLLM and llama.cpp draw as `sampling` says, and tell the tokens.

    What is not said would be what the model's author recommends: penalties, other truncations.
    """
    body: Body = {
        "top_k": sampling.top_k or -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "stop_token_ids": list(model.stop_tokens),
        "return_token_ids": True,
    }
    if dialect.ids == "logprobs":
        # Which tokens a stop text was made of, such a server does not tell: it is cut here.
        return body | {"logprobs": 1, "return_tokens_as_token_ids": True}
    return body | {"stop": list(sampling.stop)}


def seed(*numbers: int) -> int:
    return random.Random("/".join(map(str, numbers))).getrandbits(31)


def text_of(model: LocalModel, prompt: Sequence[int], url: str) -> str:
    """The prompt as a text that a server which adds what its tokenizer adds reads as these tokens.

    Raises:
        ConfigError: there is none.
    """
    text: str = model.tokenizer.decode(list(prompt), skip_special_tokens=False)
    begin = model.tokenizer.bos_token
    for one in (text, text.removeprefix(begin) if begin else text):
        if model.tokenizer(one)["input_ids"] == list(prompt):
            return one
    raise ConfigError(
        f"{url} takes prompts as text alone, and the text of one, read again, has other tokens",
        "use a server that takes tokens, such as `vllm serve`, or rollout.engine=own",
    )
