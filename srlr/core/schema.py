"""What may be said, read from the pydantic models: keys, their types, defaults, allowed values,
meanings.

Nothing here repeats a key; add a field to core/settings.py and it can be set, completed and
explained.
"""

import ast
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from srlr.core.layers import nearest
from srlr.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One place in the tree. `model` is set for a node of named keys, `free` for a mapping with
    keys of one's own."""

    path: str
    annotation: Any
    info: FieldInfo | None = None
    owner: type[BaseModel] | None = None
    model: type[BaseModel] | None = None
    free: bool = False


def field(path: str) -> Field | None:
    """The field at a dotted path, or None where there is no such key."""
    here = Field("", Settings, model=Settings)
    for part in path.split("."):
        step = _child(here, part)
        if step is None:
            return None
        here = step
    return here


def _child(here: Field, part: str) -> Field | None:
    path = f"{here.path}.{part}".lstrip(".")
    if here.model is not None:
        info = here.model.model_fields.get(part)
        if info is None:
            return None
        return _described(path, info.annotation, info, here.model)
    if here.free:
        return _described(path, _value_type(here.annotation), None, None)
    return None


def _described(
    path: str, annotation: Any, info: FieldInfo | None, owner: type[BaseModel] | None
) -> Field:
    bare = _without_none(annotation)
    node = bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None
    free = bare is Any or get_origin(bare) is dict or bare is dict
    return Field(path, bare, info, owner, node, free)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [one for one in get_args(annotation) if one is not type(None)]
        return _without_none(rest[0]) if len(rest) == 1 else annotation
    return annotation


def _value_type(annotation: Any) -> Any:
    args = get_args(annotation)
    return args[1] if len(args) == 2 else Any


def leaves(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Field]:
    """Every key that takes a value; a mapping with keys of one's own is one leaf."""
    for name, info in model.model_fields.items():
        here = _described(f"{prefix}{name}", info.annotation, info, model)
        if here.model is None:
            yield here
        else:
            yield from leaves(here.model, f"{here.path}.")


def siblings(path: str) -> list[str]:
    """The keys that may stand at `path`'s place, as far down as the path's parents exist."""
    parent, _, _ = path.rpartition(".")
    above = field(parent) if parent else Field("", Settings, model=Settings)
    if above is None or above.model is None:
        return []
    start = f"{parent}." if parent else ""
    return [f"{start}{name}" for name in above.model.model_fields]


def nearest_key(path: str) -> str | None:
    """The valid key most like `path`: a misspelt part is mended from the left, a lone leaf name
    found by its end."""
    mended = ""
    for part in path.split("."):
        candidate = f"{mended}.{part}".lstrip(".")
        if field(candidate) is None:
            close = nearest(candidate, siblings(candidate))
            if close is None:
                break
            candidate = close
        mended = candidate
    else:
        return mended
    everything = [leaf.path for leaf in leaves()]
    ends = {one.rpartition(".")[2]: one for one in reversed(everything)}
    close = nearest(path.rpartition(".")[2], list(ends))
    return nearest(path, everything) or (ends[close] if close else None)


def choices(here: Field) -> list[str]:
    """The words a key takes, where it takes words from a list; [] where any value of its type
    goes."""
    if get_origin(here.annotation) is Literal:
        return [str(one) for one in get_args(here.annotation)]
    return ["true", "false"] if here.annotation is bool else []


def allowed(here: Field) -> str:
    """What a key takes, in words: `one of gold, silver`, `a number > 0`, `a list`."""
    words = choices(here)
    optional = here.info is not None and type(None) in get_args(here.info.annotation)
    end = " or null" if optional else ""
    if words:
        return f"one of {', '.join(words)}{end}"
    if here.model is not None or here.free:
        return f"a mapping{end}"
    if get_origin(here.annotation) in (tuple, list):
        return f"a list{end}"
    kind = {int: "a whole number", float: "a number", str: "text"}.get(here.annotation, "a value")
    return f"{kind}{_bounds(here)}{end}"


def _bounds(here: Field) -> str:
    if here.info is None:
        return ""
    marks = list(here.info.metadata)
    for part in get_args(
        here.info.annotation
    ):  # `Positive | None` keeps its bounds inside the union
        if get_origin(part) is Annotated:
            marks += [mark for one in part.__metadata__ for mark in getattr(one, "metadata", [one])]
    said = []
    for mark in marks:
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
            bound = getattr(mark, name, None)
            if bound is not None:
                said.append(f"{sign} {bound:g}")
    return " " + " and ".join(said) if said else ""


def default(here: Field) -> Any:
    """The documented default; None also where a value is required."""
    if here.info is None or here.info.is_required():
        return None
    return here.info.get_default(call_default_factory=True)


def meaning(here: Field) -> str:
    """The sentence under the field in core/settings.py; for a node, its class's first line; ""
    where neither is."""
    name = here.path.rpartition(".")[2]
    for owner in here.owner.__mro__ if here.owner else ():
        if said := _docstrings(owner).get(name):
            return said
    return (inspect.getdoc(here.model) or "").split("\n", 1)[0] if here.model else ""


def _docstrings(owner: type) -> dict[str, str]:
    """Field name → the string literal that follows it in the class's source."""
    if owner.__module__ != Settings.__module__:
        return {}
    body = ast.parse(inspect.getsource(owner)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for named, said in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(named, ast.AnnAssign)
            and isinstance(named.target, ast.Name)
            and isinstance(said, ast.Expr)
            and isinstance(said.value, ast.Constant)
        ):
            found[named.target.id] = inspect.cleandoc(str(said.value.value))
    return found
