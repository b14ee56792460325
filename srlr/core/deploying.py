"""Where releases are kept, and in which form a model is published."""

from typing import Literal

from srlr.core.node import Node


class Deploy(Node):
    form: Literal["auto", "weights", "adapter"] = "auto"
    """`adapter` keeps the base model's weights once for all releases on it, and beside them what
    was learnt; it must make the evaluated weights bit for bit. `auto`: where it does, else all
    weights.
    """
    url_env: str | None = None
    """The environment variable with the address of a PostgreSQL that registers releases; None: an
    SQLite file in store_dir.
    """
