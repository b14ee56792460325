"""Near-duplicates in large sets: MinHash signatures, banded so that only likely pairs are compared.

A text's signature is, for each of 128 hash functions, the least hash of its word pairs; two texts
agree in a share of them that estimates their Jaccard similarity. Texts whose signatures are equal
in one band of rows are compared exactly, so nothing is called a copy that is none; a copy at the
threshold is missed with a probability of at most 1 in 5,000. Where all texts are alike but not
copies, such as sentences of one template, bands fill up: there the exact search is far faster.

Source: Broder 1997, "On the resemblance and containment of documents"; the multiply-shift hashes
are those of Dietzfelbinger et al. 1997.
"""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from srlr.text.dedup import NEAR, Match, jaccard, normalise, shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HASHES = 128
MISSED = 2e-4
"""The greatest probability of missing a pair at the threshold."""
MARGIN = 0.2
"""How far 128 hashes may underestimate a similarity: over 4.5 of their standard errors."""
SEED = 20_010


def bands(threshold: float, hashes: int = HASHES) -> tuple[int, int]:
    """(bands, rows in each): the most rows with which (1 - t^rows)^bands is at most MISSED."""
    for rows in range(hashes, 1, -1):
        count = hashes // rows
        if (1 - threshold**rows) ** count <= MISSED:
            return count, rows
    return hashes, 1


def duplicates(texts: Sequence[str], threshold: float = NEAR) -> dict[int, str]:
    """As `dedup.duplicates`: positions in `texts` that repeat an earlier one that repeats none, and
    what they repeat.
    """
    signed = signatures(texts)
    keys = _keys(signed, threshold)
    meets = _nobody(threshold)
    found: dict[int, str] = {}
    for position, text in enumerate(texts):
        own = shingles(text)
        if not own:
            continue
        rivals = _rivals(position, keys, meets, signed, threshold)
        twin = next((r for r in rivals if jaccard(own, shingles(texts[r])) >= threshold), None)
        if twin is not None:
            found[position] = texts[twin]
            continue
        _meet(position, keys, meets)
    return found


def repeats(
    texts: Sequence[str], against: Sequence[str], threshold: float = NEAR
) -> dict[int, Match]:
    """As `dedup.repeats`: positions in `texts` that repeat one of `against`, with the one most like
    it.
    """
    everything = [*against, *texts]
    exact = {normalise(text): text for text in reversed(against)}
    signed = signatures(everything)
    keys = _keys(signed, threshold)
    meets = _nobody(threshold)
    for position in range(len(against)):
        _meet(position, keys, meets)
    found: dict[int, Match] = {}
    for position, text in enumerate(texts):
        same = exact.get(normalise(text))
        if same is not None:
            found[position] = Match(same, 1.0)
            continue
        rivals = _rivals(len(against) + position, keys, meets, signed, threshold)
        near = [(jaccard(shingles(text), shingles(against[r])), -r) for r in rivals]
        similarity, rival = max(near, default=(0.0, 0))
        if similarity >= threshold:
            found[position] = Match(against[-rival], similarity)
    return found


Meets = list[dict[bytes, list[int]]]
"""By band, who has what there."""


def _nobody(threshold: float) -> Meets:
    return [defaultdict(list) for _ in range(bands(threshold)[0])]


def _meet(position: int, keys: Sequence[Sequence[bytes]], meets: Meets) -> None:
    for seen, key in zip(meets, keys[position], strict=True):
        seen[key].append(position)


def _rivals(
    position: int,
    keys: Sequence[Sequence[bytes]],
    meets: Meets,
    signed: "NDArray[np.uint32]",
    threshold: float,
) -> list[int]:
    """Earlier texts that share a band, and whose signatures agree as those of copies do."""
    met = (seen.get(key, ()) for seen, key in zip(meets, keys[position], strict=True))
    rivals = list(dict.fromkeys(rival for there in met for rival in there))
    if not rivals:
        return []
    estimates = (signed[rivals] == signed[position]).mean(axis=1)
    return [r for r, e in zip(rivals, estimates, strict=True) if e >= threshold - MARGIN]


def _keys(signed: "NDArray[np.uint32]", threshold: float) -> list[list[bytes]]:
    """Of every text what its signature has in each band."""
    count, rows = bands(threshold)
    width = rows * signed.itemsize
    wholes = (line.tobytes() for line in signed)
    return [[whole[n * width : (n + 1) * width] for n in range(count)] for whole in wholes]


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
