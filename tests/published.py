"""Releases for tests of what serves them: published without training, from any model's folder."""

from pathlib import Path

import yaml

from srlr.core import releases
from srlr.core.layers import config_root


def publish(store: Path, folder: Path, role="sentiment", alias="current", max_new_tokens=12):
    """A new release of the role, whose model is the one in the folder."""
    profile = yaml.safe_load((config_root() / "conf" / "role" / f"{role}.yaml").read_text())
    draft = releases.Draft(
        role=role,
        base="tiny",
        kind="weights",
        licence="apache-2.0",
        gate="none",
        profile=profile,
        rollout={"max_new_tokens": max_new_tokens},
    )
    files = {path.name: path for path in Path(folder).iterdir() if path.is_file()}
    with releases.opened(store) as registry:
        return registry.publish(draft, files, by="test", why="test", alias=alias)
