"""What can be said of the teachers that write trajectories, and of what they may cost."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from srlr.core.node import Count, Node, NonNegative, Positive, Whole

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = re.compile(r"https?://[^\s/@?#]+[^\s@?#]*")


def _variable(said: str) -> str:
    # The value is not repeated: it may be the key itself.
    if _VARIABLE.fullmatch(said) is None:
        raise ValueError("takes the name of an environment variable, never the key itself")
    return said


def _plain_url(said: str) -> str:
    if _URL.fullmatch(said) is None:
        raise ValueError(
            "takes http://HOST/v1 or https://HOST/v1, without a user, a password or a query: "
            "a key comes from api_key_env or api_key_file"
        )
    return said.rstrip("/")


Variable = Annotated[str, AfterValidator(_variable)]
Url = Annotated[str, AfterValidator(_plain_url)]
Price = Annotated[float, Field(ge=0.0, le=1e6)]


class Budget(Node):
    """What all requests of a run may cost together; null is no limit."""

    usd: NonNegative | None = None
    tokens: Whole | None = None
    """Of prompts and answers."""


class Teacher(Node):
    """Who writes trajectories, and how it is reached."""

    kind: Literal["expert", "openai", "decompose", "import"] = "expert"
    weight: Positive = 1.0
    """Its share of the tasks, beside the weights of generate.more_teachers."""
    base_url: Url | None = None
    """Of a server that speaks OpenAI's protocol, such as https://api.openai.com/v1."""
    model: str | None = None
    """The name under which the server has the model; None: the only one it has."""
    api_key_env: Variable | None = None
    """The environment variable that holds the server's key; None: it asks for none."""
    api_key_file: str | None = None
    """A file with the key and nothing else, which its owner alone may read."""
    price_input_usd_per_1m_tokens: Price | None = None
    price_output_usd_per_1m_tokens: Price | None = None
    temperature: NonNegative = 0.7
    max_new_tokens: Count = 512
    """For one trajectory; a request for several may be answered with as many times more."""
    tell_answer: bool = False
    """Whether the teacher is told the task's answer, and writes steps towards it."""
    concurrency: Count = 16
    """Requests under way at once, at most; fewer while the server says that it is too much."""
    timeout_s: Positive = 120.0
    """How long one request may take, from its first byte to the answer's last."""
    stream: bool = True
    """Whether answers are asked for piece by piece, where the server can."""
    idle_s: Positive = 60.0
    """How long a streamed answer may pause between two pieces."""
    retries: Whole = 5
    """How often a request is made again that met nobody, took too long, or met a 429 or 5xx."""
    backoff_s: NonNegative = 0.5
    """The longest wait before the first retry; it doubles with each, up to 60 s."""
    repairs: Whole = 2
    """How often an answer that does not fit the schema is sent back with what is wrong."""
    failures_to_open: Count = 10
    """So many failures in a row, and nothing is sent for cool_down_s, then one request."""
    cool_down_s: NonNegative = 15.0
    replay: bool = False
    """Answers come from the run's journal alone; nothing is sent."""
    path: str | None = None
    """kind=import: JSON Lines of trajectories."""
    solution: str = "solution"
    """kind=decompose: the column that holds the worked solution."""
    split: Literal["auto", "numbered", "calculations", "paragraphs", "sentences"] = "auto"
    """kind=decompose: how a solution is parted."""
    rewrite: bool = False
    """kind=decompose: the server at base_url writes the parted solution in the role's form."""

    @property
    def asks(self) -> bool:
        """Whether a server is asked."""
        return self.kind == "openai" or (self.kind == "decompose" and self.rewrite)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.asks and self.base_url is None:
            raise ValueError(f"kind={self.kind} needs base_url, such as http://localhost:8000/v1")
        if self.kind == "import" and self.path is None:
            raise ValueError("kind=import needs path, a .jsonl file of trajectories")
        if self.api_key_env is not None and self.api_key_file is not None:
            raise ValueError("the key comes from api_key_env or from api_key_file, not from both")
        return self


WHENCE = frozenset(
    {
        *("api_key_env", "api_key_file", "concurrency", "timeout_s", "retries", "backoff_s"),
        *("stream", "idle_s", "failures_to_open", "cool_down_s", "replay"),
        *("price_input_usd_per_1m_tokens", "price_output_usd_per_1m_tokens"),
    }
)
"""Keys of Teacher that say how answers come and not which: a finished stage stays so."""
