"""The main job itself, small: the embedded model, real labelled text, every stage."""

import json
import math

import pytest

from srlr.cli.app import main


@pytest.mark.slow
@pytest.mark.assets
def test_the_main_job_runs_small_on_the_embedded_model(tmp_path, capsys):
    words = ["role=sentiment", "tier=gold", "recipe=sentiment_quick", "seed=7", "--run", "quick"]

    assert main(["train", *words, f"runs_dir={tmp_path}"]) == 0
    run = tmp_path / "sentiment-gold" / "quick"
    report = json.loads((run / "evaluate" / "report.json").read_text())
    shown = capsys.readouterr().out

    assert {row["model"] for row in report["table"]} == {
        "baseline",
        "srl",
        "rlvr",
        "vader",
        "tfidf",
    }
    for row in report["table"]:
        if row["kind"] == "stage":
            for name in ("accuracy", "macro_f1", "validity"):
                assert 0.0 <= row["metrics"][name]["value"] <= 1.0
            assert math.isfinite(row["latency_s"]["mean"])
    assert "stands in for a gold model" in shown
    assert f"report: {run}/evaluate/report.html" in shown
    assert "<svg" in (run / "evaluate" / "report.html").read_text()

    assert main(["predict", "--run", str(run), "The battery died after a day.", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "The battery died after a day."
