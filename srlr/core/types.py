"""The nouns: what a task, a step, a trajectory, a reward and a stage's result are.

Frozen dataclasses without behaviour. What a user writes (roles, tiers, cards) is in
core/settings.py, where pydantic checks it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Split = Literal["train", "dev", "test"]
Message = dict[str, str]
"""One chat message: {"role": "system" | "user" | "assistant", "content": text}."""


@dataclass(frozen=True, slots=True)
class Task:
    """One problem with its known answer.

    `id` is stable across runs and machines; `meta` names the slices by which weaknesses are grouped
    (`meta["group"]`, where present, names what must stay in one split, such as one review's
    sentences).
    """

    id: str
    prompt: str
    answer: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One move of an expert or a model. Only `action` is learnt and compared; `reasoning`
    explains it to people.
    """

    action: str
    reasoning: str = ""
    reward: float = 0.0


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Steps from a problem to its outcome; the rewards of an expert's steps sum to 1."""

    task: Task
    steps: tuple[Step, ...]
    expected_outcome: Mapping[str, Any]
    author: str
    score: float = 0.0
    issues: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reward:
    """What something is worth and why. A function that cannot judge returns None instead; 0 is a
    judgement.
    """

    value: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy wants done, and its reason in a sentence."""

    do: str
    why: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that was found for a task: a piece of a document, or a solved example.

    `citation` names source, document and page, lines or row; `score` > 0 orders the passages of
    one task.
    """

    text: str
    citation: str
    kind: Literal["knowledge", "example"]
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Context:
    """What the retriever found for one task: rules that apply, words it knows, labelled
    neighbours, passages of documents and examples with the best first.
    """

    rules: tuple[str, ...] = ()
    lexicon: Mapping[str, float] = field(default_factory=dict)
    neighbours: tuple[Task, ...] = ()
    citations: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verifier's judgement of one trajectory: score in [0, 1] and what is wrong with it."""

    score: float
    issues: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What each check of the verifier said: "pass", "fail" or "cannot judge"."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage leaves: the path of its main artifact inside the run, and figures worth a line
    on screen.
    """

    name: str
    artifact: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage would cost, estimated without touching anything. `tokens` are processed, not
    only generated.
    """

    name: str
    tokens: int = 0
    seconds: float = 0.0
    memory_gb: float = 0.0
    disk_gb: float = 0.0
    note: str = ""


Progress = Callable[[str, int, int], None]
"""progress(what, done, total): called often, must be cheap, never raises."""


@runtime_checkable
class Role(Protocol):
    """What a role module must define (module-level names; see roles/sentiment.py for a worked one).

    An answer is a plain dict that fits the role's schema. Functions are pure: seed, data and
    settings enter as arguments.
    """

    def load_tasks(self, profile: Any, split: Split) -> Sequence[Task]:
        """All tasks of a split, in a stable order.

        Raises:
            ConfigError: the user's data do not fit the role's schema; every bad row is named.
        """

    def messages(self, task: Task, shots: Sequence[Task] = ()) -> list[Message]:
        """The chat the trained model is given for a task. Short: every token of it is paid for at
        each rollout.
        """

    def baseline_messages(self, task: Task, shots: Sequence[Task] = ()) -> list[Message]:
        """The same task put to an untrained model: the answer format is described, `shots` are
        shown solved.
        """

    def completion(self, trajectory: Trajectory) -> list[str]:
        """The text the model learns, one segment a step; joined, `parse` reads the outcome back
        from it.
        """

    def parse(self, text: str) -> dict[str, Any] | None:
        """The answer in a model's output, or None where the format is not exactly the role's."""

    def parse_baseline(self, text: str) -> dict[str, Any] | None:
        """The answer in an untrained model's output, or None where it is not exactly the format
        described to it.
        """

    def parse_leniently(self, text: str) -> dict[str, Any] | None:
        """The answer in an untrained model's output, read as generously as a patient person
        would.
        """

    def knowledge(self, task: Task) -> Context:
        """What the role itself knows about a task: rules that apply, words of its lexicon, where
        they come from.
        """

    def expert(self, task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
        """A step-by-step solution whose outcome is the task's answer; `attempt` > 0 after a
        rejection.
        """

    def verify(self, trajectory: Trajectory) -> Verdict:
        """Judges a trajectory from its steps alone: schema, completeness, rules, and the label
        they imply.
        """

    def rewards(self) -> Mapping[str, Callable[[Task, str], Reward | None]]:
        """Named outcome rewards of an answer's text; the YAML's `rewards` weighs them."""
