"""Published examples of each kind of number; the next last digit is wrong for all of them."""

import pytest

from srlr.text.redaction import checksums

EXAMPLES = [
    (checksums.luhn, "4111111111111111"),
    (checksums.luhn, "378282246310005"),
    (checksums.mod97, "GB82WEST12345698765432"),
    (checksums.mod97, "DE89370400440532013000"),
    (checksums.nhs, "9434765919"),
    (checksums.steuer_id, "36574261809"),
    (checksums.nir, "255081416802538"),
    (checksums.bsn, "111222333"),
    (checksums.national_register, "85073003328"),
    (checksums.pesel, "44051401359"),
    (checksums.nif, "501964843"),
    (checksums.personnummer, "8112189876"),
    (checksums.fodselsnummer, "15108695088"),
    (checksums.cpf, "39053344705"),
    (checksums.ean13, "7569217076985"),
    (checksums.verhoeff, "234123412346"),
    (checksums.curp, "BOXW310820HNERXN09"),
    (checksums.resident_identity, "360426199101010071"),
    (checksums.social_insurance, "123456782"),
]


@pytest.mark.parametrize(("right", "number"), EXAMPLES)
def test_a_published_number_is_right_and_another_last_digit_is_not(right, number):
    other = number[:-1] + str((int(number[-1]) + 1) % 10)

    assert right(number)
    assert not right(other)


@pytest.mark.parametrize(
    ("right", "number", "wrong"),
    [
        (checksums.dni, "12345678Z", "12345678A"),
        (checksums.dni, "X1234567L", "Y1234567L"),
        (checksums.codice_fiscale, "MRTMTT25D09F205Z", "MRTMTT25D09F205A"),
        (checksums.codice_fiscale, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
        (checksums.hetu, "131052308T", "131052308U"),
        (checksums.hetu, "131052A308T", "321352A308T"),
        (checksums.resident_identity, "11010519491231002X", "110105194912310021"),
    ],
)
def test_check_letters_are_right_or_not(right, number, wrong):
    assert right(number)
    assert not right(wrong)


@pytest.mark.parametrize(
    ("right", "number"),
    [
        (checksums.steuer_id, "06574261804"),  # begins with 0
        (checksums.steuer_id, "12345678903"),  # no digit is there twice
        (checksums.steuer_id, "11223456786"),  # two digits are there twice
        (checksums.nir, "255131416802533"),  # month 13
        (checksums.bsn, "000000000"),
        (checksums.national_register, "85133003397"),  # month 13
        (checksums.cpf, "11111111111"),
        (checksums.personnummer, "8113189874"),  # month 13
        (checksums.social_insurance, "046454286"),  # no person's begins with 0
    ],
)
def test_numbers_nobody_is_given_are_not_right(right, number):
    assert not right(number)


def test_a_corsican_number_counts_its_letter_as_a_number():
    number = "1850720" + "123456"  # department 2A stands as 19, 2B as 18
    for letter, stands_for in (("2A", "19"), ("2B", "18")):
        body = number[:5] + letter + number[7:]
        key = 97 - int(number[:5] + stands_for + number[7:]) % 97

        assert checksums.nir(f"{body}{key:02}")


def test_a_date_is_one_in_some_century():
    assert checksums.born("290200", day_first=True)
    assert checksums.born("991231", day_first=False)
    assert not checksums.born("310299", day_first=True)


def test_days_of_people_without_a_home_number_are_moved():
    assert checksums.personnummer("7010632391")  # 60 more: born on the 3rd
    assert not checksums.fodselsnummer("99108695088")
