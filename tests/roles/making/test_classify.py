"""The module written for a role of one's own, before a table's labels are in it."""

import json
from dataclasses import replace

import pytest

from srlr import roles
from srlr.collaboration import verifier
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Role, Step, Task
from srlr.roles.making import classify

TASK = Task("1", "I was CHARGED twice, refund me", {"label": "billing"})
TEXT = "words: charged, refund\nbilling"


def solved(task=TASK, **context):
    return classify.expert(task, Context(**context), 0, 0)


def test_it_is_a_role_and_none_that_can_be_named():
    assert isinstance(classify, Role)
    assert "classify" not in roles.available()


def test_the_experts_text_is_the_one_of_the_modules_example():
    assert "".join(classify.completion(solved())) == TEXT
    assert classify.parse(f" {TEXT}\n") == {"label": "billing"}
    assert verifier.judge(solved(), classify, "label").score == 1.0
    assert classify.messages(TASK, [TASK])[2]["content"] == TEXT


def test_a_text_without_a_cue_is_solved_without_words():
    bare = solved(Task("2", "Hello?", {"label": "delivery"}), neighbours=(TASK,))

    assert "".join(classify.completion(bare)) == "words: none\ndelivery"
    assert bare.steps[1].reasoning == "0 of the 1 nearest texts are delivery."
    assert classify.verify(bare).score == 1.0


@pytest.mark.parametrize(
    ("place", "action", "score"),
    [
        (0, "find_words: none", 0.6),
        (0, "find_words: charged, twice", 0.6),
        (1, "choose_label: delivery", 0.6),
        (1, "choose_label: unknown", 0.0),
    ],
)
def test_words_must_be_what_speaks_for_the_label(place, action, score):
    steps = list(solved().steps)
    steps[place] = Step(action, "", steps[place].reward)

    assert classify.verify(replace(solved(), steps=tuple(steps))).score == score


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        (TEXT, 1.0, 1.0),
        ("words: charged, courier\ndelivery", 0.0, 0.5),
        ("words: none\nbilling", 1.0, 1.0),
        ("billing", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_rewards_by_hand(text, label, words):
    assert classify.label_reward(TASK, text).value == label
    assert classify.words_reward(TASK, text).value == words


def test_an_untrained_model_is_told_the_labels_and_read_generously():
    told, *_, shown, _ = classify.baseline_messages(TASK, [TASK])

    assert "billing, delivery" in told["content"]
    assert shown["content"] == "billing"
    assert classify.parse_baseline(" billing\n") == {"label": "billing"}
    assert classify.parse_baseline("Billing, I think") is None
    assert classify.parse_leniently("Not billing: DELIVERY.") == {"label": "delivery"}
    assert classify.parse_leniently("prebilling") is None


def test_knowledge_says_which_words_may_speak_for_what():
    assert classify.knowledge(TASK).rules == ("charged, refund may speak for billing.",)


def test_rows_are_read_by_the_names_of_the_schema(tmp_path, monkeypatch):
    monkeypatch.setattr(classify, "COLUMNS", {"text": "body", "label": "queue"})
    rows = [
        {"body": "late", "queue": " delivery ", "text": "kept", "split": "train", "region": "n"},
        {"body": "paid", "queue": "billing", "split": "train", "region": "s"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    where = {"region": ["n"]}
    data = str(tmp_path / "rows.jsonl")
    profile = RoleProfile(
        name="x", family="classification", description="d", data=data, where=where
    )
    (task,) = classify.load_tasks(profile, "train")

    assert (task.prompt, task.answer) == ("late", {"label": "delivery"})
    assert task.meta["text_"] == "kept"
