import numpy as np
import pytest

from srlr.evaluation import arms
from srlr.evaluation.arms import Answers, difference, figures, over_seeds
from srlr.evaluation.compare import Resampling
from srlr.evaluation.metrics import accuracy
from srlr.evaluation.outcomes import Schema

HOW = Resampling(1, 800)
SCHEMA = Schema(labels=("negative", "neutral", "positive"))


def attempt(number, right):
    answer = {"label": "positive" if right else "negative"}
    return {"task": f"t{number}", "answer": answer, "gold": {"label": "positive"}, "valid": True}


def answers(right, drawn=()):
    """Greedy answers, right or not; and as many of two drawn ones right."""
    rows = [attempt(number, one) for number, one in enumerate(right)]
    more = [attempt(number, k < count) for number, count in enumerate(drawn) for k in range(2)]
    return Answers(rows, more)


def test_an_arm_has_a_figure_a_seed_and_their_mean():
    runs = {1: answers([1, 1, 1, 0], [2, 2, 1, 0]), 2: answers([1, 0, 0, 0], [1, 0, 0, 0])}
    found = figures(runs, "accuracy", SCHEMA, HOW)

    assert found["by_seed"] == {1: 0.75, 2: 0.25}
    assert found["mean"]["value"] == 0.5
    assert found["mean"]["low"] < 0.25
    assert found["avg"]["value"] == pytest.approx((5 / 8 + 1 / 8) / 2)


def test_without_drawn_answers_there_is_no_avg():
    assert figures({1: answers([1, 0])}, "accuracy", SCHEMA, HOW)["avg"] is None


def test_seeds_widen_the_interval_beyond_that_of_tasks():
    """Two seeds that disagree wholly: tasks alone would leave no doubt at all."""
    all_right, all_wrong = np.ones((50, 2)), np.tile([1.0, 0.0], (50, 1))
    found = over_seeds([all_right, all_wrong], accuracy, HOW)

    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_one_seed_leaves_the_bootstrap_of_tasks():
    features = np.stack([np.ones(100), np.arange(100) % 2], axis=1).astype(float)
    found = over_seeds([features], accuracy, HOW)

    assert found.value == 0.5
    assert 0.36 < found.low < 0.45 < 0.55 < found.high < 0.64


def test_a_difference_is_over_the_seeds_both_have():
    first = {1: answers([0, 0, 0, 0]), 2: answers([0, 0, 1, 1])}
    second = {2: answers([1, 1, 1, 1]), 3: answers([1, 1, 1, 1])}
    found = difference(first, second, "accuracy", SCHEMA, HOW)

    assert found["seeds"] == [2]
    assert found["metric"]["value"] == 0.5
    assert found["avg"] is None
    assert difference(first, {3: second[3]}, "accuracy", SCHEMA, HOW) is None


def test_drawn_answers_have_a_difference_of_their_own():
    first, second = {1: answers([0, 0], [0, 1])}, {1: answers([0, 1], [2, 1])}
    found = difference(first, second, "accuracy", SCHEMA, HOW)

    assert found["avg"]["value"] == 0.5
    assert found["avg"]["runs"] == (0.5,)


def study(**changes):
    gap = {
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "p": 0.002,
        "first": 0.2,
        "second": 0.7,
        "runs": [],
    }
    figure = {"value": 0.7, "low": 0.6, "high": 0.8}
    done = {
        "trials": [{"words": ["a=1"], "dev": 0.6}, {"words": [], "dev": None}],
        "chosen": 0,
        "tokens": 1234.0,
        "seconds": 61.4,
        "test": {"by_seed": {"1": 0.7}, "mean": figure, "avg": figure},
        "against": {"base": {"seeds": [1], "metric": gap, "avg": None}},
    }
    open_ = {**done, "chosen": None, "tokens": None, "seconds": None, "test": None, "against": {}}
    return {
        "name": "ablation_x",
        "role": "toy",
        "model": "tiny",
        "metric": "accuracy",
        "budget": 5000,
        "seeds": [1, 2],
        "split": "test",
        "tasks": 40,
        "dev_tasks": 20,
        "samples": 4,
        "level": 0.95,
        "against": ["base"],
        "arms": {"sft": done, "rlvr": open_},
        "failed": [{"cell": "ablation_x-rlvr-t1-s1", "what": "no | space"}],
        **changes,
    }


def test_the_tables_show_what_is_known_and_a_dash_for_the_rest():
    text = arms.markdown(study())

    assert (
        "| `sft` | 1,234 | 61 s | 0.700 | – | 0.700 [0.600, 0.800] | 0.700 [0.600, 0.800] |" in text
    )
    assert "| `rlvr` | – | – | – | – | – | – |" in text
    assert "| `sft` | +0.500 [0.400, 0.600] | 0.002 | – | – |" in text
    assert "| `sft`, 1 | `a=1` | 0.600 | chosen |" in text
    assert "| `sft`, 2 | – | – |  |" in text
    assert "failed: `ablation_x-rlvr-t1-s1`: no \\| space" in text
    assert "5,000 tokens" in text


def test_without_budget_and_samples_nothing_is_said_of_them():
    text = arms.markdown(study(budget=None, samples=1))

    assert "no budget" in text
    assert "avg@" not in text
