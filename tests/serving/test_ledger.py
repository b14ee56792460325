import pytest

from srlr.core.errors import ResourceError
from srlr.serving.ledger import Ledger, Record, Wanted
from srlr.serving.slots import Slot, Slots


def test_what_is_saved_is_there_for_the_next_gateway(tmp_path):
    slots = Slots("r", (Slot("v2", "serving", 5), Slot("v1", "serving", 95)))
    first = Ledger(tmp_path)
    first.save(slots)
    first.want("r", "v1", Wanted({"folder": "x"}, 2))
    record = first.begin(Record(0, "r", "v1", "v2", "test", "test", {"strategy": "gradual"}))
    first.close()
    second = Ledger(tmp_path)

    assert second.slots() == {"r": slots}
    assert second.wanted() == {("r", "v1"): Wanted({"folder": "x"}, 2)}
    assert second.swaps(under_way=True) == [record]
    second.close()


def test_one_gateway_holds_a_store_at_a_time(tmp_path):
    first = Ledger(tmp_path)
    with pytest.raises(ResourceError, match=r"is served already, by process \d+"):
        Ledger(tmp_path)
    first.close()
    Ledger(tmp_path).close()


def test_a_damaged_file_is_named_with_what_to_do(tmp_path):
    (tmp_path / "serving.sqlite").write_bytes(b"this is no database, " * 100)

    with pytest.raises(ResourceError, match=r"serving\.sqlite") as caught:
        Ledger(tmp_path)
    assert "moved away" in caught.value.hint
