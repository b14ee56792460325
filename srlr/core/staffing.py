"""What can be said of the processes that hold releases and answer."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, Positive, Whole


class Workers(Node):
    """How a version's workers are started, and how many there are."""

    engine: Literal["transformers", "llamacpp", "openai"] = "transformers"
    """What generates: srlr's own engine, llama.cpp from a GGUF file, or a server at `url`."""
    each: Count = 1
    """Workers of a version; what one that is killed leaves unfinished, another goes on with."""
    standby: bool = True
    """The version under the alias backup is loaded too and verified, without traffic, and so is
    what a swap has replaced: it takes over at once. It needs as much memory as one that serves.
    """
    threads: Count | None = None
    """Of each; None: as many as the gateway may use."""
    max_running: Count = 8
    """Answers that a worker makes at once."""
    max_waiting: Whole = 32
    context: Count | None = None
    """Tokens of a prompt with its answer; None: what the model reads."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    load_timeout_s: Positive = 300.0
    gguf_dir: str | None = None
    """With llamacpp: the folder with ROLE-VERSION.gguf, as `srlr releases export` writes them."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    model: str | None = None
    """What the server calls the model; None: the only one it has."""
    api_key_env: str | None = None
    """The environment variable that holds the server's key; None: it asks for none."""

    @model_validator(mode="after")
    def _the_engine_has_what_it_needs(self) -> Self:
        if self.engine == "llamacpp" and self.gguf_dir is None:
            raise ValueError("gguf_dir: llamacpp reads GGUF files; name the folder they are in")
        if self.engine == "openai" and self.url is None:
            raise ValueError("url: the engine openai asks a server; name where it is")
        return self
