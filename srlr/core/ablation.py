"""What can be said of an ablation: ways of training that are compared at the same expense."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from srlr.core.node import Count, Node, Whole

Stage = Literal["srl", "rlvr"]
Words = tuple[str, ...]


class Arm(Node):
    """One way of training: of its trials the one that is best on dev is run with all seeds."""

    stages: tuple[Stage, ...] = ("srl", "rlvr")
    """Those that learn, each with the same share of the budget; none: the base model, shown as many
    solved examples as the largest number in evaluate.shots.
    """
    words: Words = ()
    """What this arm says beside what every cell says."""
    trials: Annotated[tuple[Words, ...], Field(min_length=1)] = ((),)


class Ablation(Node):
    """Arms, each with as many trials, tokens and seeds as the others."""

    budget: Count | None = None
    """Tokens through the model, forward and backward, that an arm may use in a run."""
    seeds: Annotated[tuple[Whole, ...], Field(min_length=1)] = (1, 2, 3)
    """Trials run on the first of them."""
    dev_tasks: Count = 320
    each: dict[str, Words] = {}
    """By stage, what every arm says in which it learns."""
    arms: dict[str, Arm] = {}
    against: tuple[str, ...] = ()
    """Arms from which the differences of the others are told."""
    keep_weights: bool = True
    """False: a run's weights are deleted when it has been tested, or its trial was not chosen."""

    @model_validator(mode="after")
    def _is_fair(self) -> Self:
        counts = {name: len(arm.trials) for name, arm in self.arms.items()}
        if len(set(counts.values())) > 1:
            said = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise ValueError(f"every arm has as many trials as the others, not {said}")
        for name in self.against:
            if name not in self.arms:
                raise ValueError(f"against: there is no arm {name!r}")
        for name in self.each:
            if name not in ("srl", "rlvr"):
                raise ValueError(f"each: {name!r} is not srl or rlvr")
        return self
