"""The role beside this file does what a role must. Run it: pytest"""

from dataclasses import replace
from functools import cache
from pathlib import Path

from srlr import roles
from srlr.core.compose import compose
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Role, Step, Task

HERE = Path(__file__).parent
NAME = "classify"


@cache
def profile() -> RoleProfile:
    return compose([f"role={NAME}", f"role_path={HERE}"], environ={}).settings.role


def role() -> Role:
    return roles.load(profile(), str(HERE))


def worth(name: str, task: Task, text: str) -> float:
    reward = role().rewards()[name](task, text)
    assert reward is not None
    return reward.value


def test_every_split_has_rows_and_no_text_is_in_two() -> None:
    splits = [role().load_tasks(profile(), split) for split in ("train", "dev", "test")]

    assert all(splits)
    assert len({task.prompt for tasks in splits for task in tasks}) == sum(map(len, splits))


def test_the_experts_solutions_are_verified_read_back_and_worth_everything() -> None:
    for task in role().load_tasks(profile(), "train")[:200]:
        solved = role().expert(task, role().knowledge(task), 0, 0)
        text = "".join(role().completion(solved))

        assert role().verify(solved).score == 1.0
        assert role().parse(text) == {"label": task.answer["label"]}
        assert [worth(name, task, text) for name in role().rewards()] == [1.0, 1.0]


def test_another_label_and_a_malformed_answer_are_worth_nothing() -> None:
    task = role().load_tasks(profile(), "train")[0]
    other = next(label for label in profile().labels if label != task.answer["label"])

    assert worth("label", task, f"words: none\n{other}") == 0.0
    assert worth("label", task, "I cannot say.") == 0.0


def test_words_that_the_text_does_not_have_are_turned_down() -> None:
    task = role().load_tasks(profile(), "train")[0]
    solved = role().expert(task, Context(), 0, 0)
    steps = (Step("find_words: nosuchword", "", 0.4), *solved.steps[1:])

    assert role().verify(replace(solved, steps=steps)).score < 0.7


def test_an_untrained_model_is_told_the_labels_and_read_generously() -> None:
    task = role().load_tasks(profile(), "train")[0]
    label = task.answer["label"]

    assert label in role().baseline_messages(task)[0]["content"]
    assert role().parse_baseline(label) == {"label": label}
    assert role().parse_leniently(f"I would say: {label.upper()}!") == {"label": label}
