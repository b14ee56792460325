import json

import pytest
import tiny
import torch

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.training import Distil, Lora
from srlr.models import local

pytest.importorskip("trl")

from srlr.training import distil

SETTINGS = Distil(
    learning_rate=1e-2,
    epochs=100,
    max_steps=6,
    batch_size=4,
    micro_batch_tokens=400,
    eval_every_steps=2,
    checkpoint_every_steps=2,
    patience=100,
    divergence=0.5,
)
LORA = {"tuning": "lora", "lora": Lora(rank=4, alpha=8, dropout=0.2)}
CHATS = [[{"role": "user", "content": text}] for text in tiny.SENTENCES]


def said(**changes):
    return SETTINGS.model_copy(update=changes)


@pytest.fixture(scope="session")
def teacher(tmp_path_factory):
    return tiny.make(tmp_path_factory.mktemp("teacher"), seed=1)


@pytest.fixture
def learn(tiny_model_folder, teacher):
    """Trains a fresh copy of the tiny model; returns its final weights and the outcome."""

    def run(heard, settings=SETTINGS, folder=teacher):
        local.prepare(1, 0)
        model = tiny.load(tiny_model_folder)
        lesson = distil.Lesson(folder, CHATS, 8)
        outcome = distil.train(model, lesson, settings, 0, heard.around())
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


def same(one, other):
    return all(map(torch.equal, one, other))


def test_the_model_comes_nearer_to_its_teacher(learn, ears):
    heard = ears(figures=[0.5, 0.7, 0.6])
    _, outcome = learn(heard)
    loss = heard.column("loss")

    assert sum(loss[-2:]) < 0.96 * sum(loss[:2])
    assert heard.rows[0][1].keys() >= {"response_tokens", "entropy", "grad_norm", "lr"}
    assert (outcome.best_step, outcome.steps, outcome.first) == (4, 6, None)
    assert (heard.folder / "best" / "model.safetensors").exists()


def test_from_itself_there_is_nothing_to_learn(learn, ears, tiny_model_folder):
    heard = ears()
    learn(heard, said(max_steps=1), tiny_model_folder)

    assert heard.column("loss")[0] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("changes", [{}, LORA], ids=["full", "lora"])
def test_an_interrupted_run_goes_on_bit_for_bit(learn, ears, changes):
    whole, cut = ears("whole"), ears("cut", stop_at=3)
    weights, outcome = learn(whole, said(**changes))
    with pytest.raises(KeyboardInterrupt):
        learn(cut, said(**changes))
    again = ears("cut")
    again.rows = list(cut.rows)
    resumed, other = learn(again, said(**changes))

    assert again.rows == whole.rows
    assert outcome == other
    assert same(weights, resumed)


def test_a_teacher_with_another_vocabulary_is_refused_before_it_is_loaded(
    learn, ears, teacher, tmp_path
):
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_text((teacher / name).read_text())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 400}))
    with pytest.raises(ConfigError, match="another vocabulary") as caught:
        learn(ears(), folder=tmp_path)

    assert "output layer of 400" in str(caught.value)
    assert "srl.teacher" in caught.value.hint


def test_a_teacher_that_is_no_model_is_named(learn, ears, tmp_path):
    with pytest.raises(MissingArtifact, match="cannot be read"):
        learn(ears(), folder=tmp_path)
