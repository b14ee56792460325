import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.types import Context, Step, Task
from srlr.roles import polarity, sentiment
from srlr.roles.chats import segments

NEGATED = Task("1", "I do not love the battery.", {"sentiment": "negative", "confidence": 0.85})
PLAIN = Task("2", "Great lens.", {"sentiment": "positive", "confidence": 1.0})
TEXT = "words: love +3\nnegative, negation\nnegative 85"


def solved(task, attempt=0):
    return sentiment.expert(task, sentiment.knowledge(task), attempt, seed=1)


def answer(label, confidence="85"):
    return f"words: none\nneutral\n{label} {confidence}"


def written(reading):
    return "".join(segments(sentiment.WRITTEN, sentiment.actions(reading)))


def test_the_experts_text_is_the_one_of_the_modules_example():
    assert "".join(sentiment.completion(solved(NEGATED))) == TEXT


def test_a_count_that_agrees_needs_no_override():
    assert [step.action for step in solved(PLAIN).steps] == [
        "identify_keywords: great +3",
        "weigh_polarity: positive",
        "classify_sentiment: positive 100",
    ]


@pytest.mark.parametrize("task", [NEGATED, PLAIN])
def test_step_rewards_sum_to_one_and_each_step_is_explained(task):
    steps = solved(task).steps

    assert sum(step.reward for step in steps) == pytest.approx(1.0, abs=1e-6)
    assert all(step.reasoning.endswith(".") for step in steps)


def test_neighbours_are_counted_in_the_reasoning():
    context = Context(neighbours=(PLAIN, NEGATED, NEGATED))
    last = sentiment.expert(NEGATED, context, 0, 1).steps[-1]

    assert "2 of the 3 nearest labelled texts are negative too" in last.reasoning


def test_knowledge_names_the_lexicons_words_and_their_source():
    known = sentiment.knowledge(NEGATED)

    assert known.lexicon == {"love": 3.2}
    assert known.citations == ("vaderSentiment 3.3.2, vader_lexicon.txt",)
    assert len(known.rules) == 3


def test_the_next_attempt_takes_the_next_override():
    task = Task(
        "3", "However, it does not play.", {"sentiment": "negative", "confidence": 0.9}
    )  # negation and a weak sum of +1.4; no side of the "however" is negative
    kinds = [solved(task, attempt).meta["override"] for attempt in range(3)]

    assert kinds == ["negation", "implicit", None]


def test_an_accepted_solution_scores_one_without_issues():
    for task in (NEGATED, PLAIN):
        assert sentiment.verify(solved(task)) == sentiment.verify(solved(task, 0))
        assert sentiment.verify(solved(task)).score == 1.0
        assert sentiment.verify(solved(task)).issues == ()


def test_the_label_is_derived_from_the_steps_without_the_gold_one():
    """The same steps are judged alike whatever the task's human label is."""
    other = replace(NEGATED, answer={"sentiment": "neutral", "confidence": 0.1})
    trajectory = solved(NEGATED)

    assert sentiment.verify(replace(trajectory, task=other)) == sentiment.verify(trajectory)


@pytest.mark.parametrize(
    ("line", "action", "issue"),
    [
        (0, "identify_keywords: love -3", "keywords"),
        (0, "identify_keywords: adore +3", "keywords"),
        (1, "weigh_polarity: neutral", "label"),
        (1, "weigh_polarity: positive", "override"),
        (2, "override: contrast", "override"),
        (3, "classify_sentiment: positive 85", "label"),
        (3, "classify_sentiment: negative", "schema"),
        (1, "", "schema"),
        (1, "another step: negative", "schema"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(line, action, issue):
    trajectory = solved(NEGATED)
    steps = list(trajectory.steps)
    steps[line] = Step(action, "", 0.2)
    verdict = sentiment.verify(replace(trajectory, steps=tuple(steps)))

    assert verdict.score < 0.7
    assert any(found.startswith(issue) for found in verdict.issues)


def test_a_polarity_that_is_not_the_count_needs_an_override():
    trajectory = solved(NEGATED)
    steps = tuple(step for step in trajectory.steps if not step.action.startswith("override"))
    verdict = sentiment.verify(replace(trajectory, steps=steps))

    assert verdict.issues == ("weigh: the words add up to positive, and nothing overrides them",)


def test_a_text_without_any_evidence_is_rejected():
    task = Task("4", "I adore and love it", {"sentiment": "neutral", "confidence": 0.5})
    verdict = sentiment.verify(solved(task))

    assert verdict.score == 0.6
    assert verdict.issues == ("label: the steps imply positive, the last one says neutral",)


def test_parse_reads_the_answer():
    assert sentiment.parse(TEXT) == {"sentiment": "negative", "confidence": 0.85}
    assert sentiment.parse(f"{TEXT}\n") == {"sentiment": "negative", "confidence": 0.85}


def test_a_keyword_may_be_a_phrase():
    reading = sentiment.read(TEXT.replace("love +3", "love +3, free of -1"))

    assert reading.keywords == (("love", "+3"), ("free of", "-1"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "negative",
        TEXT.replace("love +3", "love +3, none"),
        TEXT.replace("love +3", "love +3,  fine +1"),
        TEXT.replace("love +3", "x " * 10_000),
        TEXT.replace("negation", "magic"),
        TEXT.replace("85", "0.85"),
        TEXT.replace("85", "101"),
        TEXT.replace("85", "085"),
        TEXT.replace("negative 85", "bad 85"),
        TEXT.replace("love +3", "love"),
        TEXT.replace("love +3", "love +5"),
        TEXT.replace("love +3", ""),
        TEXT.replace("words: ", ""),
        TEXT.replace("negative, negation\n", ""),
        "\n".join(reversed(TEXT.split("\n"))),
        TEXT + " Hope this helps!",
    ],
)
def test_parse_is_strict(text):
    assert sentiment.parse(text) is None


WORDS = sorted(polarity.lexicon())
READINGS = st.builds(
    sentiment.Reading,
    keywords=st.lists(
        st.tuples(st.sampled_from(WORDS), st.sampled_from(["+1", "-4"])), max_size=4
    ).map(tuple),
    polarity=st.sampled_from(sentiment.LABELS),
    override=st.none() | st.sampled_from(polarity.KINDS),
    label=st.sampled_from(sentiment.LABELS),
    confidence=st.integers(0, 100).map(lambda n: n / 100),
)


@given(READINGS)
def test_what_is_written_can_be_read(reading):
    assert sentiment.read(written(reading)) == reading


def test_every_lexicon_word_survives_the_format():
    for word in WORDS:
        words = ((word, "-2"), ("good", "+2"))
        reading = sentiment.Reading(words, "neutral", None, "neutral", 0.5)

        assert sentiment.read(written(reading)) == reading


@pytest.mark.parametrize(
    ("text", "label", "confidence"),
    [
        ('{"sentiment": "positive", "confidence": 0.9}', "positive", 0.9),
        ('Sure! {"sentiment": "Negative", "confidence": "80%"} I hope so.', "negative", 0.8),
        ("The sentiment is NEUTRAL.", "neutral", None),
        ("It may seem positive, but it is negative (confidence: 1)", "negative", 1.0),
        ('{"label": "positive"} or {"label": "negative"}', "negative", None),
        ("positive, confidence 250%", "positive", None),
        ("positive, with a confidence of 0.75.", "positive", 0.75),
    ],
)
def test_a_lenient_reading_finds_the_label_and_a_confidence_if_given(text, label, confidence):
    assert sentiment.parse_leniently(text) == {"sentiment": label, "confidence": confidence}


@pytest.mark.parametrize("text", ["", "I cannot tell.", "{}", "[" * 100_000])
def test_a_lenient_reading_of_nothing_is_none(text):
    assert sentiment.parse_leniently(text) is None


def test_the_baseline_format_is_exactly_one_object():
    good = '{"sentiment": "neutral", "confidence": 1}'

    assert sentiment.parse_baseline(f" {good}\n") == {"sentiment": "neutral", "confidence": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        "neutral",
        'Answer: {"sentiment": "neutral", "confidence": 1}',
        '{"sentiment": "neutral"}',
        '{"sentiment": "neutral", "confidence": 1, "why": "x"}',
        '{"sentiment": "bad", "confidence": 1}',
        '{"sentiment": ["neutral"], "confidence": 1}',
        '{"sentiment": "neutral", "confidence": 1.5}',
        '{"sentiment": "neutral", "confidence": "1"}',
        '{"sentiment": "neutral", "confidence": true}',
        '{"sentiment": "neutral", "confidence": NaN}',
        "[1]",
        "[" * 100_000,
    ],
)
def test_the_baseline_format_is_strict(text):
    assert sentiment.parse_baseline(text) is None


def test_the_trained_models_chat_is_short_and_ends_with_the_text():
    chat = sentiment.messages(PLAIN)

    assert [turn["role"] for turn in chat] == ["system", "user"]
    assert len(chat[0]["content"]) < 50
    assert chat[-1]["content"] == PLAIN.prompt


def test_shots_are_shown_solved_in_their_own_format():
    trained = sentiment.messages(PLAIN, [NEGATED])
    baseline = sentiment.baseline_messages(PLAIN, [NEGATED])

    assert trained[2] == {"role": "assistant", "content": TEXT}
    assert sentiment.parse_baseline(baseline[2]["content"]) == NEGATED.answer
    assert "confidence" in baseline[0]["content"]


@pytest.mark.parametrize(
    ("text", "label", "confidence"),
    [
        (answer("negative", "85"), 1.0, 1.0),  # target 0.85
        (answer("negative", "35"), 1.0, 0.75),  # 1 - 0.5^2
        (answer("positive", "50"), 0.0, 0.75),  # wrong: target 0
        (answer("positive", "100"), 0.0, 0.0),
        (answer("negative", "85") + ".", 0.0, 0.0),  # malformed
        ("", 0.0, 0.0),
    ],
)
def test_rewards_are_right_label_and_brier_and_format_gates_them(text, label, confidence):
    rewards = sentiment.rewards()

    assert rewards["label"](NEGATED, text).value == label
    assert rewards["confidence"](NEGATED, text).value == pytest.approx(confidence)
    assert rewards["label"](NEGATED, text).why


def test_the_schema_takes_one_labelled_text():
    row = json.loads('{"text": "fine", "sentiment": "positive"}')

    assert sentiment.Schema.model_validate(row).confidence == 1.0
