import pytest
import tiny
import torch

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.training import Grpo, Lora
from srlr.core.vllm import Vllm
from srlr.models import local
from srlr.training.groups import Worth

pytest.importorskip("trl")

from srlr.training import trl_grpo, trl_trainer

SETTINGS = Grpo(
    backend="trl",
    learning_rate=3e-3,
    epochs=100,
    max_steps=4,
    prompts_per_step=3,
    samples_per_prompt=4,
    micro_batch_tokens=400,
    kl_penalty_weight=0.01,
    eval_every_steps=2,
    checkpoint_every_steps=2,
    patience=100,
)
LORA = {"tuning": "lora", "lora": Lora(rank=4, alpha=8, dropout=0.2)}
CHATS = [[{"role": "user", "content": text}] for text in tiny.SENTENCES]
WEIGHTS = {"e": 3.0, "short": 1.0}


def said(**changes):
    return SETTINGS.model_copy(update=changes)


def worth(_, answer):
    """Two rewards; the second cannot judge an answer that did not end."""
    share = sum(letter == "e" for letter in answer.text) / 8
    parts = {"e": share} | ({"short": 1.0} if answer.stopped else {})
    mass = sum(WEIGHTS[name] for name in parts)
    return Worth(sum(WEIGHTS[n] * v for n, v in parts.items()) / mass, float(share > 0), parts)


@pytest.fixture
def learn(tiny_model_folder):
    """Trains a fresh copy of the tiny model; returns its final weights and the outcome."""

    def run(heard, settings=SETTINGS, judge=worth, seed=0, dtype="float32", first=None):
        local.prepare(1, 0)
        model = tiny.load(tiny_model_folder, dtype)
        draw = tiny.draw(model, judge)
        posed = trl_grpo.Posed(CHATS, WEIGHTS)
        outcome = trl_grpo.train(model, draw, posed, settings, seed, heard.around(), first)
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


def same(one, other):
    return all(map(torch.equal, one, other))


def test_rewards_are_learnt_and_figures_told(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.6, 0.4])
    wide = {"prompts_per_step": 5, "samples_per_prompt": 8, "learning_rate": 1e-2}
    _, outcome = learn(heard, said(max_steps=8, eval_every_steps=4, **wide))
    reward = heard.column("reward")

    assert sum(reward[-3:]) > sum(reward[:3])
    assert heard.rows[1][1].keys() >= {
        *("reward", "reward_e", "kept_share", "response_tokens", "stopped_share"),
        *("loss", "grad_norm", "lr", "entropy", "kl"),
    }
    assert heard.column("kl")[0] == pytest.approx(0.0, abs=1e-4)
    assert (outcome.best_step, outcome.steps) == (4, 8)
    assert outcome.first == {"macro_f1": 0.5, "validity": 1.0}
    assert (heard.folder / "best" / "model.safetensors").exists()
    assert heard.told[-1] == ("steps", 8, 8)


@pytest.mark.parametrize("changes", [{}, LORA, {"passes": 2, "minibatches": 2}, {"beta": 0}])
def test_an_interrupted_run_goes_on_bit_for_bit(learn, ears, changes):
    changes = {"kl_penalty_weight": 0.0} if "beta" in changes else changes
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


@pytest.mark.parametrize("variant", ["grpo", "dr_grpo", "dapo", "gspo", "cispo"])
def test_every_variant_that_trl_has_learns(learn, ears, tiny_model_folder, variant):
    weights, _ = learn(ears("rlvr"), said(variant=variant, max_steps=1, reward_sum="normalised"))
    before = [p.detach() for p in tiny.load(tiny_model_folder).model.parameters()]

    assert not same(weights, before)


def test_where_all_outcomes_are_alike_nothing_is_learnt(learn, ears, tiny_model_folder):
    """Whatever the rewards say: the outcome gates."""
    heard = ears("rlvr")
    settings = said(kl_penalty_weight=0.0)
    weights, _ = learn(
        heard, settings, lambda i, answer: Worth(len(answer.text), 1.0, {"e": len(answer.text)})
    )

    assert same(weights, [p.detach() for p in tiny.load(tiny_model_folder).model.parameters()])
    assert heard.column("kept_share") == [0.0] * 4
    assert heard.column("reward")[0] > 0


def test_steps_count_rollouts_however_many_updates_each_has(learn, ears):
    heard = ears("rlvr")
    _, outcome = learn(heard, said(passes=2, minibatches=3, checkpoint_every_steps=3))

    assert outcome.steps == 4
    assert [step for step, row in heard.rows if "loss" in row] == [1, 2, 3, 4]
    assert all("clipped_share" in row for _, row in heard.rows if "loss" in row)


def test_a_reward_that_cannot_judge_says_what_the_others_say():
    group = trl_grpo.Group(None, [], [], ())
    half = Worth(0.5, 1.0, {"e": 0.5})
    weighed = sum(WEIGHTS[name] / 4 * trl_grpo.part(group, half, name) for name in WEIGHTS)

    assert weighed == half.total
    assert trl_grpo.part(trl_grpo.Group(None, [], [], None), half, "e") == 0.0


def test_other_tokens_than_ours_are_refused(tiny_model_folder):
    model = tiny.load(tiny_model_folder)
    draw = tiny.draw(model, worth)
    other = [[{"role": "user", "content": "another"}], *CHATS[1:]]
    with pytest.raises(ConfigError, match="other tokens") as caught:
        trl_grpo.check_tokens(model, draw, other)

    assert caught.value.hint == "rlvr.backend=own"


def test_what_trl_is_told_of_vllm():
    node = Vllm(mode="server", url="http://one:8000")
    told = trl_grpo.vllm_arguments(said(vllm=node))

    assert told["use_vllm"]
    assert (told["vllm_mode"], told["vllm_server_base_url"]) == ("server", "http://one:8000")
    assert trl_grpo.vllm_arguments(SETTINGS) == {"use_vllm": False}


def test_without_trl_it_says_what_to_install(learn, ears, monkeypatch):
    monkeypatch.setattr(trl_trainer.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingArtifact, match=r"rlvr\.backend=trl needs"):
        learn(ears("rlvr"))
