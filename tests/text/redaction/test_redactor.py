import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import planted
from srlr.core.redacting import CLASSES, Redact
from srlr.text.redaction import redactor as module
from srlr.text.redaction.redactor import PLACEHOLDER, RECOGNISERS, Redactor, Text, counts

EVERYTHING = Redactor(Redact(classes=CLASSES))
PIECES = st.sampled_from(
    [
        "jo@example.org", "4111 1111 1111 1111", "+49 30 901820", "467 3395", "call me on ", " ",
        "853-37-1694", "DE89370400440532013000", "203.0.113.7", "token=a8Kd02mXz7Qw1Lp9", "SSN ",
        "853371694", "card ", "4222222222222", "[EMAIL_7]", "[CARD]", ", ", "\n", "x", "1", "-",
        ".", "\u200b", "é", "my name is Ada Lovelace", "Ada Lovelace", "password is hunter22",
        "41111111 11111111", "0", "@", "://u:p@", "phone: ", "２", "::", "/", "_", "+", "[",
        "]", "(", ")",
    ]
)  # fmt: skip
"""Of these hypothesis makes texts in which one thing begins inside of another."""


def rebuilt(text, result):
    """The original again, from what is shown and what was at each span."""
    parts, last = [], 0
    shown = result.text
    for span in result.spans:
        kept = text[last : span.start]
        assert shown.startswith(kept + span.placeholder)
        shown = shown[len(kept) + len(span.placeholder) :]
        parts += (kept, text[span.start : span.end])
        last = span.end
    assert shown == text[last:]
    return "".join([*parts, shown])


def test_equal_values_are_the_same_placeholder_in_order_of_their_first_place():
    result = Redactor().text("b@example.org, a@example.org and B@Example.org; 203.0.113.7")

    assert result.text == "[EMAIL_1], [EMAIL_2] and [EMAIL_1]; [IP_1]"
    assert [(s.start, s.end, s.kind) for s in result.spans][:2] == [
        (0, 13, "email"),
        (15, 28, "email"),
    ]
    assert counts([result]) == {"email": 3, "ip": 1}


def test_texts_of_a_document_share_numbers_and_what_only_one_of_them_explains():
    first, second = Redactor().texts(
        [Text("The line 467-3395 is hers."), Text("Call me on 467 3395 or jo@example.org")]
    )

    assert first.text == "The line [PHONE_1] is hers."
    assert second.text == "Call me on [PHONE_1] or [EMAIL_1]"


def test_the_name_of_a_field_tells_what_is_in_it():
    assert Redactor().text("467 3395", "phone").text == "[PHONE_1]"
    assert Redactor().text("467 3395", "sold").text == "467 3395"
    assert Redactor().text("x1", "jo@example.org").text == "x1"


def test_numbers_go_on_after_those_that_are_there():
    result = Redactor().text("[EMAIL_3] wrote to jo@example.org, not to [EMAIL_1]")

    assert result.text == "[EMAIL_3] wrote to [EMAIL_4], not to [EMAIL_1]"


def test_the_plain_style_has_no_numbers():
    plain = Redactor(Redact(style="plain"))

    assert plain.text("a@example.org b@example.org").text == "[EMAIL] [EMAIL]"


def test_only_the_classes_asked_for_are_replaced_and_none_is_none():
    text = "jo@example.org 203.0.113.7"

    assert Redactor(Redact(classes=("ip",))).text(text).text == "jo@example.org [IP_1]"
    assert Redactor(Redact(classes=())).text(text).text == text


@pytest.mark.parametrize(
    ("allowed", "shown"),
    [
        ("HELP@Example.org", "help@example.org [EMAIL_1] [PHONE_1]"),
        ("*@example.org", "help@example.org jo@example.org [PHONE_1]"),
        ("+49 30 901820", "[EMAIL_1] [EMAIL_2] +49 30 901820"),
        ("004930901820", "[EMAIL_1] [EMAIL_2] +49 30 901820"),
        ("help", "[EMAIL_1] [EMAIL_2] [PHONE_1]"),
    ],
)
def test_what_is_allowed_stays(allowed, shown):
    allowing = Redactor(Redact(allow=(allowed,)))

    assert allowing.text("help@example.org jo@example.org +49 30 901820").text == shown


def test_nothing_inside_of_what_is_allowed_is_found():
    allowing = Redactor(Redact(allow=("postgres:hunter22@db.example.org", "*@db.example.org")))

    assert allowing.text("12125550147@db.example.org").text == "12125550147@db.example.org"


def test_overlapping_things_are_one_of_the_class_that_ranks_first():
    text = "+49 30 4111 1111 1111 1111"
    result = Redactor().text(text)

    assert "4111" not in result.text
    assert [span.kind for span in result.spans] == ["card"]
    assert rebuilt(text, result) == text


@pytest.mark.parametrize("kind", planted.MAKERS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_no_planted_value_is_left_and_the_rest_is_untouched(kind, seed):
    one = planted.sentence(random.Random(seed), kind)
    result = Redactor().text(one.text)

    if kind != "phone":  # forms that other numbers have too are measured, not promised
        assert one.value not in result.text
        assert result.text.startswith(one.text[: one.start])
    assert rebuilt(one.text, result) == one.text


@given(seed=st.integers(0, 10_000), sign=st.sampled_from([",", ";", "\t", "|", "/", "\n", " or "]))
@settings(max_examples=60)
def test_values_that_follow_each_other_as_in_a_table_are_all_found(seed, sign):
    draw = random.Random(seed)
    kinds = [kind for kind in planted.MAKERS if kind != "phone"]
    values = [planted.MAKERS[draw.choice(kinds)](draw) for _ in range(4)]
    shown = Redactor().text(sign.join(["12", *values, "7"])).text

    assert not [value for value in values if value in shown]
    assert shown.startswith("12" + sign)
    assert shown.endswith(sign + "7")


@given(st.lists(PIECES, max_size=14).map("".join))
@settings(max_examples=150)
def test_redacting_twice_changes_nothing(text):
    once = EVERYTHING.text(text)
    twice = EVERYTHING.text(once.text)

    assert rebuilt(text, once) == text
    assert twice.text == once.text
    assert twice.spans == ()


@given(st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=4))
@settings(max_examples=60)
def test_a_document_redacted_twice_is_the_same(texts):
    once = EVERYTHING.texts([Text(text) for text in texts])
    twice = EVERYTHING.texts([Text(one.text) for one in once])

    assert [one.text for one in twice] == [one.text for one in once]


@given(st.text())
def test_any_text_can_be_redacted(text):
    result = EVERYTHING.text(text)

    assert rebuilt(text, result) == text


def test_placeholders_are_never_taken_apart():
    text = "[CARD_4111111] call [PHONE_4673395] token=[KEY_1]a8Kd02mXz7Qw1Lp9"

    assert PLACEHOLDER.findall(EVERYTHING.text(text).text)[:3] == PLACEHOLDER.findall(text)[:3]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    ["a", "1", "@", "1 ", "a@", "1.", "::f", "4111 ", "4111 1111 1111 1111 ", "call 467 3395 ",
     "token=", "eyJa.", "-----BEGIN PRIVATE KEY-----\n", "://a:", "a [at] b [dot] ", "Mr. Aa ",
     "\u200b", "licence 1", "a@b.co ", "DE89 ", "[EMAIL_1]", "password is "],
)  # fmt: skip
def test_time_grows_with_the_length_and_no_faster(part):
    """Four times the text in at most eight times the time; a quadratic search takes sixteen."""

    def seconds(size):
        text = part * (size // len(part))
        began = time.process_time()
        EVERYTHING.text(text)
        return time.process_time() - began

    small, large = (min(seconds(size) for _ in range(2)) for size in (8_000, 32_000))

    assert large < 8 * max(0.04, small)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["4111 1111 1111 1111 ", "a@b.co ", "x1@", "\u200b", "Mr. Aa "])
def test_a_text_of_a_million_signs_takes_seconds(part):
    began = time.process_time()
    EVERYTHING.text(part * (1_000_000 // len(part)))

    assert time.process_time() - began < 60


def test_a_text_made_to_need_ever_more_looks_is_not_looked_at_for_ever(monkeypatch):
    def endless(text):
        for match in re.finditer(r"(?<!x)x", text):
            yield module.Found(*match.span(), "name", match[0] + str(match.start()))

    monkeypatch.setitem(RECOGNISERS, "name", endless)

    assert EVERYTHING.text("x" * 50).text.count("[NAME_") == 8


def test_every_class_has_a_recogniser_and_a_rank():
    assert set(RECOGNISERS) == set(CLASSES)
