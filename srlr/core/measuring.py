"""What can be said of measuring candidates: how much of it, and for how long."""

from srlr.core.node import Count, Node, Positive


class Measure(Node):
    """What `srlr select --measure` puts to each candidate."""

    latency_tasks: Count = 100
    """Dev tasks asked one at a time, to time the first token and the whole answer."""
    quality_tasks: Count = 64
    """Dev tasks asked together, for the share of right answers and the throughput."""
    limit_s: Positive = 30.0
    """How long each of the two timings may take; a few tasks are timed in any case."""
    load_s: Positive = 20.0
    """How long requests arrive at the role's rate."""
