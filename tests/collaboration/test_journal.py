import asyncio
import json

import pytest

from srlr.collaboration.journal import Journal, key_of
from srlr.core.errors import ConfigError, ResourceError

SENT = {"event": "sent", "tokens": 900, "pico_usd": 5}
ANSWER = {"event": "answer", "text": "a", "tokens": 300, "pico_usd": 2}
FAILED = {"event": "failed", "why": "500", "tokens": 0, "pico_usd": None}


def write(path, *rows):
    async def everything():
        journal = Journal(path)
        await asyncio.gather(*(journal.write(row) for row in rows))

    asyncio.run(everything())


def test_lines_are_there_in_their_order_and_are_found_again(tmp_path):
    path = tmp_path / "teacher" / "journal.jsonl"
    write(path, SENT | {"key": "a"}, ANSWER | {"key": "a"}, SENT | {"key": "b"})
    again = Journal(path)

    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == [
        "sent",
        "answer",
        "sent",
    ]
    assert again.answer("a")["text"] == "a"
    assert again.answer("b") is None


def test_what_was_sent_and_has_no_end_counts_in_full(tmp_path):
    path = tmp_path / "j"
    sent = [SENT | {"key": key} for key in "aabc"]
    write(path, *sent, FAILED | {"key": "a"}, ANSWER | {"key": "a"}, ANSWER | {"key": "b"})
    known = Journal(path).known

    assert sum(cost.tokens for cost in known.spent) == 300 + 300 + 900
    assert known.open_ends == 1


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_kill_has_cut_is_taken_away(tmp_path, cut):
    path = tmp_path / "j"
    write(path, ANSWER | {"key": "a"})
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:cut])
    write(path, ANSWER | {"key": "b"})

    assert set(Journal(path).known.answers) == {"a", "b"}
    assert path.read_bytes().startswith(whole)


@pytest.mark.parametrize("line", ["{broken", "[1]", '{"event": "sent"}', '"text"'])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "j"
    write(path, ANSWER | {"key": "a"})
    path.write_text(path.read_text() + line + "\n")

    with pytest.raises(ConfigError, match="line 2 of the journal"):
        Journal(path)


def test_a_disk_that_refuses_is_told(tmp_path):
    (tmp_path / "gone").mkdir()

    async def late():
        journal = Journal(tmp_path / "gone" / "j")
        (tmp_path / "gone").rmdir()
        await asyncio.gather(*(journal.write(SENT | {"key": key}) for key in "ab"))

    with pytest.raises(ResourceError, match="cannot write"):
        asyncio.run(late())


def test_a_key_is_made_of_the_content_alone():
    assert key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})
