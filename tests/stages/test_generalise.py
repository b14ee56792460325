import pytest

from srlr.core.errors import ConfigError, GateFailed
from srlr.core.types import Task
from srlr.stages import answering, evaluate, generalise


def test_tasks_that_training_has_seen_are_counted_and_may_be_fatal(finished, changed):
    _, rundir, _ = finished
    drawn = rundir.read_jsonl("generate/tasks.jsonl")
    tasks = [Task("seen", drawn[0]["prompt"], {}), Task("own", "never before written down", {})]
    free = generalise.seen(tasks, changed("evaluate", max_overlap=None), rundir)

    assert (free.exact, free.share, free.examples) == (1, 0.5, ("seen",))
    assert generalise.seen(tasks, changed("evaluate", max_overlap=0.5), rundir) == free
    with pytest.raises(GateFailed, match=r"50\.0% of the 2 tasks repeat training tasks"):
        generalise.seen(tasks, changed("evaluate", max_overlap=0.4), rundir)


def test_changed_tasks_are_put_to_the_final_model_once(finished, changed, monkeypatch):
    _, rundir, role = finished
    settings = changed("evaluate", perturb=("typos", "order"), perturb_tasks=5)
    tasks = role.load_tasks(settings.role, "test")[:8]
    attempts = rundir.read_jsonl("evaluate/attempts.jsonl")
    mine = {row["task"] for row in attempts if row["model"] == "rlvr"}
    tasks = [task for task in role.load_tasks(settings.role, "test") if task.id in mine]
    (found,) = generalise.run(role, tasks, attempts, settings, rundir)
    rows = rundir.read_jsonl("evaluate/beyond.jsonl")
    monkeypatch.setattr(answering, "load", None)

    assert (found.what, found.tasks) == ("typos", 5)  # toy texts have one sentence: no order
    assert {row["way"] for row in rows} == {"typos"}
    assert generalise.run(role, tasks, attempts, settings, rundir) == (found,)


def test_unseen_tasks_are_held_against_the_others(finished, changed):
    _, rundir, role = finished
    attempts = rundir.read_jsonl("evaluate/attempts.jsonl")
    every = role.load_tasks(finished[0].role, "test")
    key, value = next(iter(every[0].meta.items()))
    settings = changed("evaluate", unseen={key: [str(value)]}, perturb_tasks=3)
    with pytest.raises(ConfigError, match=r"evaluate\.unseen: .* keeps no test task"):
        generalise.run(role, every, attempts, settings, rundir)
    (found,) = generalise.run(role, [], attempts, settings, rundir)

    assert found.what == f"unseen: {key} {value}"
    assert found.tasks <= 3
    assert found.gap.value == pytest.approx(found.after - found.before)


def test_nothing_asked_is_nothing_told(finished):
    settings, rundir, role = finished

    assert generalise.run(role, [], [], settings, rundir) == ()
    assert not (rundir.path / "evaluate" / "beyond.jsonl").exists()


def test_a_role_without_tasks_to_ask_is_told(finished, changed):
    settings = changed("role", where={"nowhere": ["x"]})
    with pytest.raises(ConfigError, match="leaves no test rows to ask"):
        evaluate._tasks(EmptyRole(), settings)


class EmptyRole:
    """A role whose data leave nothing."""

    def load_tasks(self, profile, split):
        return []
