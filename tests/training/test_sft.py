import pytest
import tiny
import torch

from srlr.core.errors import MissingArtifact
from srlr.core.training import Alarms, Lora, Sft
from srlr.models import local
from srlr.training.imitate import Example

pytest.importorskip("trl")

from srlr.training import sft, trl_trainer

SETTINGS = Sft(
    learning_rate=3e-3,
    epochs=100,
    max_steps=6,
    batch_size=4,
    micro_batch_tokens=400,
    eval_every_steps=2,
    checkpoint_every_steps=2,
    patience=100,
)
LORA = {"tuning": "lora", "lora": Lora(rank=4, alpha=8, dropout=0.2), "trained_layers": 1}


def said(**changes):
    return SETTINGS.model_copy(update=changes)


def examples(model):
    chats = [[{"role": "user", "content": text}] for text in tiny.SENTENCES]
    answers = ["bad: no", "good: yes", "mixed: yes and no", "no label", "good: why not"]
    return [
        Example(model.encode_chat(chat), [model.encode(text), [model.stop_token]], [1.0, 1.0])
        for chat, text in zip(chats, answers, strict=True)
    ]


@pytest.fixture
def learn(tiny_model_folder):
    """Trains a fresh copy of the tiny model; returns its final weights and the outcome."""

    def run(heard, settings=SETTINGS, seed=0, dtype="float32"):
        local.prepare(1, 0)
        model = tiny.load(tiny_model_folder, dtype)
        outcome = sft.train(model, examples(model), settings, seed, heard.around())
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


def same(one, other):
    return all(map(torch.equal, one, other))


def test_completions_are_learnt_and_figures_told(learn, ears):
    heard = ears(figures=[0.5, 0.7, 0.6])
    _, outcome = learn(heard)

    assert heard.column("loss")[-1] < heard.column("loss")[0] * 0.6
    assert heard.column("token_accuracy")[-1] > heard.column("token_accuracy")[0]
    assert heard.column("lr")[0] == pytest.approx(3e-3)
    assert (outcome.best_step, outcome.steps, outcome.first) == (4, 6, None)
    assert heard.column("dev_macro_f1") == [0.5, 0.7, 0.6]
    assert (heard.folder / "best" / "model.safetensors").exists()
    assert heard.told[-1] == ("steps", 6, 6)


def test_the_loss_is_the_mean_over_completion_tokens_of_the_whole_batch(
    learn, ears, tiny_model_folder
):
    """All five examples in one batch: however it is cut, and for no token of a prompt."""
    model = tiny.load(tiny_model_folder)
    logps = []
    for one in examples(model):
        row = one.row()
        ids = torch.tensor([[*row.prompt, *row.completions[0]]])
        with torch.no_grad():
            logits = model.model(ids).logits[0, len(row.prompt) - 1 : -1]
        own = logits.log_softmax(-1).gather(1, ids[0, len(row.prompt) :, None])
        logps += own[:, 0].tolist()
    heard = ears()
    learn(heard, said(batch_size=5, max_steps=1))

    assert heard.column("loss") == [pytest.approx(-sum(logps) / len(logps), rel=1e-4)]


def test_a_batch_in_pieces_is_the_batch(learn, ears):
    one, other = ears("one"), ears("other")
    whole, _ = learn(one, said(micro_batch_tokens=10**6))
    pieces, _ = learn(other, said(micro_batch_tokens=1))

    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(whole, pieces, strict=True))
    assert one.column("loss") == pytest.approx(other.column("loss"), rel=1e-3)


def test_activations_computed_again_are_the_same(learn, ears):
    kept, _ = learn(ears("kept"), said(max_steps=2))
    again, _ = learn(ears("again"), said(max_steps=2, gradient_checkpointing=True))

    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(kept, again, strict=True))


@pytest.mark.parametrize("changes", [{}, LORA], ids=["full", "lora"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_interrupted_run_goes_on_bit_for_bit(learn, ears, dtype, changes):
    settings = said(**changes)
    whole, cut = ears("whole"), ears("cut", stop_at=3)
    weights, outcome = learn(whole, settings, dtype=dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(cut, settings, dtype=dtype)
    again = ears("cut")
    again.rows = list(cut.rows)
    resumed, other = learn(again, settings, dtype=dtype)

    assert same(weights, resumed)
    assert outcome == other
    assert again.rows == whole.rows


def test_an_adapter_learns_alone_and_is_kept_by_itself_too(learn, ears, tiny_model_folder):
    heard = ears()
    learn(heard, said(**LORA))
    base = tiny.load(tiny_model_folder)
    kept = tiny.load(heard.folder / "best")
    before, after = dict(base.model.named_parameters()), dict(kept.model.named_parameters())

    assert (heard.folder / "best" / "adapter" / "adapter_model.safetensors").exists()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        f"model.layers.1.{part}.weight"
        for part in (
            *(f"self_attn.{one}_proj" for one in "qkvo"),
            *(f"mlp.{one}_proj" for one in ("gate", "up", "down")),
        )
    }


def test_it_ends_when_the_held_out_figure_stops_rising(learn, ears):
    heard = ears(figures=[0.5, 0.4, 0.4])
    _, outcome = learn(heard, said(max_steps=20, patience=2))

    assert (outcome.best_step, outcome.steps) == (2, 6)


def test_an_alarm_ends_it(learn, ears):
    """A learning rate so high that loss and gradient are no numbers; such steps move nothing."""
    heard = ears()
    alarms = Alarms(nan_steps=2)
    _, outcome = learn(heard, said(learning_rate=1e30, alarms=alarms, max_steps=20))

    assert [alarm.name for alarm in heard.alarms] == ["nan"]
    assert outcome.alarms[0]["action"] == "stop"
    assert outcome.steps < 20


def test_without_trl_it_says_what_to_install(learn, ears, monkeypatch):
    monkeypatch.setattr(trl_trainer.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingArtifact, match="srl=sft needs") as caught:
        learn(ears())

    assert caught.value.hint == "pip install 'srlr[trl]'"
