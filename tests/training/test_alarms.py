import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.training import Alarms, Grpo, Imitate
from srlr.training.alarms import decide, deviation

HEALTHY = {
    "loss": 0.01,
    "kl": 0.05,
    "grad_norm": 0.5,
    "entropy": 0.5,
    "response_tokens": 14.0,
    "kept_share": 0.5,
    "reward": 0.7,
}


def trace(steps, held_out=(), every=10, **columns):
    """A GRPO log: healthy figures but for `columns`, each a value or a function of the step."""
    rows = []
    for step in range(steps + 1):
        if step:
            said = {k: v(step) if callable(v) else v for k, v in columns.items()}
            rows.append({"stage": "rlvr", "step": step, **HEALTHY, **said})
        if step % every == 0 and step // every < len(held_out):
            rows.append({"stage": "rlvr", "step": step, "dev_macro_f1": held_out[step // every]})
    return rows


def names(rows, settings=None):
    found = decide(rows, settings or Grpo(eval_tasks=320), "rlvr", "macro_f1")
    return [alarm.name for alarm in found]


def test_advice_for_a_warm_up_names_keys_that_there_are():
    rows = [
        {"step": step, "loss": 1.0, "grad_norm": 1.0 + 0.1 * wobble(step)} for step in range(15)
    ]
    rows.append({"step": 15, "loss": 1.0, "grad_norm": 99.0})
    (alarm,) = decide(rows, Imitate(), "srl.warm_up", "macro_f1")

    assert alarm.advice == "srl.max_grad_norm=0.5, or srl.warm_up.learning_rate=5e-06"


def wobble(step):
    """±1, in turns."""
    return 1.0 if step % 2 else -1.0


HACKED = {"reward": lambda step: 0.5 + 0.01 * step + 0.005 * wobble(step)}


@pytest.mark.parametrize(
    ("rows", "raised"),
    [
        (trace(0), []),
        (trace(30), []),
        # three steps in a row without a number, by the loss or by the gradient
        (trace(3, loss=math.nan), ["nan"]),
        (trace(9, grad_norm=lambda step: math.inf if step > 6 else 0.5), ["nan"]),
        (trace(9, grad_norm=lambda step: math.inf if step > 7 else 0.5), []),
        (trace(9, grad_norm=lambda step: math.nan if step in (6, 7) else 0.5), []),
        # median 0.5, distances of 0.05: 15 deviations are 1.112
        (trace(12, grad_norm=lambda s: 1.65 if s == 12 else 0.45 + 0.05 * (s % 3)), ["spike"]),
        (trace(12, grad_norm=lambda s: 1.58 if s == 12 else 0.45 + 0.05 * (s % 3)), []),
        # many deviations, but not twice the median
        (trace(12, grad_norm=lambda s: 0.97 if s == 12 else 0.5 + 1e-3 * (s % 3)), []),
        (trace(12, loss=lambda step: 0.5 if step == 12 else 0.02 * wobble(step)), ["spike"]),
        (trace(12, loss=lambda step: 0.5 if step == 11 else 0.02 * wobble(step)), []),
        (trace(10, grad_norm=lambda step: 9.0 if step == 10 else 0.5), []),  # 9 steps before it
        (trace(12, grad_norm=lambda step: 9.0 if step == 12 else 0.0), []),  # nothing to compare
        # ten times the target of 0.1, as the median of five
        (trace(5, kl=1.1), ["kl"]),
        (trace(5, kl=1.0), []),
        (trace(4, kl=9.0), []),
        (trace(9, kl=lambda step: 9.0 if step > 7 else 0.1), []),
        (trace(10, entropy=lambda step: 0.5 if step < 6 else 0.04), ["entropy"]),
        (trace(10, entropy=lambda step: 0.5 if step < 6 else 0.06), []),
        (trace(9, entropy=lambda step: 0.5 if step < 5 else 0.04), []),  # windows overlap
        (trace(10, response_tokens=lambda step: 14 if step < 6 else 29), ["length"]),
        (trace(10, response_tokens=lambda step: 14 if step < 6 else 6), ["length"]),
        (trace(10, response_tokens=lambda step: 14 if step < 6 else 27), []),
        (trace(5, kept_share=0.0), ["zero_spread"]),
        (trace(5, kept_share=lambda step: 0.5 if step == 5 else 0.0), []),  # 0.9 on average
        (trace(5, kept_share=1.0, spread_share=0.0), ["zero_spread"]),  # kept all the same
        (trace(5, kept_share=1.0, spread_share=0.1), []),
        # figures of steps that learnt nothing count nowhere else
        (trace(12, kept_share=lambda s: 0.0 if s > 10 else 0.5, grad_norm=9.0, kl=0.0), []),
        (trace(20, held_out=(0.7, 0.6, 0.6), **HACKED), ["reward_hacking"]),
        (trace(20, held_out=(0.7, 0.69, 0.58), **HACKED), ["reward_hacking"]),  # twice as far
        (trace(20, held_out=(0.7, 0.69, 0.61), **HACKED), []),  # once alone may be chance
        (trace(20, held_out=(0.7, 0.6, 0.68), **HACKED), []),
        (trace(40, held_out=(0.5, 0.6, 0.7, 0.6, 0.6), **HACKED), ["reward_hacking"]),
        (trace(20, held_out=(0.7, 0.6, 0.6)), []),  # the reward is flat
        (trace(20, held_out=(0.7, 0.6, 0.6), reward=lambda step: 0.7 - 0.01 * step), []),
        (trace(20, held_out=(0.7, 0.6, 0.6), reward=lambda s: 0.7 + 0.05 * wobble(s)), []),
        (trace(4, held_out=(0.7, 0.5, 0.5), every=2, **HACKED), []),  # two rewards in each half
        (trace(20, held_out=(0.7, math.nan, math.nan), **HACKED), []),
    ],
)
def test_what_raises_which_alarm(rows, raised):
    assert names(rows) == raised


def test_few_held_out_tasks_fall_farther_by_chance():
    """On 24 tasks a difference has a standard error of √(2 · 0.7 · 0.3 / 24) = 0.13."""
    rows = trace(20, held_out=(0.7, 0.6, 0.6), **HACKED)

    assert names(rows, Grpo(eval_tasks=24)) == []


def imitation(steps, loss, kl):
    return [
        {"step": step, "loss": loss(step), "kl": kl, "grad_norm": 1.0}
        for step in range(1, steps + 1)
    ]


def test_an_imitation_may_go_as_far_as_its_loss_falls():
    """From 4 to 1 and a target of 0.1: up to 31 nats; where the loss stays, up to 1."""

    def raised(loss, kl):
        return [one.name for one in decide(imitation(10, loss, kl), Imitate(), "srl", "macro_f1")]

    assert raised(lambda step: 4.0 if step < 6 else 1.0, 30.0) == []
    assert raised(lambda step: 4.0 if step < 6 else 1.0, 32.0) == ["kl"]
    assert raised(lambda step: 4.0, 2.0) == ["kl"]
    assert raised(lambda step: 4.0 + step / 10, 2.0) == ["kl"]
    assert decide(imitation(9, lambda step: 4.0, 9.0), Imitate(), "srl", "macro_f1") == []


def test_an_alarm_says_why_and_which_key_to_change_to_what():
    settings = Grpo(learning_rate=1e-4, alarms=Alarms(kl="roll_back"))
    (alarm,) = decide(trace(5, kl=1.25), settings, "rlvr", "macro_f1")

    assert (alarm.name, alarm.step, alarm.action) == ("kl", 5, "roll_back")
    assert alarm.why == "the divergence is 1.25 nats a token, 12 times its target of 0.1"
    assert alarm.advice == "rlvr.kl_penalty_weight=0.2, or rlvr.learning_rate=5e-05"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (trace(3, loss=math.nan), ["3 steps", "rlvr.learning_rate=5e-07"]),
        (
            trace(12, grad_norm=lambda step: 9.0 if step == 12 else 0.5),
            ["gradient norm 9, far above its median of 0.5", "rlvr.max_grad_norm=0.5"],
        ),
        (
            trace(12, loss=lambda step: 0.3 if step == 12 else 0.01 * (step % 3)),
            ["loss 0.3, 20 deviations above its median of 0.01", "rlvr.max_grad_norm=0.5"],
        ),
        (
            trace(10, entropy=lambda step: 0.5 if step < 6 else 0.04),
            ["from 0.5 to 0.04 nats", "rlvr.learning_rate=5e-07"],
        ),
        (
            trace(10, response_tokens=lambda step: 14 if step < 6 else 6),
            ["shorter: from 14 to 6", "rlvr.kl_penalty_weight=0.2"],
        ),
        (
            trace(5, kept_share=0.0),
            ["in 100% of the groups of 5 steps", "0.70 on average", "samples_per_prompt=16"],
        ),
        (
            trace(40, held_out=(0.5, 0.6, 0.7, 0.6, 0.6), **HACKED),
            ["from 0.700 at step 20 to 0.600", "rlvr.max_steps=20"],
        ),
        (
            trace(20, held_out=(0.7, 0.6, 0.6), **HACKED),
            ["from 0.700 at step 0 to 0.600", "rlvr.kl_penalty_weight=0.2"],
        ),
    ],
)
def test_every_alarm_has_its_figures_and_its_advice(rows, words):
    (alarm,) = decide(rows, Grpo(eval_tasks=320), "rlvr", "macro_f1")

    for word in words:
        assert word in f"{alarm.why} | {alarm.advice}"


def test_an_alarm_that_is_off_is_silent():
    quiet = Grpo(alarms=Alarms(kl="off"))

    assert names(trace(5, kl=2.0), quiet) == []
    assert names(trace(5, kl=2.0, kept_share=1e-9), quiet) == ["zero_spread"]


def test_yaml_reads_off_as_false():
    assert Alarms(spike=False).spike == "off"


def test_deviation_by_hand():
    """Distances from 3: 2, 1, 0, 1, 97; their median is 1."""
    assert deviation([1.0, 2.0, 3.0, 4.0, 100.0]) == pytest.approx(1.4826)


figures = st.floats(-100.0, 100.0, allow_subnormal=False)


@given(figures, st.floats(0.0, 100.0), st.floats(0.0, 1.0), st.integers(1, 60))
def test_a_flat_history_raises_nothing(loss, norm, reward, steps):
    rows = trace(steps, held_out=(0.7,) * 7, loss=loss, grad_norm=norm, reward=reward)

    assert names(rows) == []


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=40), st.sampled_from([0.25, 2.0, 1024])
)
def test_the_scale_of_the_loss_changes_nothing(losses, scale):
    """Powers of two, so that no rounding interferes."""

    def raised(by):
        rows = trace(len(losses), loss=lambda step: by * losses[step - 1])
        return names(rows)

    assert raised(1.0) == raised(scale)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40))
def test_without_a_held_out_figure_no_reward_is_suspicious(rewards):
    rows = trace(len(rewards), reward=lambda step: rewards[step - 1])

    assert "reward_hacking" not in names(rows)
