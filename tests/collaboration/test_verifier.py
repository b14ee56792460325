import pytest
from toy_role import Role

from srlr.collaboration import Work, collaborate, verifier
from srlr.core.errors import ConfigError
from srlr.core.settings import Generate
from srlr.core.types import Context, Step, Task, Trajectory, Verdict
from srlr.core.verifying import CHECKS, Judge, Verifier, Weights, same_model

RED = Task("1", "paint wall 1 red", {"label": "warm"})
GOOD = Trajectory(
    RED, (Step("colour: red", "", 0.5), Step("label: warm", "", 0.5)), {"label": "warm"}, "x"
)


def judge(role=None, one=GOOD, **how):
    return verifier.judge(one, role or Role(), "label", **how)


def weighed(**weights):
    return Verifier(weights=Weights(**weights))


def test_every_free_check_says_pass_or_that_it_cannot_judge():
    assert judge().checks == {
        "rules": "pass",
        "completeness": "pass",
        "rewards": "pass",
        "format": "pass",
        "agreement": "pass",
        "arithmetic": "cannot judge",
        "leak": "pass",
        "criteria": "cannot judge",
    }


def test_every_check_has_a_weight():
    assert set(Weights.model_fields) == set(CHECKS)


@pytest.mark.parametrize(
    ("weights", "score"),
    [({}, 0.5), ({"criteria": 0.5}, 0.75), ({"criteria": 0.0}, 1.0), ({"rules": 0.0}, 0.5)],
)
def test_a_weight_says_how_far_a_check_lowers_the_score(weights, score):
    role = Role(criteria=lambda trajectory: Verdict(0.5, ("step 1: dull",)))

    assert judge(role, settings=weighed(**weights)).score == score


def test_a_check_of_weight_0_is_not_run():
    verdict = judge(settings=weighed(rules=0, leak=0))

    assert not {"rules", "leak"} & set(verdict.checks)


def test_scores_multiply():
    role = Role(
        verify=lambda trajectory: Verdict(0.8, ("style",)),
        criteria=lambda trajectory: Verdict(0.5, ("dull",)),
    )

    assert judge(role).score == pytest.approx(0.4)
    assert judge(role).issues == ("style", "criteria: dull")
    assert judge(role).checks["rules"] == "fail"


JUDGED = Verifier(judge=Judge(model="other"))


def test_a_judge_weighs_in_and_what_it_cannot_judge_does_not():
    low, none = ({"score": 1}, None)

    def panel(said):
        return verifier.Panel(ask=lambda messages, schema: said)

    assert judge(settings=JUDGED, panel=panel(low)).score == pytest.approx(0.3)  # 1 - 0.7
    assert judge(settings=JUDGED, panel=panel(low)).checks["judge"] == "fail"
    assert judge(settings=JUDGED, panel=panel(none)).score == 1.0
    assert judge(settings=JUDGED, panel=panel(none)).checks["judge"] == "cannot judge"


def test_further_answers_weigh_in():
    cold = Trajectory(RED, (), {"label": "cold"}, "x")
    verdict = judge(settings=Verifier(answers=2), panel=verifier.Panel(again=lambda number: cold))

    assert verdict.score == 0.5
    assert verdict.checks["consistency"] == "fail"


def test_nobody_is_asked_about_what_is_rejected_already():
    asked = []
    panel = verifier.Panel(ask=lambda messages, schema: asked.append(1))
    role = Role(verify=lambda trajectory: Verdict(0.6, ("rule",)))
    judge(role, settings=JUDGED, panel=panel, floor=0.7)
    judge(Role(verify=lambda trajectory: Verdict(0.0)), settings=JUDGED, panel=panel)

    assert asked == []


@pytest.mark.parametrize(
    ("settings", "what"), [(JUDGED, "can ask 'other'"), (Verifier(answers=1), "asked again")]
)
def test_a_check_that_was_asked_for_is_not_left_out_in_silence(settings, what):
    with pytest.raises(ConfigError, match=what):
        judge(settings=settings)


def test_collaboration_asks_the_teacher_again_from_other_seeds():
    seeds = []

    def teacher(items):
        seeds.extend(item.seed for item in items)
        return [GOOD for _ in items]

    asked = Generate(verifier=Verifier(answers=2))
    work = Work(Role(), lambda _: Context(), "label", asked)
    (outcome,) = collaborate(work, teacher, [(RED, 5)])

    assert outcome.accepted.meta["checks"]["consistency"] == "pass"
    assert len(set(seeds)) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("gpt-x", "GPT-X ", True),
        ("org/small.gguf", "small", True),
        ("small:latest", "small", True),
        ("small", "large", False),
        (None, "small", False),
        (None, None, False),
    ],
)
def test_two_names_of_one_model_are_told(one, other, same):
    assert same_model(one, other) is same
