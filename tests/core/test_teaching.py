import pytest
from pydantic import ValidationError

from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.teaching import Teacher


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["generate.teacher.api_key_env=sk-SECRET-1"], "never the key itself"),
        (["generate.teacher.base_url=http://me:SECRET@host/v1"], "without a user, a password"),
        (["generate.teacher.base_url=http://host/v1?key=SECRET"], "without a user, a password"),
        (["generate.teacher.kind=openai"], "kind=openai needs base_url"),
        (["generate.teacher.kind=import"], "kind=import needs path"),
        (["generate.teacher.kind=oracle"], "generate.teacher.kind"),
        (["generate.teacher.weight=0"], "generate.teacher.weight"),
        (["generate.budget.usd=-1"], "generate.budget.usd"),
        (["generate.teacher.modell=x"], "did you mean 'generate.teacher.model=x'"),
        (
            ["generate.teacher.api_key_env=A", "generate.teacher.api_key_file=b"],
            "from api_key_env or from api_key_file",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_and_no_secret_is_repeated(words, why):
    with pytest.raises(ConfigError) as told:
        compose(["role=sentiment", "model=smollm2-135m-instruct", *words], environ={})

    assert why in str(told.value)
    assert "SECRET" not in str(told.value)


def test_only_a_teacher_on_a_server_asks():
    url = "http://localhost:1/v1/"

    assert Teacher(kind="openai", base_url=url).base_url == "http://localhost:1/v1"
    assert [
        Teacher().asks,
        Teacher(kind="openai", base_url=url).asks,
        Teacher(kind="decompose").asks,
        Teacher(kind="decompose", rewrite=True, base_url=url).asks,
    ] == [False, True, False, True]
    with pytest.raises(ValidationError):
        Teacher(kind="decompose", rewrite=True)
