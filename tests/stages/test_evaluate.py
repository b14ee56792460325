import shutil
from pathlib import Path

import pytest

from srlr.core.errors import GateFailed
from srlr.core.evaluating import Gate
from srlr.core.passed import NoRlvr, NoSrl
from srlr.evaluation import tracker
from srlr.stages import answering, evaluate


@pytest.fixture
def asked(monkeypatch):
    """The names of the models that are put a task, in order, while it is true."""
    names, ask = [], answering.ask

    def listening(model, name, *rest, **how):
        names.append(name)
        return ask(model, name, *rest, **how)

    monkeypatch.setattr(answering, "ask", listening)
    return names


def test_every_model_answers_the_same_tasks(finished, asked):
    settings, rundir, _ = finished
    result = evaluate.run(settings, rundir)
    rows = rundir.read_jsonl("evaluate/attempts.jsonl")
    tasks = {name: [r["task"] for r in rows if r["model"] == name] for name in ("srl", "tfidf")}

    assert asked == ["baseline", "baseline", "baseline", "srl", "rlvr"]  # two numbers of shots
    assert len(tasks["srl"]) == 24
    assert sorted(tasks["srl"]) == sorted(tasks["tfidf"])
    assert {row["model"] for row in rows} == {"baseline", "srl", "rlvr", "tfidf"}
    assert [row["latency_s"] is None for row in rows if row["model"] == "rlvr"] == [False] + [
        True
    ] * 23
    assert result.metrics["srl_macro_f1"] > result.metrics["baseline_macro_f1"]
    report = rundir.read_json("evaluate/report.json")
    weak = rundir.read_json("evaluate/weaknesses.json")
    with tracker.opened(settings.evaluate.track, Path(settings.runs_dir)) as database:
        entries = tracker.history(database, role="toy")

    assert len(report["pairwise"]) == 6
    assert report["service"]["rlvr"]["timed"] == 1
    assert report["contamination"]["tasks"] == 24
    assert report["generalised"][0]["what"] == "far from training"
    assert weak["clusters"]["embedder"] == "hashed-1-1024"
    assert entries[-1].run == rundir.path.name
    assert not (rundir.path / "evaluate" / "parts").exists()


def test_a_model_that_has_answered_is_not_asked_again(finished, asked, monkeypatch):
    settings, rundir, _ = finished

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "comparisons", stop)
        with pytest.raises(KeyboardInterrupt):
            evaluate.run(settings, rundir)
    asked.clear()
    evaluate.run(settings, rundir)

    assert asked == []


def test_the_baseline_gets_the_number_of_shots_that_is_best_on_dev(finished, monkeypatch):
    settings, _, role = finished
    score = {0: 0.2, 3: 0.4}
    monkeypatch.setattr(evaluate, "_dev", lambda model, role, shots, *_: score[len(shots)])
    rows, shots = evaluate.baseline(role, role.load_tasks(settings.role, "dev")[:2], *finished[:2])

    assert shots == 3
    assert [row["model"] for row in rows] == ["baseline"] * 2


def test_of_two_equally_good_numbers_the_smaller_is_taken(finished, monkeypatch):
    settings, rundir, role = finished
    monkeypatch.setattr(evaluate, "_dev", lambda *_: 0.4)

    assert evaluate.baseline(role, [], settings, rundir) == ([], 0)


def test_shots_come_from_training_rows_one_label_after_the_other(finished):
    settings, _, role = finished
    shots = evaluate.shots_of(role, settings)
    train = {task.id for task in role.load_tasks(settings.role, "train")}

    assert [shot.answer["label"] for shot in shots] == ["cold", "warm", "cold"]
    assert {shot.id for shot in shots} <= train


def test_a_floor_that_is_not_reached_is_named_and_the_report_is_there(
    finished, changed, tiny_model_folder
):
    """The model in place of RLVR's is the untrained one, which is never right."""
    rundir = finished[1]
    shutil.copytree(tiny_model_folder, rundir.path / "rlvr" / "best", dirs_exist_ok=True)
    (rundir.path / "evaluate" / "report.html").unlink()
    with pytest.raises(GateFailed) as failed:
        evaluate.run(changed("evaluate", gate=Gate(accuracy=0.5)), rundir)

    assert failed.value.what == "RLVR: Accuracy is 0.000 [0.000, 0.000], the gate asks for ≥ 0.500"
    assert "report.md" in failed.value.hint
    assert (rundir.path / "evaluate" / "report.html").exists()


def test_the_plan_knows_the_limit(finished, changed):
    assert evaluate.plan(finished[0]).note == "24 tasks each"
    assert evaluate.plan(changed("evaluate", limit=None)).tokens > evaluate.plan(finished[0]).tokens


def test_a_role_that_does_not_classify_has_no_classifiers_beside_it(finished, changed):
    settings, rundir, role = finished
    other = changed("role", family="expert_analysis", labels=())
    tasks = role.load_tasks(other.role, "test")[:4]

    assert evaluate.comparisons(role, tasks, settings, rundir)
    drawn = rundir.read_jsonl("generate/tasks.jsonl")
    rundir.write_jsonl(
        "generate/tasks.jsonl", [r for r in drawn if r["answer"] == drawn[0]["answer"]]
    )

    assert evaluate.comparisons(role, tasks, settings, rundir) == []
    assert "one label only" in evaluate._left_out([], settings)[0]
    assert evaluate._left_out([], other) == evaluate._left_out([{"model": "tfidf"}], settings) == ()
    assert evaluate.comparisons(role, tasks, other, rundir) == []
    assert len(evaluate.shots_of(role, other)) == 3


def test_answers_are_drawn_beside_the_greedy_one_and_told_apart(finished, changed):
    _, rundir, _ = finished
    whole = rundir.read_json("evaluate/report.json")
    settings = changed("evaluate", samples=3, limit=4, latency_tasks=0)
    evaluate.run(settings, rundir)
    rows = rundir.read_jsonl("evaluate/samples.jsonl")
    found = rundir.read_json("evaluate/report.json")["sampled"]

    assert "sampled" not in whole
    assert [row["model"] for row in rows] == ["baseline"] * 12 + ["srl"] * 12 + ["rlvr"] * 12
    assert [row["task"] for row in rows[12:15]] == [rows[12]["task"]] * 3
    assert found["samples"] == 3
    assert found["figures"].keys() == {"baseline", "srl", "rlvr"}


@pytest.mark.parametrize(("passed", "kind"), [("srl", NoSrl), ("rlvr", NoRlvr)])
def test_a_stage_that_was_passed_over_has_no_row(finished, asked, passed, kind):
    settings, rundir, _ = finished
    without = settings.model_copy(update={passed: kind()})
    result = evaluate.run(without, rundir)
    report = rundir.read_json("evaluate/report.json")
    (last,) = {"srl", "rlvr"} - {passed}

    assert passed not in asked
    assert last in asked
    assert report["final"] == last
    assert {row["model"] for row in report["table"]} == {"baseline", last, "tfidf"}
    assert [(one["model"], one["against"]) for one in report["tests"]] == [
        (last, "baseline"),
        (last, "tfidf"),
    ]
    assert any(note.startswith(last.upper()) for note in result.notes)
    assert not any(note.startswith(passed.upper()) for note in result.notes)
    assert evaluate.plan(without).tokens < evaluate.plan(settings).tokens
