import contextlib
import json
import resource
from pathlib import Path

import pytest
import torch

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.training import checkpoint
from srlr.training.checkpoint import State
from srlr.training.optim import MasterAdamW

torch.set_num_threads(1)
STATE = State(3, 2, 0.1 + 0.2, 1, 0.625, {"macro_f1": 0.625}, 2, {"first": {"macro_f1": 1 / 3}})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "srl").mkdir()
    return tmp_path / "srl" / "checkpoint"


@contextlib.contextmanager
def files_no_larger_than(limit_bytes):
    """As on a full disk: a write beyond the limit fails; Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def optimiser(seed=0, dtype=torch.bfloat16):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MasterAdamW(torch.nn.Linear(30, 40).to(dtype).parameters(), 1e-2, 0.1)


def learn(optimiser, steps):
    for _ in range(steps):
        sum(0.5 * parameter.abs().sum() for parameter in optimiser.parameters).backward()
        optimiser.step(1.0, 1.0)
    return optimiser


def equal(one, other):
    exact = (each.tensors("weights").values() for each in (one, other))
    return all(map(torch.equal, *exact)) and all(map(torch.equal, one.parameters, other.parameters))


def names(folder):
    return sorted(path.name for path in folder.parent.iterdir())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_loaded_checkpoint_goes_on_bit_for_bit(folder, dtype):
    one, other = learn(optimiser(0, dtype), 2), optimiser(1, dtype)
    checkpoint.save(folder, one, STATE)

    assert checkpoint.load(folder, other) == STATE
    assert equal(one, other)
    assert equal(learn(one, 3), learn(other, 3))
    assert names(folder) == ["checkpoint"]


def test_a_checkpoint_before_the_first_update_has_weights_alone(folder):
    one, other = optimiser(0), optimiser(1)
    checkpoint.save(folder, one, State())

    assert sorted(path.name for path in folder.iterdir()) == ["state.json", "weights.safetensors"]
    assert checkpoint.load(folder, other) == State(best_score=float("-inf"))
    assert equal(learn(one, 2), learn(other, 2))


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(folder):
    one = optimiser()

    assert checkpoint.load(folder, one) is None
    assert equal(one, optimiser())


def test_a_newer_checkpoint_replaces_the_older(folder):
    one = learn(optimiser(), 1)
    checkpoint.save(folder, one, State(step=1, updates=1))
    checkpoint.save(folder, learn(one, 1), State(step=2, updates=2))
    other = optimiser(1)

    assert checkpoint.load(folder, other).step == 2
    assert equal(one, other)
    assert names(folder) == ["checkpoint"]


def test_a_save_killed_between_its_two_renames_is_recovered(folder):
    one, other = learn(optimiser(), 2), optimiser(1)
    checkpoint.save(folder, one, STATE)
    folder.rename(folder.with_name(".checkpoint.old"))

    assert checkpoint.load(folder, other) == STATE
    assert equal(one, other)
    assert names(folder) == ["checkpoint"]


def test_a_save_killed_while_writing_is_ignored_and_cleared_away(folder):
    part = folder.with_name(".checkpoint.part")
    part.mkdir()
    (part / "state.json").write_text('{"format"')
    one = optimiser()

    assert checkpoint.load(folder, one) is None
    checkpoint.save(folder, one, State())

    assert names(folder) == ["checkpoint"]


def test_a_save_killed_before_the_old_one_was_removed_keeps_the_new(folder):
    one = learn(optimiser(), 1)
    checkpoint.save(folder, one, State(step=1, updates=1))
    folder.rename(folder.with_name(".checkpoint.old"))
    checkpoint.save(folder.with_name("new"), learn(one, 1), State(step=2, updates=2))
    folder.with_name("new").rename(folder)

    assert checkpoint.load(folder, optimiser(1)).step == 2
    checkpoint.save(folder, one, State(step=3, updates=2))

    assert names(folder) == ["checkpoint"]


@pytest.mark.parametrize(
    "name",
    ["state.json", "weights.safetensors", "exp_avg.safetensors", "exp_avg_sq.safetensors"],
)
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_checkpoint_says_how_to_start_again(folder, name, damage):
    checkpoint.save(folder, learn(optimiser(), 2), STATE)
    path = folder / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.unlink()

    with pytest.raises(MissingArtifact, match="is damaged") as caught:
        checkpoint.load(folder, optimiser())

    assert f"srlr srl --run {folder.parent.parent} --force" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value"), [("format", checkpoint.FORMAT + 1), ("a_field_of_tomorrow", 1)]
)
def test_a_checkpoint_of_another_version_says_how_to_start_again(folder, key, value):
    checkpoint.save(folder, learn(optimiser(), 2), STATE)
    raw = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps(raw | {key: value}))

    with pytest.raises(MissingArtifact, match="is damaged") as caught:
        checkpoint.load(folder, optimiser())

    assert "--force" in caught.value.hint


def test_weights_of_another_model_say_how_to_start_again(folder):
    checkpoint.save(folder, learn(optimiser(), 2), STATE)
    other = MasterAdamW(torch.nn.Linear(30, 41).parameters(), 1e-2, 0.1)

    with pytest.raises(MissingArtifact, match="is damaged"):
        checkpoint.load(folder, other)


def test_a_full_disk_keeps_the_old_checkpoint_and_says_what_to_do(folder):
    one = learn(optimiser(), 2)
    checkpoint.save(folder, one, STATE)
    kept = learn(optimiser(), 2)
    learn(one, 1)

    with files_no_larger_than(4000), pytest.raises(ResourceError, match="cannot write") as caught:
        checkpoint.save(folder, one, State(step=9, updates=3))  # weights alone are 4960 bytes

    other = optimiser(1)

    assert "free some space" in caught.value.hint
    assert names(folder) == ["checkpoint"]
    assert checkpoint.load(folder, other) == STATE
    assert equal(kept, other)


def test_remove_leaves_nothing(folder):
    checkpoint.save(folder, optimiser(), State())
    for name in (".checkpoint.part", ".checkpoint.old"):
        Path(folder.with_name(name)).mkdir()
    checkpoint.remove(folder)

    assert names(folder) == []


def test_a_stream_is_stable_and_differs_by_name():
    first = {
        (seed, *rest): checkpoint.stream(seed, *rest).random()
        for seed in (0, 1)
        for rest in (("order", 0), ("order", 1), ("rollout", 0), ("rollout",))
    }

    assert len(set(first.values())) == 8
    assert checkpoint.stream(0, "order", 0).random() == first[0, "order", 0]


def test_a_stream_is_the_same_on_every_machine():
    """random.Random of a text is defined by its SHA-512 (version 2 seeding), not by hash()."""
    assert checkpoint.stream(17, "rollout", 3).getrandbits(48) == 205973965398555


def test_an_order_is_a_permutation_of_its_own_for_each_epoch():
    orders = [checkpoint.order(20, 0, epoch) for epoch in range(3)]

    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len(set(orders)) == 3
    assert checkpoint.order(20, 1, 0) != orders[0]
