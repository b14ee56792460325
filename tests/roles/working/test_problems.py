import pytest

from srlr.core.errors import ConfigError
from srlr.rewards import equations
from srlr.roles.working import problems
from srlr.roles.working.problems import Options
from srlr.text import dedup

FEW = Options(train=80, dev=40, test=40)


def test_equal_options_give_equal_problems_and_fewer_are_the_first():
    made = problems.everything(FEW)

    assert problems.everything(Options(train=80, dev=40, test=40, match="symbolic")) == made
    assert problems.everything(Options(train=8, dev=4, test=4))[:8] == made[:8]
    assert problems.everything(Options(seed=2, train=8, dev=4, test=4))[:8] != made[:8]


def test_no_problem_is_in_two_splits_and_the_kinds_take_turns():
    made = problems.everything(FEW)

    assert len({dedup.normalise(task.prompt) for task in made}) == 160
    assert len({task.id for task in made}) == 160
    assert [task.meta["kind"] for task in made[:5]] == [*problems.KINDS, "fractions"]


def test_every_equation_of_a_solution_is_true_and_the_last_line_has_the_answer():
    for task in problems.everything(FEW):
        lines = task.answer["steps"]

        assert False not in [equations.holds(line) for line in lines]
        assert lines[-1].endswith(task.answer["answer"])


def test_no_percentage_says_its_answer_in_the_question():
    made = problems.everything(Options(train=1200, dev=40, test=40))
    asked = [task.prompt for task in made if task.meta["kind"] == "percentage"]

    assert len(asked) == 320
    assert not [prompt for prompt in asked if prompt.endswith("of 100?")]


@pytest.mark.parametrize(
    ("number", "unknown", "text"),
    [(3, "*x", " + 3*x"), (-1, "*x", " - x"), (1, "", " + 1"), (0, "*x", ""), (-4, "", " - 4")],
)
def test_a_term_is_written_as_people_do(number, unknown, text):
    assert problems._term(number, unknown) == text


def test_more_than_there_are_is_an_error_with_how_many_there_are(monkeypatch):
    monkeypatch.setattr(problems, "KINDS", {"percentage": problems.percentage})
    monkeypatch.setattr(problems, "ATTEMPTS", 300)

    with pytest.raises(ConfigError, match=r"role\.options\.train: there are only \d+"):
        problems.everything(Options(seed=5, train=10_000, dev=1, test=1))


def test_an_unknown_option_is_named():
    with pytest.raises(ConfigError, match=r"role\.options\.largest") as caught:
        problems.options({"largest": 3})
    assert "match" in caught.value.hint
