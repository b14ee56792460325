"""The real data, fetched once: what the readme says of them holds."""

import pytest

from srlr import assets
from srlr.collaboration import Work, collaborate, retriever
from srlr.collaboration.teachers import expert
from srlr.core.profile import RoleProfile
from srlr.core.settings import Generate
from srlr.roles import sentiment
from srlr.text import dedup

pytestmark = pytest.mark.assets


@pytest.fixture(scope="module")
def splits():
    assets.ensure("vader-ground-truth")
    profile = RoleProfile(
        name="sentiment",
        family="classification",
        description="d",
        data="vader-ground-truth",
        where={"domain": ["reviews"]},
    )
    return {split: sentiment.load_tasks(profile, split) for split in ("train", "dev", "test")}


def test_the_splits_of_the_reviews_never_change(splits):
    assert {split: len(tasks) for split, tasks in splits.items()} == {
        "train": 2750,
        "dev": 550,
        "test": 389,
    }
    assert splits["train"][0].id == "reviews/1_1"


def test_no_review_and_no_text_is_in_two_splits(splits):
    everything = [task for tasks in splits.values() for task in tasks]
    groups = [{task.meta["group"] for task in tasks} for tasks in splits.values()]

    assert len(dedup.unique([task.prompt for task in everything])) == len(everything)
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_nearly_half_of_the_reviews_contradict_the_bare_word_count(splits):
    tasks = splits["train"][:400]
    examples = retriever.Examples(splits["train"])
    work = Work(
        sentiment,
        lambda task: retriever.retrieve(task, sentiment, examples, 3),
        "sentiment",
        Generate(),
    )
    outcomes = collaborate(work, expert.teacher(sentiment), [(task, 1) for task in tasks])
    accepted = [outcome.accepted for outcome in outcomes if outcome.accepted]
    overridden = sum(trajectory.meta["override"] is not None for trajectory in accepted)

    assert len(accepted) >= 0.94 * len(tasks)
    assert 0.3 <= overridden / len(tasks) <= 0.5
