"""What a model's card tunes: the keys of training and rollouts that suit it better than defaults.

A stage's file says `${tuned:X}`, a card has the value under `tuning`.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from srlr.core.node import Node
from srlr.core.settings import Rollout
from srlr.core.training import KINDS, Distil, Dpo, Grpo, Imitate, Ppo, Sft, Stepwise

TUNED = "${tuned:"
"""`${tuned:X}` is what the model's card says for this very key under `tuning`, else X; of a node
of several kinds, under the name that `tuning_of` gives."""

CHOOSING = {key for key, _ in KINDS.values()}
"""Keys that a card cannot tune."""

NODES = ("srl", "rlvr", "rollout")
"""The nodes that a model's card tunes."""

TUNABLE: dict[str, type[Node]] = {
    "srl": Imitate,
    "srl_stepwise": Stepwise,
    "srl_sft": Sft,
    "srl_distil": Distil,
    "rlvr": Grpo,
    "rlvr_ppo": Ppo,
    "rlvr_dpo": Dpo,
    "rollout": Rollout,
}
"""What a model card may set under `tuning`; see `tuning_of` for which is which node's."""


def tuning_of(node: str, content: Mapping[str, Any]) -> str:
    """The name under `tuning` at which a card speaks of `node`, whose content this is.

    What suits one kind misleads another (a learning rate for GRPO would wreck DPO), so that nothing
    is handed from one to the other: `tuning.rlvr` is for GRPO, `tuning.rlvr_dpo` for DPO.
    """
    key, plain = KINDS.get(node, ("", ""))
    kind = content.get(key) or plain
    return node if kind == plain else f"{node}_{kind}"


def keys_of(model: type[BaseModel], node: str) -> Iterator[str]:
    """The dotted keys of a node's values, those of nodes inside it included."""
    for name, info in model.model_fields.items():
        inner = _nested(info)
        if name not in CHOOSING:
            yield from [f"{node}.{name}"] if inner is None else keys_of(inner, f"{node}.{name}")


def retuned(base: Mapping[str, Any], chosen: Collection[str]) -> Mapping[str, Any]:
    """The base, with what the old card tuned handed to the new one where the words choose another
    model."""
    model = base.get("model") or {}
    if "model" not in chosen or model.get("source") is None:
        return base  # under `auto` what a card may tune is still `${tuned:…}` in the base
    old = model.get("tuning") or {}
    mended = dict(base)
    for node in NODES:
        values = base.get(node) or {}
        under = tuning_of(node, values)
        if under in TUNABLE:  # a stage that is passed over has nothing to tune
            mended[node] = _tunable_again(values, TUNABLE[under], old.get(under) or {})
    return mended


def _tunable_again(
    values: Mapping[str, Any], model: type[BaseModel], old: Mapping[str, Any]
) -> dict[str, Any]:
    """A node's values, `${tuned:default}` where they are what the old card or the default says."""
    mended = dict(values)
    for name, info in model.model_fields.items():
        inner = _nested(info)
        if inner is not None:
            mended[name] = _tunable_again(values.get(name) or {}, inner, old.get(name) or {})
        elif name in CHOOSING:
            continue
        elif name in values and _plain(values[name]) == _plain(old.get(name, info.default)):
            mended[name] = f"{TUNED}{_literal(info.default)}}}"
    return mended


def _plain(value: Any) -> Any:
    """As YAML has it: a list where a default is a tuple."""
    return list(value) if isinstance(value, tuple) else value


def _literal(value: Any) -> str:
    """A value in omegaconf's grammar, in which an interpolation is written."""
    if isinstance(value, str):
        escaped = value.replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return "null" if value is None else str(value)


def _nested(info: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is itself a node."""
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def as_tunable(values: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """A node's values; `${tuned:…}` where they still are."""
    kept: dict[str, Any] = {}
    for name, value in values.items():
        said = raw.get(name)
        if isinstance(value, Mapping) and isinstance(said, Mapping):
            kept[name] = as_tunable(value, said)
        else:
            open_ = isinstance(said, str) and said.startswith(TUNED)
            kept[name] = said if open_ else value
    return kept
