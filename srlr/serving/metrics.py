"""What the gateway counts, as Prometheus reads it. Labels are roles that are served, statuses, and
words of this code: nothing that a client can make up, and nothing secret.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from srlr.serving.limits import Rooms

TIMES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
NOBODY = "none"
"""The role of a request that names none that is served."""


class Metrics:
    """The figures of one gateway."""

    def __init__(self) -> None:
        self.registry = here = CollectorRegistry()
        role = ("role",)
        self.requests = Counter(
            "srlr_requests", "By their answer's status", ("role", "status"), registry=here
        )
        self.seconds = Histogram(
            "srlr_request_seconds", "To the end", role, buckets=TIMES_S, registry=here
        )
        self.first = Histogram(
            "srlr_first_token_seconds", "To the first text", role, buckets=TIMES_S, registry=here
        )
        self.tokens = Counter(
            "srlr_tokens", "Read (prompt) and said (completion)", ("role", "kind"), registry=here
        )
        self.invalid = Counter(
            "srlr_invalid_answers", "Not in the role's form", role, registry=here
        )
        self.violations = Counter(
            "srlr_violations",
            "What a guard found",
            ("role", "side", "kind", "action"),
            registry=here,
        )
        self.migrations = Counter(
            "srlr_migrations", "Answers that went on on another worker", role, registry=here
        )
        self.running = Gauge("srlr_running", "Requests under way", role, registry=here)
        self.waiting = Gauge("srlr_waiting", "Requests waiting for a place", role, registry=here)

    def text(self, rooms: Rooms) -> bytes:
        """All of it in Prometheus's format."""
        for role, lane in rooms.roles.items():
            self.running.labels(role).set(lane.running)
            self.waiting.labels(role).set(len(lane.queue))
        return generate_latest(self.registry)
