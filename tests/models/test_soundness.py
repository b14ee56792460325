"""Facts that contradict each other, and what a card leaves out."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.settings import ModelCard
from srlr.models import soundness

TODAY = date(2026, 11, 23)
SOUND = {
    "parameters_b": 0.135,
    "context_tokens": 8192,
    "licence": "apache-2.0",
    "release_date": "2024-11-01",
    "num_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_heads": 9,
    "num_kv_heads": 3,
    "head_size": 64,
    "kv_size": 192,
    "vocabulary": 49152,
    "tie_embeddings": True,
    "ifeval": 0.299,
}


def card(source="hub:org/name", tuning=None, without=(), **facts):
    without = {*without, *(name for name, value in facts.items() if value is None)}
    said = {name: value for name, value in {**SOUND, **facts}.items() if name not in without}
    dated = {
        name: {"value": value, "source": "https://example.org", "date": TODAY}
        for name, value in said.items()
    }
    return ModelCard(name="one", source=source, facts=dated, tuning=tuning or {})


def found(*args, **kwargs):
    """Where the faults are and what they are, as `where: what`."""
    return [f"{one.where}: {one.what}" for one in soundness.faults(card(*args, **kwargs), TODAY)]


def test_a_sound_card_has_no_fault():
    assert found() == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"active_parameters_b": 37}, "active_parameters_b: 37 is more than parameters_b 0.135"),
        ({"window_tokens": 9000}, "window_tokens: 9000 is more than context_tokens 8192"),
        ({"num_kv_heads": 18, "kv_size": None}, "num_kv_heads: 18 is more than num_heads 9"),
        ({"num_kv_heads": 2, "kv_size": 128}, "num_kv_heads: 9 heads cannot share 2 equally"),
        ({"kv_size": 193}, "kv_size: 193 is not num_kv_heads * head_size = 3 * 64"),
        ({"price_input_usd_per_1m": 0.1}, "price_input_usd_per_1m: a price, but its weights"),
        ({"release_date": "2026-11-24"}, "release_date: 2026-11-24 is in the future of 2026-11-23"),
        ({"ifeval": 77.4}, "ifeval: 77.4 is not a share from 0 to 1"),
        ({"parameters_b": 0.2}, "parameters_b: 0.2 claimed, but the architecture makes 0.134"),
        ({"parameters_b": 0.09}, "parameters_b: 0.09 claimed, but the architecture makes 0.134"),
        ({"for_pay": True}, "for_pay: true, but its weights are said to be at 'hub:org/name'"),
        ({"context_tokens": "8k"}, "context_tokens: '8k' is not a whole number of at least 1"),
        ({"languages": ["x" * 50]}, "languages: ['xxxxx"),
    ],
)
def test_a_contradiction_is_found_where_it_is(facts, said):
    faults = found(**facts)

    assert len(faults) == 1
    assert faults[0].startswith(said)


def test_keys_wider_than_all_heads_are_impossible():
    keys = found(without=("num_kv_heads", "head_size"), kv_size=1000)

    assert keys[0] == "kv_size: 1000 is more than the width of all heads, 576"


def test_heads_may_be_wider_together_than_the_states():
    """As in Gemma 7B: 16 heads of 256 beside states of width 3072."""
    wide = {"hidden_size": 3072, "num_heads": 16, "num_kv_heads": 16, "head_size": 256}
    sizes = {"kv_size": 4096, "num_layers": 28, "intermediate_size": 24576, "vocabulary": 256000}

    assert found(**wide, **sizes, parameters_b=8.5) == []


def test_an_unknown_fact_offers_the_nearest():
    faults = soundness.faults(card(contxt_tokens=1, zzz=1), TODAY)

    assert [one.fix for one in faults] == [
        "did you mean 'context_tokens'?",
        "see `srlr models facts`",
    ]


def test_a_fact_without_a_source_or_from_tomorrow_is_none():
    one = card()
    facts = one.facts | {
        "licence": one.facts["licence"].model_copy(update={"source": " "}),
        "ifeval": one.facts["ifeval"].model_copy(update={"date": date(2027, 1, 1)}),
    }
    late = one.model_copy(update={"facts": facts})

    said = [str(fault) for fault in soundness.faults(late, TODAY)]
    assert said[0].startswith("licence: it has no source; say where")
    assert said[1].startswith("ifeval: it was read on 2027-01-01, which is to come; write the day")
    assert len(soundness.faults(late)) == 1


def test_a_for_pay_model_has_a_vendor_and_no_tuning():
    pay = {"for_pay": True, "price_output_usd_per_1m": 0.5}

    assert found(source="api:vendor/model", **pay) == []
    assert found(source="api:vendor/model")[0] == "source: 'api:vendor/model' is a vendor's API"
    tuned = found(source="api:vendor/model", tuning={"srl": {"epochs": 1}}, **pay)
    assert tuned == ["tuning: a for-pay model's weights cannot be trained"]


@pytest.mark.parametrize(
    "facts",
    [
        {"num_experts": 8, "parameters_b": 3},
        {"active_parameters_b": 0.1, "parameters_b": 3},
        {"modalities": ["text", "image"], "parameters_b": 3},
    ],
)
def test_parameters_are_only_computed_of_what_the_formula_is_of(facts):
    assert found(**facts) == []


def test_a_model_without_gates_is_smaller():
    """V h + L (2 h q + 2 h k + 2 h i) of the same sizes: 49152*576 + 30*(...) = 0.108."""
    plain, gated = soundness.computed_b(card())

    assert (round(plain, 4), round(gated, 4)) == (0.1079, 0.1345)
    assert found(parameters_b=0.108) == []


def test_values_that_mean_nothing_are_compared_with_nothing():
    faults = found(modalities=5, tie_embeddings="yes", kv_size="many", price_input_usd_per_1m=-1)

    assert [one.partition(":")[0] for one in faults] == [
        "kv_size",
        "tie_embeddings",
        "modalities",
        "price_input_usd_per_1m",
    ]


VALUES = st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(sorted(soundness.FACTS)), VALUES))
def test_no_value_breaks_the_check(facts):
    for fault in soundness.faults(card(**facts), TODAY):
        assert fault.where
        assert fault.fix


@given(st.floats(0.5, 2.0))
def test_a_claim_is_refused_exactly_when_it_is_off_by_more_than_a_tenth(factor):
    low, high = soundness.computed_b(card())
    claimed = factor * high
    refused = bool(found(parameters_b=claimed))

    assert refused == (not low * 0.9 <= claimed <= high * 1.1)


def test_what_a_card_leaves_out_is_told():
    assert soundness.gaps(card()) == []
    assert soundness.gaps(card(without=("licence",))) == [
        "licence: absent, select excludes it: nobody may use it"
    ]
    assert [one.partition(":")[0] for one in soundness.gaps(card(for_pay=True))] == [
        "price_input_usd_per_1m",
        "price_output_usd_per_1m",
    ]
