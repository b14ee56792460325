from dataclasses import replace

import pytest
import tiny
import torch

from srlr.models.rollout import generate_tokens
from srlr.models.sampling import Sampling
from srlr.models.stops import Stops

torch.set_num_threads(1)
NEW = 24


@pytest.fixture(scope="module")
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


@pytest.fixture(scope="module")
def prompts(model):
    return [model.encode_chat([{"role": "user", "content": text}]) for text in tiny.SENTENCES]


def when_reached(stops, tokens):
    """After how many tokens the answer ends, as it grows; None: it does not."""
    sizes = [size for size in range(1, len(tokens) + 1) if stops.reached(tokens[:size])]
    return sizes[0] if sizes else None


@pytest.mark.parametrize(
    ("said", "texts", "text"),
    [
        ("good\nUser: and", ("\nUser:",), "good"),
        ("good\nUser: and", ("?", "User", "and"), "good\n"),
        ("good", ("bad",), None),
        ("gut 🙂 sehr", ("🙂",), "gut "),  # four tokens, whole with the last of them
        ("stop", ("stop",), ""),
        ("x" * 300 + "END.", ("END",), "x" * 300),
    ],
)
def test_an_answer_ends_where_it_contains_a_stop_text(model, said, texts, text):
    tokens, stops = model.encode(said), Stops(model, texts)
    size = when_reached(stops, tokens)
    if text is None:
        assert size is None
        assert stops.finish(tokens) == (said, len(tokens), False)
        return

    assert stops.finish(tokens) == (text, size, True)  # also where it was not noticed in time
    assert not any(stop in model.decode(tokens[: size - 1]) for stop in texts)


def test_a_stop_token_ends_an_answer_and_is_not_in_its_text(model):
    stops = Stops(replace(model, stop_tokens=(2, 300)))
    tokens = [*model.encode("good"), 300]

    assert when_reached(stops, tokens) == len(tokens)
    assert stops.finish(tokens) == ("good", len(tokens), True)


def test_an_answer_that_is_only_the_stop_token_is_empty(model):
    assert Stops(model, ("x",)).finish([model.stop_token]) == ("", 1, True)


@pytest.mark.parametrize("samples", [1, 3])
def test_stop_texts_shorten_answers_and_change_nothing_before(model, prompts, samples):
    asked = Sampling(NEW, samples=samples, temperature=0.7, seed=3, log_probs=True, entropies=True)
    endless = generate_tokens(model, prompts, asked)
    stop = endless[0].text[4:6]
    answers = generate_tokens(model, prompts, replace(asked, stop=(stop,)))

    assert answers[0].stopped
    for long, short in zip(endless, answers, strict=True):
        size = len(short.tokens)
        assert short.tokens == long.tokens[:size]
        assert len(short.logps) == len(short.entropies) == size
        assert short.text == long.text.partition(stop)[0]
        assert (stop in long.text) <= short.stopped
