"""One candidate measured in this process, as its own process does it."""

import pytest

from srlr.core.errors import ConfigError
from srlr.core.target import Ask, find
from srlr.models.measured import Measured
from srlr.stages import measuring, pipeline
from srlr.stages.state import NAMES

FEW = {"latency_tasks": 4, "quality_tasks": 6, "load_s": 0.3}


@pytest.fixture(scope="module")
def run(tmp_path_factory, toy_config):
    """A toy run whose model is selected."""
    words = ("role=toy", "model=tiny", "seed=1", f"runs_dir={tmp_path_factory.mktemp('runs')}")
    return pipeline.run(Ask(words, toy_config, "measured"), ("select",))


@pytest.fixture
def settings(run):
    """`settings(rate, **keys)`: the run's, with a rate and keys of select.measure."""

    def change(rate=None, **keys):
        own = measuring.settings_of(find(Ask(run=str(run.path)), NAMES), "tiny")
        measure = own.select.measure.model_copy(update={**FEW, **keys})
        needs = own.role.requirements.model_copy(update={"throughput_rps": rate})
        return own.model_copy(
            update={
                "select": own.select.model_copy(update={"measure": measure}),
                "role": own.role.model_copy(update={"requirements": needs}),
            }
        )

    return change


def measured(settings, rundir):
    heard = []
    return measuring.measure(settings, rundir, lambda *said: heard.append(said)), heard


def test_a_model_is_timed_probed_and_put_under_load(settings, run):
    found, heard = measured(settings(0.5), run)

    assert isinstance(found, Measured)
    assert (found.model, found.device, found.dtype) == ("tiny", "cpu", "bfloat16")
    assert (found.first_token_s.count, found.answer_s.count) == (4, 4)
    assert 0 < found.first_token_s.p50 < found.answer_s.p99
    assert (found.probe.tasks, found.at_once) == (6, 6)
    assert found.load is not None
    assert found.load.offered_rps == 0.5
    assert found.load.answers >= 1
    assert found.prompt_tokens > 10
    assert 1 <= found.answer_tokens <= 24
    assert found.computed_gb > 0.4
    assert {said[0] for said in heard} == {"loading", "first tokens", "answers", "quality", "load"}
    assert ("answers", 4, 4) in heard


def test_a_rate_out_of_reach_is_not_offered(settings, run):
    found, _ = measured(settings(100_000), run)

    assert found.load is None
    assert found.answers_per_s < 100_000


def test_time_that_is_up_leaves_the_fewest_answers(settings, run):
    found, _ = measured(settings(limit_s=1e-6), run)

    assert found.first_token_s.count == found.answer_s.count == measuring.FEWEST


def test_answers_come_from_this_machine_whoever_answers_the_run(run):
    aim = find(Ask(("rollout.engine=vllm",), run=str(run.path)), NAMES)

    assert aim.final.settings.rollout.engine == "vllm"
    assert measuring.settings_of(aim, "tiny").rollout.engine == "own"


def test_a_role_without_dev_tasks_cannot_be_measured(settings, run, monkeypatch):
    role = measuring.roles.load(settings().role, settings().role_path)
    monkeypatch.setattr(role, "load_tasks", lambda profile, split: [])

    with pytest.raises(ConfigError, match="no dev tasks"):
        measured(settings(), run)


def test_the_peak_is_the_process_own(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmHWM:\t  1000000 kB\n")

    assert measuring.peak_gb("cpu", status) == pytest.approx(1.024)


def test_where_the_kernel_tells_no_high_water_mark_the_usage_counts(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\n")

    assert measuring.peak_gb("cpu", tmp_path / "status") > 0.05
