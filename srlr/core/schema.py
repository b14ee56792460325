"""What may be said, read from the pydantic models: keys, their types, defaults, allowed values,
meanings.

Nothing here repeats a key; add a field to core/settings.py or core/training.py and it can be set,
completed and explained.
"""

import ast
import functools
import inspect
import operator
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from srlr.core.layers import nearest
from srlr.core.node import Node
from srlr.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One place in the tree. `models` is set for a node of named keys, `free` for a mapping with
    keys of one's own. A node with several models has the keys of all; one of them holds at a time.
    """

    path: str
    annotation: Any
    info: FieldInfo | None = None
    owner: type[BaseModel] | None = None
    models: tuple[type[BaseModel], ...] = ()
    free: bool = False

    def below(self) -> list["Field"]:
        """The fields of a node of named keys."""
        owners: dict[str, list[type[BaseModel]]] = {}
        for model in self.models:
            for name in model.model_fields:
                owners.setdefault(name, []).append(model)
        start = f"{self.path}." if self.path else ""
        return [_described(f"{start}{name}", name, models) for name, models in owners.items()]

    def under(self, tree: Mapping[str, Any]) -> "Field":
        """The field with the one model that the values in `tree` choose, where they do."""
        by = self.info.discriminator if self.info else None
        if not isinstance(by, str):
            return self
        for part in self.path.split("."):
            tree = tree.get(part) or {}
        chosen = [
            one for one in self.models if tree.get(by) in get_args(one.model_fields[by].annotation)
        ]
        return replace(self, models=tuple(chosen) or self.models)


ROOT = Field("", Settings, models=(Settings,))


def field(path: str) -> Field | None:
    """The field at a dotted path, or None where there is no such key."""
    here = ROOT
    for part in path.split("."):
        step = _child(here, part)
        if step is None:
            return None
        here = step
    return here


def _child(here: Field, part: str) -> Field | None:
    if here.models:
        return next((one for one in here.below() if one.path.rpartition(".")[2] == part), None)
    if here.free:
        bare = _without_none(_value_type(here.annotation))
        return Field(f"{here.path}.{part}", bare, models=_nodes(bare), free=_is_free(bare))
    return None


def _described(path: str, name: str, owners: Sequence[type[BaseModel]]) -> Field:
    meant = [_without_none(one.model_fields[name].annotation) for one in owners]
    bare = functools.reduce(operator.or_, meant)
    first = owners[0]
    return Field(path, bare, first.model_fields[name], first, _nodes(bare), _is_free(bare))


def _nodes(annotation: Any) -> tuple[type[BaseModel], ...]:
    """The model, or the models of a union of nothing else."""
    parts = get_args(annotation) if _is_union(annotation) else (annotation,)
    nodes = [one for one in parts if isinstance(one, type) and issubclass(one, BaseModel)]
    return tuple(nodes) if len(nodes) == len(parts) else ()


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _is_free(annotation: Any) -> bool:
    return annotation is Any or annotation is dict or get_origin(annotation) is dict


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if _is_union(annotation):
        rest = [one for one in get_args(annotation) if one is not type(None)]
        return _without_none(rest[0]) if len(rest) == 1 else annotation
    return annotation


def _value_type(annotation: Any) -> Any:
    args = get_args(annotation)
    return args[1] if len(args) == 2 else Any


def leaves(tree: Mapping[str, Any] | None = None, above: Field = ROOT) -> Iterator[Field]:
    """Every key that takes a value; a mapping with keys of one's own is one leaf.

    Args:
        tree: where a node has several models, only the keys of the one that these values choose.
    """
    for here in above.under(tree or {}).below():
        if here.models:
            yield from leaves(tree, here)
        else:
            yield here


def siblings(path: str) -> list[str]:
    """The keys that may stand at `path`'s place, as far down as the path's parents exist."""
    parent, _, _ = path.rpartition(".")
    above = field(parent) if parent else ROOT
    return [one.path for one in above.below()] if above else []


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
    parts = get_args(here.annotation) if _is_union(here.annotation) else (here.annotation,)
    if all(get_origin(part) is Literal for part in parts):
        return [str(one) for part in parts for one in get_args(part)]
    return ["true", "false"] if here.annotation is bool else []


def allowed(here: Field) -> str:
    """What a key takes, in words: `one of gold, silver`, `a number > 0`, `a list`."""
    words = choices(here)
    optional = here.info is not None and type(None) in get_args(here.info.annotation)
    end = " or null" if optional else ""
    if words:
        return f"one of {', '.join(words)}{end}"
    if here.models or here.free:
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
    """The sentence under the field where it is declared; for a node, its class's first line; ""
    where neither is."""
    name = here.path.rpartition(".")[2]
    for owner in here.owner.__mro__ if here.owner else ():
        if said := _docstrings(owner).get(name):
            return said
    node = _common(here.models)
    return (inspect.getdoc(node) or "").split("\n", 1)[0] if node else ""


def _common(models: Sequence[type[BaseModel]]) -> type[BaseModel] | None:
    """The nearest class that all models are or come from."""
    above = models[0].__mro__ if models else ()
    return next((one for one in above if all(issubclass(m, one) for m in models)), None)


def _docstrings(owner: type) -> dict[str, str]:
    """Field name → the string literal that follows it in the class's source."""
    if not issubclass(owner, Node):
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
