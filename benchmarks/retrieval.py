"""How often words, embeddings and both together find what belongs to a query.

python -m benchmarks.retrieval                              neighbours of the same label
python -m benchmarks.retrieval pairs.jsonl prompt solution  of each row's first field, its second
"""

import argparse
import json
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import machine, table
from srlr.assets import cache_dir, ensure
from srlr.core.settings import RoleProfile
from srlr.models import embed
from srlr.roles import sentiment
from srlr.text.hashed import Hashed
from srlr.text.index import Index
from srlr.text.search import Both, Ranking
from srlr.text.vectors import Exact, Vectors

NEIGHBOURS = 3
TIMES = 2000
"""Resamples of the queries, for 95 % intervals."""


def rankings(texts: Sequence[str]) -> dict[str, Ranking]:
    """What is compared, over the same texts."""
    ensure(embed.ASSET)
    folder = cache_dir() / "vectors"
    words = Index(texts)
    meaning = Exact(texts, Vectors(embed.chosen(embed.ASSET)[0], folder))
    parts = Exact(texts, Vectors(Hashed(), folder))
    return {
        "BM25": words,
        "embeddings": meaning,
        "both": Both(words, meaning),
        "hashed n-grams": parts,
        "BM25 and hashed": Both(words, parts),
    }


def mean(values: Sequence[float]) -> str:
    """Their mean with its bootstrap interval."""
    draw = random.Random(1)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(TIMES))
    low, high = means[round(0.025 * TIMES)], means[round(0.975 * TIMES)]
    return f"{statistics.fmean(values):.3f} ({low:.3f} to {high:.3f})"


def labels(domain: str) -> None:
    """Of each test text, the nearest training texts: how many have its label, and whether most."""
    profile = RoleProfile(
        name="sentiment",
        family="classification",
        description="",
        data="vader-ground-truth",
        where={"domain": [domain]},
        label="sentiment",
    )
    train, test = (sentiment.load_tasks(profile, split) for split in ("train", "test"))
    rows = []
    for name, ranking in rankings([task.prompt for task in train]).items():
        shares, votes = [], []
        for task in test:
            near = [train[one] for one, _ in ranking.nearest(task.prompt, NEIGHBOURS)]
            same = [one.answer["sentiment"] == task.answer["sentiment"] for one in near]
            shares.append(sum(same) / NEIGHBOURS)
            votes.append(float(2 * sum(same) > NEIGHBOURS))
        rows.append((name, mean(shares), mean(votes)))
    counts = [task.answer["sentiment"] for task in train]
    chance = sum((counts.count(one) / len(counts)) ** 2 for one in set(counts))
    print(
        f"\n{domain}: {len(test)} test texts, {len(train)} training texts; by chance {chance:.3f}"
    )
    print(table(("ranking", f"same label among {NEIGHBOURS}", "most have it"), rows))


def pairs(path: Path, asked: str, wanted: str) -> None:
    """Of each row's one field, the rows' other fields: whether its own is among the nearest."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
    texts = [(str(row[asked]), " ".join(row[wanted]) if isinstance(row[wanted], list) else
              str(row[wanted])) for row in found]  # fmt: skip
    rows = []
    for name, ranking in rankings([text for _, text in texts]).items():
        places = [[position for position, _ in ranking.nearest(query, 10)] for query, _ in texts]
        hits = {
            k: [float(number in near[:k]) for number, near in enumerate(places)] for k in (1, 5, 10)
        }
        rows.append((name, *(mean(hit) for hit in hits.values())))
    print(f"\n{path.name}: {len(texts)} rows, {asked} to {wanted}")
    print(table(("ranking", "recall@1", "recall@5", "recall@10"), rows))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("fields", nargs="*")
    said = parser.parse_args()
    print(machine())
    if said.file:
        pairs(said.file, *said.fields)
    else:
        for domain in ("reviews", "tweets"):
            labels(domain)


if __name__ == "__main__":
    main()
