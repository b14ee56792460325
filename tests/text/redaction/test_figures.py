"""What docs/redaction.md promises, on values made up here and on the ground truth's reviews."""

import random

import pytest

from benchmarks import planted
from benchmarks.redaction import Rate, covered
from srlr import assets
from srlr.core.profile import RoleProfile
from srlr.roles import sentiment
from srlr.text.redaction.redactor import Redactor

REDACTOR = Redactor()


@pytest.mark.parametrize("kind", ["email", "card", "iban", "id", "ip", "key"])
def test_at_least_95_of_100_values_are_found_at_the_lower_bound_too(kind):
    draw = random.Random(5)
    ones = [planted.sentence(draw, kind) for _ in range(200)]
    found = sum(covered(REDACTOR.text(one.text), one.start, one.end, kind) for one in ones)

    assert Rate(found, len(ones)).bounds()[0] >= 0.95


def test_telephone_numbers_in_common_forms_are_mostly_found():
    draw = random.Random(5)
    ones = [planted.sentence(draw, "phone") for _ in range(200)]
    found = sum(covered(REDACTOR.text(one.text), one.start, one.end, "phone") for one in ones)

    assert found / len(ones) > 0.9


NUMBERS = (
    "He bought {a} boxes at ${b}.{c:02} each and paid {d:,} in all.",
    "{a} + {b} = {d}, and {d} / {a} is about {b}.{c}",
    "On {c}/{a}/20{c:02} at {c}:{a} there were {b} of {d} left, {c}.{a} % of them.",
    "Version {c}.{a}.{b} of {d} lines, pages {a}-{b}, room {c}{a}-{b}.",
    "x = {a}{b}{c}, y = {d}e{c}, z = -{b}.{d}",
)


def test_sums_dates_prices_and_versions_are_nobodys():
    draw = random.Random(5)
    for _ in range(2_000):
        numbers = {
            "a": draw.randint(1, 99),
            "b": draw.randint(1, 999),
            "c": draw.randint(0, 59),
            "d": draw.randint(1, 999_999),
        }
        text = draw.choice(NUMBERS).format(**numbers)

        assert REDACTOR.text(text).text == text


@pytest.mark.assets
def test_no_training_review_changes_and_one_held_out_one_does_by_its_address():
    assets.ensure("vader-ground-truth")
    changed = {}
    rows = 0
    for domain in ("reviews", "news", "tweets"):
        profile = RoleProfile(
            name="sentiment",
            family="classification",
            description="d",
            data="vader-ground-truth",
            where={"domain": [domain]},
        )
        for split in ("train", "dev", "test"):
            tasks = sentiment.load_tasks(profile, split)
            rows += len(tasks)
            results = [REDACTOR.text(task.prompt) for task in tasks]
            changed[domain, split] = [one for one in results if one.spans]

    assert changed["reviews", "train"] == changed["reviews", "test"] == []
    assert [[s.kind for s in one.spans] for one in changed["reviews", "dev"]] == [["email"]]
    assert rows > 10_000
    # All of them are addresses and numbers that somebody published; none is a mistake.
    assert Rate(sum(map(len, changed.values())), rows).bounds()[1] < 0.001
