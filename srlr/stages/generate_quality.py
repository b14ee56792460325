"""generate/quality.json: how good the drawn set is, beside how large.

{"labels": {"counts": {"negative": 400, …}, "balance": 0.98},
 "lengths": {"prompt": {"least": 2, "p25": …, "most": 61}, "steps": {…}},
 "distinct": {"prompts": {"1": 0.21, "2": …, "3": …}, "actions": {…}}, "spread": 0.96,
 "embedding_spread": {"value": 0.83, "texts": 500, "embedder": …} or {"not_measured": why},
 "edge_cases": [{"kind": "negation", "have": 130, "want": 120, "missing": 0, "pool": 410}],
 "topped_up": 0, "contamination": {"dev": {"rows": 550, "exact": 0, "near": 1, "examples": […]}},
 "earlier_runs": {"runs": [{"run": …, "tasks": 1200, "shared": 512}], "exact": 800, "near": 3,
                  "share": 0.67, "dropped": 0},
 "sources": [{"name": "expert", "written": 1200, "accepted": 1144, …, "kept": true}]}
"""

import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from srlr.collaboration.writers import Source
from srlr.core.settings import Settings
from srlr.core.types import Role, Task, Trajectory
from srlr.core.verifying import Quality
from srlr.stages.generate_pool import Pool, search_of
from srlr.text import dedup, diversity, edges
from srlr.text.vectors import Vectors

Kinds = Mapping[str, frozenset[str]]
"""By a task's id the kinds of edge case it is."""


def wanted(settings: Settings, drawn: int) -> dict[str, int]:
    """How many of `drawn` tasks should be of each kind, rounded up from the shares asked for."""
    shares = {**settings.role.edge_cases, **settings.generate.quality.edge_cases}
    return {kind: -int(-share * drawn // 1) for kind, share in shares.items()}


def kinds_of(role: Role, tasks: Sequence[Task]) -> dict[str, frozenset[str]]:
    """What every task is by its text, and by the role's `edge_cases(task)` where it has one."""
    own = getattr(role, "edge_cases", None)
    median = diversity.lengths(task.prompt for task in tasks).median
    return {
        task.id: frozenset(
            (*edges.kinds(task.prompt, median), *(own(task) if own is not None else ()))
        )
        for task in tasks
    }


def topped_up(
    drawn: Sequence[Task],
    pool: Sequence[Task],
    kinds: Kinds,
    want: Mapping[str, int],
    *,
    label: str,
    rng: random.Random,
) -> list[Task]:
    """`drawn` with tasks of missing kinds in place of tasks of no wanted kind, of the same label
    where there is one; as many as before, and as far as the pool has them.
    """
    tasks = list(drawn)
    used = {task.id for task in tasks}
    spare = rng.sample(pool, len(pool))
    for kind, count in want.items():
        missing = count - sum(kind in kinds[task.id] for task in tasks)
        for new in spare:
            if missing <= 0:
                break
            if new.id in used or kind not in kinds[new.id]:
                continue
            place = _place(tasks, kinds, want, new, label)
            if place is None:
                break
            used.add(new.id)
            tasks[place] = new
            missing -= 1
    return tasks


def _place(
    tasks: Sequence[Task], kinds: Kinds, want: Mapping[str, int], new: Task, label: str
) -> int | None:
    """The last task that is of no wanted kind, of the new one's label before another's."""
    free = [at for at, task in enumerate(tasks) if not kinds[task.id] & want.keys()]
    alike = [at for at in free if tasks[at].answer.get(label) == new.answer.get(label)]
    return max(alike or free, default=None)


def measure(
    settings: Settings,
    pool: Pool,
    drawn: Sequence[Task],
    accepted: Sequence[Trajectory],
    *,
    kinds: Kinds,
    sources: Sequence[Source],
) -> dict[str, Any]:
    """All of quality.json but "topped_up" and "embedding_spread"."""
    prompts = [task.prompt for task in drawn]
    actions = ["\n".join(step.action for step in one.steps) for one in accepted]
    labels = Counter(str(task.answer.get(settings.role.label)) for task in drawn)
    classified = settings.role.family == "classification"
    kept = {source.name for source in sources[: settings.generate.quality.sources]}
    return {
        "labels": {
            "counts": dict(sorted(labels.items())) if classified else {},
            "balance": round(diversity.balance(labels), 4) if classified else None,
        },
        "lengths": {
            "prompt": diversity.lengths(prompts)._asdict(),
            "actions": diversity.lengths(actions)._asdict(),
        },
        "distinct": {"prompts": _distinct(prompts), "actions": _distinct(actions)},
        "spread": round(diversity.spread(prompts), 4),
        "edge_cases": _edge_cases(settings, pool, drawn, kinds),
        "contamination": dict(pool.contamination),
        "earlier_runs": _overlap(pool, prompts, settings.generate.quality),
        "sources": [{**dataclasses.asdict(one), "kept": one.name in kept} for one in sources],
    }


def embedding_spread(
    drawn: Sequence[Task], sentences: Callable[[], tuple[Vectors | None, str]], most: int
) -> dict[str, Any]:
    """How far the first `most` problems lie apart by what they mean, or why nobody knows.

    Args:
        sentences: the sentence embedder, or None and why it is not there; asked only if needed.
    """
    texts = [task.prompt for task in drawn[:most]]
    vectors, why = sentences() if texts else (None, "generate.quality.embedded=0")
    if vectors is None:
        return {"not_measured": why}
    return {
        "value": round(diversity.embedding_spread(vectors.of(texts)), 4),
        "texts": len(texts),
        "embedder": vectors.embedder.id,
    }


def notes(quality: Mapping[str, Any]) -> list[str]:
    """Lines worth reading at once: what is missing or was left out."""
    lines = []
    if quality["earlier_runs"]["dropped"]:
        lines.append(f"left out: {quality['earlier_runs']['dropped']:,} tasks of earlier runs")
    if quality["topped_up"]:
        lines.append(f"{quality['topped_up']:,} tasks drawn for edge cases that were missing")
    left = [source for source in quality["sources"] if not source["kept"]]
    lines += [
        f"source {one['name']} left out: its quality is {one['quality']:.2f}"
        for one in left
        if one["accepted"]
    ]
    return lines


def _distinct(texts: Sequence[str]) -> dict[str, float]:
    return {str(n): round(diversity.distinct(texts, n), 4) for n in (1, 2, 3)}


def _edge_cases(
    settings: Settings, pool: Pool, drawn: Sequence[Task], kinds: Kinds
) -> list[dict[str, Any]]:
    want = wanted(settings, len(drawn))
    have = Counter(kind for task in drawn for kind in kinds[task.id])
    there = Counter(kind for task in pool.tasks for kind in kinds[task.id])
    named = dict.fromkeys((*want, *edges.KINDS, *sorted(there)))
    return [
        {
            "kind": kind,
            "have": have[kind],
            "want": want.get(kind, 0),
            "missing": max(0, want.get(kind, 0) - have[kind]),
            "pool": there[kind],
        }
        for kind in named
    ]


def _overlap(pool: Pool, prompts: Sequence[str], quality: Quality) -> dict[str, Any]:
    known = list(dict.fromkeys(text for _, texts in pool.earlier for text in texts))
    found = search_of(quality).repeats(prompts, known, quality.near) if known else {}
    exact = sum(match.similarity == 1.0 for match in found.values())
    own = set(map(dedup.normalise, prompts))
    return {
        "runs": [
            {
                "run": name,
                "tasks": len(texts),
                "shared": len(own & set(map(dedup.normalise, texts))),
            }
            for name, texts in pool.earlier
        ],
        "exact": exact,
        "near": len(found) - exact,
        "share": round(len(found) / len(prompts), 4) if prompts else 0.0,
        "dropped": pool.dropped_earlier,
    }
