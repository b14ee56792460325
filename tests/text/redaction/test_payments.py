import pytest

from srlr.text.redaction.payments import issued


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4222222222222",
        "5555555555554444",
        "2720992222222222",
        "378282246310005",
        "180000000000002",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "2200000000000000",
        "503802053770",
    ],
)
def test_prefix_and_length_belong_to_an_issuer(number):
    assert issued(number)


@pytest.mark.parametrize("number", ["9111111111111111", "411111111111", "2120111111111111"])
def test_others_belong_to_none(number):
    assert not issued(number)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("4111111111111111", "[CARD_1]"),
        ("4111 1111 1111 1111 12/29", "[CARD_1] 12/29"),
        ("4111-1111-1111-1111", "[CARD_1]"),
        ("4111.1111.1111.1111.", "[CARD_1]."),
        ("3782 822463 10005", "[CARD_1]"),
        ("1234 5678 4111 1111 1111 1111", "1234 5678 [CARD_1]"),
        ("4111 1111 1111 1111 5555 5555 5555 4444", "[CARD_1] [CARD_2]"),
        ("4111111111111111 or 4111 1111 1111 1111", "[CARD_1] or [CARD_1]"),
        ("card 4222222222222", "card [CARD_1]"),
        ("my visa 41111111-11111111, 123", "my visa [CARD_1], 123"),
        ("visa: 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "visa: [CARD_1]"),
        ("card 41 11 11 11 11 11 11 11 12", "card [CARD_1] 12"),
        ("card 9111111111111110", "card [CARD_1]"),  # nobody issues such, but it is called one
        ("card 9111111111111111", "card 9111111111111111"),
        ("４１１１ １１１１ １１１１ １１１１", "[CARD_1]"),
        ("4111\u200b1111\u200b1111\u200b1111", "[CARD_1]"),
    ],
)
def test_a_card_is_found_in_every_spelling(shown, text, redacted):
    assert shown("card", text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "0.4111111111111111",
        "a4111111111111111",
        "4222222222222 pieces",
        "41 11 11 11 11 11 11 11",
        "1700000000000",
        "4000 3000 2000 1001",
    ],
)
def test_other_long_numbers_stay(shown, text):
    assert shown("card", text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("GB82WEST12345698765432", "[IBAN_1]"),
        ("gb82 west 1234 5698 7654 32 and more", "[IBAN_1] and more"),
        ("DE89-3704-0044-0532-0130-00.", "[IBAN_1]."),
        ("IBAN:DE89370400440532013000", "IBAN:[IBAN_1]"),
    ],
)
def test_an_account_is_found_in_every_spelling(shown, text, redacted):
    assert shown("iban", text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "GB82WEST12345698765433",
        "GB82WEST123456987654321",
        "GB82  WEST12345698765432",
        "ZZ82WEST12345698765432",
        "GB82WEST",
        "GB82-",
    ],
)
def test_what_is_not_whole_is_no_account(shown, text):
    assert shown("iban", text) == text
