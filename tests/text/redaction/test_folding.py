from hypothesis import given
from hypothesis import strategies as st

from srlr.text.redaction.folding import fold


def test_plain_text_is_itself():
    folded = fold("a 1\n\tb\r\n")

    assert folded.text == "a 1\n\tb\r\n"
    assert folded.span(2, 3) == (2, 3)


def test_what_looks_alike_reads_alike_and_what_is_not_seen_is_gone():
    assert fold("４１１１").text == "4111"
    assert fold("٤١١١").text == "4111"
    assert fold("4\u200b1\u00ad1\u20601").text == "4111"
    assert fold("4\u03361\u033611").text == "4111"  # struck out
    assert fold("ｊｏ＠ｅｘａｍｐｌｅ．ｏｒｇ").text == "jo@example.org"
    assert fold("jо@exаmрle.org").text == "jo@example.org"  # Cyrillic о, а, р
    assert fold("𝟒𝟏-𝘫𝘰").text == "41-jo"
    assert fold("1–2—3−4").text == "1-2-3-4"
    assert fold("1\u00a02\u20093").text == "1 2 3"
    assert fold("a\u2028b\x85c\x0bd").text == "a\nb\nc\nd"
    assert fold("a\x00b\u3164c").text == "abc"
    assert fold("ﬁx é 日本").text == "fix é 日本"


def test_a_place_is_told_in_the_original():
    folded = fold("x ４\u200b1 y")

    assert folded.text == "x 41 y"
    assert folded.span(2, 4) == (2, 5)


@given(st.text())
def test_every_sign_comes_from_one_place_in_order(text):
    folded = fold(text)
    origin = folded.origin if folded.origin is not None else list(range(len(text)))

    assert len(folded.text) == len(origin)
    assert origin == sorted(origin)
    assert all(0 <= place < len(text) for place in origin)
    assert fold(folded.text).text == fold(fold(folded.text).text).text
