import pytest

from srlr.rewards import working
from srlr.rewards.working import Calculation


def test_calculations_are_read_in_their_order():
    found = list(working.calculations("First 14 + 23 = 37.\nthen 37 - 9 = 27"))

    assert found == [Calculation(14, "+", 23, 37), Calculation(37, "-", 9, 27)]
    assert [one.true for one in found] == [True, False]
    assert str(found[0]) == "14 + 23 = 37"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2 + 3 = 5\n5 * 4 = 20", ["", ""]),
        ("2 + 3 = 6", ["2 + 3 = 6 is not true"]),
        ("2 + 9 = 11", ["nothing before it says 9"]),
        ("2 + 3 = 5\n2 + 3 = 5", ["", "2 + 3 = 5 is there already"]),
        ("4 / 0 = 0", ["4 / 0 = 0 is not true"]),
        ("", []),
    ],
)
def test_each_line_is_told_what_is_wrong_with_it(text, said):
    assert list(working.faults("2 pens, 3 cups and 4 mugs", working.calculations(text))) == said
