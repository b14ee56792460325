import subprocess
import sys

import pytest

from srlr.assets import packages
from srlr.assets.cache import part, silent
from srlr.assets.pip_settings import PipSettings
from srlr.assets.web import Unavailable


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "content").mkdir()
    return tmp_path / "content"


def settings(index, **more):
    return PipSettings(indexes=(f"{index.url}/simple",), retries=0, **more)


@pytest.mark.parametrize("sdist", [False, True])
@pytest.mark.parametrize("kind", ["json", "html"])
def test_the_member_is_all_that_is_left(index, tiny, folder, sdist, kind):
    world = tiny(sdist=sdist)
    index.offer("tiny", world.asset.filename, world.archive, kind=kind)
    packages.fill(world.asset, folder, settings(index), silent)

    assert [(p.name, p.read_bytes()) for p in folder.iterdir()] == [("model.bin", world.payload)]
    assert [one.path for one in index.seen] == [world.page, world.file]


def test_nothing_of_an_sdist_is_run(index, tiny, folder, tmp_path):
    marker = tmp_path / "marker"
    setup = f"open({str(marker)!r}, 'w').close()\n"
    world = tiny(sdist=True, setup=setup)
    index.offer("tiny", world.asset.filename, world.archive)
    packages.fill(world.asset, folder, settings(index), silent)

    assert not marker.exists()
    subprocess.run([sys.executable, "-c", setup], check=True)
    assert marker.exists()  # so it would have been left


def test_a_local_archive_is_used_where_it_is(index, tiny, folder, tmp_path):
    world = tiny()
    place = tmp_path / "links"
    place.mkdir()
    (place / world.asset.filename).write_bytes(world.archive)
    packages.fill(world.asset, folder, settings(index, find_links=(str(place),)), silent)

    assert (folder / "model.bin").read_bytes() == world.payload
    assert index.seen == []
    assert (place / world.asset.filename).exists()


def test_a_wrong_local_archive_is_passed_over(index, tiny, folder, tmp_path):
    world = tiny()
    (tmp_path / world.asset.filename).write_bytes(world.archive[:-1])
    index.offer("tiny", world.asset.filename, world.archive)
    packages.fill(world.asset, folder, settings(index, find_links=(str(tmp_path),)), silent)

    assert (folder / "model.bin").read_bytes() == world.payload


def test_an_index_that_offers_another_file_under_the_name_is_not_even_downloaded(
    index, tiny, folder
):
    world = tiny()
    index.offer("tiny", world.asset.filename, world.archive, sha256="b" * 64)

    with pytest.raises(Unavailable, match=f"the index offers sha256 {'b' * 64}, locked is"):
        packages.fill(world.asset, folder, settings(index), silent)
    assert index.asked(world.file) == []


def test_an_archive_whose_member_is_not_the_locked_one_is_refused(index, tiny, folder):
    world = tiny()
    asset = world.asset.model_copy(update={"sha256": "b" * 64})
    index.offer("tiny", asset.filename, world.archive)

    with pytest.raises(Unavailable, match=r"its member 'tiny/model\.bin' is corrupt"):
        packages.fill(asset, folder, settings(index), silent)


def test_every_place_says_why_it_did_not_help(index, tiny, folder, tmp_path):
    world = tiny()
    (tmp_path / world.asset.filename).write_bytes(world.archive[:-1])
    index.offer("tiny", world.asset.filename, world.archive[:-2])
    index.pages[world.page] = (
        "text/html",
        f'<a href="{index.url}{world.file}">x</a>'.encode(),
    )

    with pytest.raises(Unavailable) as error:
        packages.fill(world.asset, folder, settings(index, find_links=(str(tmp_path),)), silent)
    local, remote = str(error.value).splitlines()
    size = world.asset.archive_size
    assert local.startswith(f"{tmp_path / world.asset.filename} is truncated: {size - 1:,} bytes")
    assert remote.endswith(f"{size - 2:,} bytes where {size:,} are locked (fetched twice)")
    assert not part(world.asset).exists()


def test_no_place_at_all_is_said(tiny, folder):
    with pytest.raises(Unavailable, match="no place to look"):
        packages.fill(tiny().asset, folder, PipSettings(), silent)


@pytest.mark.parametrize(
    ("sdist", "said"),
    [
        (False, "`pip download --no-deps Tiny==1.0 -d DIR`"),
        (True, "save tiny-1.0.tar.gz from the index page of 'Tiny'"),
    ],
)
def test_how_to_bring_runs_nothing(tiny, sdist, said):
    asset = tiny(sdist=sdist).asset

    assert said in packages.how_to_bring(asset)
    assert "srlr assets fetch tiny --from" in packages.how_to_bring(asset)


def test_files_beside_it_are_taken_too_and_verified(index, folder, beside):
    asset, archive, files = beside()
    index.offer("tiny", asset.filename, archive)
    packages.fill(asset, folder, settings(index), silent)

    assert {one.name: one.read_bytes() for one in folder.iterdir()} == files

    wrong = asset.model_copy(
        update={"beside": (asset.beside[0].model_copy(update={"sha256": "0" * 64}),)}
    )
    with pytest.raises(Unavailable, match=r"its member 'tiny/more/b\.json' is corrupt"):
        packages.fill(wrong, folder, settings(index), silent)
