import pytest


@pytest.mark.parametrize(
    "said",
    [
        "853-37-1694",
        "912-70-1234",
        "AB123456C",
        "AB 12 34 56 C",
        "2 55 08 14 168 025 38",
        "12345678Z",
        "X1234567L",
        "MRTMTT25D09F205Z",
        "85.07.30-033.28",
        "811218-9876",
        "131052-308T",
        "151086 95088",
        "756.9217.0769.85",
        "390.533.447-05",
        "BOXW310820HNERXN09",
        "11010519491231002X",
        "900101-1234567",
    ],
)
def test_a_number_with_a_form_of_its_own_is_found_without_a_word(shown, said):
    assert shown("id", f"It is {said}, they say.") == "It is [ID_1], they say."


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("SSN", "853371694"),
        ("social security number is", "853 37 1694"),
        ("NHS number", "943 476 5919"),
        ("Steuer-ID:", "36 574 261 809"),
        ("national insurance", "ab123456c"),
        ("BSN", "111222333"),
        ("rijksregisternummer", "85073003328"),
        ("PESEL", "44051401359"),
        ("NIF", "501964843"),
        ("CPR", "211062-5629"),
        ("SIN", "123-456-782"),
        ("Aadhaar", "2341 2341 2346"),
        ("PAN", "ABCPE1234F"),
        ("CPF", "39053344705"),
        ("ID number", "7503305044089"),
        ("my driver's license number is", "F1628235"),
        ("passport no.", "C01X00T47"),
        ("medical record number:", "00-12345-6"),
    ],
)
def test_a_number_of_a_common_form_needs_its_word(shown, word, said):
    assert shown("id", f"My {word} {said} now") == f"My {word} [ID_1] now"
    assert shown("id", f"We sold {said} of them") == f"We sold {said} of them"


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456",
        "666-12-3456",
        "912-10-1234",
        "853-37-16945",
        "12345678A",
        "GB123456A",
        "license number is unknown, 20 people",
        "the record of 12",
    ],
)
def test_numbers_nobody_has_stay(shown, text):
    assert shown("id", text) == text
