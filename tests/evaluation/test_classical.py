import pytest

from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.types import Task
from srlr.evaluation.classical import applies_tfidf, applies_vader, tfidf, vader
from srlr.evaluation.metrics import accuracy
from srlr.evaluation.outcomes import Schema

SCHEMA = Schema("sentiment", ("negative", "neutral", "positive"), "confidence")


def task(n, prompt, label):
    return Task(f"t{n}", prompt, {"sentiment": label}, {"domain": "reviews"})


TASKS = [
    task(1, "I love it, a great camera!", "positive"),
    task(2, "Terrible, I hate this awful thing.", "negative"),
    task(3, "It has two buttons.", "neutral"),
]


def test_vader_answers_by_the_documented_thresholds():
    rows = vader(TASKS, SCHEMA)

    assert [row["answer"] for row in rows] == [t.answer for t in TASKS]
    assert rows[0].keys() == {
        *("model", "task", "prompt", "text", "answer", "gold"),
        *("meta", "valid", "latency_s", "tokens"),
    }
    assert rows[0]["model"] == "vader"
    assert rows[0]["meta"] == {"domain": "reviews"}


@pytest.mark.parametrize(
    ("compound", "label"),
    [(0.05, "positive"), (0.049, "neutral"), (-0.049, "neutral"), (-0.05, "negative")],
)
def test_vader_thresholds_belong_to_the_outer_labels(monkeypatch, compound, label):
    from vaderSentiment import vaderSentiment

    class Fixed:
        def polarity_scores(self, text):
            return {"compound": compound}

    monkeypatch.setattr(vaderSentiment, "SentimentIntensityAnalyzer", Fixed)

    assert vader(TASKS[:1], SCHEMA)[0]["answer"] == {"sentiment": label}


def test_vader_is_no_comparison_for_other_labels():
    other = Schema("sentiment", ("good", "bad"))

    assert not applies_vader(other)
    with pytest.raises(ConfigError, match="the role has good, bad"):
        vader(TASKS, other)


def test_tfidf_learns_words_and_gives_its_largest_probability():
    train = [
        task(n, f"{word} number {n}", label)
        for n, (word, label) in enumerate(
            [("great", "positive"), ("awful", "negative"), ("button", "neutral")] * 10
        )
    ]
    test = [task(90, "a great one", "positive"), task(91, "an awful one", "negative")]
    rows = tfidf(train, test, SCHEMA, seed=3)

    assert accuracy(rows, SCHEMA) == 1.0
    assert all(1 / 3 < row["answer"]["confidence"] <= 1 for row in rows)
    assert [r["answer"] for r in rows] == [r["answer"] for r in tfidf(train, test, SCHEMA, seed=3)]


def test_tfidf_gives_no_confidence_to_a_role_that_has_none():
    rows = tfidf(TASKS, TASKS, Schema("sentiment", SCHEMA.labels), seed=0)

    assert rows[0]["answer"].keys() == {"sentiment"}


@pytest.mark.parametrize(
    ("train", "what"),
    [
        ([], "0 training rows with 0 labels"),
        (TASKS[:1] * 3, "3 training rows with 1 labels"),
        ([task(1, "?", "positive"), task(2, "!", "negative")], "finds no words"),
    ],
)
def test_training_rows_nothing_can_be_learnt_from_are_refused(train, what):
    with pytest.raises(ConfigError, match=what):
        tfidf(train, TASKS, SCHEMA, seed=0)


def test_where_none_is_a_label_whether_there_is_anything_is_decided_first():
    schema = Schema("flag", ("none", "privacy", "violence"), "confidence")
    said = [("hello", "none"), ("hello", "none"), ("address", "privacy"), ("knife", "violence")]
    train = [
        Task(f"t{n}", f"{word} number {n}", {"flag": label}, {})
        for n, (word, label) in enumerate(said * 5)
    ]
    test = [Task(word, f"{word} there", {"flag": label}, {}) for word, label in said[1:]]
    rows = tfidf(train, test, schema, seed=3)

    assert accuracy(rows, schema) == 1.0
    assert all(0 < row["answer"]["confidence"] <= 1 for row in rows)


def test_few_rows_of_each_kind_do_not_make_none_the_answer_to_everything():
    kinds = tuple(f"kind{n}" for n in range(6))
    schema = Schema("flag", ("none", *kinds))
    train = [Task(f"n{n}", f"calm day {n}", {"flag": "none"}, {}) for n in range(12)]
    train += [
        Task(f"{kind}{n}", f"rude word {kind} {n}", {"flag": kind}, {})
        for kind in kinds
        for n in range(2)
    ]
    rows = tfidf(train, [Task("x", "rude word", {"flag": "kind0"}, {})], schema, seed=3)

    assert rows[0]["answer"]["flag"] != "none"


@pytest.mark.parametrize(
    ("family", "labels", "applies"),
    [
        ("classification", (), True),
        ("expert_analysis", ("safe", "vulnerable"), True),
        ("expert_analysis", (), False),
        ("real_time", ("tell", "ask"), False),
    ],
)
def test_roles_whose_answers_have_a_label_have_a_classifier_beside_them(family, labels, applies):
    profile = RoleProfile(name="r", family=family, description="d", data="d", labels=labels)

    assert applies_tfidf(profile) is applies


def reviewed(n, bad):
    """A program of three lines whose second has the weakness of this CWE, or none."""
    calls = {78: "os.system(line)", 502: "pickle.loads(data)", None: "total = sum(rows)"}
    found = [{"cwe": bad, "line": 2, "severity": "high"}] if bad else []
    answer = {"findings": found, "verdict": "vulnerable" if bad else "safe"}
    return Task(f"t{n}", f"import it\n{calls[bad]}\nprint(result{n})", answer)


@pytest.mark.parametrize("kinds", [(78, 502, None), (78, None)])
def test_findings_are_said_line_by_line_where_the_verdict_is_not_safe(kinds):
    schema = Schema("verdict", ("safe", "vulnerable"))
    train = [reviewed(n, bad) for n, bad in enumerate(kinds * 12)]
    test = [reviewed(90 + n, bad) for n, bad in enumerate(kinds)]
    rows = tfidf(train, test, schema, seed=3)

    assert [row["answer"] for row in rows] == [task.answer for task in test]


def test_without_known_findings_there_is_a_verdict_alone():
    schema = Schema("verdict", ("safe", "vulnerable"))
    train = [
        Task(f"t{n}", f"{word} {n}", {"verdict": said})
        for n, (word, said) in enumerate([("calm", "safe"), ("eval", "vulnerable")] * 5)
    ]

    assert tfidf(train, train[:1], schema, seed=3)[0]["answer"] == {"verdict": "safe"}
