"""The data of moderation and security_review as they are fetched: what their pages say holds."""

from collections import Counter

import pytest
import yaml

from srlr.collaboration import Work, collaborate
from srlr.collaboration.teachers import expert
from srlr.core.layers import config_root
from srlr.core.profile import RoleProfile
from srlr.core.settings import Generate
from srlr.core.types import Context
from srlr.roles import moderation, security_review

pytestmark = pytest.mark.assets


def everything(role):
    """The role's tasks by split."""
    path = config_root() / f"conf/role/{role.__name__.rpartition('.')[2]}.yaml"
    profile = RoleProfile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    return {split: role.load_tasks(profile, split) for split in ("train", "dev", "test")}


def accepted(role, label, tasks):
    """The share of tasks whose trajectory is accepted."""
    work = Work(role, lambda _: Context(), label, Generate())
    outcomes = collaborate(work, expert.teacher(role), [(task, 1) for task in tasks])
    return sum(outcome.accepted is not None for outcome in outcomes) / len(tasks)


def test_harm_scores_have_the_splits_of_the_page_and_no_question_in_two():
    splits = everything(moderation)
    groups = [{task.meta["group"] for task in tasks} for tasks in splits.values()]
    harmful = {split: sum(bool(t.answer["flags"]) for t in ts) for split, ts in splits.items()}

    assert {split: len(tasks) for split, tasks in splits.items()} == {
        "train": 327, "dev": 89, "test": 180,
    }  # fmt: skip
    assert harmful == {"train": 188, "dev": 56, "test": 109}
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert accepted(moderation, "flag", splits["train"]) > 0.85


def test_programs_have_the_splits_of_the_page_and_no_file_in_two():
    splits = everything(security_review)
    forms = {split: Counter(t.meta["form"] for t in tasks) for split, tasks in splits.items()}
    groups = [{task.meta["group"] for task in tasks} for tasks in splits.values()]

    assert forms == {
        "train": {"weak": 1056, "fixed": 588, "safe": 468},
        "dev": {"weak": 52, "fixed": 12, "safe": 40},
        "test": {"weak": 236, "fixed": 104, "safe": 132},
    }
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert accepted(security_review, "verdict", splits["train"][::10]) == 1.0
    for tasks in splits.values():
        assert all(task.prompt.count("\n") < 20 and len(task.prompt) < 500 for task in tasks)
