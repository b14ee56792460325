"""Weak spots with an id: named slices and found ones, how surely weak they are, and what to do.

{"format": 1, "run": "…", "role": "sentiment", "model": "rlvr", "metric": "accuracy",
 "looked_at": 31, "left_out": ["score"], "notes": ["…"],       keys of meta that tell the answer
 "findings": [{"id": "w-3fa2b1", "kind": "slice" | "cluster" | "rule", "title": "negation: yes",
               "where": {"key": "negation", "value": "yes"}, "rows": 61, "score": 0.52,
               "rest": 0.71, "gap": -0.19, "low": -0.31, "high": -0.06, "p": 0.002, "p_holm": 0.05,
               "clear": true, "train_share": 0.1, "do": "generate" | "labels" | "weight",
               "suggestion": "…", "examples": [{"task", "prompt", "gold", "said"}]}],
 "clusters": {"embedder": "hashed-1-1024", "centres": [[…], …]}}
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from srlr.core.rundir import hash_of
from srlr.core.types import Decision, Task
from srlr.evaluation import found, revealing, weaknesses
from srlr.evaluation.compare import Resampling, independent
from srlr.evaluation.effects import holm, split_p
from srlr.evaluation.found import Group, Where
from srlr.evaluation.outcomes import Attempt, Floats, Schema, outcomes

FILE = "evaluate/weaknesses.json"
FORMAT = 1
EXAMPLES = 3
LIMIT = 12
SAME = 0.5
"""Share of failures in which another method contradicts the label too, from which it is doubted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One group of tasks on which the model is weaker than on the rest."""

    id: str
    kind: str
    title: str
    where: Where
    rows: int
    score: float
    rest: float
    gap: float
    low: float
    high: float
    p: float
    p_holm: float
    """Fisher's exact p, adjusted for all groups that were looked at."""
    clear: bool
    """p_holm is below 1 − level."""
    train_share: float | None
    """Of the training tasks; None where they are not known."""
    do: str
    suggestion: str
    examples: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What is looked at: the final model's rows, their vectors, other methods' rows on the same
    tasks, and the training tasks.
    """

    rows: Sequence[Attempt]
    schema: Schema
    vectors_NF: Floats
    others: Sequence[Sequence[Attempt]] = ()
    train: Sequence[Task] = ()
    train_vectors_NF: Floats = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True)
class Findings:
    """The worst groups, out of how many, and the clusters' centres, with which tasks are placed."""

    looked_at: int
    findings: tuple[Finding, ...]
    centres_KF: Floats
    left_out: tuple[str, ...] = ()
    """Keys of meta that tell the answer, and so are no slices."""

    def record(self, embedder: str) -> dict[str, Any]:
        """As weaknesses.json has it."""
        centres = [[round(float(x), 5) for x in row] for row in self.centres_KF]
        return {
            "metric": "accuracy",
            "looked_at": self.looked_at,
            "left_out": list(self.left_out),
            "findings": [asdict(one) for one in self.findings],
            "clusters": {"embedder": embedder, "centres": centres},
        }


def find(material: Material, how: Resampling, min_rows: int = 20) -> Findings:
    """The groups in which the model is wrong more often than elsewhere, the surest first.

    Raises:
        ConfigError: there are no rows, or vectors that do not fit them.
    """
    rows = material.rows
    right = [bool(one) for one in outcomes(rows, material.schema).correct]
    grouped, centres_KF = found.clusters(rows, material.vectors_NF, how.seed)
    told_by = revealing.keys(rows, material.schema)
    groups = [*_slices(rows, min_rows, told_by), *grouped]
    groups += found.rules(rows, right, min_rows, how.seed, told_by)
    large = [one for one in groups if _is_large(one, min_rows)]
    inside = [[right[n] for n in one.members] for one in large]
    outside = [[right[n] for n in one.judged - one.members] for one in large]
    ps = [split_p(a, b) for a, b in zip(inside, outside, strict=True)]
    told = []
    for group, p, adjusted in zip(large, ps, holm(ps), strict=True):
        finding = _finding(group, (p, adjusted), material, how, centres_KF)
        if finding is not None:
            told.append(finding)
    told.sort(key=lambda one: (not one.clear, one.p, one.gap))
    return Findings(len(large), tuple(told[:LIMIT]), centres_KF, tuple(sorted(told_by)))


def _is_large(group: Group, min_rows: int) -> bool:
    least = max(2, min_rows // 2) if group.kind == "rule" else min_rows
    return least <= len(group.members) <= len(group.judged) - least


def _slices(rows: Sequence[Attempt], min_rows: int, left_out: Container[str]) -> list[Group]:
    every = frozenset(range(len(rows)))
    named = weaknesses.slices(rows, min_rows, left_out)
    return [
        Group("slice", f"{key}: {value}", weaknesses.where(rows, key, value), members, every)
        for (key, value), members in named.items()
    ]


def _finding(
    group: Group,
    ps: tuple[float, float],
    material: Material,
    how: Resampling,
    centres_KF: Floats,
) -> Finding | None:
    """None where the group is no weaker than the rest."""
    inside = [material.rows[n] for n in sorted(group.members)]
    outside = [material.rows[n] for n in sorted(group.judged - group.members)]
    gap = independent(outside, inside, "accuracy", material.schema, how)
    if gap is None or gap.value >= 0:
        return None
    right = outcomes(inside, material.schema).correct
    rest = outcomes(outside, material.schema).correct
    failing = [row for row, one in zip(inside, right, strict=True) if not one]
    share = None
    if material.train:
        picked = picks(group.where, material.train, material.train_vectors_NF, centres_KF)
        share = sum(picked) / len(picked)
    name = "w-" + hash_of([group.kind, group.where, sorted(str(r["task"]) for r in inside)])[:6]
    said = suggest(name, len(inside) / len(material.rows), share, doubted(failing, material))
    return Finding(
        id=name,
        kind=group.kind,
        title=group.title,
        where=group.where,
        rows=len(inside),
        score=float(right.mean()),
        rest=float(rest.mean()),
        gap=gap.value,
        low=gap.low,
        high=gap.high,
        p=ps[0],
        p_holm=ps[1],
        clear=ps[1] < 1 - how.level,
        train_share=share,
        do=said.do,
        suggestion=said.why,
        examples=tuple(_example(row, material.schema) for row in failing[:EXAMPLES]),
    )


def doubted(failing: Sequence[Attempt], material: Material) -> float:
    """The share of failures in which another method gives the same answer, against the label."""
    said = [{row["task"]: _said(row, material.schema) for row in rows} for rows in material.others]
    same = [
        any(_said(row, material.schema) == other.get(row["task"]) for other in said)
        for row in failing
        if _said(row, material.schema) is not None
    ]
    return sum(same) / len(failing) if failing else 0.0


def suggest(name: str, share: float, train_share: float | None, doubted_share: float) -> Decision:
    """What to do about a weak spot: labels that other methods contradict too are looked at first;
    what is rarer in training than in the test is generated; else what is there weighs more.
    """
    if doubted_share >= SAME:
        return Decision(
            "labels",
            f"look at the labels: in {doubted_share:.0%} of the failures another method gives the "
            "model's answer too",
        )
    if train_share is None or train_share < share:
        known = "" if train_share is None else f": {train_share:.0%} in training, {share:.0%} here"
        return Decision("generate", f"more of these{known}; `srlr generate generate.focus={name}`")
    words = f"generate.focus={name} generate.focus_share={min(0.9, 2 * train_share):.2f}"
    return Decision(
        "weight",
        f"training has {train_share:.0%} of these: let them weigh more, `srlr generate {words}`",
    )


def picks(
    where: Where, tasks: Sequence[Task], vectors_NF: Floats, centres_KF: Floats
) -> list[bool]:
    """Whether each task is one of the group; `vectors_NF` are of the tasks, for clusters."""
    if "cluster" in where:
        return [k == where["cluster"] for k in found.nearest(vectors_NF, centres_KF)]
    rows = [{"prompt": task.prompt, "meta": task.meta} for task in tasks]
    if "rule" in where:
        return [found.follows(where["rule"], row) for row in rows]
    return [weaknesses.is_in(where, row) for row in rows]


def _said(row: Attempt, schema: Schema) -> Any:
    answer = row.get("answer")
    return answer.get(schema.label) if isinstance(answer, Mapping) else None


def _example(row: Attempt, schema: Schema) -> Mapping[str, str]:
    said = _said(row, schema)
    return {
        "task": str(row["task"]),
        "prompt": row["prompt"][:600],
        "gold": str(row["gold"].get(schema.label)),
        "said": "no answer" if said is None else str(said),
    }
