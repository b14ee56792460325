"""What can be said of running code nobody trusts: the node `role.sandbox`."""

from typing import Annotated, Literal

from pydantic import Field

from srlr.core.node import Count, Node, Positive, Whole


class Sandbox(Node):
    """How generated code is run, and what one run of it may use."""

    kind: Literal["bubblewrap", "none"] = "bubblewrap"
    """none runs it as a plain process that sees this machine: for code you would run yourself."""
    memory_mb: Annotated[int, Field(ge=64)] = 256
    """Address space, 2^20 bytes; the interpreter itself takes about 30."""
    cpu_s: Count = 2
    """Seconds of processor time."""
    wall_s: Positive = 30.0
    """Seconds by the clock; for code that waits, and so well above cpu_s."""
    output_kb: Count = 256
    """Bytes, in 1024, that its results may take."""
    files_mb: Whole = 0
    """Room for files in its working folder, 2^20 bytes; 0: it can write nowhere."""
    threads: Count = 4
    """Threads at once; it can start no process."""
    workers: Whole = 0
    """Runs at once where there are several to do; 0: one for each core."""
