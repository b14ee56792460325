"""The report as a value: everything report.json, report.md and report.html say, and nothing else.

Every number is finite or None. `Report.model_validate(json)` reads a report.json back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from srlr.evaluation.compare import Difference, Flips, Interval
from srlr.evaluation.effects import Effect
from srlr.evaluation.findings import Finding
from srlr.evaluation.weaknesses import Weaknesses

FORMAT = 1
STAGES = ("baseline", "srl", "rlvr")
COMPARISONS = ("vader", "tfidf")
TITLES = {
    "baseline": "Baseline",
    "srl": "SRL",
    "rlvr": "RLVR",
    "vader": "VADER rules",
    "tfidf": "TF-IDF + LR",
}
METRIC_TITLES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "validity": "Valid format",
    "constraint_pass": "Constraints kept",
    "distinct_1": "Distinct-1",
    "distinct_2": "Distinct-2",
    "repetition": "Repetition",
    "step_accuracy": "True steps",
    "equation_accuracy": "True equations",
    "symbolic_accuracy": "Accuracy in any form",
    "ece": "Calibration error",
    "brier": "Brier score",
    "balanced_detection": "Balanced detection",
    "false_positive_rate": "False positives",
    "detection_rate": "Detected",
    "detection_macro": "Detected, mean of categories",
    "flags_f1": "Flag F1",
    "finding_precision": "Finding precision",
    "finding_recall": "Finding recall",
    "finding_f1": "Finding F1",
    "line_accuracy": "Right line",
    "latency_mean_s": "Mean latency, s",
    "latency_p50_s": "P50 latency, s",
    "latency_p95_s": "P95 latency, s",
    "latency_p99_s": "P99 latency, s",
    "tokens_mean": "Tokens",
    "tokens_p50": "P50 tokens",
    "tokens_p95": "P95 tokens",
    "tokens_p99": "P99 tokens",
    "cost_per_1000_usd": "Cost of 1,000 answers, $",
}


@dataclass(frozen=True, slots=True)
class Extras:
    """What the report needs to know beside attempts, settings, decision and metrics.jsonl.

    `rows`: {"srl": 600, "rlvr": 600, "dev": 128, "test": 412}, what each was used for.
    `results`: srl/result.json and rlvr/result.json by stage.
    `sampled`: drawn answers, as attempts; several a task.
    `shots`: solved examples in the baseline's prompt, chosen on dev.
    `seconds`: wall time by stage.
    """

    run: str
    seed: int
    created: str = ""
    machine: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shots: int | None = None
    sampled: Sequence[Mapping[str, Any]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


class Value(BaseModel):
    """A part of the report; what was written once does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(Value):
    """Seconds from prompt to full answer."""

    mean: float | None
    p50: float | None
    p95: float | None


class ModelRow(Value):
    """One line of the closing table."""

    model: str
    title: str
    kind: Literal["stage", "comparison"]
    rows: int
    metrics: dict[str, Interval | None]
    """None where the metric does not apply to this model or is undefined."""
    latency_s: Latency
    tokens: float | None
    note: str = ""


class PairedTest(Value):
    """`model` minus `against` on the same tasks."""

    model: str
    against: str
    title: str
    metrics: dict[str, Difference | None]
    """None where the metric is undefined for one of the two."""
    flips: Flips


class ClassScore(Value):
    """How one label fares; None where no row or answer defines the figure."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class CategoryScore(Value):
    """How one category of what is flagged fares, on its `rows` and on all others; None without."""

    category: str
    rows: int
    detected: Interval | None
    false_positives: Interval | None


class Bin(Value):
    """Answers whose confidence lies in [low, high)."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


class Calibration(Value):
    """Whether confidence means what it says; `without` is the share of rows that have none."""

    ece: float | None
    brier: float | None
    without: float
    bins: tuple[Bin, ...]


class Example(Value):
    """One task whose answer changed from the baseline to the final model. Texts are untrusted."""

    task: str
    kind: Literal["fixed", "broken"]
    prompt: str
    gold: str
    answers: dict[str, str]
    """Model → its label, or "no answer"."""
    texts: dict[str, str]
    """Model → its raw output, cut where it is long."""


class Check(Value):
    """One floor of the gate."""

    name: str
    required: str
    measured: str
    passed: bool


class SampledTest(Value):
    """One model's avg@k minus another's on the same tasks."""

    title: str
    gap: Difference


class Sampled(Value):
    """avg@k: of `samples` answers drawn to each task, the share that is right."""

    samples: int
    temperature: float
    figures: dict[str, Interval]
    """By model."""
    tests: tuple[SampledTest, ...]
    pass_at: dict[str, dict[int, Interval]] = {}
    """By model and k: the chance that at least one of k drawn answers is right."""


class Pairwise(Value):
    """`model` minus `against`, any two models on the same tasks, in the main metric."""

    model: str
    against: str
    gap: Difference | None
    """None where the metric is undefined for one of the two."""
    p_holm: float | None
    """The permutation p, adjusted for all pairs in the table."""
    flips: Flips
    effect: Effect


class Service(Value):
    """What an answer takes. Times are of one answer at a time, of the `timed` tasks alone."""

    timed: int
    latency_s: dict[str, float | None]
    """mean, p50, p95, p99."""
    tokens: dict[str, float | None]
    """Of an answer; None for what writes none."""
    cost_per_1000_usd: float | None
    """At hardware.price_usd_per_hour, asked one at a time: more at once cost less. None without
    a price.
    """


class Generalised(Value):
    """How the final model does on tasks changed in some way, or on others than it was tested on."""

    what: str
    tasks: int
    before: float | None = None
    """Accuracy on the tasks as they are, or on the tasks it is held against."""
    after: float | None = None
    gap: Interval | None = None
    changed: float | None = None
    """The share of answers that are others now."""
    note: str = ""


class Contamination(Value):
    """How many of the tasks training has seen: the same, nearly, or in half of their n-grams."""

    tasks: int
    exact: int
    near: int
    ngrams: int
    share: float
    examples: tuple[str, ...]
    """Ids of such tasks."""


class Report(Value):
    """A whole evaluation; see srlr.evaluation.report for an example in JSON."""

    format: int = FORMAT
    run: str
    role: str
    tier: str
    model: str
    stand_in: str | None
    seed: int
    created: str
    machine: str
    rows: dict[str, int]
    seconds: dict[str, float]
    labels: tuple[str, ...]
    main_metric: str
    split: Literal["dev", "test"]
    level: float
    samples: int
    final: str
    headline: str
    verdict: Literal["better", "unclear", "worse", "untrained"]
    notes: tuple[str, ...]
    table: tuple[ModelRow, ...]
    tests: tuple[PairedTest, ...]
    rlvr_gain: bool
    per_class: dict[str, tuple[ClassScore, ...]]
    categories: dict[str, tuple[CategoryScore, ...]] = {}
    """By model; empty for a role that does not flag."""
    confusion: dict[str, tuple[tuple[int, ...], ...]]
    calibration: dict[str, Calibration]
    curves: dict[str, dict[str, tuple[tuple[int, float], ...]]]
    examples: tuple[Example, ...]
    flips: dict[str, int]
    """How many tasks were {"fixed": 120, "broken": 9} from the baseline to the final model."""
    weaknesses: Weaknesses
    gate: tuple[Check, ...]
    sampled: Sampled | None = None
    """None where evaluate.samples is 1; report.json then has no such key."""
    pairwise: tuple[Pairwise, ...] = ()
    """Every two models, each later one against each earlier one."""
    service: dict[str, Service] = {}
    """By model."""
    findings: tuple[Finding, ...] = ()
    """Weak spots of the final model with an id, named and found."""
    groups_looked_at: int = 0
    generalised: tuple[Generalised, ...] = ()
    contamination: Contamination | None = None
