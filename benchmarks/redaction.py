"""What redaction finds and what it takes for personal that is not, with intervals.

python -m benchmarks.redaction
python -m benchmarks.redaction --labelled pii.jsonl.gz --split dev --benign gsm8k.jsonl.gz …

--labelled  rows of {"text", "spans": [[start, end, "EMAIL_ADDRESS"], …], "split"}, as
            presidio-research's synthetic set has them; a span is found if the same class covers
            at least half of it
--benign    any JSON rows without personal data; a row counts if anything in it is found
--show N    the first N things found in benign rows, to judge whether they are none of anybody's
"""

import argparse
import gzip
import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import planted
from benchmarks.timing import machine, table
from srlr.text.redaction.redactor import Redacted, Redactor, Text

MADE = 1000
"""Made-up values of each class."""
CLASS_OF = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "id",
    "US_DRIVER_LICENSE": "id",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
}
NOT_TEXT = frozenset({"id", "split", "source", "label", "repo", "license"})


class Rate(NamedTuple):
    """Hits of n, with the bounds of Wilson's interval at 95 %."""

    hits: int
    n: int

    def bounds(self, z: float = 1.959964) -> tuple[float, float]:
        """Source: Wilson 1927, doi:10.1080/01621459.1927.10502953."""
        if not self.n:
            return 0.0, 1.0
        share, square = self.hits / self.n, z * z
        middle = share + square / (2 * self.n)
        half = z * math.sqrt(share * (1 - share) / self.n + square / (4 * self.n**2))
        low, high = ((middle + sign * half) / (1 + square / self.n) for sign in (-1, 1))
        return max(0.0, low), min(1.0, high)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from (json.loads(line) for line in file if line.strip())


def covered(result: Redacted, start: int, end: int, kind: str) -> bool:
    """Whether spans of the class cover at least half of the place."""
    return any(
        span.kind == kind and 2 * (min(end, span.end) - max(start, span.start)) >= end - start
        for span in result.spans
    )


def hidden(result: Redacted, start: int, end: int) -> bool:
    """Whether no sign of the place is left, whatever it was taken for."""
    place = start
    for span in result.spans:
        if span.start <= place < span.end:
            place = span.end
    return place >= end


def recall(places: Iterable[tuple[Redacted, int, int, str]]) -> list[list[str]]:
    """A row for each class."""
    found, whole, n = Counter[str](), Counter[str](), Counter[str]()
    for result, start, end, kind in places:
        n[kind] += 1
        found[kind] += covered(result, start, end, kind)
        whole[kind] += hidden(result, start, end)
    return [
        [kind, f"{count:,}", *said(Rate(found[kind], count)), f"{whole[kind] / count:.3f}"]
        for kind, count in sorted(n.items())
    ]


def said(rate: Rate, digits: int = 3, unit: float = 1.0) -> list[str]:
    low, high = rate.bounds()
    return [
        f"{unit * rate.hits / max(1, rate.n):.{digits}f}",
        f"{unit * low:.{digits}f} to {unit * high:.{digits}f}",
    ]


def labelled(
    paths: Sequence[Path], split: str | None, redactor: Redactor
) -> Iterator[tuple[Redacted, int, int, str]]:
    for row in (row for path in paths for row in rows(path)):
        if split is not None and row.get("split") != split:
            continue
        result = redactor.text(row["text"])
        for start, end, name in row["spans"]:
            if name in CLASS_OF:
                yield result, start, end, CLASS_OF[name]


def made(redactor: Redactor, seed: int = 7) -> Iterator[tuple[Redacted, int, int, str]]:
    draw = random.Random(seed)
    for kind in planted.MAKERS:
        for _ in range(MADE):
            one = planted.sentence(draw, kind)
            yield redactor.text(one.text), one.start, one.end, kind


def strings(value: Any) -> Iterator[str]:
    """Every text of a row but its names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in NOT_TEXT:
                yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def benign(path: Path, redactor: Redactor, shown: list[str]) -> tuple[list[str], Rate]:
    """A row of the table; what was found is put into `shown`."""
    hits, n, size = Counter[str](), 0, 0
    changed = 0
    began = time.process_time()
    for row in rows(path):
        texts = [Text(text) for text in strings(row)]
        n, size = n + 1, size + sum(len(one.text) for one in texts)
        results = redactor.texts(texts)
        spans = [
            (one, span) for one, result in zip(texts, results, strict=True) for span in result.spans
        ]
        changed += bool(spans)
        hits.update({span.kind for _, span in spans})
        shown += (
            f"{path.stem}: {span.kind} {one.text[max(0, span.start - 30) : span.end + 15]!r}"
            for one, span in spans
        )
    rate = Rate(changed, n)
    speed = size / max(1e-9, time.process_time() - began) / 1e6
    kinds = ", ".join(f"{kind} {count}" for kind, count in hits.items())
    return [path.name, f"{n:,}", str(changed), *said(rate, 3, 100), kinds, f"{speed:.1f}"], rate


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redaction")
    parser.add_argument("--labelled", type=Path, nargs="*", default=[])
    parser.add_argument("--split")
    parser.add_argument("--benign", type=Path, nargs="*", default=[])
    parser.add_argument("--show", type=int, default=0)
    asked = parser.parse_args(argv)
    redactor = Redactor()
    head = ["class", "values", "found", "95 %", "nothing left"]
    print("## Redaction\n")
    print(machine())
    print(f"\nMade up, {MADE:,} of each class, without a word that says what they are:\n")
    print(table(head, recall(made(redactor))))
    if asked.labelled:
        names = ", ".join(path.name for path in asked.labelled)
        print(f"\n{names}, split {asked.split or 'all'}:\n")
        print(table(head, recall(labelled(asked.labelled, asked.split, redactor))))
    if asked.benign:
        shown: list[str] = []
        told = [benign(path, redactor, shown) for path in asked.benign]
        total = Rate(sum(rate.hits for _, rate in told), sum(rate.n for _, rate in told))
        last = ["all", f"{total.n:,}", str(total.hits), *said(total, 3, 100), "", ""]
        print("\nRows without personal data:\n")
        columns = ["file", "rows", "changed", "%", "95 %", "classes", "million characters/s"]
        print(table(columns, [*(row for row, _ in told), last]))
        print("\n".join(shown[: asked.show]))


if __name__ == "__main__":
    main()
