import json
import shutil

import pytest
import tiny
import yaml

from srlr.cli.app import main
from srlr.core import compose, releases
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact, ResourceError
from srlr.core.release import text_of
from srlr.core.rundir import RunDir
from srlr.models import adapter, local
from srlr.stages import deploy, deploy_form
from srlr.stages.deploy import How

ANN = How("ann")


@pytest.fixture
def run(toy_run, tmp_path):
    """A copy of the toy run that a test may change."""
    return shutil.copytree(toy_run, tmp_path / "runs" / "toy-gold" / "whole")


@pytest.fixture
def settings(run, toy_config, tmp_path):
    words = ("role=toy", "model=tiny", f"runs_dir={tmp_path / 'runs'}")
    words += (f"store_dir={tmp_path / 'store'}",)
    return compose.compose(words, config_dir=toy_config).settings


def judged(run, toy_config, *words):
    """Holds the finished evaluation against other floors; nobody is asked again."""
    return main(["evaluate", "--run", str(run), "--config-dir", str(toy_config), "-q", *words])


def edited(run, **changes):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest.update(changes)
    (run / "manifest.json").write_text(json.dumps(manifest))


def test_a_release_holds_what_was_evaluated_and_says_where_it_is_from(settings, run):
    release, proposal = deploy.publish(settings, None, ANN)
    report = json.loads((run / "evaluate" / "report.json").read_text())
    final = next(row for row in report["table"] if row["model"] == report["final"])
    manifest = RunDir(run).manifest

    assert (release.name, release.base, release.kind, release.gate) == (
        "toy@v1",
        "tiny",
        "weights",
        "none",
    )
    assert release.metrics["accuracy"] == final["metrics"]["accuracy"]["value"]
    assert release.lineage["run"] == "whole"
    assert release.lineage["stage"] == "rlvr"
    assert {key: release.lineage[key] for key in ("code", "config", "seed")} == {
        key: manifest[key] for key in ("code", "config", "seed")
    }
    assert release.lineage["results"]["rlvr"] == manifest["stages"]["rlvr"]["result"]
    assert release.profile["name"] == "toy"
    assert release.prompt["turns"][-1] == "user"
    assert proposal.notes == ()
    with releases.opened(settings) as registry:
        folder = registry.folder(release)
        assert registry.aliases("toy") == {"candidate": "v1"}
    best = run / "rlvr" / "best" / "model.safetensors"
    assert (folder / "model.safetensors").read_bytes() == best.read_bytes()
    assert yaml.safe_load((folder / "record" / "config.yaml").read_text())["role"]["name"] == "toy"
    assert (folder / "release.json").read_text() == text_of(release)


def test_what_was_published_answers_as_the_run_does(settings, run):
    release, _ = deploy.publish(settings, None, ANN)
    with releases.opened(settings) as registry:
        there = tiny.load(registry.folder(release), "bfloat16")
    here = tiny.load(run / "rlvr" / "best", "bfloat16")

    assert all(
        there.model.state_dict()[name].equal(tensor)
        for name, tensor in here.model.state_dict().items()
    )


def test_published_twice_it_is_one_release(settings):
    first, _ = deploy.publish(settings, None, ANN)
    again, _ = deploy.publish(settings, "whole", How("bob", "current"))

    assert again == first


def test_a_gate_that_failed_refuses_unless_forced(settings, run, toy_config):
    assert judged(run, toy_config, "evaluate.gate.accuracy=1.01") == 5
    with pytest.raises(GateFailed, match="Accuracy is"):
        deploy.publish(settings, None, ANN)
    release, _ = deploy.publish(settings, None, How("ann", force=True))

    assert (release.gate, release.forced) == ("failed", True)
    assert "the gate asks for" in release.failed[0]


def test_a_gate_that_passed_is_said(settings, run, toy_config):
    assert judged(run, toy_config, "evaluate.gate.accuracy=0.1") == 0
    assert deploy.publish(settings, None, How("ann", force=True))[0].gate == "passed"
    assert not deploy.publish(settings, None, How("ann", force=True))[0].forced


def test_weights_that_changed_after_they_were_judged_are_refused(settings, run):
    path = run / "rlvr" / "best" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="is not what rlvr left there"):
        deploy.publish(settings, None, ANN)


def test_a_pickle_beside_the_weights_is_refused(settings, run, toy_config):
    (run / "rlvr" / "best" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    rundir = RunDir(run)
    entry = rundir.status("rlvr")
    from srlr.stages import state

    rundir.record("rlvr", result=state.digest(entry["inputs"], rundir, entry["artifact"]))
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin"):
        deploy.publish(settings, None, How("ann", force=True))


def test_a_model_that_is_not_evaluated_is_refused_unless_forced(settings, run):
    shutil.rmtree(run / "evaluate")
    with pytest.raises(MissingArtifact, match="is not evaluated") as refused:
        deploy.publish(settings, "whole", ANN)

    assert "srlr evaluate --run" in refused.value.hint
    release, _ = deploy.publish(settings, "whole", How("ann", force=True))
    assert (release.gate, release.metrics) == ("none", {})


def test_the_newest_evaluated_run_of_the_role_is_taken(settings, run):
    newer = shutil.copytree(run, run.with_name("newer"))
    edited(newer, created="2099-01-01T00:00:00+00:00")
    other = shutil.copytree(run, run.with_name("other"))
    edited(other, created="2099-02-01T00:00:00+00:00", role="math")
    half = shutil.copytree(run, run.with_name("half"))
    stages = RunDir(half).manifest["stages"] | {"evaluate": {"status": "running"}}
    edited(half, created="2099-03-01T00:00:00+00:00", stages=stages)

    assert deploy.chosen(settings, None).path == newer


def test_runs_that_cannot_be_meant_are_refused_with_the_way_out(settings, run):
    with pytest.raises(MissingArtifact, match="no run 'nowhere'"):
        deploy.publish(settings, "nowhere", ANN)
    edited(run, role="math")
    with pytest.raises(ConfigError, match="is of role 'math', not 'toy'"):
        deploy.publish(settings, "whole", ANN)
    with pytest.raises(MissingArtifact, match="no run of role 'toy'") as refused:
        deploy.publish(settings, None, ANN)

    assert "srlr train role=toy" in refused.value.hint


def test_an_untrained_run_says_what_to_do(settings, run):
    edited(run, stages={})
    with pytest.raises(MissingArtifact, match="nothing is trained yet"):
        deploy.publish(settings, "whole", ANN)


def test_a_run_somebody_works_on_is_refused(settings, run):
    with RunDir(run).lock(), pytest.raises(ResourceError, match="is in use"):
        deploy.publish(settings, None, ANN)


# -- adapters --------------------------------------------------------------------------------------


@pytest.fixture
def learnt(tiny_model_folder, run):
    """The run's model as an adapter of random numbers has made it, merged, and the adapter."""
    import torch
    from peft import LoraConfig

    model = tiny.load(tiny_model_folder, "bfloat16")
    names = adapter.linear_names(model.model)
    view = adapter.begin(model.model, None, LoraConfig(target_modules=names), seed=1)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for name, matrix in view.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(matrix, std=0.1)
    adapter.write(view, model.tokenizer, run / "rlvr" / "best")
    model.tokenizer.save_pretrained(run / "rlvr" / "best")
    return run


def form(asked, settings, run, tmp_path):
    place = tmp_path / "form"
    place.mkdir()
    return deploy_form.of(asked, settings, RunDir(run), "rlvr", place)


def test_base_and_adapter_make_the_evaluated_weights_bit_for_bit(settings, learnt, tmp_path):
    made = form("auto", settings, learnt, tmp_path)
    whole = tiny.load(learnt / "rlvr" / "best", "bfloat16").model.state_dict()
    built = tiny.load(tmp_path / "form" / "model", "bfloat16").model

    assert made.kind == "adapter"
    assert type(built).__name__ == "LlamaForCausalLM"
    assert not any("lora" in name for name in built.state_dict())
    assert all(built.state_dict()[name].equal(tensor) for name, tensor in whole.items())
    base = json.loads(made.files["adapter_config.json"].read_text())["base_model_name_or_path"]
    assert base is None


def test_plain_transformers_loads_base_and_adapter_together(settings, learnt, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    form("adapter", settings, learnt, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "form" / "model", dtype=torch.float32)
    whole = tiny.load(learnt / "rlvr" / "best").model
    tokens = torch.tensor([[5, 6, 7, 8]])

    assert torch.allclose(plain(tokens).logits, whole(tokens).logits, atol=0.2)
    base = AutoModelForCausalLM.from_pretrained(settings.model.source)
    assert not torch.allclose(base(tokens).logits, whole(tokens).logits, atol=0.2)


def test_an_adapter_that_makes_other_weights_is_published_as_weights(settings, learnt, tmp_path):
    from safetensors.torch import load_file, save_file

    path = learnt / "rlvr" / "best" / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"] += 1
    save_file(tensors, path, {"format": "pt"})
    made = form("auto", settings, learnt, tmp_path)

    assert (made.kind, "model.safetensors" in made.files) == ("weights", True)
    assert "do not make the evaluated weights" in made.notes[0]
    shutil.rmtree(tmp_path / "form")
    with pytest.raises(ConfigError, match="cannot be published as an adapter"):
        form("adapter", settings, learnt, tmp_path)


def test_without_an_adapter_there_are_weights(settings, run, tmp_path):
    assert form("auto", settings, run, tmp_path).notes == ()
    shutil.rmtree(tmp_path / "form")
    with pytest.raises(ConfigError, match="it was trained without one"):
        form("adapter", settings, run, tmp_path)


def test_an_adapter_alone_is_still_no_model(learnt):
    with pytest.raises(ConfigError, match="is an adapter, not a whole model"):
        local.load(learnt / "rlvr" / "best" / "adapter", name="x", device="cpu", dtype="float32")
