"""What a role is: what its model is for, what is asked of any model that fills it, and which base
models each kind of role should be chosen among.
"""

from typing import Any, Literal, Self

from pydantic import RootModel, field_validator, model_validator

from srlr.core.guarding import RoleGuard
from srlr.core.node import Count, Node, NonNegative, Positive, Share
from srlr.core.sandboxing import Sandbox

Family = Literal["real_time", "expert_analysis", "content_generation", "classification"]
Response = Literal["real_time", "asynchronous"]
Quality = Literal["standard", "maximum"]
Modality = Literal["text", "image", "audio", "video", "pdf"]


class Payload(Node):
    """What goes in with a request, or comes out: its form and its usual size."""

    format: Literal["text", "json", "code", "chat"] = "text"
    fields: tuple[str, ...] = ()
    """The names of its parts."""
    modalities: tuple[Modality, ...] = ("text",)
    tokens: Count = 128
    """Of a usual one, which throughput, costs and the needed context are computed with."""


class Requirements(Node):
    """What the role asks of any model that fills it."""

    response: Response = "real_time"
    """Whether somebody waits for the answer."""
    latency_max_ms: Positive | None = None
    """To the first token, one request at a time."""
    throughput_rps: Positive | None = None
    """Requests a second at the busiest time."""
    accuracy_min: Share | None = None
    f1_min: Share | None = None
    quality: Quality = "standard"
    """Whether the best model is wanted whatever it costs."""
    cost_max_per_1m_tokens: Positive | None = None
    """US dollars for 10^6 generated tokens."""
    paid_now_per_1m_tokens: Positive | None = None
    """US dollars for 10^6 tokens of the model bought today, which a model of one's own would
    replace.
    """
    availability_sla: Share | None = None
    """The share of time in which an answer must come; from 0.99 on a spare machine is paid for."""
    expected_requests_per_month: Count | None = None
    input: Payload = Payload()
    output: Payload = Payload()
    context_min_tokens: Count = 512
    """At least; a usual input and output together may ask for more."""
    environment: Literal["edge", "cloud", "hybrid"] = "cloud"
    """Where it answers; at the edge, and so in a hybrid, one machine holds all of it."""
    hardware_available: tuple[str, ...] = ()
    """Options of `hardware` it may run on; empty is any."""
    tools: bool = False
    """Whether the model must call tools."""
    languages: tuple[str, ...] = ("en",)
    licences: tuple[str, ...] = ()
    """Accepted licences; empty accepts every licence that allows commercial use."""


class RoleProfile(Node):
    """WHAT the model is for. With the module `roles/NAME.py` it can be trained, without it selected
    for.
    """

    name: str
    family: Family
    description: str
    """Its primary function, in a sentence."""
    data: str
    """An asset's name, a path to JSONL or CSV, or hub:org/name; none: the role has no module."""
    where: dict[str, list[str]] = {}
    """Keeps the tasks whose `meta` value is in the list, e.g. {domain: [reviews]}."""
    label: str = "label"
    """The field of an answer that is right or wrong."""
    labels: tuple[str, ...] = ()
    confidence: str | None = None
    """The field of an answer that says how sure the model is, in [0, 1]."""
    max_prompt_chars: Count = 2000
    requirements: Requirements = Requirements()
    weights: dict[str, NonNegative] = {}
    """Of the criteria by which its model is chosen; empty leaves that to its family's tree."""
    benchmarks: tuple[str, ...] = ("mmlu_redux",)
    """Published scores whose mean says how good a model is in the role's field: `quality`."""
    rewards: dict[str, NonNegative] = {}
    outcome: str | None = None
    """The reward that decides whether a group of answers teaches; None is their weighted mean."""
    metrics: tuple[str, ...] = ("accuracy", "macro_f1", "validity")
    main_metric: str = "macro_f1"
    sandbox: Sandbox | None = None
    """How generated code is run, in a role that runs any."""
    options: dict[str, Any] = {}
    edge_cases: dict[str, Share] = {}
    """Shares of the drawn tasks that are wanted of each kind of edge case."""
    guard: RoleGuard = RoleGuard()
    """What its guardrails do otherwise than the deployment's level says."""

    @field_validator("weights")
    @classmethod
    def _weigh(cls, weights: dict[str, float]) -> dict[str, float]:
        return weighed(weights)


def weighed(weights: dict[str, float]) -> dict[str, float]:
    """The weights as they are.

    Raises:
        ValueError: there are some and all are 0, or one is infinite or no number.
    """
    if weights and not any(weights.values()):
        raise ValueError("every weight is 0; give one criterion a weight, or none at all: {}")
    if any(value - value != 0 for value in weights.values()):
        raise ValueError("a weight is infinite or no number")
    return weights


class When(Node):
    """What must hold of a role and its tier for a branch to be taken; without conditions it always
    is.
    """

    latency_at_most_ms: Positive | None = None
    """The lower of the role's and the tier's bound is at most this."""
    response: Response | None = None
    """An asynchronous tier makes every role so."""
    quality: Quality | None = None


class Branch(Node):
    """One leaf of a decision tree: which base models, and what counts among them."""

    when: When = When()
    parameters_min_b: NonNegative | None = None
    parameters_max_b: Positive | None = None
    tools: bool = False
    """Only models that call tools."""
    mixture: bool = False
    """Only mixtures of experts."""
    asynchronous: bool = False
    """No bound on latency."""
    weights: dict[str, NonNegative]

    @field_validator("weights")
    @classmethod
    def _weigh(cls, weights: dict[str, float]) -> dict[str, float]:
        return weighed(weights)


class Trees(RootModel[dict[Family, tuple[Branch, ...]]]):
    """By family of roles its branches; the first whose `when` holds is taken."""

    @model_validator(mode="after")
    def _end(self) -> Self:
        for family, branches in self.root.items():
            if not branches or branches[-1].when != When():
                raise ValueError(f"{family}: its last branch has no `when`: one is always taken")
        return self
