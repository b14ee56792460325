import shutil

import pytest

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.types import Reward, Task
from srlr.stages import rlvr


class Rewarding:
    """A role that has rewards only: `right` is 1 for "yes", `calm` cannot judge what is loud."""

    def rewards(self):
        return {
            "right": lambda task, text: Reward(float(text.lower().startswith("yes"))),
            "calm": lambda task, text: None if text.isupper() else Reward(0.5),
        }


def judge(changed, weighed, outcome=None):
    settings = changed("role", rewards=weighed, outcome=outcome)
    return rlvr.judge_of(Rewarding(), [Task("1", "?", {})], settings)


@pytest.mark.parametrize(
    ("text", "total", "parts"),
    [
        ("yes", 0.875, {"right": 1.0, "calm": 0.5}),  # (3 · 1 + 1 · 0.5) / 4
        ("no", 0.125, {"right": 0.0, "calm": 0.5}),  # (3 · 0 + 1 · 0.5) / 4
        ("YES", 1.0, {"right": 1.0, "calm": 0.0}),  # calm does not judge and does not count
    ],
)
def test_the_total_is_the_weighted_mean_of_those_that_judge(changed, text, total, parts):
    worth = judge(changed, {"right": 3.0, "calm": 1.0})(0, text)

    assert (worth.total, worth.parts) == (total, parts)
    assert worth.outcome == worth.total


def test_the_outcome_is_the_reward_that_the_role_names(changed):
    worth = judge(changed, {"right": 3.0, "calm": 1.0}, "right")(0, "no")

    assert (worth.total, worth.outcome) == (0.125, 0.0)


def test_where_nothing_judges_an_answer_is_worth_nothing(changed):
    assert judge(changed, {"calm": 1.0})(0, "LOUD").total == 0.0


def test_an_outcome_that_is_no_reward_is_refused_with_those_that_are(changed):
    with pytest.raises(ConfigError, match=r"role\.outcome=nice") as refused:
        judge(changed, {"right": 1.0}, "nice")

    assert "right" in refused.value.hint


def test_all_drawn_tasks_come_in_an_order_of_the_seeds_own():
    rows = [
        {"id": f"{use}-{n}", "prompt": "p", "answer": {}, "meta": {}, "use": use}
        for n in range(20)
        for use in ("srl", "rlvr")
    ]
    one, again, other = (rlvr.ordered(list(rows), seed) for seed in (1, 1, 2))

    assert sorted(task.id for task in one) == sorted(row["id"] for row in rows)
    assert one == again != other


def test_without_the_model_of_srl_its_folder_is_named(finished):
    settings, rundir, _ = finished
    shutil.rmtree(rundir.path / "srl" / "best")
    with pytest.raises(MissingArtifact, match="srl/best"):
        rlvr.run(settings, rundir)


def test_one_step_leaves_a_model_figures_and_rows(finished, changed):
    _, rundir, _ = finished
    rundir.forget("rlvr")
    result = rlvr.run(changed("rlvr", max_steps=1), rundir)
    rows = rundir.metrics("rlvr")
    figures = {"reward", "reward_label", "kept_share", "response_tokens", "entropy", "loss", "kl"}

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert [row["step"] for row in rows] == [0, 1, 1]
    assert figures <= rows[1].keys()
    assert 0 <= rows[1]["reward"] <= 1


@pytest.mark.parametrize(("more", "same"), [(0, True), (1, False)])
def test_figures_of_srl_on_the_same_held_out_tasks_are_taken_over(finished, changed, more, same):
    settings, rundir, _ = finished
    rundir.forget("rlvr")
    result = rundir.read_json("srl/result.json")
    rundir.write_json("srl/result.json", {**result, "dev": {**result["dev"], "macro_f1": 0.123}})
    rlvr.run(changed("rlvr", max_steps=1, eval_tasks=settings.srl.eval_tasks + more), rundir)

    assert (rundir.metrics("rlvr")[0]["dev_macro_f1"] == 0.123) is same
    assert (rundir.read_json("rlvr/result.json")["dev_before"]["macro_f1"] == 0.123) is same


def test_the_plan_counts_the_steps(finished, changed):
    """200 tasks, 6 a step, one epoch: 33.3 steps, rounded up."""
    assert rlvr.plan(changed("rlvr", max_steps=None, epochs=1)).note == "34 steps"
