import pytest
from toy_role import Role

from srlr.collaboration import Work, collaborate, record, retriever, verifier
from srlr.collaboration.teachers import Unwritten, expert
from srlr.core.settings import Generate
from srlr.core.types import Step, Task, Trajectory

RED = Task("1", "paint wall 1 red", {"label": "warm"}, {"group": "1"})


def solution(colour, label, *, rewards=(0.5, 0.5)):
    steps = (Step(f"colour: {colour}", "", rewards[0]), Step(f"label: {label}", "", rewards[1]))
    return Trajectory(RED, steps, {"label": label}, "expert")


def together(role, **settings):
    return outcomes(role, expert.teacher(role), [RED], **settings)[0]


def outcomes(role, teacher, tasks, **settings):
    work = Work(role, role.knowledge, "label", Generate(**settings))
    return collaborate(work, teacher, [(task, 1) for task in tasks])


def test_a_good_solution_is_accepted_at_once():
    outcome = together(Role())

    assert outcome.rejected == []
    assert outcome.accepted.score == 1.0
    assert outcome.accepted.meta["attempts"] == 1


def test_a_bad_solution_is_asked_for_again_and_kept_with_its_reasons():
    def expert(task, context, attempt, seed):
        return (
            solution("red", "warm") if attempt == 2 else solution("blue", ("warm", "cold")[attempt])
        )

    outcome = together(Role(expert=expert))

    assert outcome.accepted.meta["attempts"] == 3
    assert [len(t.issues) > 0 for t in outcome.rejected] == [True, True]


def test_regeneration_stops_at_the_limit():
    def expert(task, context, attempt, seed):
        return solution("blue" * (attempt + 1), "cold")

    outcome = together(Role(expert=expert), max_regeneration_attempts=2)

    assert outcome.accepted is None
    assert len(outcome.rejected) == 3


def test_a_teacher_that_repeats_itself_is_not_asked_again():
    asked = []

    def expert(task, context, attempt, seed):
        asked.append(attempt)
        return solution("blue", "cold")

    outcome = together(Role(expert=expert))

    assert asked == [0, 1]
    assert len(outcome.rejected) == 1


@pytest.mark.parametrize(
    ("trajectory", "issue"),
    [
        (solution("red", "cold"), "agreement: people say 'warm', the trajectory 'cold'"),
        (solution("red", "warm", rewards=(0.5, 0.6)), "rewards: they sum to 1.1, not to 1"),
        (solution("red", "warm", rewards=(1.5, -0.5)), "rewards: a step's reward is negative"),
        (
            solution("red", "warm", rewards=(float("nan"), 1)),
            "rewards: a step's reward is negative",
        ),
        (
            Trajectory(RED, (Step(" ", "", 1.0),), {"label": "warm"}, "x"),
            "completeness: step 1 is empty",
        ),
        (
            Trajectory(RED, (Step("x", "", 1.0),), {"label": "warm"}, "x"),
            "schema: the text reads as None",
        ),
    ],
)
def test_what_holds_for_any_role_is_checked(trajectory, issue):
    verdict = verifier.judge(trajectory, Role(), "label")

    assert verdict.score == 0.0
    assert any(found.startswith(issue) for found in verdict.issues)


def test_a_trajectory_without_steps_is_incomplete():
    role = Role(verify=lambda trajectory: verifier.Verdict(1.0), completion=lambda trajectory: [])
    verdict = verifier.judge(Trajectory(RED, (), {"label": "warm"}, "x"), role, "label")

    assert "completeness: no steps" in verdict.issues


def test_the_roles_score_stands_where_nothing_general_is_wrong():
    role = Role(verify=lambda trajectory: verifier.Verdict(0.8, ("style",)))

    assert verifier.judge(solution("red", "warm"), role, "label") == verifier.Verdict(
        0.8, ("style",)
    )


def test_neighbours_are_the_nearest_of_other_groups_and_are_cited():
    same = Task("2", "paint wall 1 blue", {}, {"group": "1"})
    near = Task("3", "paint wall 9 red", {}, {"group": "9"})
    far = Task("4", "paint boat 8 blue", {})
    examples = retriever.Examples([RED, same, far, near])
    context = retriever.retrieve(RED, Role(), examples, 3)

    assert context.neighbours == (near, far)
    assert context.citations == ("3", "4")
    assert context.rules == ("Red and orange are warm.",)
    assert retriever.retrieve(RED, Role(), examples, 0).neighbours == ()


def test_a_task_without_a_group_excludes_only_itself():
    one, two = Task("1", "red red", {}), Task("2", "red", {})

    assert retriever.Examples([one, two]).nearest(one, 3) == (two,)


def test_only_what_was_turned_down_goes_back_and_with_its_issues():
    blue, asked = Task("2", "paint wall 1 blue", {"label": "cold"}), []

    def teacher(items):
        asked.append([(one.task.id, one.attempt, one.before) for one in items])
        return [
            Unwritten("server: gone")
            if one.task is RED and one.attempt
            else solution("red", "cold")
            if one.task is RED
            else Role().expert(one.task, one.context, 0, 1)
            for one in items
        ]

    red, other = outcomes(Role(), teacher, [RED, blue])

    assert asked == [[("1", 0, None), ("2", 0, None)], [("1", 1, red.rejected[0])]]
    assert red.unwritten == "server: gone"
    assert red.accepted is None
    assert "agreement: people say 'warm', the trajectory 'cold'" in red.rejected[0].issues
    assert other.accepted.meta["attempts"] == 1


def test_a_trajectory_comes_back_from_its_line():
    accepted = together(Role()).accepted
    row = record.to_row(accepted, "toy")

    assert record.from_row(row) == accepted
    assert {"problem", "steps", "expected_outcome"} <= set(row)
    assert set(row["steps"][0]) == {"action", "reasoning", "reward"}
