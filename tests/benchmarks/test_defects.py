"""What the verifier promises of the programmatic roles: of planted defects it finds 95 % or more,
of good trajectories it turns down 2 % or fewer."""

import itertools
import random

import pytest

from benchmarks.defects import DEFECTS, HARMLESS, NOISY, good, wilson
from benchmarks.verifier import measure
from srlr import roles
from srlr.core.profile import RoleProfile
from srlr.core.types import Task
from srlr.roles import polarity

FOUND, TURNED_DOWN = 0.95, 0.02
SUBJECTS = ("The lens", "Their support", "This phone case", "My second pair", "The manual")
RATED = ("good", "great", "excellent", "bad", "awful", "terrible", "useful", "broken", "nice")
FORMS = (
    "{} is {}.",
    "{} is not {}.",
    "{} was {} at first, but {} in the end.",
    "{} arrived on Monday.",
    "I think {} is {} and {}, really.",
)


def sentiment_tasks(count):
    """Sentences of the lexicon's words, with the label that the words or a negation give them."""
    rng = random.Random(3)
    seen = {}
    while len(seen) < count:
        form = rng.choice(FORMS)
        words = rng.sample(RATED, 2)
        text = f"{form.format(rng.choice(SUBJECTS), *words)} ({rng.randrange(1000)})"
        count_ = polarity.counted(polarity.hits(polarity.tokens(text)))
        label = count_
        if " not " in text:
            label = {"positive": "negative", "negative": "positive"}.get(count_, "neutral")
        answer = {"sentiment": label, "confidence": rng.randrange(50, 101) / 100}
        seen[text] = Task(f"t{len(seen)}", text, answer)
    return list(seen.values())


@pytest.fixture(scope="module")
def sample():
    """{role's name: (role, label, good trajectories)}"""
    found = {}
    for name, label in (("sentiment", "sentiment"), ("math", "answer")):
        profile = RoleProfile(
            name=name, family="classification", description="d", data="generated", label=label
        )
        role = roles.load(profile)
        tasks = role.load_tasks(profile, "train") if name == "math" else sentiment_tasks(250)
        made = good(name, role, itertools.islice(tasks, 250))
        found[name] = (role, label, list(made))
    return found


CASES = [(name, defect) for name, changes in DEFECTS.items() for defect in changes]


@pytest.mark.parametrize(("name", "defect"), CASES)
def test_planted_defects_are_found(sample, name, defect):
    role, label, made = sample[name]
    count = measure(role, label, made, {defect: DEFECTS[name][defect]})[defect]

    assert count.planted >= 150
    assert count.rejected / count.planted >= FOUND


@pytest.mark.parametrize(("name", "change"), [(n, c) for n, cs in HARMLESS.items() for c in cs])
def test_good_trajectories_are_not_turned_down(sample, name, change):
    role, label, made = sample[name]
    count = measure(role, label, made, {change: HARMLESS[name][change]})[change]

    assert count.planted >= 150
    assert count.rejected / count.planted <= TURNED_DOWN


def test_a_wrong_label_of_peoples_own_is_not_always_found(sample):
    """No promise is made: the verifier trusts people's labels where the steps allow them."""
    role, label, made = sample["sentiment"]
    count = measure(role, label, made, {"gold": NOISY["sentiment"]})["gold"]

    assert 0 < count.rejected < count.planted


def test_intervals_are_wilsons():
    low, high = wilson(0, 100)

    assert low == 0.0
    assert high == pytest.approx(0.0370, abs=1e-4)  # z² / (n + z²) = 3.8416 / 103.8416
    assert wilson(5, 0) == (0.0, 1.0)
