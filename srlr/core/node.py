"""What every node of the configuration is, and the numbers it may take."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]


class Node(BaseModel):
    """A config node: unknown keys are errors, values never change after composition."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
