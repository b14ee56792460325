import json

import pytest
from shelves import source

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import RunDir
from srlr.core.types import Task

RED = Task("1", "paint wall 1 red", {"label": "warm"}, {"group": "1"})


def trajectory(number, problem, *, role="toy", group=None):
    return {
        "id": str(number),
        "role": role,
        "problem": problem,
        "steps": [{"action": "colour: red", "reasoning": "", "reward": 1.0}],
        "expected_outcome": {"label": "warm"},
        "slices": {"group": group} if group else {},
    }


def run(folder, name, rows):
    made = RunDir.create(
        folder / "toy-gold" / name, config_yaml="", command="srlr", facts={"created": name}
    )
    made.write_jsonl("generate/trajectories.jsonl", rows)
    return made.path


def rows(tmp_path, lines, **said):
    path = tmp_path / "own.jsonl"
    path.write_text(
        "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines)
    )
    return source("examples", path=str(path), **said)


def test_trajectories_of_earlier_runs_are_found_and_cited(tmp_path):
    old = trajectory(7, "paint door 7 red") | {"expected_outcome": {"label": "old"}}
    run(tmp_path, "2026-01", [old, trajectory(8, "paint the roof")])
    run(tmp_path, "2026-02", [trajectory(7, "paint door 7 red"), trajectory(9, "x", role="other")])
    here = run(tmp_path, "2026-03", [trajectory(5, "paint this run red")])
    RunDir.create(tmp_path / "toy-gold" / "2026-04", config_yaml="", command="", facts={})
    place = source("examples", runs=str(tmp_path), run=here)

    assert [(one.text, one.citation) for one in place.find(RED)] == [
        (
            'paint door 7 red\ncolour: red\n=> {"label": "warm"}',
            "mine: toy-gold/2026-02, 7",
        ),
        (
            'paint the roof\ncolour: red\n=> {"label": "warm"}',
            "mine: toy-gold/2026-01, 8",
        ),
    ]
    assert place.facts() == {"kind": "examples", "texts": 2, "runs": 2, "held_out": 0}


def test_neither_the_task_nor_its_group_nor_what_is_held_out_is_shown(tmp_path):
    place = rows(
        tmp_path,
        [
            {"text": "Paint wall 1 RED!", "answer": "warm"},
            {"text": "paint something red", "answer": "warm", "id": 1},
            {"text": "paint another thing red", "answer": "warm", "group": 1},
            {"text": "paint the third thing red", "answer": "warm", "slices": {"group": "1"}},
            {"text": "paint held out red", "answer": "warm"},
            {"text": "paint gate 4 red", "answer": "warm", "id": 4, "group": 4},
        ],
        held_out=["Paint held-out red."],
    )

    assert [one.text for one in place.find(RED)] == ["paint gate 4 red\n=> warm"]
    assert place.facts()["held_out"] == 1


def test_rows_may_be_short_and_are_cited_by_line(tmp_path):
    place = rows(
        tmp_path,
        [
            "",
            {"prompt": "red", "steps": ["look", {"action": "say warm"}, {}]},
            {"text": "red", "answer": "x"},
        ],
    )

    assert [(one.text, one.citation) for one in place.find(RED)] == [
        ("red\nlook\nsay warm", "mine: own.jsonl, line 2")
    ]


def test_rows_that_are_no_examples_are_all_named(tmp_path):
    with pytest.raises(ConfigError) as error:
        rows(tmp_path, ["{", "[]", {"text": "x"}, {"answer": "y"}, {"text": "x", "answer": 1}])

    assert "line 1: not JSON" in error.value.what
    assert "line 2: not a JSON object" in error.value.what
    assert "line 3: no problem, or neither steps nor answer" in error.value.what
    assert "line 4: no problem" in error.value.what
    assert "line 5" not in error.value.what
    assert "expected_outcome" in error.value.hint


def test_a_file_without_examples_or_with_many_bad_rows_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="has no examples"):
        rows(tmp_path, [""])
    with pytest.raises(ConfigError, match="and 5 more"):
        rows(tmp_path, ["[]"] * 25)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingArtifact, match="cannot be read: No such file"):
        source("examples", path=str(tmp_path / "gone.jsonl"))
    with pytest.raises(MissingArtifact, match="the folder of runs") as error:
        source("examples", runs=str(tmp_path / "gone"))
    assert error.value.hint == "correct generate.retriever.sources.mine.runs"


def test_a_folder_without_runs_of_the_role_is_an_empty_source(tmp_path):
    place = source("examples", runs=str(tmp_path))

    assert place.find(RED) == []
    assert place.facts()["texts"] == 0


def test_a_damaged_run_is_told(tmp_path):
    path = run(tmp_path, "2026-01", [trajectory(1, "x")])
    (path / "generate" / "trajectories.jsonl").write_text("{cut")

    with pytest.raises(ConfigError, match=r"line 1 .* is damaged"):
        source("examples", runs=str(tmp_path))
