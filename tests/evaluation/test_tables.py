import math

from srlr.evaluation.tables import CURVE_POINTS, curves


def test_curves_are_sorted_and_hold_only_finite_numbers():
    rows = [
        {"stage": "srl", "step": 2, "loss": 1.0, "note": "text"},
        {"stage": "srl", "step": 1, "loss": 2.0, "kl": math.nan},
        {"stage": "srl", "step": 2, "dev_accuracy": 0.5, "resumed": True},
        {"stage": "rlvr", "step": 1, "reward": math.inf},
    ]

    assert curves(rows) == {"srl": {"loss": ((1, 2.0), (2, 1.0)), "dev_accuracy": ((2, 0.5),)}}


def test_a_step_taken_again_counts_once_and_as_last_logged():
    rows = [{"stage": "srl", "step": 1, "loss": 9.0}, {"stage": "srl", "step": 1, "loss": 1.0}]

    assert curves(rows) == {"srl": {"loss": ((1, 1.0),)}}


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    rows = [{"stage": "srl", "step": n, "loss": float(n)} for n in range(10_000)]
    points = curves(rows)["srl"]["loss"]

    assert len(points) <= CURVE_POINTS + 1
    assert (points[0], points[-1]) == ((0, 0.0), (9999, 9999.0))
