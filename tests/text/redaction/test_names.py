import pytest


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("My name is Ada Lovelace.", "My name is [NAME_1]."),
        ("Mrs. Hopper and Dr Curie", "Mrs. [NAME_1] and Dr [NAME_2]"),
        ("Dear Alan,\nthanks", "Dear [NAME_1],\nthanks"),
        ("Name: Ludwig van Beethoven", "Name: [NAME_1]"),
        ("Regards,\nJosé O'Neill-Ruiz", "Regards,\n[NAME_1]"),
        ("I asked Ada Lovelace. My name is Ada Lovelace", "I asked [NAME_1]. My name is [NAME_1]"),
    ],
)
def test_a_name_is_found_where_the_text_says_that_it_is_one(shown, text, redacted):
    assert shown("name", text) == redacted


@pytest.mark.parametrize("text", ["Ada went home", "Dear Sir, hello", "my name is on it"])
def test_others_stay(shown, text):
    assert shown("name", text) == text
