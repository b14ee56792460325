"""A stream is guarded as the whole would be, whatever the pieces."""

import random

import pytest

from srlr.core.guarding import Guard
from srlr.serving.guard.checking import check_output
from srlr.serving.guard.policy import policy
from srlr.serving.guard.verdict import edited
from srlr.serving.guard.watch import HELD, Watch

BALANCED = policy(Guard())
KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 12
TEXTS = [
    "Nothing to see here, only a sentence that goes on for quite a while and then ends.",
    "Write to jo.smith@example.org or call +1 415 555 2671 before noon, please, and thank you.",
    "My card is 4111 1111 1111 1111 and my IBAN is DE89 3704 0044 0532 0130 00, take either of it.",
    "The token is ghp_abcdefghijklmnopqrstuvwxyz0123456789 and this goes on for some time yet.",
    f"Here you are:\n{KEY}-----END PRIVATE KEY-----\nKeep it safe, and do not show it to anybody.",
    "word " * 60 + "at last jo@example.org",
    "",
]


def said(text, cuts):
    watch, passed = Watch(BALANCED), []
    for piece in cuts:
        passed.append(watch.feed(piece))
    return [*passed, watch.end()]


def cut(text, draw):
    places = sorted(draw.sample(range(len(text) + 1), min(len(text), draw.randint(0, 40))))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_come_out_as_the_whole_would(text):
    draw = random.Random(3)
    whole = edited(text, check_output(text, BALANCED))

    for cuts in ([text], list(text), *(cut(text, draw) for _ in range(8))):
        assert "".join(one.text for one in said(text, cuts)) == whole


def test_little_is_held_back():
    watch, sent = Watch(BALANCED), 0
    text = "an ordinary answer in ordinary words, " * 20
    for at, sign in enumerate(text):
        sent += len(watch.feed(sign).text)

        assert at + 1 - sent <= HELD + 16


def test_an_insult_stops_the_answer_before_it_is_sent():
    passed = said(
        "", ["Well, let me say this: you are a ", "dumb bitch and nobody ", "likes you. " * 9]
    )

    assert passed[-1].stopped
    assert "bitch" not in "".join(one.text for one in passed)
    assert [one.rule for each in passed for one in each.verdicts] == ["toxicity"]


def test_after_the_end_nothing_comes():
    watch = Watch(BALANCED)
    watch.feed("<script>alert(1)</script> " + "and more " * 20)

    assert watch.stopped
    assert watch.feed("more").text == ""
    assert watch.end().text == ""


def test_a_rule_is_told_once():
    passed = said("", ["a@example.org and b@example.org and ", "c@example.org " * 20])

    assert [one.rule for each in passed for one in each.verdicts] == ["pii"]


def test_a_watch_that_is_off_holds_nothing_back():
    watch = Watch(policy(Guard(enabled=False)))

    assert watch.feed("jo@example.org").text == "jo@example.org"
    assert watch.end().text == ""
