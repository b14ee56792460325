import json

import pytest
import tiny
import torch

from srlr.core.errors import MissingArtifact
from srlr.core.training import Dpo
from srlr.models import local
from srlr.training.groups import Worth

pytest.importorskip("trl")

from srlr.training import dpo, trl_callback, trl_trainer

SETTINGS = Dpo(
    learning_rate=3e-3,
    epochs=100,
    max_steps=6,
    samples_per_prompt=8,
    pairs_per_prompt=3,
    pairs_per_step=4,
    micro_batch_tokens=400,
    eval_every_steps=2,
    checkpoint_every_steps=2,
    patience=100,
)


def said(**changes):
    return SETTINGS.model_copy(update=changes)


@pytest.fixture
def learn(tiny_model_folder):
    """Trains a fresh copy of the tiny model; returns its final weights and the outcome."""

    def run(heard, worth=tiny.vowels, settings=SETTINGS, seed=0, dtype="float32", first=None):
        local.prepare(1, 0)
        model = tiny.load(tiny_model_folder, dtype)
        draw = tiny.draw(model, worth, rows=16)
        outcome = dpo.train(model, draw, settings, seed, heard.around(), first)
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


def same(one, other):
    return all(map(torch.equal, one, other))


def test_pairs_are_learnt_and_figures_told(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.6, 0.7, 0.6])
    _, outcome = learn(heard)
    lines = [json.loads(line) for line in (heard.folder / "pairs.jsonl").open()]

    assert heard.column("loss")[-1] < heard.column("loss")[0] / 2
    assert heard.column("reward_margin")[-1] > 0.5
    assert heard.column("pair_accuracy")[-1] == 1.0
    assert heard.column("lr")[0] == pytest.approx(3e-3)
    assert heard.column("kl")[0] == pytest.approx(0.0, abs=1e-4)
    assert (outcome.best_step, outcome.steps) == (4, 6)
    assert outcome.first == {"macro_f1": 0.5, "validity": 1.0}
    assert (heard.folder / "best" / "model.safetensors").exists()
    assert [line["prompt"] for line in lines] == [0, 1, 2, 3, 4]
    assert heard.told[-1] == ("steps", 6, 6)


def test_the_first_loss_is_that_of_a_coin(learn, ears):
    """The policy is its own reference: every margin is 0, and -log σ(0) = log 2."""
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=1))

    assert heard.column("loss")[0] == pytest.approx(0.6931, abs=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("at", [1, 3])
def test_an_interrupted_run_goes_on_bit_for_bit(learn, ears, dtype, at):
    """Stopped before the first checkpoint, and between two."""
    whole, cut = ears("whole"), ears("cut", stop_at=at)
    weights, outcome = learn(whole, dtype=dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(cut, dtype=dtype)
    before = list(cut.rows)
    again = ears("cut")
    again.rows = before
    resumed, other = learn(again, dtype=dtype)

    assert same(weights, resumed)
    assert outcome == other
    assert again.rows == whole.rows


def test_a_run_cut_while_answering_keeps_what_was_drawn(learn, ears):
    whole, cut = ears("whole"), ears("cut")
    weights, _ = learn(whole)
    calls = []

    def failing(index, answer):
        if index == 3:
            raise KeyboardInterrupt
        return tiny.vowels(index, answer)

    def counted(index, answer):
        calls.append(index)
        return tiny.vowels(index, answer)

    with pytest.raises(KeyboardInterrupt):
        learn(cut, failing)
    resumed, _ = learn(ears("cut"), counted)

    assert set(calls) == {2, 3, 4}  # two prompts at a time
    assert same(weights, resumed)


def test_an_unfinished_checkpoint_is_not_gone_on_from(learn, ears):
    whole, cut = ears("whole"), ears("cut", stop_at=5)
    weights, _ = learn(whole)
    with pytest.raises(KeyboardInterrupt):
        learn(cut)
    (cut.folder / "checkpoint" / "checkpoint-4" / trl_callback.COMPLETE).unlink()
    (cut.folder / "checkpoint" / "checkpoint-4" / "optimizer.pt").write_bytes(b"cut")
    resumed, _ = learn(ears("cut"))

    assert same(weights, resumed)


def test_where_all_answers_are_worth_the_same_nothing_is_learnt(learn, ears, tiny_model_folder):
    heard = ears("rlvr")
    weights, outcome = learn(heard, lambda *_: Worth(0.5, 0.5, {}))

    assert same(weights, [p.detach() for p in tiny.load(tiny_model_folder).model.parameters()])
    assert (outcome.best_step, outcome.steps) == (0, 0)
    assert heard.column("dev_macro_f1") == [0.5]


def test_it_ends_when_the_held_out_figure_stops_rising(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.6, 0.4, 0.4, 0.4])
    _, outcome = learn(heard, settings=said(max_steps=20, patience=2))

    assert (outcome.best_step, outcome.steps) == (2, 6)


def test_only_the_last_layers_learn_where_so_asked(learn, ears, tiny_model_folder):
    weights, _ = learn(ears("rlvr"), settings=said(trained_layers=1))
    model = tiny.load(tiny_model_folder).model
    moved = {
        name
        for (name, before), after in zip(model.named_parameters(), weights, strict=True)
        if not torch.equal(before, after)
    }

    assert moved
    assert all(name.startswith(("model.layers.1.", "model.norm")) for name in moved)


def test_known_figures_are_taken_over_and_few_prompts_answered(learn, ears):
    heard = ears("rlvr", figures=[0.6])
    _, outcome = learn(heard, settings=said(max_steps=1, prompts=2), first={"macro_f1": 0.9})

    assert outcome.first == {"macro_f1": 0.9}
    assert (outcome.best_step, len((heard.folder / "pairs.jsonl").read_text().splitlines())) == (
        0,
        2,
    )


@pytest.mark.parametrize(
    ("longest", "room", "at_once"),
    [(100, 1024, 4), (64, 1024, 8), (50, 10**6, 16), (100, 1, 1), (60, 1024, 8), (85, 1024, 4)],
)
def test_pairs_that_go_together_divide_a_step_and_fit(longest, room, at_once):
    """Two rows a pair: of 16, 1024 // 200 = 5 fit, and 4 of them divide 16."""
    settings = Dpo(pairs_per_step=16, micro_batch_tokens=room)

    assert dpo.pairs_at_once(settings, longest) == at_once


@pytest.mark.parametrize(
    ("made", "changes", "steps"),
    [(100, {}, 7), (100, {"epochs": 2}, 13), (100, {"max_steps": 3}, 3), (0, {}, 0), (1, {}, 1)],
)
def test_steps_are_as_many_as_the_pairs_fill(made, changes, steps):
    """100 pairs, 16 a step: 6.25 steps, rounded up."""
    assert dpo.plan_steps(made, Dpo(**changes)) == steps


def test_without_trl_it_says_what_to_install(learn, ears, monkeypatch):
    monkeypatch.setattr(trl_trainer.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingArtifact, match="trl") as caught:
        learn(ears("rlvr"))

    assert caught.value.hint == "pip install 'srlr[trl]'"
