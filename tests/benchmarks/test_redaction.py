import gzip
import json

import pytest

from benchmarks import redaction
from srlr.text.redaction.redactor import Redactor


def test_wilsons_interval_is_that_of_the_paper():
    assert redaction.Rate(10, 10).bounds() == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert redaction.Rate(0, 5000).bounds() == pytest.approx((0.0, 0.00077), abs=1e-5)
    assert redaction.Rate(5, 10).bounds() == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert redaction.Rate(0, 0).bounds() == (0.0, 1.0)


def test_half_of_a_place_by_the_same_class_counts_and_a_sign_that_is_left_is_seen():
    result = Redactor().text("to jo@example.org now")

    assert redaction.covered(result, 3, 17, "email")
    assert redaction.covered(result, 3, 31, "email")
    assert not redaction.covered(result, 3, 32, "email")
    assert not redaction.covered(result, 3, 17, "phone")
    assert redaction.hidden(result, 3, 17)
    assert not redaction.hidden(result, 2, 17)


def test_the_tables_tell_recall_and_changed_rows(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(redaction, "MADE", 3)
    labelled = tmp_path / "labelled.jsonl"
    rows = [
        {
            "text": "jo@example.org",
            "spans": [[0, 14, "EMAIL_ADDRESS"], [0, 2, "PERSON"]],
            "split": "dev",
        },
        {"text": "x 12", "spans": [[2, 4, "PHONE_NUMBER"]], "split": "dev"},
        {"text": "al@example.org", "spans": [[0, 14, "EMAIL_ADDRESS"]], "split": "train"},
    ]
    labelled.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain = tmp_path / "plain.jsonl.gz"
    with gzip.open(plain, "wt") as file:
        for text in ("nothing", "mail jo@example.org"):
            file.write(json.dumps({"id": "a@example.org", "rows": [{"text": text, "n": 1}]}) + "\n")
    redaction.main(
        ["--labelled", str(labelled), "--split", "dev", "--benign", str(plain), "--show", "1"]
    )
    said = capsys.readouterr().out

    assert "| email | 1 | 1.000 | 0.207 to 1.000 | 1.000 |" in said
    assert "| phone | 1 | 0.000 | 0.000 to 0.793 | 0.000 |" in said
    assert "| all | 2 | 1 | 50.000 | 9.453 to 90.547 |" in said
    assert "email 'mail jo@example.org'" in said
