import itertools
import socket

import numpy
import pytest
import ranks
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributed

from srlr.core.errors import LostError
from srlr.training.parallel import ALONE, World, buckets, here, joined, shares

torch.set_num_threads(1)
COSTS = st.lists(st.integers(0, 1000), max_size=40)


@given(st.integers(0, 50), st.integers(1, 9))
def test_pieces_are_neighbours_of_nearly_one_size_and_leave_nothing_out(length, size):
    pieces = [World(rank, size).piece(length) for rank in range(size)]
    sizes = [len(piece) for piece in pieces]

    assert [place for piece in pieces for place in piece] == list(range(length))
    assert max(sizes) - min(sizes) <= 1


@given(COSTS, st.integers(1, 6))
def test_shares_hold_every_place_once_and_none_is_much_dearer_than_the_mean(costs, size):
    parts = shares(costs, size)
    spent = [sum(costs[place] for place in part) for part in parts]

    assert sorted(place for part in parts for place in part) == list(range(len(costs)))
    assert all(part == sorted(part) for part in parts)
    assert max(spent) <= sum(costs) / size + max(costs, default=0)


def test_the_dearest_come_first_each_to_the_cheapest_part():
    # 9 | 7, 7 + 4 = 11, 9 + 3 = 12, 11 + 2 = 13
    assert shares([3, 9, 2, 7, 4], 2) == [[0, 1], [2, 3, 4]]


@given(COSTS, st.integers(1, 1500))
def test_buckets_are_neighbours_and_as_small_as_they_may_be(sizes, most):
    found = list(buckets(sizes, most))

    assert [place for bucket in found for place in bucket] == list(range(len(sizes)))
    assert all(len(one) == 1 or sum(sizes[place] for place in one) <= most for one in found)
    for one, after in itertools.pairwise(found):
        assert sum(sizes[place] for place in one) + sizes[after[0]] > most


def test_a_process_that_is_alone_has_everything_and_changes_nothing():
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = gradient = torch.tensor([1.0, 2.0])
    ALONE.sum_gradients([weight])
    with ALONE.in_turn():
        ALONE.wait()

    assert here() is ALONE
    assert ALONE.first
    assert ALONE.piece(3) == range(3)
    assert ALONE.share([2.0, 5.0, 1.0]) == [0, 1, 2]
    assert ALONE.chained("ab") == ["a", "b"]
    assert ALONE.total({"loss": 0.1}) == {"loss": 0.1}
    assert weight.grad is gradient


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("[gloo/transport/tcp/pair.cc:538] Connection closed by peer", LostError),
        ("mat1 and mat2 shapes cannot be multiplied", RuntimeError),
    ],
)
def test_where_weights_of_another_do_not_come_that_one_is_lost(said, raised, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(raised) as found, joined("cpu"):
        raise RuntimeError(said)
    distributed.destroy_process_group()

    assert type(found.value) is raised
    assert said in str(found.value)


# -- loops, in real processes ----------------------------------------------------------------------


CASES = {
    "imitate": ("imitate", {}),
    "grpo": ("grpo", {}),
    "refilled": ("grpo", {"refill_attempts": 2, "min_reward_spread": 0.3}),
    "gspo, used again": ("grpo", {"variant": "gspo", "passes": 2, "minibatches": 2}),
    "nested": ("nested", {"prompts_per_step": 6}),
    "ppo": ("ppo", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(name, tiny_model_folder, tmp_path):
    kind, changed = CASES[name]
    for size in (1, 2):
        (tmp_path / str(size)).mkdir()
    (one,) = ranks.learn(kind, tiny_model_folder, tmp_path / "1", **changed)
    two = ranks.learn(kind, tiny_model_folder, tmp_path / "2", size=2, **changed)

    assert [each["size"] for each in (one, *two)] == [1, 2, 2]
    assert plain(two[0]["rows"]) == plain(two[1]["rows"])
    assert all(map(numpy.array_equal, two[0]["weights"], two[1]["weights"]))
    assert len(one["rows"]) == len(two[0]["rows"])
    for alone, together in zip(plain(one["rows"]), plain(two[0]["rows"]), strict=True):
        if "tokens_forward" in alone:  # what all prompts begin with, each process reads itself
            assert together.pop("tokens_forward") >= alone.pop("tokens_forward")
        assert together == pytest.approx(alone, rel=1e-4, abs=1e-5)
    assert apart(one, two[0]) < 1e-5
    moved = [row for row in one["rows"] if row.get("grad_norm")]
    assert moved, "nothing was learnt, so nothing was compared"


def test_a_process_with_nothing_to_read_takes_the_step_all_the_same(tiny_model_folder, tmp_path):
    """Three processes, two examples a step: the third has no gradient of its own."""
    for size in (1, 3):
        (tmp_path / str(size)).mkdir()
    (one,) = ranks.learn("imitate", tiny_model_folder, tmp_path / "1", batch_size=2)
    three = ranks.learn("imitate", tiny_model_folder, tmp_path / "3", size=3, batch_size=2)

    assert apart(one, three[2]) < 1e-5


def test_a_killed_loop_goes_on_with_another_number_of_processes(tiny_model_folder, tmp_path):
    """The first half alone, the second by two: as if it had never been alone."""
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    keys = {"schedule": "constant", "warmup_share": 0.0}
    (whole,) = ranks.learn("grpo", tiny_model_folder, tmp_path / "whole", **keys)
    ranks.learn("grpo", tiny_model_folder, tmp_path / "cut", max_steps=2, **keys)
    two = ranks.learn("grpo", tiny_model_folder, tmp_path / "cut", size=2, **keys)

    assert [row["step"] for row in two[0]["rows"] if "loss" in row] == [3, 4]
    assert apart(whole, two[1]) < 1e-5


def apart(one, other):
    """The root of the mean squared distance of all weights; four steps move them by about 5e-3.

    A single weight may be further off: where a gradient is hardly more than rounding, AdamW makes
    as long a step of it as of any other.
    """
    both = zip(one["weights"], other["weights"], strict=True)
    return numpy.sqrt(numpy.mean(numpy.concatenate([((a - b) ** 2).ravel() for a, b in both])))


def plain(rows):
    """Figures without what a clock says."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
