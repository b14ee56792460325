"""What a key means, takes and is set to, and who set it."""

from pathlib import Path
from typing import Any

from srlr.core import schema
from srlr.core.compose import Composition
from srlr.core.errors import ConfigError
from srlr.core.layers import GROUPS, available, config_root, nearest


def explain(key: str, composition: Composition) -> dict[str, Any]:
    """Key, meaning, what it takes, default, value, who set it; of a group also its options and
    keys.

    Raises:
        ConfigError: there is no such key; the nearest one is named.
    """
    field = schema.field(key)
    if field is None and key not in GROUPS:
        close = nearest(key, GROUPS) or schema.nearest_key(key)
        raise ConfigError(
            f"there is no key {key!r}",
            f"did you mean {close!r}?" if close else "see `srlr config show`",
        )
    facts: dict[str, Any] = {"key": key}
    if key in GROUPS:
        settings = composition.settings
        options = available(_path(settings.config_dir), _path(settings.role_path))
        facts |= {"options": options[key], "chosen_by": str(composition.sources[key])}
    if field is None:
        return {
            **facts,
            "meaning": "Settings that were tried together; each file says what it gave.",
        }
    tree = composition.settings.model_dump()
    field = field.under(tree) if field.models else field
    if meaning := schema.meaning(field) or _remark(key):
        facts["meaning"] = meaning
    facts["takes"] = schema.allowed(field)
    if field.models:
        facts["keys"] = [below.path for below in field.below()]
        return facts
    facts["default"] = schema.default(field)
    if not _holds(key, tree):
        return {**facts, "set_by": f"nobody: it is a key of another {key.partition('.')[0]}"}
    source = composition.sources.get(key)
    facts["value"] = _value(composition, key)
    facts["set_by"] = str(source) if source else "its parts"
    return facts


def _holds(key: str, tree: dict[str, Any]) -> bool:
    """Whether the key is one of what was chosen, where its node has several models."""
    node = schema.field(key.partition(".")[0])
    if node is None or len(node.models) < 2:
        return True
    return key in {leaf.path for leaf in schema.leaves(tree, node)}


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _value(composition: Composition, key: str) -> Any:
    here: Any = composition.settings.model_dump(mode="json")
    for part in key.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _remark(key: str) -> str:
    """The comment behind the key in the product's own file for its group."""
    group, _, name = key.partition(".")
    folder = config_root() / "conf"
    files = sorted((folder / group).glob("*.yaml")) if name else [folder / "config.yaml"]
    leaf = (name or group).rpartition(".")[2]
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            said, mark, remark = line.partition("  # ")
            if mark and said.strip().startswith(f"{leaf}:"):
                return remark.strip()
    return ""
