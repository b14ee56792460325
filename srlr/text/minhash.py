"""Near-duplicates in large sets: MinHash signatures, banded so that only likely pairs are compared.

A text's signature is, for each of 128 hash functions, the least hash of its word pairs; two texts
agree in a share of them that estimates their Jaccard similarity. Texts whose signatures are equal
in one band of rows are compared exactly, so nothing is called a copy that is none; a copy at the
threshold is missed with a probability of at most 1 in 5,000.

Source: Broder 1997, "On the resemblance and containment of documents"; the multiply-shift hashes
are those of Dietzfelbinger et al. 1997.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from srlr.text.dedup import NEAR, jaccard, shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASHES = 128
MISSED = 2e-4
"""The greatest probability of missing a pair at the threshold."""
SEED = 20_010


def bands(threshold: float, hashes: int = HASHES) -> tuple[int, int]:
    """(bands, rows in each): the most rows with which (1 - t^rows)^bands is at most MISSED."""
    for rows in range(hashes, 1, -1):
        count = hashes // rows
        if (1 - threshold**rows) ** count <= MISSED:
            return count, rows
    return hashes, 1


def duplicates(
    texts: Sequence[str], against: Iterable[str] = (), threshold: float = NEAR
) -> dict[int, str]:
    """As `dedup.duplicates`: positions in `texts` that repeat an earlier one or one of `against`,
    and what they repeat.
    """
    fixed = list(against)
    everything = [*fixed, *texts]
    keys = _keys(everything, threshold)
    meets: list[dict[bytes, list[int]]] = [defaultdict(list) for _ in range(bands(threshold)[0])]
    found: dict[int, str] = {}
    for position, own in enumerate(keys):
        if own is None:
            continue
        if position >= len(fixed):
            rivals = dict.fromkeys(
                r for seen, key in zip(meets, own, strict=True) for r in seen[key]
            )
            members = shingles(everything[position]) if rivals else frozenset[str]()
            twin = next(
                (r for r in rivals if jaccard(members, shingles(everything[r])) >= threshold), None
            )
            if twin is not None:
                found[position - len(fixed)] = everything[twin]
                continue
        for seen, key in zip(meets, own, strict=True):
            seen[key].append(position)
    return found


def _keys(texts: Sequence[str], threshold: float) -> list[list[bytes] | None]:
    """Of every text what its signature has in each band; None for one without words."""
    count, rows = bands(threshold)
    signed = signatures(texts)
    width = rows * signed.itemsize
    keys: list[list[bytes] | None] = []
    for place, text in enumerate(texts):
        if not shingles(text):
            keys.append(None)
            continue
        whole = signed[place].tobytes()
        keys.append([whole[n * width : (n + 1) * width] for n in range(count)])
    return keys


def signatures(texts: Sequence[str], hashes: int = HASHES) -> "NDArray[np.uint32]":
    """texts x hashes; a text without words has the largest hash everywhere."""
    import numpy as np

    sizes, members = [], []
    for text in texts:
        own = [zlib.crc32(pair.encode()) for pair in shingles(text)]
        sizes.append(len(own))
        members += own
    signed = np.full((len(texts), hashes), 2**32 - 1, np.uint32)
    if not members:
        return signed
    flat = np.array(members, np.uint64)
    lengths = np.array(sizes)
    full = lengths > 0
    starts = (np.cumsum(lengths) - lengths)[full]
    draw = np.random.default_rng(SEED)
    factors = draw.integers(0, 2**63, hashes, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    terms = draw.integers(0, 2**63, hashes, dtype=np.uint64)
    for place in range(hashes):
        # products wrap around at 2**64, which is what multiply-shift hashing wants
        hashed = (flat * factors[place] + terms[place]) >> np.uint64(32)
        signed[full, place] = np.minimum.reduceat(hashed, starts).astype(np.uint32)
    return signed
