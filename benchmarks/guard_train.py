"""Learns the two linear scorers of the guardrails and writes srlr/serving/guard/weights.json.

python -m benchmarks.guard_train DATA_DIR [--more DIR …] [--output FILE]

DATA_DIR holds gzipped JSON Lines as benchmarks.guard describes them; only rows of split `train`
are read. What is written are weights by hash and a hash of every file, no word of any row.
Thresholds are chosen so that of harmless training rows, each scored by weights learnt without it
and each set counting alike, SHARES of them are found.
"""

import argparse
import base64
import hashlib
import json
import math
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from benchmarks import guard_data as data
from srlr.core.guarding import Level
from srlr.serving.guard import scorer, views

SHARES: dict[scorer.Head, dict[Level, float]] = {
    "injection": {"strict": 0.005, "balanced": 0.001, "permissive": 0.0003},
    "toxicity": {"strict": 0.01, "balanced": 0.003, "permissive": 0.0005},
}
"""Of harmless texts, what each level may find without reason."""
FOLDS = 5
STRENGTH = {"injection": 8.0, "toxicity": 4.0}
"""C of the logistic regression, the inverse of how much weights are held down."""
Windows = list[Counter[int]]


def features(part: scorer.Sentence, head: scorer.Head) -> Counter[int]:
    found = Counter(part.pairs)
    for word in part.words:
        found.update(scorer.of_word(word, head))
    return found


def windows(text: str, head: scorer.Head) -> Windows:
    """The whole first, then every sentence and three in a row: as scorer.score has them."""
    parts = [features(part, head) for part in scorer.sentences(views.plain(text))]
    found = [sum(parts, Counter[int]())]
    for width in (1, 3):
        if width < len(parts):
            found += [
                sum(parts[at : at + width], Counter[int]()) for at in range(len(parts) - width + 1)
            ]
    return found


def matrix(rows: Sequence[Counter[int]]) -> csr_matrix:
    values, columns, ends = [], [], [0]
    for row in rows:
        length = math.sqrt(max(1, row.total()))
        columns += row.keys()
        values += [count / length for count in row.values()]
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(rows), scorer.SIZE), dtype=np.float64)


def learnt(wholes: csr_matrix, labels: Any, weight: Any, head: scorer.Head) -> LogisticRegression:
    return LogisticRegression(C=STRENGTH[head], max_iter=300).fit(wholes, labels, weight)


def highest(model: LogisticRegression, found: Sequence[Windows]) -> Any:
    flat = model.decision_function(matrix([one for rows in found for one in rows]))
    starts = np.cumsum([0, *(len(rows) for rows in found)])[:-1]
    return np.maximum.reduceat(flat, starts)


def _threshold(rows: Sequence[data.Row], scores: Any, share: float) -> float:
    """The score that `share` of harmless texts exceed, every set of them counting alike. Sets of
    insults are left out: what of them is harmless is a matter of taste.
    """
    kept = [at for at, row in enumerate(rows) if not row.bad and not row.source.startswith("mod")]
    sizes = Counter(rows[at].source for at in kept)
    ordered = sorted(kept, key=lambda at: -scores[at])
    passed, allowed = 0.0, share * len(sizes)
    for at in ordered:
        passed += 1 / sizes[rows[at].source]
        if passed > allowed:
            return float(scores[at]) + 1e-4
    return 0.0


def head_of(rows: Sequence[data.Row], head: scorer.Head) -> dict[str, Any]:
    found = [windows(row.text, head) for row in rows]
    labels = np.array([row.bad for row in rows])
    weight = np.array([row.weight for row in rows])
    wholes = matrix([one[0] for one in found])
    fold = np.array(
        [int(hashlib.sha256(row.text.encode()).hexdigest(), 16) % FOLDS for row in rows]
    )
    scores = np.zeros(len(rows))
    for number in range(FOLDS):
        here, there = fold == number, fold != number
        model = learnt(wholes[there], labels[there], weight[there], head)
        scores[here] = highest(model, [found[at] for at in np.flatnonzero(here)])
    model = learnt(wholes, labels, weight, head)
    unit = float(np.abs(model.coef_).max() / 127)
    table = np.round(model.coef_[0] / unit).astype(np.int8)
    thresholds = {
        level: round(_threshold(rows, scores, share), 4) for level, share in SHARES[head].items()
    }
    for level, threshold in thresholds.items():
        hit = (scores[labels] >= threshold).mean()
        print(f"{head} {level}: threshold {threshold:.2f}, found {hit:.3f} of {labels.sum():,}")
        for source in sorted({row.source for row in rows}):
            here = np.array([row.source == source for row in rows])
            bad, good = scores[here & labels], scores[here & ~labels]
            shares = [
                f"{(s >= threshold).mean():.4f} of {len(s):,}" if len(s) else "-"
                for s in (bad, good)
            ]
            print(f"    {source:24} bad {shares[0]:20} harmless {shares[1]}")
    return {
        "unit": unit,
        "bias": float(model.intercept_[0]),
        "thresholds": thresholds,
        "rows": {"bad": int(labels.sum()), "harmless": int((~labels).sum())},
        "table": base64.b64encode(zlib.compress(table.tobytes(), 9)).decode(),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard_train")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--more", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, default=scorer.FILE)
    asked = parser.parse_args(argv)
    files = sorted(
        path for folder in (asked.folder, *asked.more) for path in folder.glob("*.jsonl.gz")
    )
    used = [path for path in files if path.stem.removesuffix(".jsonl") in data.SETS]
    heads = {head: head_of(data.training(used, head), head) for head in ("injection", "toxicity")}
    said = {
        "format": 1,
        "size": scorer.SIZE,
        "learnt_from": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in used
        },
        "heads": heads,
    }
    asked.output.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
