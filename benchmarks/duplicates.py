"""Near-duplicates of a large set: how long the exact search and MinHash take, and what each finds.

python -m benchmarks.duplicates --texts 100000
"""

import argparse
import itertools
import random
import time

from benchmarks.timing import machine, table
from srlr.text import dedup, minhash

KINDS = ("prose", "templates")
VOCABULARY = 30_000
THINGS = [f"thing{n}" for n in range(200)]


def prose(count: int, draw: random.Random) -> list[str]:
    """8 to 40 words, each as frequent as its rank makes it; a tenth are near-copies of others."""
    weights = list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    words = [f"w{n}" for n in range(VOCABULARY)]
    made = [draw.choices(words, cum_weights=weights, k=draw.randint(8, 40)) for _ in range(count)]
    for place in range(0, count, 10):
        copy = list(made[draw.randrange(count)])
        if draw.random() < 0.5 and len(copy) > 25:
            copy[draw.randrange(len(copy))] = "changed"
        made[place] = [*copy, "too"]
    return [" ".join(text) for text in made]


def templates(count: int, draw: random.Random) -> list[str]:
    """One of 12 sentences with four numbers and two words put in: all have most words in common."""
    forms = [
        f"In story {n} Ana has {{}} {{}} and Ben brings her {{}} {{}} more before they share {{}} "
        f"with {{}} friends so how many does each of them have at the end of day {n}"
        for n in range(12)
    ]
    return [
        draw.choice(forms).format(
            draw.randrange(1000), draw.choice(THINGS), draw.randrange(1000), draw.choice(THINGS),
            draw.randrange(1000), draw.randrange(1000),
        )
        for _ in range(count)
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    asked = parser.parse_args()
    print("## Near-duplicates\n")
    print(machine("numpy"))
    rows = []
    for kind in asked.kinds:
        texts = {"prose": prose, "templates": templates}[kind](asked.texts, random.Random(1))
        found, seconds = {}, {}
        for name, search in (("exact", dedup.duplicates), ("minhash", minhash.duplicates)):
            start = time.process_time()
            found[name] = set(search(texts))
            seconds[name] = time.process_time() - start
        rows.append(
            [
                f"{asked.texts:,} {kind}",
                *(f"{len(found[name]):,} in {seconds[name]:.1f} s" for name in found),
                f"{len(found['exact'] - found['minhash']):,}",
                f"{len(found['minhash'] - found['exact']):,}",
            ]
        )
    print("\nJaccard similarity of word pairs from 0.9, processor time on one core.\n")
    print(table(["texts", "exact", "MinHash", "only exact", "only MinHash"], rows))


if __name__ == "__main__":
    main()
