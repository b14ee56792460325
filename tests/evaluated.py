"""Run folders that hold an evaluation and nothing else, for commands that read them."""

import json

import yaml
from fake_stages import MODEL, REPORT

from srlr.core.rundir import RunDir
from srlr.core.settings import Hardware, ModelCard, Settings, Tier

ROLE = {
    "name": "toy",
    "family": "classification",
    "description": "d",
    "data": "x",
    "label": "label",
    "labels": ["warm", "cold"],
}


def answers(model, right, tasks=60):
    """Rows of attempts: the first `right` of the tasks are answered rightly."""
    for n in range(tasks):
        gold = "warm" if n % 3 else "cold"
        said = gold if n < right else "cold" if gold == "warm" else "warm"
        row = {"model": model, "task": f"t{n}", "prompt": f"Task {n}.", "text": said}
        row |= {"answer": {"label": said}, "gold": {"label": gold}, "meta": {}, "valid": True}
        yield {**row, "latency_s": 0.2, "tokens": 16}


def make(runs_dir, name, rows, *, role=ROLE, at=None, **report):
    """A finished run `name` in which `rows` were answered; `report` changes its report.json."""
    facts = {"role": role["name"], "tier": "gold", "seed": 1, "code": "c0de"}
    config = yaml.safe_dump({"role": role, "model": {"name": MODEL}, "seed": 1})
    rundir = RunDir.create(
        runs_dir / f"{role['name']}-gold" / name, config_yaml=config, command="srlr", facts=facts
    )
    rundir.write_jsonl("evaluate/attempts.jsonl", rows)
    known = json.loads(json.dumps(REPORT))
    known |= {"run": name, "role": role["name"], "split": "test", "seed": 1, **report}
    rundir.write_json("evaluate/report.json", known)
    rundir.record("evaluate", status="done", finished=at or "2026-11-22T00:00:00+00:00")
    return rundir


def figure(report, value):
    """The report's table with another main figure of the final model."""
    table = json.loads(json.dumps(report["table"]))
    final = next(row for row in table if row["model"] == report["final"])
    final["metrics"][report["main_metric"]] = {
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
    }
    return table


def settings(runs_dir, **nodes):
    """Settings of these runs that need no composing; `nodes` are those that matter."""
    return Settings(
        runs_dir=str(runs_dir),
        role=ROLE,
        tier=Tier(name="gold", parameters_min_b=3, parameters_max_b=8),
        hardware=Hardware(name="cpu"),
        model=ModelCard(name="tiny", source="tiny"),
        **nodes,
    )
