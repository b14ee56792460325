import pytest
import yaml

from srlr.assets.locked import DerivedAsset, PackageAsset, UrlAsset, catalog, find, key
from srlr.core.errors import ConfigError


def test_the_catalog_locks_the_embedded_model_and_data():
    known = catalog()

    assert list(known) == [
        "all-minilm-l6-v2",
        "human-eval",
        "smollm2-135m-instruct",
        "smollm2-135m-instruct-gguf",
        "vader-ground-truth",
    ]
    assert all(asset.licence in ("Apache-2.0", "MIT") for asset in known.values())
    derived = known["smollm2-135m-instruct"]
    assert isinstance(derived, DerivedAsset)
    assert derived.source == known["smollm2-135m-instruct-gguf"]


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="no asset is called 'vader-ground-trut'") as error:
        find("vader-ground-trut")

    assert error.value.hint == "did you mean 'vader-ground-truth'?"
    with pytest.raises(ConfigError) as error:
        find("zzz")
    assert error.value.hint == "see `srlr assets list`"


def test_the_users_own_catalog_comes_first(tiny, config_dir):
    mine = tiny(name="vader-ground-truth").asset
    known = catalog(config_dir(mine, tiny(name="mine").asset))

    assert known["vader-ground-truth"] == mine
    assert "mine" in known
    assert "smollm2-135m-instruct" in known


@pytest.mark.parametrize(
    "member", ["../evil", "/etc/passwd", "tiny/../../evil", "..\\evil", "c:/evil", ""]
)
def test_a_member_outside_its_archive_is_refused(tiny, member):
    facts = tiny().asset.model_dump() | {"member": member}

    with pytest.raises(ValueError, match=r"relative path without '\.\.'"):
        PackageAsset(**facts)


@pytest.mark.parametrize("filename", ["a/b", "..", "", "a\\b"])
def test_a_file_name_with_a_folder_is_refused(filename):
    with pytest.raises(ValueError, match="file name without a folder"):
        UrlAsset(name="x", url="https://host/x", filename=filename, sha256="0" * 64)


def test_all_that_is_wrong_with_a_catalog_is_said_at_once(tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "a.yaml").write_text("kind: url\nurl: ftp://host/a\nfilename: a\nsha256: short\n")
    (folder / "b.yaml").write_text("kind: [")
    (folder / "c.yaml").write_text("just text")
    recipe = {"recipe": "gguf-to-safetensors", "recipe_version": 1}
    (folder / "d.yaml").write_text(yaml.safe_dump({"kind": "derived", "source": "e", **recipe}))

    with pytest.raises(ConfigError) as error:
        catalog(tmp_path)
    said = str(error.value)
    assert "url.url" in said
    assert "url.sha256" in said
    assert "b.yaml" in said
    assert "c.yaml" in said
    assert "d.yaml" in said


def test_the_key_changes_with_the_locked_content(tiny):
    asset = tiny().asset
    derived = DerivedAsset(name="d", source=asset, recipe="gguf-to-safetensors", recipe_version=1)

    assert key(asset) == asset.sha256[:12]
    assert key(derived) != key(derived.model_copy(update={"recipe_version": 2}))


def test_files_beside_it_change_the_key_and_need_names_of_their_own(beside):
    asset, _, _ = beside()
    alone = asset.model_copy(update={"beside": ()})

    assert key(alone) == asset.sha256[:12] != key(asset)
    same = asset.beside[0].model_dump() | {"member": "else/model.bin"}
    with pytest.raises(ValueError, match="two members have one file name"):
        PackageAsset(**(asset.model_dump() | {"beside": [same]}))
