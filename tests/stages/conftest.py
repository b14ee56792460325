"""A copy of the finished toy run, for stages that are called by themselves."""

import shutil

import pytest

from srlr import roles
from srlr.core.rundir import RunDir
from srlr.core.target import Ask, find
from srlr.stages.state import NAMES


@pytest.fixture
def finished(toy_run, tmp_path):
    """(settings, rundir, role) of a copy of the finished toy run."""
    place = shutil.copytree(toy_run, tmp_path / "runs" / "toy-gold" / "whole")
    settings = find(Ask(run=str(place)), NAMES).final.settings
    return settings, RunDir(place), roles.load(settings.role, settings.role_path)


@pytest.fixture
def changed(finished):
    """The settings with keys of one node changed: `changed("srl", max_steps=1)`."""

    def change(node, **keys):
        settings = finished[0]
        own = getattr(settings, node)
        return settings.model_copy(update={node: own.model_copy(update=keys)})

    return change
