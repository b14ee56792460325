import random

import evaluated
import pytest

from srlr.core.errors import ConfigError
from srlr.core.settings import Generate
from srlr.core.types import Task
from srlr.evaluation import findings
from srlr.stages import generate_draw, generate_focus

WEAK = {"id": "w-abc123", "title": "domain: web", "where": {"key": "domain", "value": "web"}}
CLUSTER = {"id": "w-def456", "title": "about ships", "where": {"cluster": 0}}


def tasks(n=40):
    labels = ("warm", "cold")
    return [
        Task(str(i), f"word {i}", {"label": labels[i % 2]}, {"domain": "web" if i < 8 else "tv"})
        for i in range(n)
    ]


def asked(runs_dir, **generate):
    return evaluated.settings(runs_dir, generate=Generate(**generate))


@pytest.fixture
def rundir(tmp_path):
    return evaluated.make(tmp_path, "a", [])


@pytest.fixture
def recorded(rundir):
    """Writes weaknesses.json of the run, with keys changed."""

    def write(**keys):
        clusters = {"embedder": "hashed-1-1024", "centres": [[0.0] * 1024]}
        known = {"format": 1, "role": "toy", "findings": [WEAK, CLUSTER], "clusters": clusters}
        rundir.write_json(findings.FILE, {**known, **keys})

    write()
    return write


@pytest.fixture
def read(rundir, recorded, tmp_path):
    def call(focus, pool=None):
        return generate_focus.read(asked(tmp_path, focus=focus), rundir, pool or tasks())

    return call


def test_no_focus_is_no_focus(read):
    assert read(None) == generate_focus.Focus()
    assert read(None).notes(tasks()) == []


def test_the_tasks_of_a_slice_are_picked_and_told(read):
    focus = read("w-abc123")

    assert [n for n, one in enumerate(focus.picked) if one] == list(range(8))
    assert focus.notes(tasks()[:10]) == ["Focus on domain: web: 8 of 10 tasks"]


def test_the_tasks_of_a_cluster_are_picked_by_their_vectors(read, recorded):
    assert all(read("w-def456").picked)

    recorded(clusters={"embedder": "other", "centres": [[0.0] * 1024]})
    with pytest.raises(ConfigError, match="found with another embedder, other"):
        read("w-def456")


def test_a_later_run_takes_up_what_an_earlier_one_has_found(recorded, tmp_path):
    fresh = evaluated.make(tmp_path, "fresh", [])
    damaged = evaluated.make(tmp_path, "damaged", [])
    damaged.write_text(findings.FILE, "[1]")

    assert (
        generate_focus.read(asked(tmp_path, focus="w-abc123"), fresh, tasks()).title
        == "domain: web"
    )


@pytest.mark.parametrize(
    ("focus", "hint"), [("w-abc124", "generate.focus=w-abc123"), ("xyz", "w-abc123 (domain: web)")]
)
def test_an_id_that_nobody_has_found_is_told_with_those_there_are(read, focus, hint):
    with pytest.raises(ConfigError, match="has found") as refused:
        read(focus)

    assert hint in refused.value.hint


def test_records_of_other_roles_and_versions_are_left_out(read, recorded):
    for keys in ({"role": "other"}, {"format": 0}):
        recorded(**keys)
        with pytest.raises(ConfigError, match="has found"):
            read("w-abc123")


def test_a_focus_that_no_training_row_is_like_is_told(read):
    with pytest.raises(ConfigError, match="no training row is like w-abc123"):
        read("w-abc123", tasks()[8:])


@pytest.mark.parametrize(
    ("share", "inside"),
    [(0.5, 8), (0.2, 4), (0.0, 0), (1.0, 8)],  # of 20 drawn, 8 are there
)
def test_a_share_of_the_draw_is_in_the_focus(tmp_path, share, inside):
    settings = asked(tmp_path, num_tasks=20, focus_share=share)
    focus = [task.meta["domain"] == "web" for task in tasks()]
    drawn = generate_draw.focused(tasks(), focus, settings, random.Random(1), lambda task: True)

    assert len(drawn) == len({task.id for task in drawn}) == 20
    assert sum(task.meta["domain"] == "web" for task in drawn) == inside
