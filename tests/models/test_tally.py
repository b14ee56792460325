from srlr.models.tally import Tally


def test_what_is_taken_is_gone_and_may_be_put_back():
    tally = Tally(5, 2)
    taken = tally.take()

    assert taken == Tally(5, 2)
    assert tally == Tally(0, 0)

    tally.add(taken)

    assert tally == Tally(5, 2)
