import json
import random

import numpy as np
import pytest

from srlr.core.errors import ConfigError
from srlr.core.types import Task
from srlr.evaluation import findings, found, weaknesses
from srlr.evaluation.compare import Resampling
from srlr.evaluation.effects import holm, split_p
from srlr.evaluation.findings import Material, suggest
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("label", ("a", "b"))
HOW = Resampling(3, 200)
THINGS = {
    "ships": ("harbour", "anchor", "sailor", "vessel", "captain", "voyage"),
    "birds": ("feather", "sparrow", "nest", "wing", "singing", "migrate"),
    "bread": ("flour", "oven", "bakery", "dough", "crust", "yeast"),
}


def made(seed, n=240, wrong=None):
    """Rows of three subjects; `wrong(row)` says how likely the answer is wrong."""
    draw = random.Random(seed)
    rows = []
    for place in range(n):
        subject = draw.choice(list(THINGS))
        prompt = " ".join(draw.choices(THINGS[subject], k=draw.randrange(3, 12)))
        prompt += "?" * draw.randrange(2)
        meta = {"domain": draw.choice(("web", "press")), "year": draw.randrange(1990, 2026)}
        row = {"task": f"t{place}", "prompt": prompt, "meta": meta, "subject": subject}
        row |= {"gold": {"label": "a"}, "valid": True}
        fails = draw.random() < (wrong(row) if wrong else 0.2)
        rows.append({**row, "answer": {"label": "b" if fails else "a"}})
    return rows


def bag(texts):
    """Rows of length 1 that say which of the known words a text has."""
    known = [word for words in THINGS.values() for word in words]
    counts = np.array([[text.count(word) for word in known] for text in texts], dtype=float)
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


def vectors(rows):
    return bag([row["prompt"] for row in rows])


def found_in(rows, **more):
    return findings.find(Material(rows, SCHEMA, vectors(rows), **more), HOW)


@pytest.fixture(scope="module")
def ships():
    return made(1, wrong=lambda row: 0.8 if row["subject"] == "ships" else 0.1)


@pytest.fixture(scope="module")
def of_ships(ships):
    return found_in(ships)


def test_a_subject_nobody_named_is_found_as_a_cluster_with_its_words(of_ships):
    best = next(one for one in of_ships.findings if one.kind == "cluster")
    words = best.title.removeprefix("about ").split(", ")

    assert set(words) <= set(THINGS["ships"])
    assert best.clear
    assert best.score < 0.4 < 0.7 < best.rest
    assert best.gap == pytest.approx(best.score - best.rest)
    assert best.low < best.gap < best.high < 0
    assert best.p <= best.p_holm < 0.001
    assert {one["said"] for one in best.examples} == {"b"}


def test_a_rule_is_found_on_one_half_and_judged_on_the_other():
    rows = made(2, 400, lambda row: 0.85 if len(row["prompt"].split()) > 8 else 0.1)
    rule = next(one for one in found_in(rows).findings if one.kind == "rule")
    long = [row for row in rows if len(row["prompt"].split()) > 8]

    assert "words over" in rule.title or "characters over" in rule.title
    assert rule.clear
    assert rule.rows < 0.7 * len(long)
    assert json.dumps(rule.where)


def test_a_named_slice_has_an_id_that_stays_and_picks_other_tasks():
    rows = made(3, wrong=lambda row: 0.7 if row["meta"]["domain"] == "web" else 0.1)
    once, again = found_in(rows), found_in(rows)
    best = once.findings[0]
    tasks = [Task("1", "flour", {}, {"domain": "web"}), Task("2", "flour", {}, {"domain": "tv"})]

    assert once.findings == again.findings
    assert (best.kind, best.title, best.clear) == ("slice", "domain: web", True)
    assert findings.picks(best.where, tasks, np.zeros((2, 0)), once.centres_KF) == [True, False]


def test_failing_at_random_leaves_nothing_clear():
    """30 sets with a dozen groups each; in 5 % of them one may seem clear."""
    clear = 0
    for seed in range(1000, 1030):
        rows = made(seed, 120)
        right = [row["answer"]["label"] == "a" for row in rows]
        groups, _ = found.clusters(rows, vectors(rows), 3)
        groups += [*findings._slices(rows, 20, ()), *found.rules(rows, right, 20, 3)]
        ps = [
            split_p([right[n] for n in one.members], [right[n] for n in one.judged - one.members])
            for one in groups
            if findings._is_large(one, 20)
        ]
        clear += min(holm(ps)) < 0.05

    assert len(ps) >= 10
    assert clear <= 3


def test_clusters_pick_the_tasks_that_are_like_them(of_ships):
    best = next(one for one in of_ships.findings if one.kind == "cluster")
    tasks = [Task("1", best.examples[0]["prompt"], {}), Task("2", "dough and yeast", {})]
    rows = bag([task.prompt for task in tasks])

    assert findings.picks(best.where, tasks, rows, of_ships.centres_KF) == [True, False]


def test_rules_pick_by_what_they_say():
    where = {"rule": [["words", ">", 2.0], ["domain=web", ">", 0.5]]}
    tasks = [
        Task("1", "one two three", {}, {"domain": ["web", "tv"]}),
        Task("2", "one two three", {}, {}),
        Task("3", "one", {}, {"domain": "web"}),
    ]

    assert findings.picks(where, tasks, np.zeros((3, 0)), np.zeros((0, 0))) == [True, False, False]


def test_thirds_of_a_number_pick_by_their_bounds():
    rows = made(4)
    years = [row["meta"]["year"] for row in rows]
    groups = weaknesses.slices(rows, 20)
    for key in ("year", weaknesses.LENGTH):
        for (name, value), members in groups.items():
            if name == key:
                where = weaknesses.where(rows, key, value)
                picked = {n for n, row in enumerate(rows) if weaknesses.is_in(where, row)}

                assert picked == members
    above = {"key": "year", "above": np.median(years), "up_to": None}

    assert not weaknesses.is_in(above, {"prompt": "", "meta": {"year": "unknown"}})
    assert not weaknesses.is_in(above, {"prompt": "", "meta": {"year": float("nan")}})
    assert not weaknesses.is_in({"key": "x", "value": "none"}, {"prompt": "", "meta": {}})
    alike = {"key": weaknesses.LENGTH, "value": "2"}

    assert weaknesses.is_in(alike, {"prompt": "two words", "meta": {}})


@pytest.mark.parametrize(
    ("share", "train", "doubted", "do"),
    [(0.3, 0.1, 0.0, "generate"), (0.3, None, 0.0, "generate"), (0.3, 0.4, 0.1, "weight"),
     (0.3, 0.1, 0.6, "labels")],
)  # fmt: skip
def test_what_to_do_follows_from_the_shares(share, train, doubted, do):
    said = suggest("w-1", share, train, doubted)

    assert said.do == do
    assert ("generate.focus=w-1" in said.why) == (do != "labels")


def test_labels_that_other_methods_contradict_too_are_doubted(ships):
    other = [{**row, "answer": {"label": "b"}} for row in ships]
    train = [Task(r["task"], r["prompt"], {}, r["meta"]) for r in ships]
    said = found_in(ships, others=[other], train=train, train_vectors_NF=vectors(ships)).findings

    assert {one.do for one in said} == {"labels"}
    best = next(one for one in said if one.kind == "cluster")

    assert best.train_share == pytest.approx(best.rows / len(ships))
    assert findings.doubted([], Material([], SCHEMA, np.zeros((0, 0)))) == 0


def test_few_rows_or_no_failure_leave_nothing_to_find():
    few = found_in(made(5, 12))
    sure = found_in(made(6, 120, lambda row: 0.0))

    assert (few.findings, few.looked_at) == ((), 0)
    assert sure.findings == ()


def test_rows_without_vectors_are_refused():
    rows = made(7, 10)
    for wrong in (np.zeros((3, 4)), np.full((10, 4), np.nan)):
        with pytest.raises(ConfigError, match="10 tasks have"):
            found.clusters(rows, wrong, 0)
    with pytest.raises(ConfigError, match="no attempts"):
        findings.find(Material([], SCHEMA, np.zeros((0, 4))), HOW)


def test_alike_vectors_are_no_clusters_and_the_record_is_json():
    rows = made(8, 100)
    groups, centres = found.clusters(rows, np.ones((100, 4)), 0)
    record = found_in(rows).record("hashed")

    assert (groups, centres.shape) == ([], (0, 4))
    assert json.loads(json.dumps(record))["clusters"]["embedder"] == "hashed"


def test_an_answer_that_is_none_is_told_as_such():
    rows = [{**row, "answer": None} if n % 3 else row for n, row in enumerate(made(9, 60))]
    one = findings._example(rows[1], SCHEMA)

    assert one["said"] == "no answer"
    assert findings.doubted([rows[1]], Material(rows, SCHEMA, vectors(rows))) == 0
