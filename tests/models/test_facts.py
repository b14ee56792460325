"""Which values a fact takes."""

import pytest

from srlr.models.facts import FACTS, day


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("parameters_b", [0.135, 671], [0, -1, "7", True, float("nan"), float("inf"), None]),
        ("num_layers", [1, 61], [0, 1.5, True, "30"]),
        ("price_input_usd_per_1m", [0, 0.1], [-0.1, "1", True]),
        ("ifeval", [0, 0.5, 1], [-0.01, 1.01, 77.4, True]),
        ("tool_calling", [True, False, 0.6], [2, "yes"]),
        ("tie_embeddings", [True, False], [0, "true"]),
        ("licence", ["mit"], ["", "  ", 3]),
        ("release_date", ["2024-07-23"], ["July 2024", "2024-13-01", 2024, ""]),
        ("languages", [["en"], ["zh", "pt-BR", "multilingual"]], [[], "en", ["English"], [False]]),
        ("modalities", [["text", "image"]], [["words"], []]),
        ("tuning_methods", [["full", "lora", "qlora"]], [["peft"]]),
        ("hub_downloads_per_month", [0, 12], [-1, 1.5, False]),
        ("libraries", [["transformers"]], [[3], []]),
    ],
)
def test_a_fact_takes_what_it_says_and_nothing_else(name, right, wrong):
    kind = FACTS[name]

    assert [value for value in right if not kind.fits(value)] == []
    assert [value for value in wrong if kind.fits(value)] == []
    assert kind.takes
    assert kind.what


def test_a_day_is_read_from_text_and_from_what_yaml_makes_of_it():
    from datetime import date

    assert day("2026-11-23") == day(date(2026, 11, 23)) == date(2026, 11, 23)
    assert day("today") is None
