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
from srlr.core.deploying import Deploy
from srlr.core.evaluating import Evaluate
from srlr.core.guarding import Guard
from srlr.core.launcher import Launcher, unlaunchable
from srlr.core.measuring import Measure
from srlr.core.node import Count, Node, NonNegative, Positive, Share, Whole
from srlr.core.passed import NoRlvr, NoSrl
from srlr.core.profile import RoleProfile
from srlr.core.redacting import Redact
from srlr.core.retrieving import Retriever
from srlr.core.serving import Serve
from srlr.core.staffing import Workers
from srlr.core.swapping import Health, Swap
from srlr.core.teaching import Budget, Teacher
from srlr.core.training import AnyRlvr, AnySrl, Grpo, Imitate, Stepwise
from srlr.core.verifying import Quality, Verifier, same_model


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
    """For a role that has no weights, of a family that has no tree."""
    memory_share: Share = 0.8
    measure: Measure = Measure()


class Generate(Node):
    teacher: Teacher = Teacher()
    more_teachers: dict[str, Teacher] = {}
    """By a name of your own: teachers that share the tasks with `teacher`, by weight."""
    budget: Budget = Budget()
    num_examples_per_request: Count = 10
    """Tasks that one request to a server is about."""
    num_tasks: Count = 1200
    """Training rows drawn for SRL and RLVR together."""
    label_balance: Share = 0.65
    """How far the draw evens labels out: from 0, their shares in the data, to 1, all alike."""
    srl_share: Share = 1.0
    """The share of them that becomes trajectories; RLVR draws from all of them."""
    focus: str | None = None
    """The id of a weak spot that an evaluation has found: so many more tasks are like it."""
    focus_share: Share = 0.5
    """Of the tasks that are drawn, with focus; fewer where the training rows have fewer."""
    max_regeneration_attempts: Whole = 3
    min_verification_score: Share = 0.7
    neighbours: Whole = 3
    """Labelled training rows that a task gets."""
    retriever: Retriever = Retriever()
    verifier: Verifier = Verifier()
    quality: Quality = Quality()
    redact: Redact = Redact()
    """What is taken out of training rows and trajectories before they are stored or sent."""

    @model_validator(mode="after")
    def _another_model_judges(self) -> "Generate":
        judge, teachers = self.verifier.judge, (self.teacher, *self.more_teachers.values())
        for teacher in teachers:
            if not judge.same_model and same_model(teacher.model, judge.model):
                raise ValueError(
                    f"verifier.judge.model: {judge.model!r} writes trajectories too, and favours "
                    "its own; another model, or verifier.judge.same_model=true"
                )
        return self


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


class Settings(Node):
    """A whole run, resolved and checked."""

    seed: Whole | None = None
    runs_dir: str = "runs"
    store_dir: str = "store"
    """Where releases are, and what serves them keeps its state: nothing a stage depends on."""
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
    swap: Swap = Swap()
    health: Health = Health()
    workers: Workers = Workers()
    deploy: Deploy = Deploy()
    serve: Serve = Serve()
    """Nothing a stage depends on."""
    guard: Guard = Guard()
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
        for problem in unlaunchable(self.launcher, self.srl, self.rlvr, self.rollout.engine):
            raise ValueError(problem)
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
