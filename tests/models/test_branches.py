from dataclasses import replace

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from srlr.models.branches import GROWS_BY, Own, Places
from srlr.models.rollout import generate_tokens
from srlr.models.sampling import Sampling

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_what_is_put_together_by_prompt_comes_back_row_by_row(host_R):
    states = torch.arange(len(host_R) * 2 * 3 * 5.0).view(len(host_R), 2, 3, 5)
    places = Places.of(host_R, 4, torch.device("cpu"))
    together = places.gather(states)

    assert torch.equal(places.scatter(together, 3), states)
    for row, host in enumerate(host_R):  # its own states are with its own prompt
        slots = together[host].unflatten(1, (-1, 3)).unbind(1)
        assert any(torch.equal(one, states[row]) for one in slots)


def test_rows_that_are_their_prompts_need_no_places():
    assert Places.of([0, 1, 2], 3, torch.device("cpu")) is None
    assert Places.of([0, 1, 2], 4, torch.device("cpu")) is not None


def test_room_grows_and_keeps_what_was_said():
    own = Own()
    like = torch.ones(2, 1, 3)
    own.reserve(2, 1, like)
    own.keys[:2, :, 0] = like
    own.reserve(5, GROWS_BY + 1, torch.ones(5, 1, 3))

    assert own.keys.shape == own.values.shape == (5, 1, 2 * GROWS_BY, 3)
    assert own.keys.sum() == 6
    assert own.values.sum() == 0


def test_room_that_is_enough_stays():
    own = Own()
    own.reserve(3, 2, torch.ones(3, 1, 3))
    keys = own.keys
    own.reserve(2, GROWS_BY, torch.ones(2, 1, 3))

    assert own.keys is keys


def test_long_answers_of_many_samples_are_those_of_transformers_steps(model):
    """Rows part and end at different times, prompts are left, and room grows twice."""
    texts = ["good", *tiny.SENTENCES]
    prompts = [model.encode_chat([{"role": "user", "content": text}]) for text in texts]
    nested = [*prompts, prompts[1] + [40], prompts[1] + [40, 41]]
    stops = replace(model, stop_tokens=(model.stop_token, *range(100, 108)))
    plain = replace(stops, abilities=replace(model.abilities, blocks=False))
    asked = Sampling(2 * GROWS_BY + 8, 10**6, 8, 0.5, seed=3, log_probs=True)
    ours, theirs = (generate_tokens(one, nested, asked) for one in (stops, plain))

    lengths = {len(one.tokens) for one in ours}
    assert max(lengths) > 2 * GROWS_BY > GROWS_BY > min(lengths)
    assert [one.tokens for one in ours] == [one.tokens for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(
            torch.tensor(one.logps), torch.tensor(other.logps), atol=1e-4, rtol=0
        )
