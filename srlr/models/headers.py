"""What the header of a safetensors file says: names, shapes and types of its tensors; no weight is
read.

    8 bytes: the header's length · JSON {name: {dtype, shape, data_offsets}} · the weights
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srlr.core.errors import MissingArtifact

LIMIT_BYTES = 100_000_000
"""Of a header; the format allows no more."""

FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
"""Types in which an element is a parameter; packed integers hold several."""


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def read(path: Path) -> Iterator[Tensor]:
    """The file's tensors.

    Raises:
        MissingArtifact: it is no safetensors file, or it is cut off.
    """
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(LIMIT_BYTES, path.stat().st_size - 8):
                raise ValueError("its header is longer than the file")
            content = json.loads(file.read(length))
            missing = _end(content) + 8 + length - path.stat().st_size
        if missing > 0:
            raise ValueError(f"its last {missing:,} bytes are missing")
        found = [
            Tensor(name, str(one["dtype"]), tuple(map(int, one["shape"])))
            for name, one in content.items()
            if name != "__metadata__"
        ]
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise MissingArtifact(
            f"{str(path)!r} is not a whole safetensors file: {error}", "fetch or save it again"
        ) from error
    yield from found


def _end(content: dict[str, dict[str, list[int]]]) -> int:
    """Bytes of weights after the header."""
    return max(
        (one["data_offsets"][1] for name, one in content.items() if name != "__metadata__"),
        default=0,
    )
