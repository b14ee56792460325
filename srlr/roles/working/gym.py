"""Problems of the package reasoning-gym: its generators, behind the interface of our own.

    role.data=reasoning-gym:gsm_symbolic,fraction_simplification

Each generator gives train, dev and test by a seed of each split; a problem that an earlier split
has is left out of a later one. Lines of a generator that works its solution out become steps.

Source: Stojanovski et al. 2025, "Reasoning Gym", arXiv:2505.24760; Apache-2.0.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, get_args

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.layers import nearest
from srlr.core.types import Split, Task
from srlr.roles.working.problems import Options
from srlr.text.dedup import normalise

PREFIX = "reasoning-gym:"
APART = 10_000_000
"""Between two seeds: a generator makes its n-th problem from seed + n."""


@lru_cache(maxsize=4)
def everything(names: str, asked: Options) -> tuple[Task, ...]:
    """The problems of all splits (`meta["split"]`) of the generators, which are split by commas.

    Raises:
        MissingArtifact: the package is not installed.
        ConfigError: there is no such generator.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    seen: set[str] = set()
    return tuple(
        task
        for place, split in enumerate(get_args(Split))
        for name in _known(wanted)
        for task in _tasks(
            name,
            APART * (len(get_args(Split)) * asked.seed + place),
            max(1, getattr(asked, split) // len(wanted)),
            seen,
            split,
        )
    )


def _known(wanted: list[str]) -> list[str]:
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise MissingArtifact(
            f"role.data={PREFIX}… needs the package 'reasoning-gym'",
            "pip install 'srlr[reasoning]', or role.data=generated",
        ) from error
    for name in wanted or [""]:
        if name not in DATASETS:
            near = nearest(name, sorted(DATASETS))
            raise ConfigError(
                f"role.data={PREFIX}{name}: reasoning-gym has no such generator",
                f"{PREFIX}{near}" if near else f"such as {PREFIX}gsm_symbolic",
            )
    return wanted


def _tasks(name: str, seed: int, size: int, seen: set[str], split: Split) -> Iterator[Task]:
    import reasoning_gym

    for item in reasoning_gym.create_dataset(name, seed=seed, size=size):
        text = " ".join(str(item["question"]).split())
        answer = item["answer"]
        key = normalise(text)
        if answer is None or key in seen or "\n" in str(answer).strip():
            continue
        seen.add(key)
        yield Task(
            f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
            text,
            {"answer": str(answer).strip(), "steps": list(steps(item.get("metadata", {})))},
            {"kind": name, "split": split},
        )


def steps(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a solution that is worked out, without its last sentence."""
    for line in str(metadata.get("answer_cot") or "").splitlines():
        plain = re.sub(r"<<.*?>>|\$", "", line).strip()
        if plain and not plain.startswith("####"):
            yield plain
