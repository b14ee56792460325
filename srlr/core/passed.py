"""A training stage that is passed over has a node too, which says so and nothing else."""

from typing import Literal

from srlr.core.node import Node


class NoSrl(Node):
    """SRL is passed over: what comes after it begins with the base model."""

    objective: Literal["none"] = "none"


class NoRlvr(Node):
    """RLVR is passed over: the model is SRL's."""

    algorithm: Literal["none"] = "none"
