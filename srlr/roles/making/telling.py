"""What there is to say of a role: from its YAML alone, or with its module."""

import inspect
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from srlr import roles
from srlr.core import layers
from srlr.core.settings import Settings
from srlr.core.types import Role


def listed(settings: Settings) -> list[dict[str, Any]]:
    """A row for every role that can be named, sorted; no module is imported.

    {"name": "math", "family": "expert_analysis", "about": "How many are left …",
     "trainable": true, "data": "generated", "yaml": "conf/role/math.yaml"}
    """
    places = _layers(settings)
    names = layers.available(*_folders(settings))["role"]
    able = set(roles.available(settings.role_path))
    rows = []
    for name in names:
        path = layers.find(places, f"role/{name}")
        facts = {} if path is None else _written(path)
        rows.append(
            {
                "name": name,
                "family": str(facts.get("family", "")),
                "about": str(facts.get("description", "")),
                "trainable": name in able,
                "data": str(facts.get("data", "")),
                "yaml": "" if path is None else layers.shown(path),
            }
        )
    return rows


def told(settings: Settings) -> dict[str, Any]:
    """All that is known of the settings' role; what only its module knows is empty without one.

    Raises:
        ConfigError: its module cannot be imported, or lacks a function.
    """
    profile = settings.role
    trainable = profile.name in roles.available(settings.role_path)
    role = roles.load(profile, settings.role_path) if trainable else None
    return {
        "name": profile.name,
        "family": profile.family,
        "description": profile.description,
        "trainable": trainable,
        "module": "" if role is None else str(inspect.getfile(role)),  # type: ignore[arg-type]
        "docs": _page(profile.name),
        "data": profile.data,
        "where": profile.where,
        "label": profile.label,
        "labels": list(profile.labels),
        "metrics": list(profile.metrics),
        "main_metric": profile.main_metric,
        "schema": [] if role is None else _fields(role),
        "rewards": [] if role is None else _rewards(role, profile.rewards),
        "options": profile.options,
    }


def _folders(settings: Settings) -> tuple[Path | None, Path | None]:
    said = (settings.config_dir, settings.role_path)
    config_dir, role_path = (Path(folder) if folder else None for folder in said)
    return config_dir, role_path


def _layers(settings: Settings) -> tuple[layers.Layer, ...]:
    return layers.layers(*_folders(settings))


def _written(path: Path) -> dict[str, Any]:
    """What a role's YAML says; nothing where it cannot be read, which composing it tells."""
    try:
        facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _page(name: str) -> str:
    """The role's page, where this is a checkout that has it."""
    page = layers.config_root() / "docs" / f"{name}.md"
    return str(page) if page.is_file() else ""


def _fields(role: Role) -> list[dict[str, Any]]:
    """The fields of a row of the role's data, where its module has them as `Schema`."""
    schema = getattr(role, "Schema", None)
    if not (inspect.isclass(schema) and issubclass(schema, BaseModel)):
        return []
    return [
        {"field": name, "type": _type(field.annotation), "needed": field.is_required()}
        for name, field in schema.model_fields.items()
    ]


def _type(annotation: Any) -> str:
    plain = annotation.__name__ if inspect.isclass(annotation) else str(annotation)
    return plain.replace("typing.", "")


def _rewards(role: Role, weights: dict[str, float]) -> list[dict[str, Any]]:
    return [
        {
            "reward": name,
            "weight": weights.get(name, 0.0),
            "about": (inspect.getdoc(function) or "").partition("\n")[0],
        }
        for name, function in role.rewards().items()
    ]
