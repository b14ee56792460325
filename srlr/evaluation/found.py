"""Slices that nobody named: clusters of like tasks, and rules over what can be counted in them.

Clusters are made from the tasks alone, without looking at who failed, so that they are as honest as
named slices. Rules are found by a small decision tree on one half of the tasks and judged on the
other half: a rule judged where it was found would always look like one.
Axes: N tasks, F features, K clusters.
"""

import random
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srlr.core.errors import ConfigError
from srlr.evaluation.outcomes import Attempt, Floats
from srlr.text import edges
from srlr.text.dedup import normalise

ROWS_A_CLUSTER = 40
MOST_CLUSTERS = 12
DEPTH = 3
MOST_NAMES = 12
"""Values of a key of meta up to which each is a feature."""
COUNTED = ("words", "characters", "digits", "capitals", "question marks", "exclamation marks")
_WORD = re.compile(r"[^\W\d_]{3,}")

Where = Mapping[str, Any]
"""What picks tasks of a slice: {"key", "value"}, {"key", "above", "up_to"}, {"cluster"} or
{"rule": [[feature, "<=" | ">", value], …]}.
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that may be a weak spot: the places of its rows, and of those it is judged by."""

    kind: str
    title: str
    where: Where
    members: frozenset[int]
    judged: frozenset[int]
    """The places of all rows, inside or outside, on which it is judged."""


def clusters(rows: Sequence[Attempt], vectors_NF: Floats, seed: int) -> tuple[list[Group], Floats]:
    """Groups of like tasks, each named by the words that set it apart, and their centres (K, F).

    Raises:
        ConfigError: a vector is not finite, or there are not as many as rows.
    """
    from sklearn.cluster import KMeans

    if len(vectors_NF) != len(rows) or not np.isfinite(vectors_NF).all():
        raise ConfigError(
            f"{len(rows)} tasks have {len(vectors_NF)} vectors that may not be numbers",
            "use another embedder",
        )
    many = min(MOST_CLUSTERS, len(rows) // ROWS_A_CLUSTER, len(np.unique(vectors_NF, axis=0)))
    if many < 2:
        return [], np.zeros((0, vectors_NF.shape[1]))
    model = KMeans(many, n_init=4, random_state=seed).fit(vectors_NF)
    all_rows = frozenset(range(len(rows)))
    found = []
    for k in range(many):
        members = frozenset(np.flatnonzero(model.labels_ == k).tolist())
        title = "about " + ", ".join(_words(rows, members) or ("no word in particular",))
        found.append(Group("cluster", title, {"cluster": k}, members, all_rows))
    return found, np.asarray(model.cluster_centers_, dtype=np.float64)


def _words(rows: Sequence[Attempt], members: frozenset[int], most: int = 3) -> tuple[str, ...]:
    """The words whose share of tasks inside exceeds that outside the most."""
    inside, outside = Counter[str](), Counter[str]()
    for place, row in enumerate(rows):
        words = set(_WORD.findall(normalise(row["prompt"])))
        (inside if place in members else outside).update(words)
    rest = max(1, len(rows) - len(members))
    lift = {word: n / len(members) - outside[word] / rest for word, n in inside.items()}
    best = sorted(lift, key=lambda word: (-lift[word], word))[:most]
    return tuple(word for word in best if lift[word] > 0)


def nearest(vectors_NF: Floats, centres_KF: Floats) -> list[int]:
    """The cluster of each vector."""
    # |x − c|² without |x|², which is the same for all centres
    far_NK = (centres_KF**2).sum(axis=1) - 2 * (vectors_NF @ centres_KF.T)
    return [int(k) for k in far_NK.argmin(axis=1)]


# -- rules -----------------------------------------------------------------------------------------


def rules(
    rows: Sequence[Attempt],
    right: Sequence[bool],
    min_rows: int,
    seed: int,
    left_out: Container[str] = (),
) -> list[Group]:
    """Groups in which more fail than elsewhere, each all that a few conditions say; none of them
    of the keys of meta that are left out.
    """
    from sklearn.tree import DecisionTreeClassifier

    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    half, judged = sorted(order[: len(order) // 2]), frozenset(order[len(order) // 2 :])
    if len(half) < 2 * min_rows or len({right[place] for place in half}) < 2:
        return []
    names = feature_names(rows, left_out)
    table_NF = np.array([_vector(features(r["prompt"], r["meta"]), names) for r in rows])
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, min_samples_leaf=max(5, min_rows // 2), random_state=seed
    ).fit(table_NF[half], [not right[place] for place in half])
    usual = sum(not right[place] for place in half) / len(half)
    found = []
    for conditions, failing in _leaves(tree.tree_, names):
        if failing <= usual or not conditions:
            continue
        where = {"rule": [list(one) for one in conditions]}
        members = frozenset(n for n in order if follows(conditions, rows[n]))
        title = " and ".join(_condition(*one) for one in conditions)
        found.append(Group("rule", title, where, members & judged, judged))
    return found


def feature_names(rows: Sequence[Attempt], left_out: Container[str] = ()) -> list[str]:
    """What is counted in every task, and what meta says of some."""
    values: dict[str, set[str]] = {}
    measures: dict[str, bool] = {}
    for row in rows:
        for key, value in row["meta"].items():
            if key in left_out:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            measures[key] = measures.get(key, True) and number
            values.setdefault(key, set()).update(_named(value))
    said = [key for key, measured in measures.items() if measured]
    named = [
        f"{key}={value}"
        for key, measured in measures.items()
        if not measured and len(values[key]) <= MOST_NAMES
        for value in sorted(values[key])
    ]
    return [*COUNTED, *edges.KINDS, *sorted(said), *sorted(named)]


def features(prompt: str, meta: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that say something of a task; what a name of `feature_names` lacks here is 0."""
    found = {
        "words": float(len(prompt.split())),
        "characters": float(len(prompt)),
        "digits": float(sum(one.isdigit() for one in prompt)),
        "capitals": float(sum(one.isupper() for one in prompt)),
        "question marks": float(prompt.count("?")),
        "exclamation marks": float(prompt.count("!")),
    }
    found |= dict.fromkeys(edges.kinds(prompt, 0.0), 1.0)
    for key, value in meta.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = float(np.nan_to_num(value))
        else:
            found |= {f"{key}={one}": 1.0 for one in _named(value)}
    return found


def follows(conditions: Sequence[Sequence[Any]], row: Mapping[str, Any]) -> bool:
    """Whether a task, with its prompt and meta, is one that the rule is about."""
    found = features(row["prompt"], row["meta"])
    return all(
        found.get(name, 0.0) <= limit if sign == "<=" else found.get(name, 0.0) > limit
        for name, sign, limit in conditions
    )


def _named(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list | tuple) else [value])]


def _vector(found: Mapping[str, float], names: Sequence[str]) -> list[float]:
    return [found.get(name, 0.0) for name in names]


def _leaves(
    tree: Any, names: Sequence[str]
) -> list[tuple[tuple[tuple[str, str, float], ...], float]]:
    """(conditions, share that fails) of every leaf."""
    open_: list[tuple[int, tuple[tuple[str, str, float], ...]]] = [(0, ())]
    found = []
    while open_:
        node, said = open_.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left == right:
            counts = tree.value[node][0]
            found.append((_shortened(said), float(counts[1] / counts.sum())))
            continue
        name, limit = names[int(tree.feature[node])], float(tree.threshold[node])
        open_ += [(right, (*said, (name, ">", limit))), (left, (*said, (name, "<=", limit)))]
    return found


def _shortened(
    said: tuple[tuple[str, str, float], ...],
) -> tuple[tuple[str, str, float], ...]:
    """Of two conditions that say the same way how much of a thing, the narrower one alone."""
    kept: dict[tuple[str, str], float] = {}
    for name, sign, limit in said:
        before = kept.get((name, sign), limit)
        kept[name, sign] = min(limit, before) if sign == "<=" else max(limit, before)
    return tuple((name, sign, limit) for (name, sign), limit in kept.items())


def _condition(name: str, sign: str, limit: float) -> str:
    if "=" in name or name in edges.KINDS:
        plain = name.replace("=", ": ").replace("_", " ")
        return plain if sign == ">" else f"not {plain}"
    return f"{name} {'over' if sign == '>' else 'up to'} {limit:.3g}"
