import pytest

from srlr.collaboration import record
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.training import Stepwise, WarmUp
from srlr.core.types import Step, Task, Trajectory
from srlr.stages import answering, srl


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
