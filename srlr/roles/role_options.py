"""What `role.options` says, checked against what a role knows."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from srlr.core.errors import ConfigError
from srlr.core.node import Node

Options = TypeVar("Options", bound=Node)


def read(kind: type[Options], said: Mapping[str, Any]) -> Options:
    """`said` as a value of that kind.

    Raises:
        ConfigError: an unknown key or a value out of range.
    """
    try:
        return kind.model_validate(dict(said))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(kind.model_fields)
        raise ConfigError(f"role.options.{key}: {first['msg']}", f"the keys are {known}") from error
