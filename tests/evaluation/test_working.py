from srlr.evaluation.metrics import METRICS
from srlr.evaluation.outcomes import Schema


def test_step_accuracy_is_the_share_of_calculations_that_hold():
    texts = ["2 + 3 = 5\n5 + 1 = 7\nAnswer: 7", "2 + 3 = 5\nAnswer: 5", "I do not know"]
    rows = [
        {"task": str(n), "prompt": "2 and 3", "text": text, "answer": None, "gold": {"answer": 5}}
        for n, text in enumerate(texts)
    ]

    # two hold; the second is not true (1 is nowhere either); an answer without any counts as one
    assert METRICS["step_accuracy"](rows, Schema("answer")) == 2 / 4


def test_equations_and_answers_of_any_kind_are_judged():
    said = [("1/2 = 2/4\n2/4 + 1/4 = 1\nx = 3", "0.75"), ("so", "3/4"), ("", None), ("", "x")]
    rows = [
        {
            "task": str(n),
            "prompt": "",
            "text": text,
            "answer": None if answer is None else {"answer": answer},
            "gold": {"answer": "3/4"},
        }
        for n, (text, answer) in enumerate(said)
    ]

    # the text's accuracy takes 0.75 for another answer than 3/4
    assert METRICS["equation_accuracy"](rows, Schema("answer")) == 1 / 2
    assert METRICS["symbolic_accuracy"](rows, Schema("answer")) == 2 / 4
    assert METRICS["accuracy"](rows, Schema("answer")) == 1 / 4
