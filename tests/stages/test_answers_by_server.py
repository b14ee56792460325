"""The stages with rollout.engine=vllm, against a stand-in for vLLM."""

import shutil

import pytest
import servers

from srlr.core.errors import ConfigError
from srlr.core.settings import WHENCE
from srlr.core.training import Dpo
from srlr.stages import answering, evaluate, rlvr, srl, state


@pytest.fixture
def by_server(finished):
    """The settings with answers from a server at this URL: `by_server(url, stage={…})`."""

    def change(url="http://localhost:9/v1", **nodes):
        settings = finished[0]
        there = settings.rollout.model_copy(
            update={"engine": "vllm", "url": url, **nodes.pop("rollout", {})}
        )
        changed = {"rollout": there}
        for node, keys in nodes.items():
            changed[node] = getattr(settings, node).model_copy(update=keys)
        return settings.model_copy(update=changed)

    return change


def test_full_tuning_is_refused_before_anything_is_loaded(finished, by_server):
    for stage, others in ((srl, "engine=own"), (rlvr, "rlvr.backend=trl")):
        for refused in (
            lambda s=stage: s.plan(by_server()),
            lambda s=stage: s.run(by_server(), finished[1]),
        ):
            with pytest.raises(ConfigError, match=f"{stage.NAME}.tuning=full") as told:
                refused()

            assert f"{stage.NAME}.tuning=lora" in told.value.hint
            assert others in told.value.hint


def test_an_adapter_and_dpo_can_be_followed(finished, by_server):
    lora = by_server(srl={"tuning": "lora"}, rlvr={"tuning": "lora"})
    dpo = by_server().model_copy(update={"rlvr": Dpo()})

    assert srl.plan(lora).tokens
    assert rlvr.plan(lora).tokens
    assert rlvr.plan(dpo).tokens


def test_a_key_that_is_not_in_the_environment_is_named(finished, by_server, monkeypatch):
    asked = by_server(rollout={"api_key_env": "MY_KEY"}).rollout
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"\$MY_KEY is not set"):
        answering.server(asked)

    monkeypatch.setenv("MY_KEY", "secret")

    assert answering.server(asked).key == "secret"
    assert answering.server(by_server().rollout).key is None


def test_where_answers_come_from_does_not_undo_a_stage(finished, by_server):
    class Aim:
        """What state.inputs looks at of a target."""

        def __init__(self, settings):
            self.final = self.first = type("Composition", (), {"settings": settings})

    settings, rundir, _ = finished
    other = by_server(rollout={"max_new_tokens": 5})

    assert state.inputs(Aim(settings), rundir, "srl") == state.inputs(
        Aim(by_server()), rundir, "srl"
    )
    assert state.inputs(Aim(settings), rundir, "srl") != state.inputs(Aim(other), rundir, "srl")
    assert set(type(settings.rollout).model_fields) >= WHENCE


@pytest.mark.slow
def test_one_server_does_for_the_whole_run(finished, by_server, tiny_model_folder):
    """Adapters of SRL and RLVR reach it; what it says is what this process says of best/."""
    _, rundir, role = finished
    for name in ("srl", "rlvr", "evaluate"):
        shutil.rmtree(rundir.path / name)
    with servers.VllmLike(tiny_model_folder) as vllm_like:
        lora = {"tuning": "lora", "max_steps": 2, "eval_every_steps": 1, "learning_rate": 0.02}
        exact = {"compute_dtype": "float32"}  # in bfloat16, merged weights are rounded once more
        settings = by_server(vllm_like.url, srl=lora, rlvr={**lora, "passes": 2}, hardware=exact)
        srl.run(settings, rundir)
        after = len(vllm_like.events)
        rlvr.run(settings, rundir)
        evaluate.run(settings, rundir)
        loaded = [what for what, _ in vllm_like.events]
        best = answering.load(rundir.path / "rlvr" / "best", settings, rundir)
        tasks = role.load_tasks(settings.role, "dev")[:4]
        there = answering.ask(best, "rlvr", role, tasks, settings)

    own = settings.model_copy(update={"rollout": finished[0].rollout})
    here = answering.load(rundir.path / "rlvr" / "best", own, rundir)

    assert [row["text"] for row in there] == [
        row["text"] for row in answering.ask(here, "rlvr", role, tasks, own)
    ]
    assert after < len(loaded)
    assert 0 <= loaded.count("load") - loaded.count("unload") <= 1
    assert (rundir.path / "srl" / "best" / "served" / "adapter_config.json").is_file()
