"""What can be said of training: a node for each objective of SRL and each algorithm of RLVR."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from srlr.core.node import Count, Node, NonNegative, Positive, Share, Whole
from srlr.core.passed import NoRlvr, NoSrl
from srlr.core.vllm import Vllm

Action = Annotated[
    Literal["warn", "stop", "roll_back", "off"],
    BeforeValidator(lambda said: "off" if said is False else said),
]
"""What an alarm does; YAML reads a bare `off` as false."""


class Alarms(Node):
    """What each alarm of a training loop does, and when it is raised; see training/alarms.py."""

    nan: Action = "stop"
    nan_steps: Count = 3
    """Steps in a row whose loss or gradient is not a finite number."""
    spike: Action = "warn"
    spike_deviations: Positive = 15.0
    """How far above the median of the steps before, in their robust standard deviations."""
    kl: Action = "warn"
    kl_over_target: Positive = 10.0
    """Times max_kl; an imitation may also move as far as its loss has fallen."""
    entropy: Action = "warn"
    entropy_share_min: Share = 0.1
    """Of the first steps' entropy."""
    length: Action = "warn"
    length_factor: Annotated[float, Field(gt=1.0)] = 2.0
    """How many times longer or shorter than the first steps' answers."""
    zero_spread: Action = "warn"
    zero_spread_share: Share = 0.95
    """Of the groups: all their answers are worth the same, so nothing is learnt from them."""
    reward_hacking: Action = "warn"
    reward_hacking_fall: Share = 0.05
    """How far the held-out figure falls while the reward rises."""
    window: Annotated[int, Field(ge=2)] = 5
    """Steps whose median speaks for them."""
    max_roll_backs: Whole = 2
    """Roll-backs before the stage stops instead."""


class Lora(Node):
    """An adapter: two narrow matrices beside each linear layer."""

    rank: Count = 16
    alpha: Positive = 32.0
    """The adapter's output is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    target_modules: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of linear layers, such as q_proj; None: all but the output layer."""


class Training(Node):
    """What every training loop needs."""

    learning_rate: Positive
    epochs: Positive
    warmup_share: Share = 0.1
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    weight_decay: NonNegative = 0.0
    max_grad_norm: Positive = 1.0
    micro_batch_tokens: Count = 1024
    eval_every_steps: Count = 10
    eval_tasks: Count = 128
    patience: Count = 3
    """Evaluations without a new best before the stage stops early."""
    checkpoint_every_steps: Count = 5
    max_steps: Count | None = None
    token_budget: Count | None = None
    """Tokens put through the model, forward and backward, before the stage ends; None: no limit."""
    trained_layers: Count | None = None
    """Only so many of the last layers learn, and no embeddings; None: every weight does."""


class Loop(Training):
    """What srlr's own loops need: a model to stay near, what of it learns, and alarms."""

    kl_penalty_weight: NonNegative = 0.1
    max_kl: Positive = 0.1
    kl_horizon: Positive = 10_000
    tuning: Literal["full", "lora", "qlora"] = "full"
    """All weights, an adapter beside them, or an adapter beside weights in 4 bits."""
    lora: Lora = Lora()
    gradient_checkpointing: bool = False
    """Activations are computed again in the backward pass: less memory, a third more time."""
    optimiser: Literal["adamw", "adamw_8bit"] = "adamw"
    """adamw_8bit keeps its moments in 8 bits; made for GPUs, slow on a CPU."""
    alarms: Alarms = Alarms()


class ByTrl(Training):
    """What a trainer of TRL's needs that has no model to stay near."""

    tuning: Literal["full", "lora"] = "full"
    """All weights, or an adapter beside them."""
    lora: Lora = Lora()
    gradient_checkpointing: bool = False
    """Activations are computed again in the backward pass: less memory, a third more time."""
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _no_way_back(self) -> Self:
        for name in Alarms.model_fields:
            if getattr(self.alarms, name) == "roll_back":
                raise ValueError(f"alarms.{name}: TRL cannot roll back; say warn or stop")
        return self


class Sft(ByTrl):
    """SRL's yardstick: the expert's completions by TRL's SFTTrainer."""

    objective: Literal["sft"] = "sft"
    learning_rate: Positive = 1e-5
    epochs: Positive = 5
    batch_size: Count = 32


class Distil(ByTrl):
    """SRL from a larger model, which says of each token of the model's own answers what it would
    have said.
    """

    objective: Literal["distil"] = "distil"
    learning_rate: Positive = 1e-5
    epochs: Positive = 1
    batch_size: Count = 32
    teacher: str | None = None
    """A card's name, a folder, or hub:org/name; its tokenizer is the model's own."""
    divergence: Share = 1.0
    """0: forward KL, 1: reverse KL, between them: generalised Jensen-Shannon."""
    temperature: Positive = 1.0
    top_k: Count | None = None
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0


class Imitate(Loop):
    """SRL from the expert's steps, each as much as it is worth."""

    objective: Literal["imitate"] = "imitate"
    learning_rate: Positive = 1e-5
    epochs: Positive = 5
    batch_size: Count = 32
    reward_norm_method: Literal["z_score", "min_max", "rank", "none"] = "z_score"
    kl_share: Share = 1.0
    """The share of the examples on which the divergence is measured, to stand for all of them."""


class Drawing(Training):
    """A loop that learns from groups of the model's own answers, judged and compared."""

    samples_per_prompt: Annotated[int, Field(ge=2)] = 8
    temperature: Positive = 1.0
    top_k: Count | None = None
    """Only so many of the likeliest tokens are drawn; None: any."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Only the fewest likeliest tokens that have this share of the probability are drawn."""


class OnPolicy(Drawing, Loop):
    """A loop that learns from each batch of answers before it draws the next."""

    prompts_per_step: Count = 16
    passes: Count = 1
    minibatches: Count = 1
    """A rollout's answers are used `passes` times, in `minibatches` updates each time."""


class PolicyGradient(OnPolicy):
    """GRPO and its published variants, whatever the reward is."""

    min_reward_spread: NonNegative = 1e-4
    """Groups whose outcome rewards spread no more than this teach nothing and are left out."""
    variant: Literal["grpo", "dr_grpo", "dapo", "gspo", "rloo", "cispo"] = "dapo"
    clip_epsilon: Positive | None = None
    clip_epsilon_high: Positive | None = None
    """How far below and above 1 a probability ratio may go; None: as the variant's paper says."""
    refill_attempts: Whole = 0
    """How often other prompts are drawn in the place of those left out."""


class Similarity(Node):
    """How an action is compared with the expert's."""

    mode: Literal["char", "word", "token", "lcs"] = "char"
    """The blocks that match in characters, words or tokens, or the longest common subsequence."""
    symmetric: bool = False
    """The mean of both orders of comparison, where the blocks that match depend on it."""
    max_chars: Count = 1500
    """Longer actions are compared so many characters at a time, which bounds the time."""


class WarmUp(Node):
    """Imitation before the first own step, for a model that does not know the format."""

    steps: Whole = 0
    batch_size: Count = 8
    learning_rate: Positive | None = None
    """None: as the learning rate of the steps after it."""


class Stepwise(PolicyGradient):
    """SRL from the model's own next steps, compared with the expert's."""

    objective: Literal["stepwise"] = "stepwise"
    learning_rate: Positive = 1e-5
    epochs: Positive = 5
    kl_penalty_weight: NonNegative = 0.0
    refill_attempts: Whole = 3
    max_step_tokens: Count = 128
    step_end: Annotated[str, Field(min_length=1)] = "\n"
    """A step of an answer ends with it."""
    monologue: bool = False
    """Whether the model thinks aloud before each step; what it thinks is not compared."""
    title_hints: bool = False
    """Whether the model is told what the expert's next step is called; with `monologue` only."""
    last_step: bool = True
    """Whether the step that holds the answer is learnt too."""
    similarity: Similarity = Similarity()
    warm_up: WarmUp = WarmUp()


class Grpo(PolicyGradient):
    """RLVR from answers that are compared with each other."""

    algorithm: Literal["grpo"] = "grpo"
    learning_rate: Positive = 1e-6
    epochs: Positive = 3
    reward_sum: Literal["weighted", "normalised"] = "weighted"
    """Several rewards: their weighted mean, or each brought to deviation 1 in its group first."""
    backend: Literal["own", "trl"] = "own"
    """Whose loop learns: srlr's, or TRL's GRPOTrainer."""
    vllm: Vllm = Vllm()


class Ppo(OnPolicy):
    """A value head learns beside the policy what an answer is still worth at each of its tokens."""

    algorithm: Literal["ppo"] = "ppo"
    learning_rate: Positive = 1e-6
    epochs: Positive = 3
    samples_per_prompt: Count = 8
    passes: Count = 4
    clip_epsilon: Positive = 0.2
    """How far from 1 a probability ratio may go."""
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = 0.99
    """What a reward one token later is worth."""
    gae_lambda: Share = 0.95
    """1: advantages are returns less values; 0: what one token changes about the value."""
    whiten_advantages: bool = True
    """Brought to mean 0 and deviation 1 over a rollout's tokens."""
    no_stop_penalty: NonNegative = 1.0
    """Taken from the reward of an answer that has not ended itself."""
    entropy_coef: NonNegative = 0.01
    value_coef: NonNegative = 0.5
    value_clip_epsilon: Positive | None = 0.2
    """How far from what it was at the rollout a value may go; None: anywhere."""
    value_learning_rate: Positive = 3e-3
    """Of the value head, which begins at 0."""
    value_moves_trunk: bool = True
    """The values' loss moves the layers below the head too; false: the head alone."""


class Dpo(Drawing):
    """RLVR from pairs of a better and a worse answer."""

    algorithm: Literal["dpo"] = "dpo"
    learning_rate: Positive = 1e-6
    epochs: Positive = 1
    min_reward_spread: NonNegative = 1e-4
    """Prompts whose outcome rewards spread no more than this make no pair."""
    beta: Positive = 0.1
    """How dear it is to leave the model that drew the answers; small lets go."""
    loss_type: Literal["sigmoid", "hinge", "ipo"] = "sigmoid"
    prompts: Count | None = None
    """How many prompts are answered for pairs; None: all, once."""
    pairs_per_prompt: Count = 1
    """At most so many, of different answers: best with worst, second best with second worst."""
    pairs_per_step: Count = 16


KINDS = {"srl": ("objective", "imitate"), "rlvr": ("algorithm", "grpo")}
"""Nodes of several kinds: the key that chooses, and the kind that is meant where nothing does."""


def _chosen(node: str) -> BeforeValidator:
    key, plain = KINDS[node]
    return BeforeValidator(lambda said: {key: plain, **said} if isinstance(said, dict) else said)


AnySrl = Annotated[
    Imitate | Stepwise | Sft | Distil | NoSrl, Field(discriminator="objective"), _chosen("srl")
]
AnyRlvr = Annotated[Grpo | Ppo | Dpo | NoRlvr, Field(discriminator="algorithm"), _chosen("rlvr")]
