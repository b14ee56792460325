"""What a candidate is computed to hold: by hand, with what its card tunes, and without a shape."""

import pytest

from srlr.core.compose import compose
from srlr.core.hardware import Machine
from srlr.models import catalog
from srlr.stages import memory, select_memory

LAPTOP = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")
GPU = Machine("cuda", "gpu", 8, 24.0, 23.0, 100.0, "bfloat16")
ASKED = compose(("role=sentiment", "tier=gold"), environ={}).settings
OWN = "smollm2-135m-instruct"


def card(name, without=()):
    found = catalog.cards()[name]
    facts = {key: fact for key, fact in found.facts.items() if key not in without}
    return found.model_copy(update={"facts": facts})


def test_memory_is_computed_at_the_roles_context_and_concurrency_and_for_the_tuning():
    """10 requests a second, 512 tokens of which 48 are the answer's: columns of 2 · 464."""
    words = ("role=sentiment", "tier=gold", "model=smollm2-135m-instruct")
    settings = compose((*words, "hardware.compute_dtype=float32", "rlvr.tuning=lora"), environ={})
    found = select_memory.summary(settings.settings, LAPTOP)

    assert (found["serving"]["rows"], found["serving"]["tokens"]) == (10, 512)
    cache = 10 * 928 * 2 * 192 * 30 * 4 / 1e9
    assert found["serving"]["parts_gb"]["kv_cache"] == pytest.approx(cache, abs=1e-3)
    assert (found["srl"]["tuning"], found["rlvr"]["tuning"]) == ("full", "lora")
    assert found["srl"]["peak_gb"] > found["srl"]["parts_gb"]["optimiser"] > 0.4
    assert sum(found["rlvr"]["parts_gb"].values()) == pytest.approx(
        found["rlvr"]["peak_gb"], abs=0.01
    )


def test_a_stage_that_learns_nothing_holds_nothing():
    words = ("model=smollm2-135m-instruct", "rlvr=none", "role.requirements.throughput_rps=null")
    found = select_memory.summary(compose(words, environ={}).settings, LAPTOP)

    assert set(found) == {"serving", "srl"}
    assert found["serving"]["rows"] == 8


def test_a_candidate_is_computed_as_a_run_with_its_card_would_compute_it():
    """With 16 of its 30 layers, and half the default's tokens a micro-batch, as the card says."""
    words = ("role=sentiment", f"model={OWN}", "hardware.compute_dtype=float32")
    composed = compose(words, environ={}).settings
    found = select_memory.with_card(card(OWN), ASKED, LAPTOP)

    assert (found.srl, found.rlvr, found.rollout) == (composed.srl, composed.rlvr, composed.rollout)
    assert select_memory.training_gb(card(OWN), ASKED, LAPTOP) == max(
        memory.training_gb(composed, node) for node in (composed.srl, composed.rlvr)
    )
    assert select_memory.with_card(composed.model, composed, LAPTOP).srl is composed.srl


def test_what_the_user_says_of_training_is_kept_and_counts():
    words = ("role=sentiment", "tier=gold", "srl.trained_layers=2", "srl.tuning=qlora")
    asked = compose((*words, "rlvr.tuning=qlora"), environ={}).settings

    assert select_memory.with_card(card(OWN), asked, LAPTOP).srl.trained_layers == 2
    llama = card("llama-3.2-3b-instruct")
    assert select_memory.training_gb(llama, asked, GPU) < 19.2  # of an L4's 24 GB
    assert select_memory.training_gb(llama, ASKED, GPU) > 60


def test_a_stage_that_is_passed_over_needs_nothing():
    asked = compose(("role=sentiment", "rlvr=none"), environ={}).settings
    found = select_memory.with_card(card(OWN), asked, LAPTOP)

    assert select_memory.training_gb(card(OWN), asked, LAPTOP) == memory.training_gb(
        found, found.srl
    )


def test_without_a_shape_the_parameters_say_it_and_without_those_nothing_does():
    bare = card(OWN, without=("num_layers",))

    assert select_memory.training_gb(bare, ASKED, LAPTOP) == pytest.approx(0.135 * 20 + 1)
    assert select_memory.serving_gb(bare, ASKED, LAPTOP) == pytest.approx(0.54 + 1)
    bare = card(OWN, without=("parameters_b",))
    assert select_memory.training_gb(bare, ASKED, LAPTOP) is None
    assert select_memory.serving_gb(bare, ASKED, LAPTOP) is None


def test_weights_that_are_served_in_fewer_bits_take_less_and_nothing_else_does():
    eight = compose(("hardware.quantisation_bits=8",), environ={}).settings
    llama = card("llama-3.2-3b-instruct")
    less = select_memory.serving_gb(llama, ASKED, GPU) - select_memory.serving_gb(llama, eight, GPU)

    assert less == pytest.approx(3.21)
