import pytest

LOT = "a8Kd02mXz7Qw1Lp9Rt5Yv3Bn6Hc4Jf8Gs0De2"  # 38 signs, drawn by hand
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{LOT}\n{LOT}=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"sk-{LOT}", "[KEY_1]"),
        (f"sk-ant-{LOT}.", "[KEY_1]."),
        (f"ghp_{LOT[:36]}", "[KEY_1]"),
        ("AKIAIOSFODNN7EXAMPLE", "[KEY_1]"),
        ("xoxb-123456789012-abcdefghij", "[KEY_1]"),
        (f"hf_{LOT[:34]}", "[KEY_1]"),
        ("glpat-" + "abcdefghijklmnopqrst", "[KEY_1]"),
        (f"https://hooks.slack.com/services/T00000000/B00000000/{LOT[:24]}", None),
        (f"M{LOT[:23]}.abcdef.{LOT[:27]}", "[KEY_1]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.abc-_1", "[KEY_1]"),
        (f"key:\n{PEM}\nend", "key:\n[KEY_1]\nend"),
        (PEM[:80], "[KEY_1]"),
        ("postgres://jo:s3cret@db.example.org/x", "postgres://[KEY_1]@db.example.org/x"),
        (f"Authorization: Bearer {LOT}", "Authorization: Bearer [KEY_1]"),
        (f"api_key = '{LOT}'", "api_key = '[KEY_1]'"),
        (f'"client_secret": "{LOT}"', '"client_secret": "[KEY_1]"'),
        ("my password is hunter22.", "my password is [KEY_1]."),
        ("PASSWORD=p4$$w0rd!x", "PASSWORD=[KEY_1]"),
    ],
)
def test_a_secret_is_found(shown, text, redacted):
    if redacted is None:
        redacted = "https://hooks.slack.com/services/[KEY_1]"

    assert shown("key", text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "token = tokens[0]",
        "api_key = os.environ['API_KEY_1']",
        "token=get_token_number_12(x)",
        "secret: aaaaaaaaaaaa1111",
        "the secret is somewhere else entirely",
        "my password is secret",
        "password = read_password1(x)",
        "sk-short, risk-taking-behaviour",
        "-----BEGIN PUBLIC KEY-----",
        "http://example.org:8080/a@b",
        "basic understanding of it",
    ],
)
def test_what_is_only_called_so_stays(shown, text):
    assert shown("key", text) == text


def test_a_key_without_an_end_does_not_take_the_rest_of_the_text(shown):
    text = f"-----BEGIN PRIVATE KEY-----\n{LOT}\nand then, in words, more"

    assert shown("key", text) == "[KEY_1]\nand then, in words, more"


def test_an_end_that_is_too_far_away_belongs_to_another(shown):
    far = PEM.replace("\n-----END", " . " * 8000 + "\n-----END")

    assert shown("key", far).startswith("[KEY_1]= . ") or shown("key", far).startswith("[KEY_1] . ")
