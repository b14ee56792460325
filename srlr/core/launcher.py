"""What can be said of the processes that train together, and what they cannot do."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from srlr.core.node import Count, Node
from srlr.core.training import (
    AnyRlvr,
    AnySrl,
    ByTrl,
    Dpo,
    Grpo,
    Imitate,
    Loop,
    OnPolicy,
    Stepwise,
)


class Launcher(Node):
    """How many processes train together. What they learn is, up to rounding, what one would."""

    name: Literal["none", "accelerate"] = "none"
    processes: Count = 1
    """On each machine: one a GPU, or shares of the CPU's cores."""
    machines: Count = 1
    """They share the folder of runs; srlr runs on the first, --dry-run prints what the others do.
    """
    sharding: Literal["none", "fsdp2"] = "none"
    """Whether each process keeps all that learns, or its part of it: weights, gradients, moments.
    """
    main_address: str = "127.0.0.1"
    """Of the first machine, as the others reach it."""
    main_port: Annotated[int, Field(ge=1, le=65_535)] = 29_500
    """On the first machine; with one machine, any free one is taken."""

    @property
    def total(self) -> int:
        """Processes on all machines."""
        return self.processes * self.machines

    @property
    def parts(self) -> int:
        """Into how many parts what learns is cut."""
        return self.total if self.sharding != "none" else 1


def unlaunchable(launcher: Launcher, srl: AnySrl, rlvr: AnyRlvr, engine: str) -> Iterator[str]:
    """What several processes cannot do with these settings, and what to say instead.

    Args:
        engine: where answers come from, as rollout.engine says.
    """
    total = launcher.total
    if total == 1:
        if launcher.sharding != "none":
            yield (
                f"launcher.sharding={launcher.sharding}: one process has nobody to share with; "
                "launcher=accelerate launcher.processes=2, or launcher.sharding=none"
            )
        return
    if launcher.name == "none":
        yield f"launcher: {total} processes are started by launcher=accelerate"
    if launcher.machines > 1 and launcher.main_address in ("127.0.0.1", "localhost"):
        yield "launcher.main_address: the other machines do not reach this one by it"
    if isinstance(srl, ByTrl):
        yield f"srl={srl.objective} trains in one process: srl=imitate, or launcher=none"
    if isinstance(rlvr, Dpo):
        yield "rlvr=dpo trains in one process: rlvr=grpo, or launcher=none"
    if isinstance(rlvr, Grpo) and rlvr.backend == "trl":
        yield "rlvr.backend=trl trains in one process: own, or launcher=none"
    for key, size in _batches(srl, rlvr).items():
        if size < total:
            yield f"{key}={size}: {total} processes need at least one each"
    if launcher.sharding != "none":
        yield from _unshared(f"launcher.sharding={launcher.sharding}", srl, rlvr, engine)


def _unshared(said: str, srl: AnySrl, rlvr: AnyRlvr, engine: str) -> Iterator[str]:
    """What cannot be cut into parts."""
    for name, node in (("srl", srl), ("rlvr", rlvr)):
        if not isinstance(node, Loop):
            continue
        if node.tuning == "qlora":
            yield f"{said}: 4-bit weights are not cut into parts; {name}.tuning=lora"
        if node.tuning == "full" and node.optimiser == "adamw_8bit":
            yield (
                f"{said}: moments in 8 bits share scales that a part would cut; "
                f"{name}.optimiser=adamw"
            )
    if engine != "own":
        yield (
            f"{said}: rollout.engine={engine} is not told of weights in parts; "
            "rollout.engine=own, or launcher.sharding=none"
        )


def _batches(srl: AnySrl, rlvr: AnyRlvr) -> dict[str, int]:
    """What a step of each stage is made of, by key."""
    found = {}
    if isinstance(srl, Imitate):
        found["srl.batch_size"] = srl.batch_size
    if isinstance(srl, Stepwise):
        found["srl.prompts_per_step"] = srl.prompts_per_step
        if srl.warm_up.steps:
            found["srl.warm_up.batch_size"] = srl.warm_up.batch_size
    if isinstance(rlvr, OnPolicy):
        found["rlvr.prompts_per_step"] = rlvr.prompts_per_step
    return found
