"""Five stages that take milliseconds, and what makes them misbehave.

    FAKE=srl:sleep    the environment says which stage does what: sleep, gate, full, deny, memory,
                      missing, bug

Each counts to five, keeping the count in NAME/count, so that a second call goes on from there.
"""

import errno
import json
import os
import sys
import time
import types

from srlr.core.errors import GateFailed
from srlr.core.types import Plan, StageResult

READS = {
    "select": ("role", "tier", "hardware", "model", "select"),
    "generate": ("role", "generate", "seed"),
    "srl": ("role", "model", "srl", "seed"),
    "rlvr": ("role", "model", "rlvr", "seed"),
    "evaluate": ("role", "model", "evaluate", "seed"),
}
AFTER = {
    "select": (),
    "generate": (),
    "srl": ("select", "generate"),
    "rlvr": ("srl",),
    "evaluate": ("srl", "rlvr"),
}
MODEL = "smollm2-135m-instruct"


def module(name):
    """A stage module called `name`."""
    stage = types.ModuleType(f"srlr.stages.{name}")
    stage.NAME, stage.READS, stage.AFTER = name, READS[name], AFTER[name]
    stage.run = lambda settings, rundir: _run(name, settings, rundir)
    stage.plan = lambda settings: Plan(name, tokens=1000, seconds=60, memory_gb=2, disk_gb=0.5)
    stage.preview = lambda settings: MODEL
    stage.check = lambda settings: None
    return stage


def install(put=sys.modules.__setitem__):
    """Makes these the stages of this process."""
    for name in READS:
        put(f"srlr.stages.{name}", module(name))


def _run(name, settings, rundir):
    count = rundir.path / name / "count"
    done = int(count.read_text()) if count.exists() else 0
    who, _, what = os.environ.get("FAKE", "").partition(":")
    for i in range(done, 5):
        if who == name and i == 2:
            _misbehave(what, rundir)
        rundir.write_text(f"{name}/count", str(i + 1))
        rundir.metric(name, i, loss=1.0)
        rundir.progress(name, i + 1, 5, loss=1.0)
    rundir.write_text(f"{name}/result.txt", f"{settings.model.name} {settings.seed}\n")
    if name == "select":
        rundir.write_text("select/decision.yaml", f"model_selection: {{selected_model: {MODEL}}}\n")
    if name == "evaluate":
        rundir.write_text("evaluate/report.json", json.dumps(REPORT))
        rundir.write_jsonl("evaluate/attempts.jsonl", list(_attempts(settings.seed)))
        if settings.evaluate.gate.get("accuracy"):
            raise GateFailed("accuracy 0.800 is below the gate", "evaluate.gate.accuracy=0.7")
    return StageResult(name, f"{name}/result.txt", {"loss": 1.0, "from": float(done)}, ("fine",))


def _misbehave(what, rundir):
    if what == "sleep":
        (rundir.path / "sleeping").touch()
        time.sleep(60)
    if what == "gate":
        raise GateFailed("accuracy 0.2 is below 0.5", "train longer")
    if what == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if what == "deny":
        raise PermissionError(errno.EACCES, "Permission denied")
    if what == "memory":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if what == "missing":
        import transformers  # noqa: F401
    if what == "bug":
        raise ValueError("a bug")


def _attempts(seed):
    """Ten tasks: the baseline is right on 2 of them, SRL on 7, RLVR on 8, with odd seeds on 9."""
    for model, right in (("baseline", 2), ("srl", 7), ("rlvr", 8 + seed % 2)):
        for number in range(10):
            said = {"sentiment": "positive" if number < right else "negative", "confidence": 0.9}
            yield {
                "model": model,
                "task": f"t{number}",
                "prompt": "Good.",
                "text": json.dumps(said),
                "answer": said,
                "gold": {"sentiment": "positive", "confidence": 0.8},
                "meta": {},
                "valid": True,
                "latency_s": 0.2,
                "tokens": 16,
            }


def _metric(value):
    return {"value": value, "low": value - 0.04, "high": value + 0.04}


def _row(model, title, value):
    metrics = {name: _metric(value) for name in ("macro_f1", "accuracy", "validity")}
    return {
        "model": model,
        "title": title,
        "kind": "stage",
        "rows": 100,
        "metrics": {**metrics, "ece": None},
        "latency_s": {"mean": 0.25, "p50": 0.2, "p95": 0.4},
        "tokens": 31.5,
        "note": "",
    }


REPORT = {
    "format": 1,
    "role": "sentiment",
    "tier": "gold",
    "model": MODEL,
    "stand_in": f"{MODEL} stands in for a gold model",
    "machine": "2 cores, 15 GB",
    "level": 0.95,
    "samples": 200,
    "main_metric": "accuracy",
    "final": "rlvr",
    "verdict": "better",
    "rlvr_gain": False,
    "headline": "Training worked: macro-F1 rose from 0.410 to 0.750 on 100 test tasks.",
    "notes": ["SRL: +0.330 [0.250, 0.410]", "RLVR: no gain"],
    "table": [
        _row("baseline", "Baseline", 0.41),
        _row("srl", "SRL", 0.74),
        _row("rlvr", "RLVR", 0.75),
        _row("vader", "VADER rules", 0.55),
        _row("tfidf", "TF-IDF + LR", 0.61),
    ],
    "tests": [],
    "gate": [],
}
