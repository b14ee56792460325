import pytest

from srlr import roles
from srlr.collaboration import verifier
from srlr.collaboration.teachers import Item, Unwritten
from srlr.collaboration.teachers.decompose import Decomposed, parts
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Task

MATH = roles.load(
    RoleProfile(name="math", family="expert_analysis", description="d", data="generated")
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "He sold 48/2 = <<48/2=24>>24 clips.\nSo 48+24 = <<48+24=72>>72.\n#### 72",
            ["48 / 2 = 24", "48 + 24 = 72"],
        ),
        ("All: <<2*3+4=10>>10", ["2 * 3 = 6", "6 + 4 = 10"]),
        ("<<(7-2)*3=15>>", ["7 - 2 = 5", "5 * 3 = 15"]),
        ("<<.5*10=5>> and <<9/2=4.5>>", [".5*10 = 5", "9/2 = 4.5"]),  # not whole: as it is
        ("<<2+2=5>>", ["2+2 = 5"]),  # wrong: the verifier is to see it
        ("<<7/0=0>> <<a b=1>>", ["7/0 = 0", "a b = 1"]),
        ("First:\n1. Halve 48.\n2) Add 24.\nStep 3: Stop.", ["Halve 48.", "Add 24.", "Stop."]),
        ("Halve it.\n\nThen add\nboth.", ["Halve it.", "Then add both."]),
        ("Halve it. Then add 1.5 to Mr. Lee's. Done!", None),
        ("One.\nTwo.", ["One.", "Two."]),
        ("", "the solution is empty"),
        ("#### 72", "the solution is empty"),
        ("Just this", "1 part by split=auto"),
    ],
)
def test_solutions_are_parted(text, found):
    want = ["Halve it.", "Then add 1.5 to Mr. Lee's.", "Done!"] if found is None else found

    assert parts(text, "auto") == want


@pytest.mark.parametrize(
    ("split", "found"),
    [
        ("sentences", ["1. Go.", "2. Be c.", "Do."]),
        ("numbered", ["Go.", "Be c. Do."]),
        ("paragraphs", ["1. Go.", "2. Be c. Do."]),
        ("calculations", "0 parts by split=calculations"),
    ],
)
def test_the_way_of_parting_can_be_said(split, found):
    assert parts("1. Go.\n\n2. Be c. Do.", split) == found


def math(solution, answer=28):
    prompt = "Ana has 14 pens and finds 23 more. Then Ana gives 9 to Ben. How many are left?"
    return Task("1", prompt, {"answer": answer}, {"solution": solution})


def test_a_role_writes_the_calculations_in_its_own_form():
    teacher = Decomposed(MATH, "solution", "auto")
    (made,) = teacher([Item(math("<<14+23=37>> <<37-9=28>>"), Context())])

    assert [step.action for step in made.steps] == [
        "add: 14 + 23 = 37",
        "subtract: 37 - 9 = 28",
        "answer: 28",
    ]
    assert made.author == "decompose"
    assert verifier.judge(made, MATH, "answer").score == 1.0


@pytest.mark.parametrize("solution", ["<<14+23=37>> <<37-9=27>>", "<<14*2=28>> <<.5*2=1>>"])
def test_a_wrong_solution_is_the_verifiers_to_turn_down(solution):
    (made,) = Decomposed(MATH, "solution", "auto")([Item(math(solution), Context())])

    assert verifier.judge(made, MATH, "answer").score < 0.7


def test_for_another_role_each_part_is_an_action_worth_the_same():
    task = Task("1", "p", {"label": "warm"}, {"how": ["look", " ", "say"]})
    (made,) = Decomposed(object(), "how", "auto")([Item(task, Context())])

    assert [(step.action, step.reward) for step in made.steps] == [("look", 0.5), ("say", 0.5)]
    assert made.expected_outcome == {"label": "warm"}


def test_what_cannot_be_parted_is_dropped_with_its_reason():
    teacher = Decomposed(MATH, "solution", "auto")
    bare = Task("2", "p", {"answer": 1})
    (one, other) = teacher([Item(bare, Context()), Item(math("Just this"), Context())])

    assert one == Unwritten("decompose: the row has no 'solution'")
    assert other == Unwritten("decompose: 1 part by split=auto")
    assert [teacher.knows(bare), teacher.knows(math("Go. Be."))] == [False, True]
    assert teacher.hint(bare) == {}
    assert list(teacher.hint(math("Go. Be.")).values()) == [["Go.", "Be."]]
