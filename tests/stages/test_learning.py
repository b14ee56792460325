import json
from types import SimpleNamespace

import pytest
import toy_job

from srlr.models import precision
from srlr.stages import learning
from srlr.training.alarms import Alarm
from srlr.training.progress import Outcome

BEFORE = {"accuracy": 0.5, "macro_f1": 0.4, "validity": 1.0}
AFTER = {"accuracy": 0.8, "macro_f1": 0.75, "validity": 1.0}


def test_a_stage_that_gained_says_from_where_to_where(finished):
    settings, rundir, _ = finished
    source = rundir.path / "srl" / "best"
    result = learning.finish("rlvr", Outcome(6, 10, AFTER, BEFORE), source, settings, rundir)

    assert result.artifact == "rlvr/best"
    assert result.notes == ("rlvr: dev macro_f1 0.400 → 0.750 at step 6 of 10",)
    assert result.metrics["best_step"] == 6
    assert result.metrics["dev_macro_f1"] == 0.75
    assert rundir.read_json("rlvr/result.json") == {
        "best_step": 6,
        "steps": 10,
        "dev": AFTER,
        "dev_before": BEFORE,
        "gain": True,
        "alarms": [],
        "stopped_by": None,
    }


ALARM = {"name": "kl", "step": 6, "why": "too far", "advice": "srl.max_kl=1", "action": "warn"}
STOP = {**ALARM, "name": "nan", "step": 8, "action": "stop"}


def test_a_stage_ends_with_a_line_for_each_alarm(finished):
    settings, rundir, _ = finished
    outcome = Outcome(6, 8, AFTER, None, [ALARM, STOP])
    result = learning.finish("srl", outcome, rundir.path, settings, rundir)
    written = rundir.read_json("srl/result.json")

    assert result.notes[1:] == (
        "srl: alarm kl at step 6 (warn): too far",
        "srl: alarm nan at step 8 (stop): too far",
    )
    assert (written["alarms"], written["stopped_by"]) == ([ALARM, STOP], "nan")


def test_an_alarm_is_told_and_audited(finished):
    settings, rundir, role = finished
    heard = []
    rundir.listen(lambda *words: heard.append(words))
    learning.surroundings("srl", role, settings, settings.srl, rundir).alarm(Alarm(**ALARM))
    last = rundir.read_jsonl("audit.jsonl")[-1]

    assert heard == [("srl", "alarm", "kl at step 6 (warn): too far. Try srl.max_kl=1")]
    assert (last["event"], last["stage"], last["advice"]) == ("alarm", "srl", "srl.max_kl=1")


def test_a_stage_that_was_not_asked_before_says_where_it_got(finished):
    settings, rundir, _ = finished
    source = rundir.path / "srl" / "best"
    result = learning.finish("srl", Outcome(6, 10, AFTER, None), source, settings, rundir)

    assert result.notes == ("srl: dev macro_f1 0.750 at step 6 of 10",)
    assert rundir.read_json("srl/result.json")["dev_before"] is None


def test_where_no_step_was_better_the_model_is_the_one_it_began_with(finished):
    settings, rundir, _ = finished
    source = rundir.path / "srl" / "best"
    learning.finish("rlvr", Outcome(0, 10, BEFORE, BEFORE), source, settings, rundir)
    sums = toy_job.sums(rundir.path)

    assert json.loads(rundir.read_text("rlvr/result.json"))["gain"] is False
    assert sums["rlvr/best/model.safetensors"] == sums["srl/best/model.safetensors"]


def test_the_checkpoint_is_freed_at_the_end(finished):
    settings, rundir, _ = finished
    for name in ("checkpoint", ".checkpoint.old"):
        (rundir.path / "srl" / name).mkdir()
    learning.finish("srl", Outcome(1, 1, AFTER, BEFORE), rundir.path, settings, rundir)

    assert not list(rundir.path.glob("srl/*checkpoint*"))


def test_a_loop_writes_hears_and_rewinds_its_own_rows(finished):
    settings, rundir, role = finished
    heard = []
    rundir.subscribe(lambda what, done, total, figures: heard.append((what, done, total, figures)))
    around = learning.surroundings("srl", role, settings, settings.srl, rundir)
    others = [row for row in rundir.metrics() if row["stage"] != "srl"]
    around.rewind(-1)
    around.log(3, {"loss": 0.5})
    around.progress("steps", 3, 9, {"loss": 0.5})

    assert rundir.metrics("srl") == [{"stage": "srl", "step": 3, "loss": 0.5}]
    assert [row for row in rundir.metrics() if row["stage"] != "srl"] == others
    assert heard == [("srl: steps", 3, 9, {"loss": 0.5})]
    assert around.history() == [{"step": 3, "loss": 0.5}]
    assert around.folder == rundir.path / "srl"
    assert around.main == "macro_f1"


@pytest.mark.parametrize(
    ("facts", "times"),
    [
        ({"cores": 2}, 1.0),
        ({"cores": 8}, 4.0),
        ({"cores": 2, "compute_dtype": "float32"}, 0.5),
        ({"device": "cuda", "cores": 2}, 100.0),
    ],
)
def test_a_plan_knows_how_fast_the_machine_is(finished, monkeypatch, facts, times):
    settings = finished[0]
    known = {"device": "cpu", "cores": 2, "compute_dtype": "bfloat16", **facts}
    monkeypatch.setattr(precision, "foreseen", lambda node: SimpleNamespace(**known))
    found = learning.plan("srl", settings, settings.srl, 10, trained=1000, generated=100)
    work = (2 * 2 + 2) * 60 * 1000 / learning.TRAIN_GFLOP_PER_S  # 1B parameters, 30 + 30 tokens
    answers = 100 + 3 * settings.srl.eval_tasks
    work += 4 * 30 * answers / learning.GENERATE_GFLOP_PER_S

    assert found.seconds == pytest.approx(work / times)


@pytest.mark.parametrize("more", ["steps", "trained", "generated"])
def test_a_plan_grows_with_the_work(finished, more):
    settings = finished[0]
    work = {"steps": 10, "trained": 100, "generated": 100}
    small = learning.plan("srl", settings, settings.srl, **work)
    large = learning.plan("srl", settings, settings.srl, **work | {more: 10 * work[more]})

    assert large.seconds > small.seconds > 0
    assert large.tokens > small.tokens > 0
    assert large.memory_gb == small.memory_gb > 0
