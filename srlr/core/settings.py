"""What can be said: one frozen pydantic model per conf group, and `Settings`, the only config
object passed around.

One spelling everywhere: YAML key, attribute, override and manifest key are the same word. Units
are in the names.
`srlr.core.compose` builds a Settings; nothing else does.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from srlr.core import arithmetic
from srlr.core.ablation import Ablation
from srlr.core.backends import refusals
from srlr.core.node import Count, Node, NonNegative, Positive, Share, Whole
from srlr.core.passed import NoRlvr, NoSrl
from srlr.core.redacting import Redact
from srlr.core.training import AnyRlvr, AnySrl, ByTrl, Dpo, Grpo, Imitate, OnPolicy, Stepwise


class Requirements(Node):
    """What the role asks of any model that fills it."""

    latency_max_ms: Positive | None = None
    accuracy_min: Share | None = None
    cost_max_per_1m_tokens: Positive | None = None
    throughput_rps: Positive | None = None
    availability_sla: Share | None = None
    expected_requests_per_month: Count | None = None
    context_min_tokens: Count = 512
    languages: tuple[str, ...] = ("en",)
    licences: tuple[str, ...] = ()
    """Accepted licences; empty accepts every licence that allows commercial use."""


class RoleProfile(Node):
    """WHAT the model is for. `conf/role/NAME.yaml` goes with the module `roles/NAME.py`."""

    name: str
    family: Literal["real_time", "expert_analysis", "content_generation", "classification"]
    description: str
    data: str
    """An asset's name, a path to JSONL or CSV, or hub:org/name."""
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
    rewards: dict[str, NonNegative] = {}
    outcome: str | None = None
    """The reward that decides whether a group of answers teaches; None is their weighted mean."""
    metrics: tuple[str, ...] = ("accuracy", "macro_f1", "validity")
    main_metric: str = "macro_f1"
    options: dict[str, Any] = {}


class Tier(Node):
    """HOW FAST, and so how big."""

    name: str
    parameters_min_b: NonNegative
    parameters_max_b: Positive
    latency_max_ms: Positive | None = None
    asynchronous: bool = False
    training_cost_usd: NonNegative | None = None
    candidates: tuple[str, ...] = ()
    """The cards to choose among; empty means the whole catalog."""
    stand_in: str | None = None
    """The card that stands in where no candidate fits the machine."""


class Hardware(Node):
    """INTO WHAT. None means: look at this machine."""

    name: str
    device: Literal["auto", "cpu", "cuda"] = "auto"
    memory_gb: Positive | None = None
    threads: Count | None = None
    compute_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    quantisation_bits: Literal[4, 8, 16, 32] | None = None
    memory_bandwidth_gb_s: Positive | None = None
    price_usd_per_hour: NonNegative | None = None


class Fact(Node):
    """A claim about a model with where it was read and when."""

    value: Any
    source: str
    date: date


class ModelCard(Node):
    """A base model: where its weights are, what is claimed of it, and the tuning that suits it."""

    name: str
    source: str | None
    """An asset's name, hub:org/name, or a path; None for `auto`, which select replaces."""
    facts: dict[str, Fact] = {}
    tuning: dict[str, dict[str, Any]] = {}


class Select(Node):
    update_frequency_days: Count = 7
    weights: dict[str, NonNegative] = {"cost": 0.3, "performance": 0.7}
    """For a role whose profile has no weights."""
    memory_share: Share = 0.8


class Teacher(Node):
    kind: Literal["expert"] = "expert"


class Generate(Node):
    teacher: Teacher = Teacher()
    num_tasks: Count = 1200
    """Training rows drawn for SRL and RLVR together."""
    label_balance: Share = 0.65
    """How far the draw evens labels out: from 0, their shares in the data, to 1, all alike."""
    srl_share: Share = 1.0
    """The share of them that becomes trajectories; RLVR draws from all of them."""
    max_regeneration_attempts: Whole = 3
    min_verification_score: Share = 0.7
    neighbours: Whole = 3
    redact: Redact = Redact()
    """What is taken out of training rows and trajectories before they are stored or sent."""


class Rollout(Node):
    max_new_tokens: Count = 128
    batch_size: Count = 64
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Texts that end an answer and are not part of it, beside the model's own stop tokens."""
    engine: Literal["own", "vllm"] = "own"
    """Where answers come from: this process, or a server that speaks OpenAI's protocol."""
    url: Annotated[str, Field(pattern=r"^https?://")] = "http://localhost:8000/v1"
    model: str | None = None
    """The name under which the server has the model; None: the only one it has."""
    api_key_env: str | None = None
    """The environment variable that holds the server's key; None: it asks for none."""
    concurrency: Count = 32
    """Requests under way at once; each is one prompt with all its samples."""
    timeout_s: Positive = 600.0
    """How long one request may take, before it is made again."""


WHENCE = frozenset({"engine", "url", "model", "api_key_env", "concurrency", "timeout_s"})
"""Keys of Rollout that say where answers come from and not which: a finished stage stays so."""


class Launcher(Node):
    """How many processes train together. What they learn is, up to rounding, what one would."""

    name: Literal["none", "accelerate"] = "none"
    processes: Count = 1
    """On each machine: one a GPU, or shares of the CPU's cores."""
    machines: Count = 1
    """They share the folder of runs; srlr runs on the first, --dry-run prints what the others do.
    """
    main_address: str = "127.0.0.1"
    """Of the first machine, as the others reach it."""
    main_port: Annotated[int, Field(ge=1, le=65_535)] = 29_500
    """On the first machine; with one machine, any free one is taken."""

    @property
    def total(self) -> int:
        """Processes on all machines."""
        return self.processes * self.machines


class Gate(Node):
    """Floors the evaluation must reach; a missing one is not checked."""

    accuracy: Share | None = None
    macro_f1: Share | None = None
    validity: Share | None = None
    vs_baseline: Literal["significant"] | None = None


class Evaluate(Node):
    split: Literal["dev", "test"] = "test"
    limit: Count | None = None
    shots: tuple[Whole, ...] = (0, 3)
    shots_tasks: Count = 64
    """Dev tasks on which the baseline's number of shots is chosen."""
    samples: Count = 1
    """Answers drawn to each task beside the greedy one, for the share of them that is right
    (avg@k); 1: none is drawn.
    """
    temperature: Positive = 1.0
    """At which they are drawn."""
    latency_tasks: Whole = 8
    """Tasks answered once more, one at a time, to measure what a user would wait."""
    bootstrap_samples: Count = 2000
    confidence_level: Share = 0.95
    gate: Gate = Gate()


def _batches(srl: AnySrl, rlvr: AnyRlvr) -> dict[str, int]:
    """What a step of each stage is made of, by key."""
    found = {}
    if isinstance(srl, Imitate):
        found["srl.batch_size"] = srl.batch_size
    if isinstance(srl, Stepwise):
        found["srl.prompts_per_step"] = srl.prompts_per_step
        if srl.warm_up.steps:
            found["srl.warm_up.batch_size"] = srl.warm_up.batch_size
    if isinstance(rlvr, OnPolicy):
        found["rlvr.prompts_per_step"] = rlvr.prompts_per_step
    return found


class Settings(Node):
    """A whole run, resolved and checked."""

    seed: Whole | None = None
    runs_dir: str = "runs"
    role_path: str | None = None
    config_dir: str | None = None
    """The folder named by --config-dir, kept so that a run finds its user's own cards and options
    again.
    """
    role: RoleProfile
    tier: Tier
    hardware: Hardware
    model: ModelCard
    select: Select = Select()
    generate: Generate = Generate()
    srl: AnySrl = Imitate()
    rlvr: AnyRlvr = Grpo()
    rollout: Rollout = Rollout()
    launcher: Launcher = Launcher()
    evaluate: Evaluate = Evaluate()
    ablation: Ablation = Ablation()

    @model_validator(mode="after")
    def _rewards_are_weighed(self) -> "Settings":
        if self.role.rewards and not any(self.role.rewards.values()):
            raise ValueError("role.rewards: every weight is 0, so nothing would be learnt")
        return self

    @model_validator(mode="after")
    def _numbers_fit_together(self) -> "Settings":
        for problem in arithmetic.problems(self):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _every_process_has_work(self) -> "Settings":
        launcher, total = self.launcher, self.launcher.total
        if total == 1:
            return self
        if launcher.name == "none":
            raise ValueError(f"launcher: {total} processes are started by launcher=accelerate")
        if launcher.machines > 1 and launcher.main_address in ("127.0.0.1", "localhost"):
            raise ValueError(
                "launcher.main_address: the other machines do not reach this one by it"
            )
        if isinstance(self.srl, ByTrl):
            raise ValueError(
                f"srl={self.srl.objective} trains in one process: srl=imitate, or launcher=none"
            )
        if isinstance(self.rlvr, Dpo):
            raise ValueError("rlvr=dpo trains in one process: rlvr=grpo, or launcher=none")
        if isinstance(self.rlvr, Grpo) and self.rlvr.backend == "trl":
            raise ValueError("rlvr.backend=trl trains in one process: own, or launcher=none")
        for key, size in _batches(self.srl, self.rlvr).items():
            if size < total:
                raise ValueError(f"{key}={size}: {total} processes need at least one each")
        return self

    @model_validator(mode="after")
    def _a_warm_up_is_kept(self) -> "Settings":
        """Between the two parts of the stage weights are rounded to 4 bits, and RLVR goes on from
        the second part's adapter alone.
        """
        if isinstance(self.srl, Stepwise) and self.srl.warm_up.steps and self.srl.tuning == "qlora":
            raise ValueError("srl.warm_up.steps: 4 bits round away what it learns; 0 with qlora")
        return self

    @model_validator(mode="after")
    def _something_is_learnt(self) -> "Settings":
        if isinstance(self.srl, NoSrl) and isinstance(self.rlvr, NoRlvr):
            raise ValueError("rlvr.algorithm: nothing would be learnt with srl=none; say rlvr=grpo")
        return self

    @model_validator(mode="after")
    def _the_backend_can(self) -> "Settings":
        if isinstance(self.rlvr, Grpo):
            for refusal in refusals(self.rlvr, self.rollout.stop):
                raise ValueError(refusal)
        return self
