from srlr.core.redacting import Redact
from srlr.core.types import Step, Task, Trajectory
from srlr.text.redaction import documents
from srlr.text.redaction.redactor import Redactor

REDACTOR = Redactor()


def test_every_text_and_long_number_of_a_row_is_redacted_and_the_rest_is_the_same():
    given = {
        "text": "I am jo@example.org",
        "phone": 4673395,
        "n": 12,
        "ok": True,
        "x": 1.5,
        "none": None,
        "list": [{"mail": "JO@example.org"}, "sold 4673395"],
    }
    row, found = documents.row(REDACTOR, given)

    assert row == {
        "text": "I am [EMAIL_1]",
        "phone": "[PHONE_1]",
        "n": 12,
        "ok": True,
        "x": 1.5,
        "none": None,
        "list": [{"mail": "[EMAIL_1]"}, "sold [PHONE_1]"],
    }
    assert found == {"email": 2, "phone": 2}


def test_a_row_with_nothing_in_it_is_the_same_object():
    given = {"text": "plain", "n": 1234567}

    assert documents.row(REDACTOR, given) == (given, {})
    assert documents.row(REDACTOR, given)[0] is given


def test_a_field_that_is_prose_says_nothing():
    given = {"phone": "467 3395"}

    assert documents.row(REDACTOR, given, ["phone"])[0] == given
    assert documents.row(REDACTOR, "467 3395", ["phone"])[0] == "467 3395"


def test_a_task_keeps_what_is_not_personal():
    task = Task("t-1", "Is 5 > 3?", {"label": "yes"}, {"split": "train", "group": "g"})

    assert documents.task(REDACTOR, task) == (task, {})
    assert documents.task(REDACTOR, task)[0] is task


def test_an_id_and_a_group_that_are_personal_become_digests_that_stay_apart():
    one, two = (
        Task(f"{name}@example.org", "Hello", {"label": "x"}, {"group": f"{name}@example.org"})
        for name in ("jo", "al")
    )
    (first, second), found, rows = documents.tasks(REDACTOR, [one, two])

    assert first.id.startswith("redacted-")
    assert len({first.id, second.id}) == 2
    assert first.meta["group"] == first.id
    assert found == {"email": 2}
    assert rows == 2


def test_an_id_alone_may_be_personal():
    task, found = documents.task(REDACTOR, Task("jo@example.org", "Hello", {"label": "x"}))

    assert task.id.startswith("redacted-")
    assert task.prompt == "Hello"
    assert found == {}


def test_a_step_speaks_of_a_value_as_the_problem_does():
    task = Task(
        "t", "Call me on 467 3395 or jo@example.org", {"label": "contact"}, {"split": "train"}
    )
    given = Trajectory(
        task=task,
        steps=(
            Step("467 3395 is a line", "al@example.org asked", 0.5),
            Step("answer: contact", "", 0.5),
        ),
        expected_outcome={"label": "contact"},
        author="expert",
        score=0.9,
        issues=("467 3395: why?",),
        citations=("t-2",),
        meta={"attempts": 1},
    )
    new, found = documents.trajectory(REDACTOR, given)

    assert new.task.prompt == "Call me on [PHONE_1] or [EMAIL_1]"
    assert new.steps[0] == Step("[PHONE_1] is a line", "[EMAIL_2] asked", 0.5)
    assert new.steps[1] == given.steps[1]
    assert new.issues == ("[PHONE_1]: why?",)
    assert (new.expected_outcome, new.citations, new.meta) == (
        given.expected_outcome, given.citations, given.meta,
    )  # fmt: skip
    assert (new.author, new.score) == ("expert", 0.9)
    assert found == {"email": 2, "phone": 3}


def test_a_trajectory_of_a_redacted_task_goes_on_with_its_numbers():
    task, _ = documents.task(REDACTOR, Task("t", "jo@example.org", {"label": "x"}))
    given = Trajectory(task, (Step("al@example.org"),), {"label": "x"}, "teacher")
    new, found = documents.trajectory(REDACTOR, given)

    assert new.task == task
    assert new.steps[0].action == "[EMAIL_2]"
    assert found == {"email": 1}


def test_a_trajectory_with_nothing_in_it_is_the_same_object():
    given = Trajectory(Task("t", "Hello", {"label": "x"}), (Step("x"),), {"label": "x"}, "expert")

    assert documents.trajectory(REDACTOR, given)[0] is given


def test_with_no_class_nothing_is_replaced():
    none = Redactor(Redact(classes=()))

    assert documents.row(none, {"mail": "jo@example.org"}) == ({"mail": "jo@example.org"}, {})


def test_an_attempt_speaks_of_a_value_as_its_task_does_and_keeps_the_rest():
    given = {
        "model": "srl",
        "task": "jo@example.org",
        "prompt": "Mail jo@example.org",
        "text": "to: al@example.org, jo@example.org",
        "answer": {"to": "al@example.org"},
        "gold": {"to": "jo@example.org"},
        "meta": {"group": "jo@example.org", "domain": "shop"},
        "valid": True,
    }
    row = documents.attempt(REDACTOR, given)

    assert row["prompt"] == "Mail [EMAIL_1]"
    assert row["text"] == "to: [EMAIL_2], [EMAIL_1]"
    assert (row["answer"], row["gold"]) == ({"to": "[EMAIL_2]"}, {"to": "[EMAIL_1]"})
    assert (
        row["task"]
        == row["meta"]["group"]
        == documents.task(REDACTOR, Task("jo@example.org", "x", {}))[0].id
    )
    assert list(row) == list(given)
    assert (row["model"], row["valid"], row["meta"]["domain"]) == ("srl", True, "shop")
