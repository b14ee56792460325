"""What can be said of serving: where the gateway listens, whom it lets in, and how much at once."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, NonNegative, Positive, Whole

Structured = Literal["off", "repair", "require"]


class Tls(Node):
    """The files of a certificate with its chain and of its key, both PEM; None: no TLS."""

    cert: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together: both name a file, or none does")
        return self


class Limits(Node):
    """How large a request may be, how slowly it may come, and how many are answered at once."""

    body_bytes: Count = 1_048_576
    header_bytes: Count = 16_384
    """Of the request line and all headers together."""
    header_s: Positive = 10.0
    """Within which they must have come, from the first byte; and the first byte itself."""
    body_s: Positive = 30.0
    """Within which the body must have come."""
    idle_s: Positive = 30.0
    """How long a connection is kept between two requests."""
    messages: Count = 256
    """Of one chat."""
    choices: Count = 8
    """The largest `n`."""
    running: Count = 16
    """Requests to one role that are answered at once; more wait."""
    waiting: Whole = 64
    """Requests to one role that wait; more are refused with 429."""
    key_running: Count = 16
    """As `running`, of one key."""
    key_waiting: Whole = 32
    key_per_minute: Positive | None = 600.0
    """Requests of one key, where the key has no number of its own; None: as many as it likes."""


class Keys(Node):
    """Where API keys are kept, and how soon a change of them is seen."""

    path: str | None = None
    """An SQLite file; None: keys.sqlite in store_dir."""
    url_env: str | None = None
    """The environment variable with postgresql://user:password@host/database, instead of a file."""
    refresh_s: Positive = 1.0
    """A key that is revoked is refused after so long at most, by every gateway."""
    stale_s: NonNegative = 60.0
    """For so long the keys known are believed where their database does not answer."""


class Jobs(Node):
    """Answers that nobody waits for: where they are kept, and whom the gateway may call back."""

    enabled: bool = True
    url_env: str | None = None
    """The environment variable with postgresql://user:password@host/database; None: the file
    jobs.sqlite in store_dir.
    """
    name: str = "gateway"
    """What this gateway takes up its own jobs by after a restart; others on the same database need
    other names.
    """
    concurrency: Count = 4
    """Jobs that this gateway answers at once."""
    callback_hosts: tuple[str, ...] = ()
    """Hosts that may be called; no request can make the gateway call another."""
    callback_secret_env: str | None = None
    """The environment variable whose value signs what is told to them (HMAC, SHA-256)."""


class Serve(Node):
    """The gateway."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0: any that is free."""
    roles: tuple[str, ...] = ()
    """Roles that are served; empty: every role with a current release."""
    structured: Structured = "repair"
    """What becomes of an answer that the role cannot read: `off` nothing is read; `repair` asks
    once more, then reads generously and says valid: false; `require` makes an error of it.
    """
    deadline_s: Positive = 60.0
    """After which an answer is given up, where the client names no deadline."""
    deadline_max_s: Positive = 600.0
    """The longest that a client may name."""
    grace_s: NonNegative = 30.0
    """How long answers under way may take when the gateway is stopped."""
    cli_policy: Literal["open", "enforce"] = "open"
    """`enforce`: srlr deploy, swap, backup and keys need a key in SRLR_API_KEY."""
    tls: Tls = Tls()
    limits: Limits = Limits()
    keys: Keys = Keys()
    jobs: Jobs = Jobs()


RESTART = ("host", "port", "roles", "tls", "keys", "jobs")
"""What a running gateway cannot change: the places it has opened. A certificate that was renewed
under the same name is read again.
"""
