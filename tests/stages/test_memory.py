"""The peak of a stage, by hand and against what real runs of the embedded model took."""

import pytest

from srlr.core.compose import compose
from srlr.core.training import Dpo, Grpo, Imitate, Ppo
from srlr.stages import memory


def made(*words):
    fixed = ("role=sentiment", "tier=gold", "model=smollm2-135m-instruct")
    return compose((*fixed, "hardware.compute_dtype=bfloat16", *words), environ={}).settings


SETTINGS = made()
THIRDS = made(
    "launcher=accelerate",
    "launcher.processes=3",
    "launcher.sharding=fsdp2",
    "hardware.threads=3",
)


def node(kind, **changes):
    return kind(**{"learning_rate": 1e-5, "micro_batch_tokens": 512, **changes})


def test_what_learns_by_hand():
    """0.135e9 parameters, of which 49,152 · 576 are embeddings, in 30 layers."""
    layers = 0.135 - 49_152 * 576 / 1e9

    assert memory.learning_b(SETTINGS, node(Grpo)) == 0.135
    assert memory.learning_b(SETTINGS, node(Grpo, trained_layers=15)) == pytest.approx(layers / 2)
    assert memory.learning_b(SETTINGS, node(Grpo, tuning="lora")) == pytest.approx(0.135 / 18)


@pytest.mark.parametrize(
    ("kind", "changes", "beyond"),
    [
        (Grpo, {"kl_penalty_weight": 0}, 10 * 0.135),  # what rounding took off, two moments
        (Grpo, {}, 10 * 0.135 + 0.27),  # and the reference
        (Grpo, {"kl_penalty_weight": 0, "optimiser": "adamw_8bit"}, 4 * 0.135),
        (Imitate, {}, 10 * 0.135 + 2 * 49_152 * 576 / 1e9),  # the output layer of the reference
        (Grpo, {"tuning": "lora"}, 8 * 0.135 / 18),  # the adapter is its own copy
        (Grpo, {"tuning": "qlora"}, 8 * 0.135 / 18 - (2 - 0.6) * 0.135),
        (Dpo, {}, 0.3 + 4 * 0.135 + 8 * 0.135),  # TRL, its copy, two moments
    ],
)
def test_what_is_held_by_hand(kind, changes, beyond):
    bare = memory.PROCESS_GB + 0.27

    assert memory.held_gb(SETTINGS, node(kind, **changes)) == pytest.approx(bare + beyond)


@pytest.mark.parametrize(
    ("kind", "changes", "beyond"),
    [
        (Grpo, {"kl_penalty_weight": 0}, 12 * 0.135 / 3),  # float32 weights, two moments
        (Grpo, {}, (12 * 0.135 + 0.27) / 3),  # and the reference
        (Imitate, {}, 12 * 0.135 / 3 + 2 * 49_152 * 576 / 1e9),  # whose reference is whole
        (Grpo, {"tuning": "lora"}, 0.27 / 3 + 12 * 0.135 / 18),  # so is an adapter
    ],
)
def test_what_a_process_with_a_third_holds_by_hand(kind, changes, beyond):
    held = memory.held_gb(THIRDS, node(kind, **changes))

    assert held == pytest.approx(memory.PROCESS_GB + beyond)


def test_a_part_needs_less_to_learn_and_the_weights_besides_to_answer():
    learnt = node(Grpo, kl_penalty_weight=0)
    block = (0.135 - 49_152 * 576 / 1e9) / 30
    parts = memory.update(THIRDS, learnt).parts
    together = parts["together"]

    assert together == pytest.approx((2 + 2 + 4) * (2 * block + 49_152 * 576 / 1e9))
    assert memory.updating_gb(THIRDS, learnt) == pytest.approx(
        4 * 0.135 / 3 + together + parts["activations"]
    )
    rows = memory.answering_gb(THIRDS, learnt.eval_tasks, memory.TOKENS_ASKED)
    assert memory.training_gb(THIRDS, learnt) >= memory.held_gb(THIRDS, learnt) + 0.27 + rows
    assert memory.training_gb(THIRDS, learnt) < memory.training_gb(SETTINGS, learnt)


def test_in_float32_weights_are_their_own_copy():
    settings = made("hardware.compute_dtype=float32")
    held = memory.held_gb(settings, node(Grpo, kl_penalty_weight=0))

    assert held == pytest.approx(memory.PROCESS_GB + (4 + 8) * 0.135)


def test_keys_and_values_by_hand():
    """256 rows of 50 + 50 columns, 2 · 192 numbers of 2 bytes in each of 30 layers."""
    settings = made("rollout.max_new_tokens=48")
    found = memory.answering_gb(settings, 256, 50) - memory.WORKING_GB

    assert found == pytest.approx(256 * 100 * 30 * 2 * 192 * 2 / 1e9)


@pytest.mark.parametrize(
    ("kind", "less"),
    [
        (Grpo, {"gradient_checkpointing": True}),
        (Grpo, {"micro_batch_tokens": 256}),
        (Grpo, {"trained_layers": 8}),
        (Grpo, {"tuning": "lora", "trained_layers": 16}),
        (Dpo, {"micro_batch_tokens": 256}),
        (Ppo, {"kl_penalty_weight": 0}),
    ],
)
def test_what_needs_less_is_foreseen_to(kind, less):
    assert _update(node(kind, **less)) < _update(node(kind))


def _update(one):
    return memory.held_gb(SETTINGS, one) + memory.updating_gb(SETTINGS, one)


def test_fewer_rows_at_once_need_less_where_answers_are_the_peak():
    assert memory.asking_gb(made("rollout.batch_size=32")) < memory.asking_gb(SETTINGS) / 2
    assert memory.asking_gb(made("evaluate.shots=[0]")) < memory.asking_gb(SETTINGS)


def test_a_card_that_says_little_is_planned_all_the_same():
    settings = compose(("model=mistral-nemo-12b-instruct",), environ={}).settings

    assert memory.training_gb(settings, settings.srl) > 12 * 14


@pytest.mark.parametrize(
    ("kind", "changes", "peak_gb"),
    [
        (Imitate, {"trained_layers": 16}, 2.19),
        (Imitate, {"tuning": "lora"}, 2.39),
        (Imitate, {"tuning": "lora"}, 2.67),  # with rows of 128 tokens
        (Grpo, {"trained_layers": 16}, 2.41),
        (Grpo, {"tuning": "lora"}, 2.24),
    ],
)
def test_an_update_is_foreseen_within_a_tenth_of_what_it_took(kind, changes, peak_gb):
    """Resident memory of real loops with micro-batches of 512 tokens, on two cores in bfloat16."""
    assert _update(node(kind, **changes)) == pytest.approx(peak_gb, rel=0.1)


def test_evaluation_is_foreseen_within_a_fifth_of_what_it_took():
    """256 prompts with 3 examples each took 3.82 GB in a process of their own; all stages of
    `make train` in one 4.83.
    """
    assert memory.asking_gb(SETTINGS) == pytest.approx(3.82, rel=0.2)
    assert memory.asking_gb(SETTINGS) == pytest.approx(4.83, rel=0.2)
