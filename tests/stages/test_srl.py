import pytest

from srlr.collaboration import record
from srlr.core.errors import MissingArtifact
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
