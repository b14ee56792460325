"""Numbers by seed and place."""

from statistics import fmean

from srlr.models.uniform import uniform


def test_a_number_needs_no_other_before_it():
    assert uniform(7, 1000) == uniform(7, 1000)
    assert len({uniform(seed, place) for seed in (-1, 0, 1, 2**70) for place in range(50)}) == 200


def test_numbers_are_uniform_along_an_answer_and_across_seeds():
    """The mean of 4,000 uniform numbers is within 4 standard errors, 0.018, of a half."""
    along = [uniform(3, place) for place in range(4000)]
    across = [uniform(seed, 0) for seed in range(4000)]

    assert all(0 <= number < 1 for number in (*along, *across))
    assert abs(fmean(along) - 0.5) < 0.018
    assert abs(fmean(across) - 0.5) < 0.018
