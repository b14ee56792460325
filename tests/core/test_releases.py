import json
import multiprocessing
import os
import resource
import signal

import postgres
import pytest
from released import draft, files, publish, state

from srlr.core import releases
from srlr.core.audit import Audit
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact, ResourceError

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def model(tmp_path):
    return files(tmp_path / "model")


def child(work):
    """The exit code of `work`, called in a process of its own."""
    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    return process.exitcode


# -- publishing ------------------------------------------------------------------------------------


def test_versions_are_counted_for_each_role(store, model):
    first = publish(store, model)
    second = publish(store, model, licence="apache-2.0")
    other = publish(store, model, role="math")

    assert [first.name, second.name, other.name] == ["toy@v1", "toy@v2", "math@v1"]
    with releases.opened(store) as registry:
        assert registry.roles() == ["math", "toy"]
        assert registry.versions("toy") == [first, second]
        assert registry.get("toy", "v2") == second


def test_files_that_releases_share_are_stored_once(store, model):
    publish(store, model)
    publish(store, model, licence="apache-2.0")

    assert len(list((store / "blobs").glob("??/*"))) == len(model)


def test_the_same_content_published_again_is_the_same_release(store, model):
    first = publish(store, model, by="ann")
    again = publish(store, model, by="bob", alias="current")

    assert again == first
    assert state(store) == (["v1"], {"current": "v1"})


def test_a_folder_holds_all_files_and_the_signed_text(store, model):
    release = publish(store, model, profile={"name": "toy"}, rollout={"max_new_tokens": 9})
    with releases.opened(store) as registry:
        folder = registry.folder(release)

    assert {path.name for path in folder.iterdir()} == {*model, "release.json", "release.sig"}
    assert all((folder / name).read_bytes() == path.read_bytes() for name, path in model.items())
    said = json.loads((folder / "release.json").read_text())
    assert (said["version"], said["profile"], said["rollout"]["max_new_tokens"]) == (
        "v1",
        {"name": "toy"},
        9,
    )
    assert (folder / "model.safetensors").stat().st_nlink == 2


def test_a_release_whose_gate_failed_is_refused_and_if_forced_on_record(store, model):
    failed = {"gate": "failed", "failed": ("accuracy is 0.3, the gate asks for 0.8",)}
    with pytest.raises(GateFailed, match=r"accuracy is 0\.3") as refused:
        publish(store, model, **failed)

    assert "--force" in refused.value.hint
    assert state(store) == ([], {})
    assert publish(store, model, force=True, **failed).forced
    *_, entry = Audit(store / "audit.jsonl").entries()
    assert (entry.kind, entry.by, entry.what["forced"]) == ("release.publish", "ann", True)
    assert entry.what["failed"] == list(failed["failed"])


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "modeling.py"])
def test_what_could_run_code_when_it_is_loaded_is_refused(store, model, tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(ConfigError, match=name):
        publish(store, {**model, name: tmp_path / name})

    assert state(store) == ([], {})


@pytest.mark.parametrize(
    "bytes_", [b"\x80\x04K\x01.", b"\xff" * 64, b"", b"\x04" + b"\0" * 7 + b"[1,]"]
)
def test_a_pickle_under_a_safe_name_is_refused(store, model, bytes_):
    model["model.safetensors"].write_bytes(bytes_)
    with pytest.raises(ConfigError, match="is named safetensors and is none"):
        publish(store, model)


@pytest.mark.parametrize("place", ["../escape.json", "/etc/escape.json", "release.json"])
def test_a_file_has_its_place_inside_the_folder(store, model, place):
    with pytest.raises(ConfigError, match="cannot be a release's file"):
        publish(store, {**model, place: model["config.json"]})


def test_a_release_has_weights_and_a_usable_role(store, model):
    with pytest.raises(MissingArtifact, match="no weights"):
        publish(store, {"config.json": model["config.json"]})
    with pytest.raises(ConfigError, match="cannot be a role's name"):
        publish(store, model, role="../up")
    with pytest.raises(ConfigError, match="no alias 'latest'"):
        publish(store, model, alias="latest")


# -- aliases ---------------------------------------------------------------------------------------


def test_a_candidate_becomes_current_and_back(store, model):
    for number in (1, 2, 3):
        publish(store, model, licence=f"l{number}", alias="candidate")
        with releases.opened(store) as registry:
            registry.promote("toy", "ann", "does well")

    assert state(store)[1] == {"current": "v3", "backup": "v2"}
    with releases.opened(store) as registry:
        assert registry.rollback("toy", "ann", "slow") == {"current": "v2", "backup": "v1"}
        assert registry.rollback("toy", "ann", "slow too") == {"current": "v1", "backup": "v3"}
        kinds = [entry.kind for entry in registry.audit.entries()]
        assert kinds[-2:] == ["release.rollback", "release.rollback"]
        assert registry.audit.verify() == []


def test_an_alias_moves_only_from_where_it_was_expected(store, model):
    publish(store, model, alias="current")
    publish(store, model, licence="other")
    with releases.opened(store) as registry:
        with pytest.raises(ResourceError, match="current of 'toy' is v1, not None"):
            registry.point("toy", "current", "v2", "ann", "why", expected=None)
        registry.point("toy", "current", "v2", "ann", "why", expected="v1")
        registry.point("toy", "backup", "v1", "ann", "why", expected=None)
        registry.point("toy", "backup", None, "ann", "why")

        assert registry.aliases("toy") == {"current": "v2"}
        with pytest.raises(MissingArtifact, match="no release 'v9'"):
            registry.point("toy", "current", "v9", "ann", "why")


def test_what_is_not_there_is_said_with_what_is(store, model):
    publish(store, model)
    with releases.opened(store) as registry:
        with pytest.raises(MissingArtifact, match="no release 'v7'") as missing:
            registry.get("toy", "v7")
        assert "one of v1" in missing.value.hint
        with pytest.raises(MissingArtifact) as missing:
            registry.get("maths")
        assert "srlr deploy role=maths" in missing.value.hint
        with pytest.raises(MissingArtifact, match="no candidate"):
            registry.promote("toy", "ann", "why")
        with pytest.raises(MissingArtifact, match="no backup"):
            registry.rollback("toy", "ann", "why")


# -- crashes, full disks, company ------------------------------------------------------------------


def _deadly(times):
    """From now on this process is killed right before the how manieth change to the disk."""
    left = [times]

    def counted(call):
        def counting(*words, **how):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*words, **how)

        return counting

    for name in ("replace", "rename", "fsync", "link"):
        setattr(os, name, counted(getattr(os, name)))


def test_killed_anywhere_nothing_is_half_published_and_the_same_command_succeeds(tmp_path):
    given = files(tmp_path / "model", zeros=2000)
    for moment in range(1, 99):
        store = tmp_path / f"store{moment}"

        def work(moment=moment, store=store):
            _deadly(moment)
            publish(store, given, alias="current")

        code = child(work)
        versions, aliases = state(store)
        assert (versions, aliases) in (([], {}), (["v1"], {"current": "v1"}))
        publish(store, given, alias="current")
        with releases.opened(store) as registry:
            assert state(store) == (["v1"], {"current": "v1"})
            assert registry.verify(registry.get("toy")) == []
        if code == 0:
            break

    assert code == 0
    assert moment > 8  # blobs, keys and the audit log were each caught in the act


def test_a_full_disk_is_said_with_the_fix_and_leaves_nothing(store, model):
    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            publish(store, model)
        except ResourceError as error:
            os._exit(33 if "store_dir=DIR" in error.hint and "File too large" in error.what else 1)

    assert child(work) == 33
    assert state(store) == ([], {})
    assert list((store / "blobs").glob(".*.part")) == []
    assert publish(store, model).version == "v1"


def test_publishers_at_once_get_versions_of_their_own(store, model):
    def work(name):
        publish(store, model, licence=name, alias="candidate")

    crowd = [FORK.Process(target=work, args=(name,)) for name in "abcd"]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(60)

    versions, aliases = state(store)
    assert versions == ["v1", "v2", "v3", "v4"]
    assert aliases == {"candidate": "v4"}
    with releases.opened(store) as registry:
        assert {one.licence for one in registry.versions("toy")} == set("abcd")
        assert all(registry.verify(one) == [] for one in registry.versions("toy"))
        assert registry.audit.verify() == []


# -- the database ----------------------------------------------------------------------------------


def test_a_damaged_registry_is_named(store, model):
    publish(store, model)
    (store / "releases.sqlite").write_bytes(b"no database, but long enough to look like one" * 9)
    for side in ("-wal", "-shm"):
        (store / f"releases.sqlite{side}").unlink(missing_ok=True)
    with pytest.raises(ResourceError, match=r"releases\.sqlite refused"):
        state(store)


@pytest.mark.parametrize(
    ("address", "error", "what"),
    [
        ("", ConfigError, "holds no address"),
        ("mysql://a:hidden@c/d", ConfigError, "no address of a PostgreSQL"),
        ("postgresql://u:hidden@127.0.0.1:9/none", ResourceError, r"127\.0\.0\.1:9/none"),
    ],
)
def test_addresses_that_lead_nowhere_are_refused_without_their_passwords(
    monkeypatch, store, model, address, error, what
):
    monkeypatch.setenv("OWN_URL", address)
    with pytest.raises(error, match=what) as refused:
        publish(store, model, url_env="OWN_URL")

    assert "hidden" not in str(refused.value)


@pytest.mark.slow
def test_postgresql_keeps_the_same_and_may_go_away(monkeypatch, store, model):
    import psycopg

    with postgres.running() as url:
        monkeypatch.setenv("OWN_URL", url)
        publish(store, model, alias="current", url_env="OWN_URL")
        publish(store, model, alias="current", url_env="OWN_URL", licence="other")
        with releases.opened(store, "OWN_URL") as registry:
            assert registry.aliases("toy") == {"current": "v2", "backup": "v1"}
            with psycopg.connect(url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
            assert registry.rollback("toy", "ann", "slow") == {"current": "v1"}
            assert registry.verify(registry.get("toy")) == []
        assert not (store / "releases.sqlite").exists()
    with pytest.raises(ResourceError, match=r"127\.0\.0\.1") as gone:
        publish(store, model, url_env="OWN_URL", licence="third")

    assert "what was there is unchanged" in gone.value.hint


@pytest.mark.slow
def test_publishers_at_once_share_a_postgresql(monkeypatch, store, model):
    with postgres.running() as url:
        monkeypatch.setenv("OWN_URL", url)

        def work(name):
            publish(store, model, licence=name, url_env="OWN_URL")

        crowd = [FORK.Process(target=work, args=(name,)) for name in "abcd"]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join(60)
        with releases.opened(store, "OWN_URL") as registry:
            found = registry.versions("toy")

    assert [one.version for one in found] == ["v1", "v2", "v3", "v4"]


def test_settings_say_where(store):
    from srlr.core import compose

    settings = compose.compose((f"store_dir={store}",)).settings
    with releases.opened(settings) as registry:
        assert registry.store == store
        assert registry.roles() == []
    assert draft().role == "toy"
