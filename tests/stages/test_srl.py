import shutil

import pytest
import torch

from srlr.collaboration import record
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.passed import NoSrl
from srlr.core.rundir import RunDir
from srlr.core.training import Distil, Sft, Stepwise, WarmUp
from srlr.core.types import Step, Task, Trajectory
from srlr.stages import answering, learning, srl


def trajectory(first, second):
    steps = (Step("colour: red", "", first), Step("label: warm", "", second))
    task = Task("1", "paint wall 1 red", {"label": "warm"})
    return Trajectory(task, steps, {"label": "warm"}, "expert")


@pytest.fixture
def model(finished, tiny_model_folder):
    return answering.load(tiny_model_folder, *finished[:2])


def test_a_trajectory_is_learnt_step_by_step_and_ends_with_the_stop_token(finished, model):
    (example,) = srl.encoded(model, finished[2], [trajectory(0.5, 0.5)], "none")

    assert model.decode(example.prompt).rstrip().endswith("assistant")
    assert [model.decode(step) for step in example.steps] == ["colour: red\n", "label: warm"]
    assert example.steps[-1][-1] == model.stop_token


def test_weights_are_the_rewards_on_the_scale_of_all_steps(finished, model):
    """Rewards 0.2 0.8 0.4 0.6 have mean 0.5; a weight of 1 is a step worth as much as the mean."""
    both = [trajectory(0.2, 0.8), trajectory(0.4, 0.6)]
    weights = [example.weights for example in srl.encoded(model, finished[2], both, "rank")]
    flat = [weight for one in weights for weight in one]

    assert sum(flat) / 4 == pytest.approx(1.0)
    assert flat[0] < flat[2] < flat[3] < flat[1]
    assert min(flat) >= 0


def test_an_experts_answer_that_the_model_cannot_read_is_refused(finished, model):
    """Of a prompt alone, the rollout says so; here it would be learnt at places never seen."""
    long = Trajectory(
        Task("1", "paint", {"label": "warm"}),
        (Step("colour: " + "red " * 2048, "", 1.0), Step("label: warm", "", 1.0)),
        {"label": "warm"},
        "expert",
    )
    with pytest.raises(ConfigError, match="reads 2048") as caught:
        srl.encoded(model, finished[2], [long], "none")

    assert "max_prompt_chars" in caught.value.hint


def test_without_trajectories_generate_is_named(finished):
    settings, rundir, _ = finished
    (rundir.path / "generate" / "trajectories.jsonl").unlink()
    with pytest.raises(MissingArtifact, match="trajectories"):
        srl.run(settings, rundir)


def test_where_all_trajectories_were_turned_down_it_says_so(finished):
    settings, rundir, _ = finished
    rundir.write_jsonl("generate/trajectories.jsonl", [])
    with pytest.raises(MissingArtifact, match="no trajectory") as caught:
        srl.run(settings, rundir)

    assert "min_verification_score" in caught.value.hint


def test_one_step_leaves_a_model_figures_and_rows(finished, changed):
    _, rundir, _ = finished
    rundir.forget("srl")
    result = srl.run(changed("srl", max_steps=1), rundir)
    rows = rundir.metrics("srl")

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert rundir.read_json("srl/result.json")["steps"] == 1
    assert [row["step"] for row in rows] == [1, 1]
    assert {"loss", "kl", "beta", "grad_norm", "lr", "tokens", "seconds"} <= rows[0].keys()
    assert {"dev_accuracy", "dev_macro_f1", "dev_validity"} <= rows[1].keys()


def test_the_plan_counts_the_steps(finished, changed):
    """200 trajectories, 2 epochs, 16 a step."""
    settings = changed("srl", max_steps=None, epochs=2)

    assert srl.plan(settings).note == "25 steps"
    assert srl.plan(finished[0]).note == "40 steps"


def test_trajectories_come_back_from_their_rows(finished):
    rows = finished[1].read_jsonl("generate/trajectories.jsonl")

    assert all(sum(s.reward for s in record.from_row(row).steps) == 1 for row in rows)


STEPWISE = Stepwise(
    learning_rate=3e-3,
    max_steps=6,
    prompts_per_step=8,
    samples_per_prompt=6,
    max_step_tokens=16,
    eval_every_steps=3,
    eval_tasks=8,
    checkpoint_every_steps=2,
    patience=99,
    warm_up=WarmUp(steps=12, batch_size=16, learning_rate=5e-3),
    refill_attempts=1,
)


@pytest.fixture
def stepwise(finished):
    """Runs the stage with objective=stepwise; the settings may be changed."""
    settings, rundir, _ = finished
    rundir.forget("srl")

    def run(**changes):
        node = STEPWISE.model_copy(update=changes)
        return srl.run(settings.model_copy(update={"srl": node}), rundir), rundir

    return run


def without_clock(rows):
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def test_stepwise_goes_on_from_a_warm_up_and_learns_the_experts_steps(stepwise):
    result, rundir = stepwise(max_steps=10)
    rows = [row for row in rundir.metrics("srl") if "reward" in row]
    rewards = [row["reward"] for row in rows]

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert not (rundir.path / srl.WARM_UP).exists()
    assert sum(rewards[-3:]) > sum(rewards[:3])
    assert rows[0].keys() >= {"reward_formed", "kept_share", "loss", "entropy"}
    assert [row["step"] for row in rundir.metrics(srl.WARM_UP) if "loss" in row][-1] == 12


@pytest.mark.parametrize("stopped", [(srl.WARM_UP, 5), ("srl", 1), ("srl", 5)])
def test_stepwise_interrupted_anywhere_goes_on_exactly(stepwise, monkeypatch, stopped):
    _, rundir = stepwise()
    best = rundir.path / "srl/best/model.safetensors"
    weights, rows = best.read_bytes(), without_clock(rundir.metrics("srl"))
    rundir.forget("srl")
    metric = RunDir.metric

    def stopping(self, stage, step, **values):
        metric(self, stage, step, **values)
        if (stage, step) == stopped and "loss" in values:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunDir, "metric", stopping)
        with pytest.raises(KeyboardInterrupt):
            stepwise()
    stepwise()

    assert best.read_bytes() == weights
    assert without_clock(rundir.metrics("srl")) == rows


def test_alarms_of_the_warm_up_are_in_the_result(stepwise, finished, tiny_model_folder):
    """As of a warm-up that had just ended when it was killed; what ends it ends nothing else."""
    rundir = finished[1]
    alarm = {"name": "nan", "step": 3, "why": "no number", "advice": "", "action": "stop"}
    shutil.copytree(tiny_model_folder, rundir.path / srl.WARM_UP / "best")
    scores = {"accuracy": 0.0, "macro_f1": 0.0, "validity": 0.0}
    before = {"dev": scores, "alarms": [alarm], "tokens_forward": 0, "tokens_backward": 0}
    rundir.write_json(f"{srl.WARM_UP}/result.json", before)
    result, rundir = stepwise(max_steps=1)
    written = rundir.read_json("srl/result.json")

    assert written["alarms"] == [{**alarm, "part": "warm-up"}]
    assert (written["steps"], written["stopped_by"]) == (1, None)
    assert "srl: alarm nan at step 3 of the warm-up (stop): no number" in result.notes


def test_where_no_own_step_was_better_the_model_is_that_of_the_warm_up(stepwise):
    result, rundir = stepwise(max_steps=1, learning_rate=1e-12)

    assert rundir.read_json("srl/result.json")["best_step"] == 0
    assert (rundir.path / result.artifact / "model.safetensors").exists()


def test_steps_are_called_by_the_action_that_opens_them(finished):
    """A line of two actions has the first one's name."""
    role, one = finished[2], trajectory(0.5, 0.5)

    assert srl.titles(role, one, "\n") == ["colour", "label"]
    assert srl.titles(role, one, ";") == ["colour"]


def test_the_plan_of_stepwise_counts_its_steps(finished):
    """200 tasks of about 3 steps, 8 a step, 5 epochs."""
    node = STEPWISE.model_copy(update={"max_steps": None})

    assert srl.plan(finished[0].model_copy(update={"srl": node})).note == "375 steps"


def test_what_the_warm_up_used_is_taken_from_the_budget():
    settings = Stepwise(token_budget=100)

    assert srl.within(settings, 60).token_budget == 40
    assert srl.within(Stepwise(), 60).token_budget is None
    with pytest.raises(ConfigError, match=r"imitation put 100 tokens"):
        srl.within(settings, 100)


def test_sft_leaves_what_imitate_leaves(finished):
    pytest.importorskip("trl")
    settings, rundir, _ = finished
    rundir.forget("srl")
    node = Sft(max_steps=2, batch_size=8, eval_tasks=8, learning_rate=1e-3)
    result = srl.run(settings.model_copy(update={"srl": node}), rundir)
    rows = rundir.metrics("srl")

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert [row["step"] for row in rows] == [1, 2, 2]
    assert {"loss", "token_accuracy", "grad_norm", "lr", "seconds"} <= rows[0].keys()
    assert not (rundir.path / "srl" / "checkpoint").exists()


def test_the_plan_of_sft_counts_its_steps(finished):
    """200 trajectories, 2 epochs, 16 a step."""
    node = Sft(epochs=2, batch_size=16)

    assert srl.plan(finished[0].model_copy(update={"srl": node})).note == "25 steps"


def test_passed_over_the_base_model_goes_on(finished, tiny_model_folder):
    settings, rundir, _ = finished
    rundir.forget("srl")
    without = settings.model_copy(update={"srl": NoSrl()})
    result = srl.run(without, rundir)
    base, kept = (
        answering.load(folder, settings, rundir).model.state_dict()
        for folder in (tiny_model_folder, rundir.path / result.artifact)
    )

    assert all(torch.equal(base[name], kept[name]) for name in base)
    assert result.notes == ("srl: passed over, the base model goes on",)
    assert rundir.read_json("srl/result.json")["passed"]
    assert srl.plan(without).note == "passed over"


def test_distil_learns_from_a_folder_or_a_card(finished, tiny_model_folder):
    pytest.importorskip("trl")
    settings, rundir, _ = finished
    rundir.forget("srl")
    node = Distil(max_steps=1, batch_size=4, eval_tasks=8, teacher=str(tiny_model_folder))
    result = srl.run(settings.model_copy(update={"srl": node}), rundir)
    by_card = settings.model_copy(update={"srl": Distil(teacher="tiny")})

    assert (rundir.path / result.artifact / "model.safetensors").exists()
    assert {"loss", "response_tokens", "entropy"} <= rundir.metrics("srl")[0].keys()
    assert learning.teacher_folder(by_card) == tiny_model_folder


def test_a_distillation_that_nobody_teaches_is_refused(finished):
    settings, rundir, _ = finished
    with pytest.raises(ConfigError, match="nobody teaches") as caught:
        srl.run(settings.model_copy(update={"srl": Distil()}), rundir)

    assert "srl.teacher=" in caught.value.hint


def test_the_plan_of_distil_counts_the_answers(finished):
    """200 trajectories, 16 a step; as many answers are drawn."""
    plans = [
        srl.plan(finished[0].model_copy(update={"srl": kind(epochs=1, batch_size=16)}))
        for kind in (Sft, Distil)
    ]

    assert [plan.note for plan in plans] == ["13 steps", "13 steps"]
    assert plans[0].tokens < plans[1].tokens
