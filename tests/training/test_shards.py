"""Weights in parts: in a group of one, which cuts nothing off, and in two real processes."""

import math
from dataclasses import replace

import numpy
import pytest
import ranks
import tiny
import torch
from torch import distributed

from srlr.core.errors import ConfigError
from srlr.core.training import Grpo, Imitate
from srlr.models import backprop, local
from srlr.training import learner, parallel

SHORT = {"max_steps": 2}
PLAIN_LORA = {"tuning": "lora", "lora": {"dropout": 0.0}}
CASES = {
    "bfloat16": ("imitate", {"dtype": "bfloat16"}),
    "some layers": ("imitate", {"dtype": "bfloat16", "trained_layers": 1}),
    "computed again": ("imitate", {"gradient_checkpointing": True}),
    "lora": ("grpo", PLAIN_LORA),
    "gspo, used again": ("grpo", {"variant": "gspo", "passes": 2, "minibatches": 2}),
}


@pytest.fixture(autouse=True, scope="module")
def through_transformers():
    """What is whole is read as what is cut is: models.backprop rounds otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backprop, "learns", lambda *_: None)
        yield


@pytest.fixture
def group(tmp_path):
    """This process is a group of its own."""
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield replace(parallel.here(), sharded=True)
    distributed.destroy_process_group()


@pytest.mark.parametrize("name", CASES)
def test_a_part_that_is_the_whole_learns_what_the_whole_learns(
    name, group, tiny_model_folder, tmp_path
):
    kind, changed = CASES[name]
    found = []
    for sharded in (False, True):
        place = tmp_path / str(sharded)
        place.mkdir()
        found += ranks.learn(kind, tiny_model_folder, place, sharded=sharded, **SHORT | changed)
    plain, cut = found

    assert any(row.get("grad_norm") for row in cut["rows"])
    for one, other in zip(rows(plain), rows(cut), strict=True):
        assert other == pytest.approx(one, rel=1e-4, abs=1e-5)
    # A float32 weight is compared with what the model has of it in bfloat16.
    near = 1e-2 if changed.get("dtype") else 1e-5
    for one, other in zip(plain["weights"], cut["weights"], strict=True):
        assert numpy.abs(one - other).max() < near


def test_a_model_of_several_kinds_or_without_blocks_is_refused(group, tiny_model_folder):
    tiny_model = tiny.load(tiny_model_folder)
    tiny_model.model.model.norm.bfloat16()
    with pytest.raises(ConfigError, match="are of several kinds: bfloat16, float32"):
        learner.begin(tiny_model, Imitate(), group)
    tiny_model.model.config.num_hidden_layers = 7
    with pytest.raises(ConfigError, match="the blocks of tiny are not found"):
        learner.begin(tiny_model, Imitate(), group)


def test_the_whole_is_an_ordinary_model_that_follows_the_parts(group, tiny_model_folder, tmp_path):
    tiny_model = tiny.load(tiny_model_folder)
    before = {name: one.clone() for name, one in tiny_model.model.state_dict().items()}
    own = learner.begin(tiny_model, Grpo(), group, refers=True)
    with torch.no_grad():
        own.parameters[0].to_local().add_(1.0)
    with own.model.whole() as whole:
        whole.save(tmp_path / "best")
        head, embeddings = whole.model.lm_head.weight, whole.model.model.embed_tokens.weight

        assert whole.shards is None
        assert head is embeddings
    again = local.load(tmp_path / "best", name="tiny", device="cpu", dtype="float32").model
    moved = [name for name, one in again.state_dict().items() if not torch.equal(one, before[name])]

    assert moved == ["model.embed_tokens.weight", "lm_head.weight"]
    assert all(one.is_meta for one in whole.model.parameters())
    with own.reference() as reference:
        kept = [one.to_local() for one in reference.model.parameters()]
    assert torch.equal(kept[0], before["model.embed_tokens.weight"])


# -- real processes --------------------------------------------------------------------------------


ROLLS = {"alarms": {"nan": "roll_back"}}
PAIRS = {
    "imitate": ("imitate", {}),
    "refilled": ("grpo", {**SHORT, **ROLLS, "refill_attempts": 2, "min_reward_spread": 0.3}),
    "nested": ("nested", {**SHORT, "prompts_per_step": 6}),
    "ppo": ("ppo", SHORT),
    "nothing to read": ("imitate", {**SHORT, "batch_size": 1}),
}
ALWAYS = {"schedule": "constant", "warmup_share": 0.0}


@pytest.fixture(scope="module")
def both(tiny_model_folder, tmp_path_factory):
    """For each job, what one process found and what two that keep parts did; and their folder."""
    place = tmp_path_factory.mktemp("shards")
    jobs, alone = {}, {}
    for name, (kind, changed) in {**PAIRS, "whole": ("grpo", ALWAYS)}.items():
        (own := place / f"{name} alone").mkdir()
        (alone[name],) = ranks.learn(kind, tiny_model_folder, own, **changed)
        (own := place / name).mkdir()
        jobs[name] = (kind, own, {**changed, "sharded": True})
    for name in ("cut", "begun"):
        (place / name).mkdir()
    ranks.learn("grpo", tiny_model_folder, place / "begun", **ALWAYS, **SHORT)
    jobs["begun"] = ("grpo", place / "begun", {**ALWAYS, "sharded": True})
    jobs["cut"] = ("grpo", place / "cut", {**ALWAYS, **SHORT, "sharded": True})
    jobs["held"], jobs["all"] = (("held", place, {"sharded": each}) for each in (True, False))
    found = ranks.learn_all(jobs, tiny_model_folder, place, 2)
    (alone["cut"],) = ranks.learn("grpo", tiny_model_folder, place / "cut", **ALWAYS)
    return alone, found, place


@pytest.mark.parametrize("name", [*PAIRS, "whole"])
def test_two_processes_with_a_part_each_learn_what_one_learns(name, both):
    alone, found, _ = both
    first, second = found[name]

    assert rows(first) == rows(second)
    for one, other in zip(rows(alone[name]), rows(first), strict=True):
        if "tokens_forward" in one:  # what all prompts begin with, each process reads itself
            assert other.pop("tokens_forward") >= one.pop("tokens_forward")
        assert other == pytest.approx(one, rel=1e-4, abs=1e-5)
    assert apart(alone[name], first) < 1e-5


def test_a_checkpoint_of_parts_is_the_whole_and_goes_on_either_way(both):
    alone, found, place = both
    whole = alone["whole"]

    assert apart(whole, alone["cut"]) < 1e-5  # begun in two parts, gone on in one process
    assert apart(whole, found["begun"][1]) < 1e-5  # begun by one, gone on in two parts
    assert [row["step"] for row in found["begun"][0]["rows"] if "loss" in row] == [3, 4]
    assert sorted(path.name for path in (place / "begun" / "checkpoint").iterdir()) == sorted(
        path.name for path in (place / "whole alone" / "checkpoint").iterdir()
    )


def test_each_of_two_processes_holds_about_half(both):
    _, found, _ = both
    halves, all_ = [each["bytes"] for each in found["held"]], found["all"][0]["bytes"]

    assert sum(halves) == pytest.approx(all_, rel=0.02)
    assert max(halves) < 0.52 * all_


def test_a_gradient_that_is_no_number_in_one_part_moves_no_part(both):
    _, found, _ = both

    assert all(math.isnan(each["norm"]) and each["same"] for each in found["held"])


def test_the_best_of_parts_is_a_model_folder(both, tiny_model_folder):
    _, _, place = both
    best, base = (
        local.load(folder, name="tiny", device="cpu", dtype="float32").model.state_dict()
        for folder in (place / "nothing to read" / "best", tiny_model_folder)
    )

    assert best.keys() == base.keys()
    assert not torch.equal(*(one["model.norm.weight"] for one in (best, base)))


def apart(one, other):
    """The root of the mean squared distance of all weights."""
    both = zip(one["weights"], other["weights"], strict=True)
    return math.sqrt(numpy.mean(numpy.concatenate([((a - b) ** 2).ravel() for a, b in both])))


def rows(found):
    """Figures without what a clock says."""
    return [{key: row[key] for key in row if key != "seconds"} for row in found["rows"]]
