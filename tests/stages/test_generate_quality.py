import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.rundir import RunDir
from srlr.core.settings import Generate, Hardware, ModelCard, Settings, Tier
from srlr.core.training import Grpo
from srlr.core.types import Task
from srlr.core.verifying import EarlierRuns, Quality
from srlr.stages import generate, generate_quality
from srlr.text.hashed import Hashed
from srlr.text.vectors import Vectors

TOY = str(Path(__file__).parents[1] / "roles" / "toy")
TOY_ROLE = RoleProfile(name="toy", family="classification", description="d", data="generated")


def settings(place, seed=7, role=TOY_ROLE, num_tasks=40, embedded=0, **quality):
    return Settings(
        seed=seed,
        role_path=TOY,
        runs_dir=str(place),
        role=role,
        tier=Tier(name="gold", parameters_min_b=0, parameters_max_b=8),
        hardware=Hardware(name="cpu"),
        model=ModelCard(name="tiny", source=None),
        generate=Generate(
            num_tasks=num_tasks, srl_share=0.25, quality=Quality(embedded=embedded, **quality)
        ),
        rlvr=Grpo(prompts_per_step=1),
    )


def made(place, name, group="toy-gold", **how):
    run = RunDir.create(place / group / name, config_yaml="", command="srlr generate", facts={})
    result = generate.run(settings(place, **how), run)
    return run, run.read_json("generate/quality.json"), result


def prompts(run):
    return {row["prompt"] for row in run.read_jsonl("generate/tasks.jsonl")}


def test_overlap_with_earlier_runs_of_the_role_is_told(tmp_path):
    first, quality, _ = made(tmp_path, "a", seed=1)
    (tmp_path / "toy-gold" / "empty").mkdir()
    RunDir.create(tmp_path / "toy-gold" / "b", config_yaml="", command="", facts={})
    RunDir.create(tmp_path / "other-gold" / "a", config_yaml="", command="", facts={})

    assert quality["earlier_runs"]["runs"] == []

    second, quality, _ = made(tmp_path, "c", seed=2)
    shared = len(prompts(first) & prompts(second))
    assert prompts(first) != prompts(second)
    assert quality["earlier_runs"]["runs"] == [{"run": "a", "tasks": 40, "shared": shared}]
    assert quality["earlier_runs"]["exact"] == shared
    assert quality["earlier_runs"]["share"] == shared / 40


def test_tasks_of_earlier_runs_are_not_drawn_where_that_is_asked(tmp_path):
    first, _, _ = made(tmp_path, "a", seed=1)
    second, quality, result = made(tmp_path, "b", seed=2, earlier_runs=EarlierRuns(do="drop"))

    assert not prompts(first) & prompts(second)
    assert quality["earlier_runs"]["dropped"] == 40
    assert "left out: 40 tasks of earlier runs" in result.notes


def test_as_many_earlier_runs_are_looked_at_as_are_asked_for(tmp_path):
    made(tmp_path, "a", seed=1)
    made(tmp_path, "b", seed=2)

    assert (
        len(made(tmp_path, "c", earlier_runs=EarlierRuns(most=1))[1]["earlier_runs"]["runs"]) == 1
    )
    none = made(tmp_path, "d", earlier_runs=EarlierRuns(do="nothing"))[1]
    assert none["earlier_runs"]["runs"] == []


def test_a_pool_that_earlier_runs_used_up_is_an_error(tmp_path):
    made(tmp_path, "a", num_tasks=800)

    with pytest.raises(ConfigError, match="drew every training task"):
        made(tmp_path, "b", earlier_runs=EarlierRuns(do="drop"))


LONG = "the lens is sharp and bright and the battery lasts for days of hard use in the cold rain"


def own_rows(path):
    rows = [
        {"text": LONG, "sentiment": "positive", "split": "test"},
        {"text": f"{LONG} too", "sentiment": "positive", "split": "train"},
        {"text": "It does not work.", "sentiment": "negative", "split": "train"},
        {"text": "Fine.", "sentiment": "neutral", "split": "dev"},
        {"text": "A good day", "sentiment": "positive", "split": "train"},
    ]
    path.write_text("".join(json.dumps({**row, "confidence": 1}) + "\n" for row in rows))
    return RoleProfile(
        name="sentiment",
        family="classification",
        description="d",
        data=str(path),
        label="sentiment",
        edge_cases={"negation": 0.5, "sarcasm": 0.1},
    )


@pytest.mark.parametrize("duplicates", ["exact", "minhash"])
def test_contamination_is_told_by_split_with_examples(tmp_path, duplicates):
    role = own_rows(tmp_path / "rows.jsonl")
    run, quality, _ = made(tmp_path, "a", "sentiment-gold", role=role, duplicates=duplicates)
    example = {"train": f"{LONG} too", "held_out": LONG, "similarity": 0.947}  # 18 of 19 pairs

    assert quality["contamination"] == {
        "dev": {"rows": 1, "exact": 0, "near": 0, "examples": []},
        "test": {"rows": 1, "exact": 0, "near": 1, "examples": [example]},
    }
    assert LONG not in " ".join(prompts(run))


def test_edge_cases_are_had_wanted_and_missing(tmp_path):
    role = own_rows(tmp_path / "rows.jsonl")
    _, quality, _ = made(tmp_path, "a", "sentiment-gold", role=role)
    rows = {row["kind"]: row for row in quality["edge_cases"]}

    assert rows["negation"] == {"kind": "negation", "have": 1, "want": 1, "missing": 0, "pool": 1}
    assert rows["sarcasm"] == {"kind": "sarcasm", "have": 0, "want": 1, "missing": 1, "pool": 0}
    assert rows["adversarial"]["want"] == 0
    assert quality["labels"] == {
        "counts": {"negative": 1, "positive": 1},
        "balance": pytest.approx(1.0),
    }


def task(name, label):
    return Task(name, name, {"label": label})


def test_missing_edge_cases_take_the_place_of_tasks_of_their_label():
    drawn = [task("a", "x"), task("b", "y"), task("c", "x")]
    pool = [*drawn, task("d", "x"), task("e", "y"), task("f", "y")]
    kinds = dict.fromkeys("abc", frozenset()) | dict.fromkeys("def", frozenset({"odd"}))

    def topped_up(odd):
        rng = random.Random(1)
        return generate_quality.topped_up(drawn, pool, kinds, {"odd": odd}, label="label", rng=rng)

    assert topped_up(0) == drawn

    one = topped_up(1)
    (new,) = {t.id for t in one} - set("abc")
    assert [t.answer["label"] for t in one] == ["x", "y", "x"]
    assert new in "def"
    assert {t.id for t in topped_up(9)} == set("def")


def test_topping_up_is_asked_for_and_told(tmp_path):
    rows = [
        {"text": f"A good day {n}", "sentiment": "positive", "split": "train"} for n in range(30)
    ]
    rows += [
        {"text": f"It is not {n}", "sentiment": "negative", "split": "train"} for n in range(9)
    ]
    rows += [{"text": s, "sentiment": "neutral", "split": s} for s in ("dev", "test")]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({**row, "confidence": 1}) + "\n" for row in rows))
    role = own_rows(tmp_path / "other.jsonl").model_copy(update={"data": str(path)})
    how = {"role": role, "num_tasks": 10, "edge_cases": {"negation": 0.8}}
    _, before, _ = made(tmp_path, "a", "sentiment-gold", **how)
    run, after, result = made(tmp_path, "b", "sentiment-gold", top_up=True, **how)

    def negations(quality):
        return next(row["have"] for row in quality["edge_cases"] if row["kind"] == "negation")

    assert negations(before) < 8
    assert negations(after) == 8
    assert len(prompts(run)) == 10
    assert after["topped_up"] == 8 - negations(before)
    assert f"{after['topped_up']:,} tasks drawn for edge cases that were missing" in result.notes


def test_how_far_problems_lie_apart_in_meaning_is_measured_or_told_not_to_be():
    tasks = [task("red boat", "x"), task("red boat", "x"), task("of", "x")]
    vectors = Vectors(Hashed(), None)

    def spread(most, found=(vectors, "")):
        return generate_quality.embedding_spread(tasks, lambda: found, most)

    # one of the three pairs is of equal texts, the others share nothing
    assert spread(5) == {"value": 0.6667, "texts": 3, "embedder": Hashed.id}
    assert spread(2)["value"] == 0.0
    assert spread(5, (None, "why")) == {"not_measured": "why"}
    assert spread(0) == {"not_measured": "generate.quality.embedded=0"}


def test_nothing_is_fetched_to_measure_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    _, quality, _ = made(tmp_path, "a", embedded=9)

    assert "srlr assets fetch all-minilm-l6-v2" in quality["embedding_spread"]["not_measured"]


def test_a_roles_own_kinds_are_asked_for():
    role = SimpleNamespace(edge_cases=lambda one: ["odd"] if one.id == "a" else [])
    kinds = generate_quality.kinds_of(role, [task("a", "x"), task("b", "x")])

    assert kinds == {"a": frozenset({"odd", "empty"}), "b": frozenset({"empty"})}


def test_a_source_that_is_left_out_is_told(tmp_path):
    notes = generate_quality.notes(
        {
            "earlier_runs": {"dropped": 0},
            "topped_up": 0,
            "sources": [
                {"name": "poor", "accepted": 3, "quality": 0.41, "kept": False},
                {"name": "none", "accepted": 0, "quality": 0.0, "kept": False},
                {"name": "good", "accepted": 3, "quality": 0.9, "kept": True},
            ],
        }
    )

    assert notes == ["source poor left out: its quality is 0.41"]
