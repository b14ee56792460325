import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from srlr.text import vectors
from srlr.text.hashed import SIZE, Hashed
from srlr.text.vectors import Exact, Vectors


def test_a_second_run_embeds_nothing_again(tmp_path):
    first = Vectors(Hashed(), tmp_path / "new")
    rows = first.of(["a b", "c d", "a b"])
    second = Vectors(Hashed(), tmp_path / "new")

    assert first.embedded == 2
    assert np.array_equal(second.of(["a b", "c d", "a b"]), rows)
    assert second.embedded == 0
    second.of(["c d", "new"])
    assert second.embedded == 1


def test_vectors_of_another_model_are_not_taken(tmp_path):
    Vectors(Hashed(), tmp_path).of(["a"])
    other = Hashed()
    other.id = "hashed-2"
    fresh = Vectors(other, tmp_path)
    fresh.of(["a"])

    assert fresh.embedded == 1


def test_progress_is_told_and_batches_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "BATCH", 2)
    heard = []
    made = Vectors(Hashed(), tmp_path, lambda *said: heard.append(said))
    rows = made.of(["ccc", "a", "bb", "a"])

    assert heard == [
        ("embedding texts", 0, 3),
        ("embedding texts", 2, 3),
        ("embedding texts", 3, 3),
    ]
    assert np.array_equal(rows, Hashed().embed(["ccc", "a", "bb", "a"]))
    assert made.of([]).shape == (0, SIZE)


def test_one_text_is_looked_up_once(tmp_path):
    made = Vectors(Hashed(), None)

    assert np.array_equal(made.one("a"), made.one("a"))
    assert made.embedded == 1


@pytest.mark.parametrize("damage", [b"not a database at all, but long enough to be one" * 30, None])
def test_a_file_that_cannot_be_used_is_passed_over(tmp_path, damage, caplog):
    file = tmp_path / f"{Hashed.id}.sqlite"
    if damage:
        file.write_bytes(damage)
    else:
        file.mkdir()
    made = Vectors(Hashed(), tmp_path)

    assert np.array_equal(made.of(["a"]), Hashed().embed(["a"]))
    assert "vectors are not kept" in caplog.text
    assert made.of(["b"]).shape == (1, SIZE)


def test_a_row_of_the_wrong_size_is_made_again(tmp_path):
    Vectors(Hashed(), tmp_path).of(["a"])
    with sqlite3.connect(tmp_path / f"{Hashed.id}.sqlite") as database:
        database.execute("UPDATE vectors SET row = x'00'")
    made = Vectors(Hashed(), tmp_path)

    assert np.array_equal(made.of(["a"]), Hashed().embed(["a"]))
    assert made.embedded == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from srlr.text import vectors
from srlr.text.hashed import Hashed
vectors.BATCH = 10
def told(what, done, total):
    if done == 50:
        os.kill(os.getpid(), signal.SIGKILL)
vectors.Vectors(Hashed(), Path(sys.argv[1]), told).of([f"text {n:02}" for n in range(100)])
"""


def test_what_was_written_before_a_kill_is_there_after(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    made = Vectors(Hashed(), tmp_path)
    made.of([f"text {n:02}" for n in range(100)])

    assert done.returncode == -signal.SIGKILL
    assert made.embedded == 50


def test_exact_search_finds_the_greatest_cosines_and_leaves_out_what_is_said():
    texts = ["blue boat", "red boat", "red boats", "xyz"]
    found = Exact(texts, Vectors(Hashed(), None))

    assert [one for one, _ in found.nearest("red boat", 3)] == [1, 2, 0]
    assert found.nearest("red boat", 1)[0][1] == pytest.approx(1)
    assert [one for one, _ in found.nearest("red boat", 1, exclude=[1])] == [2]
    assert all(score > 0 for _, score in found.nearest("red boat", 9))
