import pytest

from srlr.evaluation import findings, found, revealing, weaknesses
from srlr.evaluation.compare import Resampling
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("flag", ("none", "privacy", "violence"))


def row(n, flag, **meta):
    severity = "none" if flag == "none" else ("low", "high")[n % 2]
    gold = {"flag": flag, "severity": severity, "flags": [flag] * (flag != "none")}
    said = {**gold, "flag": "none"} if n % 5 == 0 else gold
    return {
        "task": str(n),
        "prompt": f"text {n} " + "word " * (n % 7),
        "answer": said,
        "gold": {**gold, "rules": "…"},
        "meta": meta,
    }


def rows(size=120, **of):
    """A third is harmless; each keyword is a function (n, flag) -> value of that key of meta."""
    flags = [SCHEMA.labels[n % 3] for n in range(size)]
    return [
        row(n, flag, **{key: value(n, flag) for key, value in of.items()})
        for n, flag in enumerate(flags)
    ]


@pytest.mark.parametrize(
    "value",
    [
        lambda n, flag: flag,
        lambda n, flag: flag != "none",  # a function of the answer
        lambda n, flag: f"{flag} {n % 4}",  # the answer is a function of it
        lambda n, flag: {"none": n / 1000, "privacy": 1 + n / 1000, "violence": 3 + n}[flag],
        lambda n, flag: 0.1 if flag == "none" else 0.5 + n % 2 / 4,  # it parts severities
        lambda n, flag: None if flag == "none" else "found",
        lambda n, flag: [flag],
    ],
)
def test_what_tells_the_answer_is_found(value):
    assert revealing.keys(rows(told=value), SCHEMA) == {"told"}


@pytest.mark.parametrize(
    "value",
    [
        lambda n, flag: "one for all",
        lambda n, flag: n,  # an id is a function of nothing, and nothing of it but by being alone
        lambda n, flag: ("web", "mail")[n % 2 if n % 7 else 0],
        lambda n, flag: "news" if n < 100 and flag == "none" else "web",  # nearly
        lambda n, flag: n % 11 / 10,
        lambda n, flag: float("nan"),
    ],
)
def test_what_does_not_tell_it_is_kept(value):
    assert revealing.keys(rows(kept=value), SCHEMA) == frozenset()


def test_few_rows_could_agree_by_chance():
    assert revealing.keys(rows(9, told=lambda n, flag: flag), SCHEMA) == frozenset()


def test_what_only_the_task_has_is_no_answer(new_attempt):
    """The rules of a scene stand in its gold; no model answers with them."""
    asked = rows(kind=lambda n, flag: ("inn", "ship")[n % 2])
    for n, one in enumerate(asked):
        one["gold"]["rules"] = ("no gold", "no sea")[n % 2]

    assert revealing.keys(asked, SCHEMA) == frozenset()


def test_rows_that_have_one_answer_tell_nothing(new_attempt):
    asked = [new_attempt(str(n), "a", "a", meta={"domain": "x"}) for n in range(50)]

    assert revealing.keys(asked, Schema("label", ("a", "b"))) == frozenset()


def test_no_slice_and_no_rule_is_made_of_it():
    asked = rows(
        score=lambda n, flag: float(flag != "none"),
        domain=lambda n, flag: ("web", "mail")[n % 5 == 0],
    )
    hidden = revealing.keys(asked, SCHEMA)
    keys = {key for key, _ in weaknesses.slices(asked, 20, hidden)}

    assert hidden == {"score"}
    assert keys == {"domain", "prompt length"}
    assert "score" in found.feature_names(asked)
    assert "score" not in found.feature_names(asked, hidden)
    spots = weaknesses.find(asked, SCHEMA, Resampling(0, 100))
    assert {one.key for one in spots.slices} <= keys
    weak = findings.find(
        findings.Material(asked, SCHEMA, found.np.eye(len(asked))), Resampling(0, 100)
    )
    assert weak.left_out == ("score",)
    assert weak.record("none")["left_out"] == ["score"]
    assert not any("score" in one.title for one in weak.findings)
