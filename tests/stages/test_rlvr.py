import shutil

import pytest

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.passed import NoRlvr, NoSrl
from srlr.core.training import Dpo, Ppo, Stepwise
from srlr.core.types import Reward, Task
from srlr.core.vllm import Vllm
from srlr.models.rollout import Completion
from srlr.stages import answering, learning, rlvr, srl


class Rewarding:
    """A role of words: `right` is 1 for "yes", `calm` cannot judge what is loud, and `whole` likes
    everything, even what cannot be read.
    """

    def parse(self, text):
        return {"said": text} if text.isalpha() else None

    def rewards(self):
        return {
            "right": lambda task, text: Reward(float(text.lower().startswith("yes"))),
            "calm": lambda task, text: None if text.isupper() else Reward(0.5),
            "whole": lambda task, text: Reward(1.0),
        }


def judge(changed, weighed, outcome=None):
    settings = changed("role", rewards=weighed, outcome=outcome)
    worth = rlvr.judge_of(Rewarding(), [Task("1", "?", {})], settings)
    return lambda index, text: worth(index, Completion(text, [1], True, 0.0))


@pytest.mark.parametrize(
    ("text", "total", "parts"),
    [
        ("yes", 0.875, {"right": 1.0, "calm": 0.5}),  # (3 · 1 + 1 · 0.5) / 4
        ("no", 0.125, {"right": 0.0, "calm": 0.5}),  # (3 · 0 + 1 · 0.5) / 4
        ("YES", 1.0, {"right": 1.0}),  # calm does not judge and does not count
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


def test_what_the_role_cannot_read_is_worth_nothing_whatever_the_rewards_say(changed):
    worth = judge(changed, {"whole": 1.0})

    assert (worth(0, "no").total, worth(0, "n0!").total) == (1.0, 0.0)
    assert worth(0, "n0!").outcome == 0.0


def test_what_is_thought_aloud_is_not_judged(changed):
    settings = changed("role", rewards={"right": 1.0}, outcome=None)
    aloud = settings.model_copy(update={"srl": Stepwise(monologue=True)})
    thought = Completion("<think>no, or 7?</think>yes", [1], True, 0.0)

    assert rlvr.judge_of(Rewarding(), [Task("1", "?", {})], aloud)(0, thought).total == 1.0
    assert rlvr.judge_of(Rewarding(), [Task("1", "?", {})], settings)(0, thought).total == 0.0


def test_the_role_sees_what_it_can_read_of_several_answers_before_they_are_judged(changed):
    class Prepared(Rewarding):
        def prejudge(self, answers):
            seen.append([(task.id, text) for task, text in answers])

    seen = []
    settings = changed("role", rewards={"right": 1.0}, outcome=None)
    aloud = settings.model_copy(update={"srl": Stepwise(monologue=True)})
    tasks = [Task("1", "?", {}), Task("2", "?", {})]
    together = rlvr.together_of(Prepared(), tasks, aloud)
    texts = ["yes", "n0!", "<think>7?</think>no"]
    together([(n % 2, Completion(text, [1], True, 0.0)) for n, text in enumerate(texts)])

    assert seen == [[("1", "yes"), ("1", "no")]]
    assert rlvr.together_of(Rewarding(), tasks, aloud) is None


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


def test_more_prompts_a_step_than_the_data_gave_are_refused_before_a_model_is_loaded(
    finished, changed
):
    rundir = finished[1]
    rundir.write_jsonl("generate/tasks.jsonl", rundir.read_jsonl("generate/tasks.jsonl")[:5])
    shutil.rmtree(rundir.path / "srl")
    with pytest.raises(ConfigError, match=r"prompts_per_step is 6, and the data gave 5") as caught:
        rlvr.run(changed("rlvr", prompts_per_step=6), rundir)

    assert caught.value.hint == "rlvr.prompts_per_step=5, or less"


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


def test_ppo_leaves_what_grpo_leaves_and_figures_of_its_values(finished):
    settings, rundir, _ = finished
    rundir.forget("rlvr")
    node = Ppo(
        prompts_per_step=4, samples_per_prompt=2, max_steps=1, eval_tasks=settings.srl.eval_tasks
    )
    result = rlvr.run(settings.model_copy(update={"rlvr": node}), rundir)
    rows = rundir.metrics("rlvr")
    figures = {"reward", "reward_label", "policy_loss", "value_loss", "explained_variance"}

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert [row["step"] for row in rows] == [0, 1, 1]
    assert figures | {"entropy", "kl", "beta", "clipped_share"} <= rows[1].keys()
    assert not (rundir.path / "rlvr" / "checkpoint").exists()


def test_the_plan_of_ppo_counts_the_passes(finished):
    """200 tasks, 16 a step, one epoch: 12.5 steps, rounded up. A pass more reads every row again,
    and without a penalty no reference reads them.
    """
    settings, _, _ = finished
    base = Ppo(epochs=1, passes=1)
    ways = [{}, {"passes": 2}, {"kl_penalty_weight": 0.0}, {"samples_per_prompt": 1}]
    one, twice, free, alone = (
        rlvr.plan(settings.model_copy(update={"rlvr": base.model_copy(update=how)})) for how in ways
    )

    assert one.note == "13 steps"
    assert twice.tokens - one.tokens == 60 * 2 * 13 * 16
    assert alone.tokens < free.tokens < one.tokens


def test_dpo_leaves_what_grpo_leaves_and_its_pairs(finished):
    pytest.importorskip("trl")
    settings, rundir, _ = finished
    rundir.forget("rlvr")
    node = Dpo(prompts=16, samples_per_prompt=4, max_steps=1, eval_tasks=settings.srl.eval_tasks)
    result = rlvr.run(settings.model_copy(update={"rlvr": node}), rundir)

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert [row["prompt"] for row in rundir.read_jsonl("rlvr/pairs.jsonl")] == list(range(16))
    assert set(rundir.read_json("rlvr/result.json")) == {
        *("best_step", "steps", "dev", "dev_before", "gain", "alarms", "stopped_by"),
        *("tokens_forward", "tokens_backward"),
    }
    assert not (rundir.path / "rlvr" / "checkpoint").exists()


def test_the_plan_of_dpo_counts_the_pairs_it_can_make_at_most(finished):
    """200 tasks, one pair each, 16 a step: 12.5 steps, rounded up; 50 prompts: 3.1."""
    settings, _, _ = finished
    whole, some = (
        rlvr.plan(settings.model_copy(update={"rlvr": Dpo(prompts=prompts)}))
        for prompts in (None, 50)
    )

    assert (whole.note, some.note) == ("13 steps", "4 steps")
    assert some.tokens < whole.tokens


def test_passed_over_srls_model_is_the_last(finished):
    settings, rundir, _ = finished
    rundir.forget("rlvr")
    without = settings.model_copy(update={"rlvr": NoRlvr()})
    result = rlvr.run(without, rundir)
    before, after = (
        (rundir.path / stage / "best" / "model.safetensors").read_bytes()
        for stage in ("srl", "rlvr")
    )

    assert before == after
    assert result.notes == ("rlvr: passed over, SRL's model goes on",)
    assert rlvr.plan(without).note == "passed over"


def test_where_srl_was_passed_over_the_base_model_is_judged_first(finished):
    settings, rundir, _ = finished
    without = settings.model_copy(update={"srl": NoSrl()})
    for stage in (srl, rlvr):
        rundir.forget(stage.NAME)
        stage.run(without.model_copy(update={"rlvr": tiny_step(settings)}), rundir)

    assert [row["step"] for row in rundir.metrics("rlvr")] == [0, 1, 1]
    assert rlvr.plan(without).note == rlvr.plan(settings).note


def tiny_step(settings):
    return settings.rlvr.model_copy(update={"max_steps": 1})


def test_trls_trainer_leaves_what_our_loop_leaves(finished):
    pytest.importorskip("trl")
    settings, rundir, _ = finished
    rundir.forget("rlvr")
    node = settings.rlvr.model_copy(update={"backend": "trl", "max_steps": 1})
    result = rlvr.run(settings.model_copy(update={"rlvr": node}), rundir)
    rows = rundir.metrics("rlvr")

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert [row["step"] for row in rows] == [0, 1, 1]
    assert {"reward", "reward_label", "kept_share", "loss", "kl"} <= rows[1].keys()
    assert not (rundir.path / "rlvr" / "checkpoint").exists()


@pytest.mark.parametrize("stage", [srl, rlvr])
def test_vllm_is_refused_before_any_model_is_loaded(finished, stage, monkeypatch):
    settings, rundir, _ = finished
    node = settings.rlvr.model_copy(update={"backend": "trl", "vllm": Vllm(mode="colocate")})
    asked = settings.model_copy(update={"rlvr": node})
    monkeypatch.setattr(answering, "load", None)
    monkeypatch.setattr(learning.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingArtifact, match="'vllm' is not installed") as absent:
        stage.run(asked, rundir)
    monkeypatch.setattr(learning.importlib.util, "find_spec", lambda name: name)
    with pytest.raises(ResourceError, match="device is the CPU") as cpu:
        stage.run(asked, rundir)

    assert "rlvr.vllm.mode=off" in absent.value.hint
    assert "rlvr.vllm.mode=off" in cpu.value.hint
