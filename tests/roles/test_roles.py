from pathlib import Path

import pytest

from srlr import roles
from srlr.core.compose import available
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.profile import RoleProfile
from srlr.core.types import Role

TOY = Path(__file__).parent / "toy"


def profile(name, **more):
    return RoleProfile(name=name, family="classification", description="d", data="x", **more)


@pytest.mark.parametrize(
    "name",
    [
        "codegen",
        "dialogue",
        "math",
        "math_symbolic",
        "moderation",
        "security_review",
        "sentiment",
    ],
)
def test_a_packaged_role_fulfils_the_protocol(name):
    assert isinstance(roles.load(profile(name)), Role)


def test_what_the_roles_share_is_no_role():
    assert roles.available() == [
        "codegen",
        "dialogue",
        "math",
        "math_symbolic",
        "moderation",
        "security_review",
        "sentiment",
    ]


def test_every_module_has_a_profile_and_a_profile_without_one_is_told_apart():
    options = available()["role"]

    assert set(roles.available()) <= set(options)
    assert roles.profiles(options) == [
        "storyteller",
        "support",
    ]
    assert roles.profiles(["toy", "support"], str(TOY)) == ["support"]


def test_a_profile_without_a_module_is_refused_with_the_way_to_write_one():
    with pytest.raises(MissingArtifact) as caught:
        roles.load(profile("support"))

    assert "role 'support' has a profile but no module" in caught.value.what
    assert "write support.py beside its YAML" in caught.value.hint


def test_a_profile_of_ones_own_without_a_module_is_refused_too(tmp_path):
    (tmp_path / "role").mkdir()
    (tmp_path / "role/mine.yaml").write_text("name: mine\n")
    with pytest.raises(MissingArtifact, match="role 'mine' has a profile"):
        roles.require(profile("mine"), None, str(tmp_path))

    (tmp_path / "mine.py").write_text("")
    roles.require(profile("mine"), str(tmp_path), str(tmp_path))


def test_a_role_outside_the_package_is_loaded_from_its_folder():
    role = roles.load(profile("toy"), str(TOY))

    assert isinstance(role, Role)
    assert roles.load(profile("toy"), str(TOY)) is role


def test_two_folders_may_hold_roles_of_one_name(tmp_path):
    (tmp_path / "toy.py").write_text((TOY / "toy.py").read_text())

    assert roles.load(profile("toy"), str(tmp_path)) is not roles.load(profile("toy"), str(TOY))


def test_missing_functions_are_named_with_the_file(tmp_path):
    (tmp_path / "half.py").write_text("def parse(text): ...\ndef verify(trajectory): ...\n")

    with pytest.raises(ConfigError) as caught:
        roles.load(profile("half"), str(tmp_path))

    assert "half.py" in caught.value.what
    assert "load_tasks" in caught.value.what
    assert "parse_baseline" in caught.value.what
    assert " parse," not in caught.value.what


def test_a_role_that_is_not_there_gets_the_nearest_name():
    with pytest.raises(ConfigError) as caught:
        roles.load(profile("sentimant"))

    assert caught.value.hint == "use role=sentiment"


def test_a_name_cannot_leave_the_folder(tmp_path):
    (tmp_path / "secret.py").write_text("raise SystemExit")
    (tmp_path / "in").mkdir()

    with pytest.raises(ConfigError, match="no role module"):
        roles.load(profile("../secret"), str(tmp_path / "in"))


def test_the_readers_beside_the_roles_are_not_roles():
    with pytest.raises(ConfigError, match="no role module 'vader'"):
        roles.load(profile("vader"))


@pytest.mark.parametrize("text", ["def broken(:\n", "import no_such_package_at_all\n"])
def test_a_file_that_cannot_be_imported_is_a_config_error(tmp_path, text):
    (tmp_path / "bad.py").write_text(text)

    for _ in range(2):  # a failed import is not remembered
        with pytest.raises(ConfigError, match="cannot be imported"):
            roles.load(profile("bad"), str(tmp_path))


def test_other_errors_of_a_role_file_keep_their_traceback(tmp_path):
    (tmp_path / "wrong.py").write_text("1 / 0\n")

    with pytest.raises(ZeroDivisionError):
        roles.load(profile("wrong"), str(tmp_path))


def test_a_reward_the_role_does_not_define_is_named():
    with pytest.raises(ConfigError, match=r"role\.rewards\.lable") as caught:
        roles.load(profile("sentiment", rewards={"lable": 1.0}))

    assert caught.value.hint == "use 'label'"


def test_a_reward_unlike_any_other_gets_the_list():
    with pytest.raises(ConfigError) as caught:
        roles.load(profile("sentiment", rewards={"zzz": 1.0}))

    assert caught.value.hint == "one of: confidence, label"
