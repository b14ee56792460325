"""Small releases without a model that could run: files of zeros, and what is said of them."""

import model_files

from srlr.core import releases
from srlr.core.releases import Draft

ZEROS = 200_000
"""Bytes of weights in a release."""


def draft(role="toy", **more):
    said = {"base": "tiny", "kind": "weights", "licence": "mit", "gate": "passed"}
    return Draft(role=role, **{**said, **more})


def files(folder, zeros=ZEROS, **more):
    """What `publish` takes: a model of that many bytes; `more` are further files by their names."""
    shapes = {"weight": (zeros // 2,)}
    model_files.folder(folder, shapes=shapes, **more)
    return {path.name: path for path in sorted(folder.iterdir())}


def publish(store, given, role="toy", alias=None, by="ann", url_env=None, force=False, **more):
    with releases.opened(store, url_env) as registry:
        return registry.publish(
            draft(role, **more), given, by=by, why="a test", alias=alias, force=force
        )


def state(store, role="toy"):
    """Every version that is there, and where aliases point."""
    with releases.opened(store) as registry:
        return [one.version for one in registry.versions(role)], registry.aliases(role)
