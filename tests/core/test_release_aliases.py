import pytest

from srlr.core import release_aliases as aliases
from srlr.core.errors import MissingArtifact


@pytest.mark.parametrize(
    ("now", "moves"),
    [
        ({"candidate": 1}, {"current": 1, "candidate": None}),
        ({"candidate": 2, "current": 1}, {"current": 2, "candidate": None, "backup": 1}),
        (
            {"candidate": 3, "current": 2, "backup": 1},
            {"current": 3, "candidate": None, "backup": 2},
        ),
        # the candidate is what is current already: the backup stays
        ({"candidate": 2, "current": 2, "backup": 1}, {"current": 2, "candidate": None}),
    ],
)
def test_a_promotion_moves_current_to_the_backup(now, moves):
    assert aliases.promoted("toy", now) == moves


def test_a_version_that_was_the_backup_and_becomes_current_with_none_before_it():
    assert aliases.moved_up({"backup": 1}, 1) == {"current": 1, "backup": None}


@pytest.mark.parametrize(
    ("now", "earlier", "moves"),
    [
        ({"current": 2, "backup": 1}, [2, 1], {"current": 1, "backup": None}),
        ({"current": 3, "backup": 2}, [3, 2, 1], {"current": 2, "backup": 1}),
        # an emergency: nothing is current any more
        ({"backup": 1}, [2, 1], {"current": 1, "backup": 2}),
    ],
)
def test_a_roll_back_moves_the_backup_to_current(now, earlier, moves):
    assert aliases.rolled_back("toy", now, earlier) == moves


@pytest.mark.parametrize("now", [{}, {"current": 1}, {"current": 1, "backup": 1}])
def test_without_another_release_there_is_nothing_to_roll_back_to(now):
    with pytest.raises(MissingArtifact, match="no backup"):
        aliases.rolled_back("toy", now, [1])
