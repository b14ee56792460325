"""The worst action decides; edits are made where they belong."""

from srlr.serving.guard.verdict import Edit, Verdict, answer_instead, edited, worst


def of(action, *edits, alternative="", message=0):
    return Verdict("safety", "pii", "", action, "", edits, alternative, message)


def test_the_worst_action_decides():
    assert worst([]) == "allow"
    assert worst([of("log"), of("block"), of("replace")]) == "block"


def test_edits_are_made_in_order_and_overlapping_ones_once():
    first = of("replace", Edit(4, 6, "[B]"), Edit(0, 2, "[A]"))
    verdicts = [first, of("replace", Edit(5, 7, "[C]"))]

    assert edited("0123456789", verdicts) == "[A]23[B]789"


def test_what_is_logged_or_of_another_message_stays():
    verdicts = [of("log", Edit(0, 1, "x")), of("replace", Edit(0, 1, "x"), message=1)]

    assert edited("abc", verdicts) == "abc"
    assert edited("abc", verdicts, 1) == "xbc"


def test_the_first_alternative_of_a_whole_is_said_instead():
    assert answer_instead([of("replace", Edit(0, 1, "x")), of("log", alternative="no")]) is None
    assert answer_instead([of("replace", alternative="a"), of("replace", alternative="b")]) == "a"
