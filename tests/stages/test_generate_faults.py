"""generate against a server that goes wrong in every way, and generate that is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import llama
import pytest
import teaching
from teaching import KEY, openai, settings

from srlr import assets
from srlr.collaboration import session as sessions
from srlr.core import log
from srlr.core.rundir import RunDir
from srlr.stages import generate

TOKENS = 150
"""What the server bills for an answer."""


class Faulty:
    """One request in five goes wrong, in one of fourteen ways; `billed` is what the rest cost."""

    WAYS = (
        *("429", "429 after", "500", "503 after", "hangs", "slow", "cut", "no json", "no choices"),
        *("ends", "broken text", "wrong schema", "empty", "twice"),
    )

    def __init__(self, share=0.2):
        self.rng, self.share, self.billed, self.met = random.Random(5), share, 0, {}

    def __call__(self, asked):
        well = teaching.toy(asked)
        if self.rng.random() >= self.share:
            self.billed += TOKENS
            return well
        way = self.rng.choice(self.WAYS)
        self.met[way] = self.met.get(way, 0) + 1
        if way in ("429", "429 after", "500", "503 after"):
            after = {"Retry-After": "0.02"} if "after" in way else {}
            return teaching.error(int(way[:3]), f"wait, {asked.headers['authorization']}", after)
        self.billed += TOKENS
        return self._answered(way, asked, well)

    def _answered(self, way, asked, well):
        if way in ("hangs", "slow"):
            well.slow_s = 9.0 if way == "hangs" else 0.05
        elif way in ("cut", "ends"):
            well.cut, well.politely = 400, way == "ends"
        elif way == "no json":
            well.body = "<html>Bad gateway</html>"
        elif way == "no choices":
            well.body = {"choices": []}
        else:
            rows = [teaching.solved(n, row["problem"]) for n, row in asked.problems.items()]
            text = {
                "broken text": json.dumps({"trajectories": rows})[:-25],
                "wrong schema": json.dumps({"trajectories": [{"id": "1", "steps": "none"}]}),
                "empty": "",
                "twice": json.dumps({"trajectories": rows * 2}),
            }[way]
            well.body = teaching.completion(text)
        return well


def check(tmp_path, monkeypatch, tasks, timeout_s, answers):
    monkeypatch.setenv("TOY_KEY", KEY)
    log.setup(1)
    run = RunDir.create(tmp_path / "run", config_yaml="", command="x", facts={})
    server = teaching.Server(Faulty(), key=KEY)
    budget = {"tokens": 10_000_000}
    how = {"retries": 8, "repairs": 4, "failures_to_open": 40}
    how |= {"timeout_s": timeout_s, "idle_s": timeout_s / 2}
    with server, log.into(run.path / "log.txt"):
        teacher = openai(server, api_key_env="TOY_KEY", **how)
        asked = settings(
            tasks,
            teacher,
            budget=budget,
            num_examples_per_request=1,
            verifier={"answers": answers},
        )
        generate.run(asked, run)
    return run, server


def accounted(run):
    """By task how often it is among the accepted and the unwritten."""
    accepted = [row["id"] for row in run.read_jsonl("generate/trajectories.jsonl")]
    unwritten = [row["id"] for row in run.read_jsonl("generate/unwritten.jsonl")]
    return sorted(accepted + unwritten)


def nothing_tells_the_key(folder):
    return not [path for path in folder.rglob("*") if path.is_file() and KEY in path.read_text()]


@pytest.mark.parametrize(
    ("tasks", "answers", "requests", "timeout_s"),
    [
        (150, 0, 170, 1.5),
        pytest.param(500, 1, 1000, 3.0, marks=pytest.mark.slow),  # two answers to each
    ],
)
def test_at_20_percent_faults_every_task_is_accounted_for_once(
    tmp_path, monkeypatch, caplog, tasks, answers, requests, timeout_s
):
    run, server = check(tmp_path, monkeypatch, tasks, timeout_s, answers)
    ids = accounted(run)
    summary = run.read_json("generate/summary.json")
    spent = summary["cost"]["tokens"]

    assert len(server.asked) >= requests
    assert len(server.answer.met) >= 11
    assert len(ids) == len(set(ids)) == tasks
    assert summary["accepted"] >= 0.97 * tasks
    assert server.answer.billed <= spent <= 10_000_000  # what was cut may have been billed
    assert nothing_tells_the_key(tmp_path)
    assert KEY not in caplog.text


def test_what_is_billed_never_passes_the_budget_whatever_goes_wrong(tmp_path):
    run = RunDir.create(tmp_path / "run", config_yaml="", command="x", facts={})
    with teaching.Server(Faulty(0.5)) as server:
        teacher = openai(server, timeout_s=1.0, max_new_tokens=60, failures_to_open=99)
        asked = settings(200, teacher, budget={"tokens": 20_000}, num_examples_per_request=1)
        generate.run(asked, run)
    spent = run.read_json("generate/summary.json")["cost"]["tokens"]

    assert server.answer.billed <= spent <= 20_000
    assert spent > 15_000  # and it is used
    assert len(set(accounted(run))) == 200


GENERATE = """
import json, sys
from pathlib import Path
from teaching import openai, settings
from srlr.core.rundir import RunDir
from srlr.stages import generate
path = Path(sys.argv[1])
run = RunDir(path) if path.exists() else RunDir.create(path, config_yaml="", command="x", facts={})
teacher = openai(sys.argv[2], concurrency=4)
generate.run(settings(40, teacher, num_examples_per_request=1, budget={"tokens": 900_000}), run)
"""


def test_killed_again_and_again_no_answer_is_paid_for_twice(tmp_path):
    """What the server had answered and the journal has is never asked again; at most the requests
    under way at each kill are, and they count as spent.
    """
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(root / "tests")])

    def start():
        words = [sys.executable, "-c", GENERATE, str(tmp_path / "run"), server.url]
        return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": paths})

    def slowly(asked):
        reply = teaching.toy(asked)
        reply.wait_s = 0.1
        return reply

    kills = 0
    with teaching.Server(slowly) as server:
        for moment in (6, 20):
            process = start()
            while len(server.asked) < moment and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
        assert start().wait(120) == 0
    run = RunDir(tmp_path / "run")
    lines = (run.path / sessions.JOURNAL).read_text().splitlines()
    answers = [row["key"] for row in map(json.loads, lines) if row["event"] == "answer"]
    accepted = [row["id"] for row in run.read_jsonl("generate/trajectories.jsonl")]
    cost = run.read_json("generate/summary.json")["cost"]

    assert kills == 2
    assert len(accepted) == len(set(accepted)) == 40
    assert len(answers) == len(set(answers)) == 41  # and the list of models
    assert 40 <= len(server.asked) <= 40 + 2 * 4
    assert cost["unfinished"] <= 2 * 4
    assert cost["tokens"] >= TOKENS * 40


@pytest.mark.assets
@pytest.mark.slow
def test_a_real_servers_weak_answers_are_turned_down(tmp_path, run_srlr):
    model = next(assets.ensure("smollm2-135m-instruct-gguf").parent.glob("*.gguf"))
    with llama.server(model) as url:
        done = run_srlr(
            *("generate", "role=sentiment", "model=smollm2-135m-instruct", "rlvr=none", "seed=3"),
            *("generate.teacher.kind=openai", f"generate.teacher.base_url={url}"),
            *("generate.num_tasks=4", "generate.num_examples_per_request=1"),
            *("generate.neighbours=1", "generate.max_regeneration_attempts=0"),
            *("generate.teacher.repairs=1", "generate.teacher.max_new_tokens=256"),
            *("generate.teacher.timeout_s=300", "generate.budget.tokens=100000", "--run", "r"),
            env={"SRLR_CACHE": str(assets.cache_dir())},
            timeout=600,
        )
    run = RunDir(tmp_path / "runs" / "sentiment-gold" / "r")
    summary = run.read_json("generate/summary.json")
    judged = run.read_jsonl("generate/rejected.jsonl")

    assert done.returncode == 0, done.stderr
    assert summary["cost"]["answered"] >= 4
    assert summary["accepted"] < 4
    assert len(judged) + sum(summary["unwritten"].values()) + summary["accepted"] == 4
    assert all(row["author"] == "smollm2" and row["issues"] for row in judged)
