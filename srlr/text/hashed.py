"""Embeddings without a model: counts of words and character n-grams, hashed into a fixed size.

What shares words, or parts of them, is near; what means the same in other words is not. For
machines that do not have the embedding model.
"""

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from srlr.text.dedup import normalise

SIZE = 1024
GRAMS = (3, 4, 5)


class Hashed:
    """Each part of a text adds to or takes from one of SIZE numbers: sign · sqrt(count).

    Source: Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning".
    """

    id = f"hashed-1-{SIZE}"
    size = SIZE

    def embed(self, texts: Sequence[str]) -> Any:
        """Rows of length 1, or 0 for a text without any sign. Shape: (len(texts), SIZE) float32."""
        import numpy as np

        rows = np.zeros((len(texts), SIZE), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for part, count in Counter(_parts(text)).items():
                number = zlib.crc32(part.encode())
                row[number % SIZE] += (1 if number >> 31 else -1) * count**0.5
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths > 0, lengths, 1)


def _parts(text: str) -> list[str]:
    words = normalise(text).split()
    marked = [f"<{word}>" for word in words]
    grams = [w[i : i + n] for w in marked for n in GRAMS for i in range(len(w) - n + 1)]
    return [*words, *grams]
