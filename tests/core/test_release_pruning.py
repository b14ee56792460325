import pytest
from released import files, publish, state

from srlr.core import releases
from srlr.core.errors import ResourceError
from srlr.core.release_pruning import prune


@pytest.fixture
def store(tmp_path):
    """v1 to v5 with weights of their own; v3 is current, v4 the candidate."""
    for number in range(1, 6):
        given = files(tmp_path / f"model{number}", zeros=2000 * number)
        publish(tmp_path / "store", given, alias={3: "current", 4: "candidate"}.get(number))
    return tmp_path / "store"


def pruned(store, **how):
    with releases.opened(store) as registry:
        gone = prune(registry, by="ann", **how)
    return [one.version for one in gone.releases], gone


def test_what_an_alias_points_to_and_the_newest_others_stay(store):
    versions, gone = pruned(store, keep=1)

    assert versions == ["v1", "v2"]
    assert gone.blobs == 2  # their weights: all else is shared
    assert gone.bytes > 2000 + 4000
    assert state(store)[0] == ["v3", "v4", "v5"]
    with releases.opened(store) as registry:
        assert all(registry.verify(one) == [] for one in registry.versions("toy"))
        *_, entry = registry.audit.entries()
        assert (entry.kind, entry.what) == ("release.prune", {"releases": ["toy@v1", "toy@v2"]})


def test_a_dry_run_says_the_same_and_deletes_nothing(store):
    before = sorted(store.rglob("*"))
    versions, would = pruned(store, keep=0, dry_run=True)

    assert versions == ["v1", "v2", "v5"]
    assert sorted(store.rglob("*")) == before
    assert pruned(store, keep=0)[1].bytes == would.bytes


def test_a_release_that_a_process_has_in_use_stays(store):
    with releases.opened(store) as registry:
        folder = registry.folder(registry.get("toy", "v1"))
    with releases.in_use(folder):
        assert pruned(store, keep=0)[0] == ["v2", "v5"]
        assert folder.is_dir()

    assert pruned(store, keep=0)[0] == ["v1"]
    assert not folder.exists()


def test_a_deleted_number_is_not_given_again(store, tmp_path):
    pruned(store, keep=0)

    assert publish(store, files(tmp_path / "model5", zeros=10_000)).version == "v6"


def test_what_killed_writers_left_goes(store):
    (store / "blobs" / ".7-abc.part").write_bytes(bytes(500))
    (store / "releases" / "toy" / ".v1.7-abc.part").mkdir(parents=True)
    _, gone = pruned(store, keep=9)

    assert gone.bytes == 500
    assert not list(store.rglob("*.part"))


def test_nothing_is_deleted_while_somebody_publishes(store):
    refused = pytest.raises(ResourceError, match="is being published")
    with releases.opened(store) as registry, registry.blobs.adding(), refused:
        pruned(store, keep=0)

    assert len(state(store)[0]) == 5


def test_another_roles_releases_stay(store, tmp_path):
    publish(store, files(tmp_path / "other"), role="math")

    assert pruned(store, keep=0, role="math")[0] == ["v1"]
    assert state(store)[0] == ["v1", "v2", "v3", "v4", "v5"]
