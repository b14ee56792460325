from srlr.roles.making import cues

PAIRS = [
    ("refund me", "money"),
    ("a refund please", "money"),
    ("none for me", "money"),
    ("late please", "post"),
    ("late again, 7", "post"),
    ("none, 7", "post"),
]


def test_a_word_speaks_for_the_label_whose_texts_have_it():
    found = cues.found(PAIRS, ["money", "post"])

    # me: 2 of 3 and 0 of 3; please: 1 and 1; 7 is a number; none means something else here
    assert found == {"money": ("me", "refund"), "post": ("late",)}


def test_a_label_without_words_of_its_own_has_none():
    assert cues.found([("a b", "x"), ("a b", "y")], ["x", "y"]) == {"x": (), "y": ()}
