"""Every alarm provoked in a real training of the tiny model, and what the loops do about it."""

import math

import pytest
import tiny
import torch

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.training import Alarms, Grpo, Imitate
from srlr.training import checkpoint, grpo, imitate
from srlr.training.checkpoint import State
from srlr.training.groups import Worth
from srlr.training.imitate import Example
from srlr.training.optim import MasterAdamW

torch.set_num_threads(1)
COMMON = {
    "epochs": 100,
    "kl_horizon": 100,
    "eval_every_steps": 100,
    "checkpoint_every_steps": 2,
    "patience": 100,
    "schedule": "constant",
}
OFF = dict.fromkeys(
    ("nan", "spike", "kl", "entropy", "length", "zero_spread", "reward_hacking"), "off"
)


def only(**alarms):
    """Alarms that are off, but for those named; a window of two steps."""
    return Alarms(**{**OFF, "window": 2, **alarms})


@pytest.fixture
def answer(tiny_model_folder):
    """GRPO on a fresh copy of the tiny model; returns its final weights and the outcome."""

    def run(heard, worth=tiny.vowels, alarms=None, tokens=8, **changes):
        model = tiny.load(tiny_model_folder)
        small = {"learning_rate": 3e-3, "prompts_per_step": 3, "samples_per_prompt": 6}
        settings = Grpo(**{**COMMON, **small, "alarms": alarms or Alarms(), **changes})
        draw = tiny.draw(model, worth, tokens)
        outcome = grpo.train(model, draw, settings, 0, heard.around())
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


@pytest.fixture
def copy(tiny_model_folder):
    """An imitation by a fresh copy of the tiny model, poisoned where told."""

    def run(heard, alarms=None, poison=False, dtype="float32", weights=(1.0,) * 5, **changes):
        model = tiny.load(tiny_model_folder, dtype)
        examples = []
        for text, weight in zip(tiny.SENTENCES, weights, strict=True):
            said = [*model.encode(f"{text[:6]} is good"), model.stop_token]
            prompt = model.encode_chat([{"role": "user", "content": text}])
            examples.append(Example(prompt, [said], [weight]))
        if poison:
            with torch.no_grad():
                model.model.model.norm.weight[0] = math.nan
        small = {"learning_rate": 1e-2, "batch_size": 4, "max_steps": 8}
        settings = Imitate(**{**COMMON, **small, "alarms": alarms or Alarms(), **changes})
        outcome = imitate.train(model, examples, settings, 0, heard.around())
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


def same(one, other):
    return all(map(torch.equal, one, other))


def told(heard):
    return [(alarm.name, alarm.step, alarm.action) for alarm in heard.alarms]


# -- each alarm, provoked --------------------------------------------------------------------------


def test_a_poisoned_weight_stops_the_loop_after_three_steps(copy, ears):
    heard = ears()
    _, outcome = copy(heard, poison=True)

    assert told(heard) == [("nan", 3, "stop")]
    assert outcome.steps == 3
    assert [(one["name"], one["action"]) for one in outcome.alarms] == [("nan", "stop")]


def test_a_healthy_imitation_raises_nothing(copy, ears):
    heard = ears()
    _, outcome = copy(heard, max_steps=14)

    assert heard.alarms == []
    assert outcome.alarms == []
    assert not list(heard.folder.glob("anchor-*"))


def test_a_huge_learning_rate_goes_far_from_the_reference(copy, ears):
    heard = ears()
    copy(heard, only(kl="warn"), learning_rate=3.0, max_grad_norm=1e3)

    assert [name for name, _, _ in told(heard)] == ["kl"]


def test_an_example_that_weighs_a_hundred_times_more_is_a_spike(copy, ears):
    heard = ears()
    steady = {"batch_size": 1, "learning_rate": 1e-6, "kl_penalty_weight": 0.0}
    copy(heard, only(spike="warn"), weights=[100.0, 1.0, 1.0, 1.0, 1.0], **steady)
    (alarm,) = heard.alarms

    assert alarm.step == 1 + [imitate.batch_of(at, 5, 1, 0) for at in range(8)].index([0], 4)


def test_a_reward_for_one_letter_collapses_the_entropy(answer, ears):
    heard = ears("rlvr")
    answer(
        heard,
        lambda _, one: Worth(one.text.count("e"), one.text.count("e"), {}),
        only(entropy="stop"),
        learning_rate=2e-2,
        kl_penalty_weight=0.0,
        max_steps=40,
    )

    assert [name for name, _, _ in told(heard)] == ["entropy"]


def test_a_reward_for_short_answers_makes_their_length_drift(answer, ears):
    heard = ears("rlvr")
    answer(
        heard,
        lambda _, one: Worth(-len(one.text), -len(one.text), {}),
        only(length="stop", length_factor=1.25),
        tokens=16,
        learning_rate=2e-2,
        kl_penalty_weight=0.0,
        max_steps=40,
    )

    assert [name for name, _, _ in told(heard)] == ["length"]


def test_a_constant_reward_has_no_spread(answer, ears):
    heard = ears("rlvr")
    _, outcome = answer(heard, lambda *_: Worth(0.5, 0.5, {}), max_steps=8)

    assert told(heard) == [("zero_spread", 5, "warn")]
    assert outcome.steps == 8


def test_a_judge_whose_held_out_figure_falls_uncovers_a_hacked_reward(answer, ears):
    heard = ears("rlvr", figures=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    answer(heard, learning_rate=1e-2, kl_penalty_weight=0.0, max_steps=12, eval_every_steps=2)

    assert "reward_hacking" in [name for name, _, _ in told(heard)]


# -- what is done about them -----------------------------------------------------------------------

BACK = only(kl="roll_back", kl_over_target=1e-3, max_roll_backs=9)
"""In an imitation, a window of two steps asks for four before it speaks."""


def test_a_warning_is_told_once_and_changes_nothing(copy, ears):
    warned, silent = ears("warned"), ears("silent")
    weights, outcome = copy(warned, only(kl="warn", kl_over_target=1e-3))
    others, _ = copy(silent, only())

    assert told(warned) == [("kl", 4, "warn")]
    assert outcome.steps == 8
    assert same(weights, others)
    assert warned.rows == silent.rows


def test_without_a_best_the_weights_go_back_to_the_start(copy, ears, tiny_model_folder):
    heard = ears(figures=[math.nan])  # the first figure would be the best
    weights, _ = copy(heard, BACK, max_steps=4)

    assert told(heard) == [("kl", 4, "roll_back")]
    assert same(weights, tiny.load(tiny_model_folder).model.parameters())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_weights_go_back_to_the_best(copy, ears, dtype):
    heard = ears(figures=[0.5, 0.4])
    weights, outcome = copy(heard, BACK, dtype=dtype, max_steps=4, eval_every_steps=2)

    assert outcome.best_step == 2
    assert same(weights, heard.judged[0])
    assert not same(weights, heard.judged[1])


def test_every_roll_back_halves_the_learning_rate_and_begins_the_windows_anew(copy, ears):
    heard = ears()
    _, outcome = copy(heard, BACK, max_steps=10, warmup_share=0.0)

    assert told(heard) == [("kl", 4, "roll_back"), ("kl", 8, "roll_back")]
    assert heard.column("lr") == [1e-2] * 4 + [5e-3] * 4 + [2.5e-3] * 2
    assert outcome.steps == 10


def test_roll_backs_that_do_not_help_end_in_a_stop(copy, ears):
    heard = ears()
    alarms = BACK.model_copy(update={"max_roll_backs": 1})
    _, outcome = copy(heard, alarms, max_steps=20)

    assert told(heard) == [("kl", 4, "roll_back"), ("kl", 8, "stop")]
    assert heard.alarms[-1].why.endswith("; roll-backs made before: 1")
    assert outcome.steps == 8


def test_a_stop_comes_before_a_roll_back(copy, ears):
    heard = ears()
    alarms = only(kl="roll_back", spike="stop", kl_over_target=1e-3, spike_deviations=1e-3)
    weights = [100.0, 1.0, 1.0, 1.0, 1.0]
    _, outcome = copy(heard, alarms, weights=weights, batch_size=1, max_steps=20)

    assert {one["action"] for one in outcome.alarms if one["step"] == outcome.steps} <= {
        "stop",
        "warn",
    }


def test_a_roll_back_gives_a_tired_run_new_patience(copy, ears):
    heard = ears(figures=[0.5, 0.4])
    settings = {"eval_every_steps": 2, "patience": 2, "max_steps": 20}
    _, rolled = copy(heard, BACK, **settings)
    _, tired = copy(ears("tired", figures=[0.5, 0.4]), only(), **settings)

    assert tired.steps == 6
    assert rolled.steps == 20


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("stop_at", [1, 5, 8, 11])
def test_a_killed_run_goes_on_through_its_roll_backs(copy, ears, dtype, stop_at):
    """Roll-backs after 4, 8 and 12, checkpoints after 3, 6, 9 and 12, judgements after 2, 4, …"""
    figures = [0.1, 0.3, 0.2, 0.4, 0.1, 0.1, 0.1]
    settings = {"max_steps": 13, "checkpoint_every_steps": 3, "eval_every_steps": 2}
    whole, broken = ears("whole", figures=figures), ears("broken", figures=figures, stop_at=stop_at)
    expected, outcome = copy(whole, BACK, dtype=dtype, **settings)
    with pytest.raises(KeyboardInterrupt):
        copy(broken, BACK, dtype=dtype, **settings)
    broken.stop_at = None
    # the judge answers by the loop's step, not by how often it was asked
    broken.judged = broken.judged[: (stop_at - 1) // 3 * 3 // 2]
    again, outcome_again = copy(broken, BACK, dtype=dtype, **settings)

    assert [one["step"] for one in outcome.alarms] == [4, 8, 12]
    assert same(expected, again)
    assert broken.rows == whole.rows
    assert outcome_again.best == outcome.best
    assert [(one["step"], one["why"]) for one in outcome_again.alarms] == [
        (one["step"], one["why"]) for one in outcome.alarms
    ]
    assert len(list(broken.folder.glob("anchor-*"))) == 1


# -- the weights to go back to ---------------------------------------------------------------------


def optimiser():
    return MasterAdamW(torch.nn.Linear(3, 4).to(torch.bfloat16).parameters(), 1e-2, 0.0)


def test_a_missing_anchor_says_how_to_start_again(tmp_path):
    with pytest.raises(MissingArtifact, match="damaged") as caught:
        checkpoint.put_back(tmp_path / "srl" / "anchor-0.safetensors", optimiser())

    assert "srlr srl --run" in caught.value.hint


def test_a_place_that_cannot_be_written_is_the_machines_refusal(tmp_path):
    with pytest.raises(ResourceError, match="cannot write the checkpoint"):
        checkpoint.save_weights(tmp_path / "nowhere" / "anchor-0.safetensors", optimiser())


def test_a_checkpoint_keeps_the_anchor_it_knows_and_removing_it_keeps_none(tmp_path):
    one = optimiser()
    for step in (0, 4, 8):
        state = State(step=9, best_step=step)
        checkpoint.save_weights(checkpoint.anchor(tmp_path / "checkpoint", state), one)
    checkpoint.save(tmp_path / "checkpoint", one, State(step=9, best_step=4))
    left = sorted(path.name for path in tmp_path.glob("anchor-*"))
    checkpoint.remove(tmp_path / "checkpoint")

    assert left == ["anchor-4.safetensors"]
    assert list(tmp_path.iterdir()) == []
