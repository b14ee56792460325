"""What a worker is told when it is started."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EngineName = Literal["transformers", "llamacpp", "openai"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One release and how it is held.

    `folder` is the release's, or any transformers folder; for llamacpp, one with a GGUF file in it,
    or that file. `url`, `model` and the variable that holds the key are of the engine openai, which
    has no folder.
    """

    folder: Path
    role: str
    version: str
    engine: EngineName = "transformers"
    threads: int | None = None
    """None: as many as this process may use."""
    max_running: int = 8
    """Answers that are generated at once."""
    max_waiting: int = 32
    """Asks that wait for one of those to end; more are told to come again later."""
    url: str | None = None
    model: str | None = None
    api_key_env: str | None = None
    context: int | None = None
    """Tokens of a prompt with its answer; None: what the model reads, at most 4096 for llamacpp,
    which reserves them for each answer."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    @property
    def release(self) -> str:
        return f"{self.role}@{self.version}"
