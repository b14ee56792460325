import pytest

from srlr.evaluation.compare import Difference
from srlr.evaluation.sentences import alarms, metric_name, p_value, signed


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (Difference(0.021, 0.003, 0.04, 0.02, 0.7, 0.721), "+0.021 [0.003, 0.040]"),
        (Difference(-0.021, -0.04, 0.003, 0.02, 0.7, 0.679), "−0.021 [−0.040, 0.003]"),
        (Difference(0.0, 0.0, 0.0, 1.0, 0.7, 0.7), "+0.000 [0.000, 0.000]"),
    ],
)
def test_a_difference_is_said_with_sign_and_interval(gap, said):
    assert signed(gap) == said


@pytest.mark.parametrize(("p", "said"), [(1.0, "1.000"), (0.001, "0.001"), (1e-9, "< 0.001")])
def test_a_small_p_is_not_said_more_exactly_than_it_is_known(p, said):
    assert p_value(p) == said


def test_a_metric_inside_a_sentence_is_lower_case():
    assert metric_name("macro_f1") == "macro-F1"
    assert metric_name("unheard_of") == "unheard_of"


def test_alarms_of_training_are_lines_of_the_report():
    kl = {"name": "kl", "step": 6, "why": "too far", "advice": "srl.max_kl=1", "action": "stop"}

    assert alarms({"srl": {"alarms": [kl]}, "rlvr": {}}) == (
        "SRL: alarm kl at step 6 (stop): too far",
    )
    assert alarms({"srl": {"alarms": [{**kl, "part": "warm-up"}]}}) == (
        "SRL: alarm kl at step 6 of the warm-up (stop): too far",
    )
