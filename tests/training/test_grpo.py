import gc
import math

import pytest
import tiny
import torch
from transformers import LlamaForCausalLM

from srlr.core.training import Grpo
from srlr.training import grpo
from srlr.training.drawing import indices
from srlr.training.groups import Worth
from srlr.training.grpo import plan_steps

torch.set_num_threads(1)
SETTINGS = Grpo(
    learning_rate=3e-3,
    epochs=100,
    max_steps=6,
    prompts_per_step=3,
    samples_per_prompt=6,
    kl_horizon=100,
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
        model = tiny.load(tiny_model_folder, dtype)
        draw = tiny.draw(model, worth)
        outcome = grpo.train(model, draw, settings, seed, heard.around(), first)
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


@pytest.fixture
def untouched(tiny_model_folder):
    return [p.detach() for p in tiny.load(tiny_model_folder).model.parameters()]


def same(one, other):
    return all(map(torch.equal, one, other))


def test_a_reward_that_can_be_had_is_learnt(learn, ears):
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=12, learning_rate=1e-2, kl_penalty_weight=0.0))
    reward = heard.column("reward")

    assert sum(reward[-3:]) > 2 * sum(reward[:3])
    assert reward == heard.column("reward_e")


def test_the_first_step_by_its_figures(learn, ears):
    """ρ is 1, so the loss is -Σ A·tokens / tokens; the policy is its own reference."""
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=1))
    (first,) = (figures for _, figures in heard.rows if "loss" in figures)

    assert first["kl"] == pytest.approx(0.0, abs=1e-5)
    assert (first["beta"], first["lr"]) == (0.1, 3e-3)
    assert 0.0 < first["kept_share"] <= 1.0
    assert 0.0 < first["response_tokens"] <= 8.0
    assert 0.0 < first["entropy"] < 2 * math.log(384)
    assert first["grad_norm"] > 0.0


def test_answers_without_any_spread_leave_the_weights_untouched(learn, ears, untouched):
    heard = ears("rlvr")
    weights, outcome = learn(heard, lambda *_: Worth(0.5, 0.5, {}))

    assert same(weights, untouched)
    assert outcome.steps == 6
    assert heard.column("kept_share") == [0.0] * 6
    assert heard.column("grad_norm") == [0.0] * 6
    assert heard.column("beta") == [0.1] * 6
    assert heard.column("tokens") == [0.0] * 6


def test_a_model_that_has_been_scored_is_not_scored_again(learn, ears):
    known = ears("rlvr", figures=[0.9])
    _, outcome = learn(known, first={"macro_f1": 0.8}, settings=said(max_steps=2))

    assert len(known.judged) == 1  # after step 2
    assert outcome.first == {"macro_f1": 0.8}


def test_a_shaped_reward_alone_teaches_nothing_where_the_outcome_has_no_spread(
    learn, ears, untouched
):
    """Totals differ from answer to answer, and all of them are equally wrong."""
    weights, _ = learn(ears("rlvr"), lambda *both: Worth(tiny.vowels(*both).total, 0.0, {}))

    assert same(weights, untouched)


def test_the_judge_is_given_the_prompts_own_index(learn, ears):
    seen = []

    def worth(index, answer):
        seen.append(index)
        return tiny.vowels(index, answer)

    learn(ears("rlvr"), worth, said(max_steps=2))

    second, _ = indices([(n,) for n in range(5)], 3, 3, seed=0)

    assert seen == [0] * 6 + [1] * 6 + [2] * 6 + sorted(second * 6)


@pytest.mark.parametrize(
    ("dtype", "stop_at"),
    [
        ("float32", 1),
        ("float32", 4),
        ("float32", 5),
        ("bfloat16", 5),
    ],
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(learn, ears, dtype, stop_at):
    """Interrupted before the first checkpoint, just before one is taken, and just after."""
    figures = [0.1, 0.3, 0.2, 0.4]
    whole, broken = ears("whole", figures=figures), ears("broken", figures=figures, stop_at=stop_at)
    expected, outcome = learn(whole, dtype=dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(broken, dtype=dtype)
    broken.stop_at = None
    resumed_at = (stop_at - 1) // 2 * 2
    # the judge answers by the loop's step, not by how often it was asked
    broken.judged = broken.judged[: resumed_at // 2 + 1] if resumed_at else []
    again, outcome_again = learn(broken, dtype=dtype)

    assert same(expected, again)
    assert broken.rows == whole.rows
    assert outcome_again == outcome
    assert (broken.folder / "best" / "model.safetensors").read_bytes() == (
        whole.folder / "best" / "model.safetensors"
    ).read_bytes()


def test_the_same_seed_gives_the_same_run_and_another_seed_another(learn, ears):
    first, again, other = ears("first"), ears("again"), ears("other")
    weights = [learn(first)[0], learn(again)[0], learn(other, seed=1)[0]]

    assert same(weights[0], weights[1])
    assert first.rows == again.rows
    assert not same(weights[0], weights[2])


def test_it_stops_when_the_held_out_figure_stops_rising(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.6, 0.6, 0.4, 0.9])
    _, outcome = learn(heard, settings=said(eval_every_steps=1, patience=2))

    assert (outcome.best_step, outcome.steps) == (1, 3)


def test_the_best_model_is_kept_and_not_the_last(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.7, 0.8, 0.6])
    last, outcome = learn(heard)
    best = [p.detach() for p in tiny.load(heard.folder / "best").model.parameters()]

    assert outcome.best_step == 4
    assert same(best, heard.judged[2])
    assert not same(best, last)


def test_where_nothing_is_better_than_the_start_nothing_is_kept(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.5, 0.4])
    _, outcome = learn(heard)

    assert outcome.best_step == 0
    assert not (heard.folder / "best").exists()


@pytest.mark.parametrize(("penalty", "models"), [(0.1, 2), (0.0, 1)])
def test_without_a_penalty_no_reference_is_held(learn, ears, penalty, models):
    heard, held = ears("rlvr"), []
    log = heard.log
    gc.collect()
    before = sum(type(thing) is LlamaForCausalLM for thing in gc.get_objects())

    def count(step, figures):
        held.append(sum(type(thing) is LlamaForCausalLM for thing in gc.get_objects()) - before)
        log(step, figures)

    heard.log = count
    learn(heard, settings=said(max_steps=1, kl_penalty_weight=penalty))

    assert held[-1] == models
    assert heard.column("beta") == [penalty]
    assert penalty or heard.column("kl") == [0.0]


def test_the_size_of_micro_batches_changes_nothing_but_rounding(learn, ears):
    figures = []
    for tokens in (1, 10_000):
        heard = ears(f"by{tokens}")
        learn(heard, settings=said(max_steps=1, micro_batch_tokens=tokens))
        figures.append([heard.column(name)[0] for name in ("loss", "entropy", "grad_norm")])

    assert figures[0] == pytest.approx(figures[1], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("prompts", "settings", "steps"),
    [
        (100, Grpo(prompts_per_step=16, epochs=3), 19),  # 18.75
        (100, Grpo(prompts_per_step=16, epochs=3, max_steps=12), 12),
        (3, Grpo(prompts_per_step=16, epochs=1), 1),
    ],
)
def test_the_number_of_steps_by_hand(prompts, settings, steps):
    assert plan_steps(prompts, settings) == steps


@pytest.mark.parametrize("variant", ["grpo", "dr_grpo", "dapo", "gspo", "rloo", "cispo"])
@pytest.mark.parametrize(("passes", "minibatches"), [(1, 1), (2, 2)])
def test_every_variant_learns_what_can_be_had(learn, ears, variant, passes, minibatches):
    heard = ears("rlvr")
    how = said(
        variant=variant,
        passes=passes,
        minibatches=minibatches,
        max_steps=20,
        learning_rate=1e-2 if passes == 1 else 4e-3,
        kl_penalty_weight=0.0,
        clip_epsilon=0.2,
    )
    learn(heard, settings=how)
    reward = heard.column("reward")

    assert sum(reward[-3:]) > 1.5 * sum(reward[:3])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("variant", ["dapo", "gspo"])
def test_used_again_an_interrupted_run_still_goes_on_exactly(learn, ears, dtype, variant):
    how = said(variant=variant, passes=2, minibatches=2, refill_attempts=2)
    whole, broken = ears("whole"), ears("broken", stop_at=4)
    expected, _ = learn(whole, settings=how, dtype=dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(broken, settings=how, dtype=dtype)
    broken.stop_at = None
    again, _ = learn(broken, settings=how, dtype=dtype)

    assert same(expected, again)
    assert broken.rows == whole.rows


# -- tokens ----------------------------------------------------------------------------------------


def test_rollout_reference_and_training_are_counted(learn, ears):
    """Answers share what they have in common in all three, so a group that teaches costs them the
    same number of tokens, but for the first tokens that all prompts share, read once.
    """
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=1))
    row = next(figures for _, figures in heard.rows if "loss" in figures)
    trained = row["tokens"]

    assert row["tokens_backward"] == trained
    assert 2 * trained < row["tokens_forward"] <= 3.5 * trained


def test_where_nothing_is_learnt_the_answers_alone_are_counted(learn, ears):
    heard = ears("rlvr")
    alike = lambda index, answer: Worth(1.0, 1.0, {})  # noqa: E731
    _, outcome = learn(heard, worth=alike, settings=said(max_steps=2))

    assert outcome.tokens["tokens_backward"] == 0
    assert outcome.tokens["tokens_forward"] > 0
