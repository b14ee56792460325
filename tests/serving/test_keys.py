"""Who is let in: keys at a running gateway, and at two of them on one PostgreSQL."""

import contextlib
import socket
import threading
import time
from urllib.parse import urlsplit

import openai
import postgres
import pytest
from gateways import Gatewayed, Scripted, serve, wait_for

ASKED = {"model": "sentiment", "messages": [{"role": "user", "content": "Good food."}]}
QUICK = {"refresh_s": 0.1}


@pytest.fixture
def running(tmp_path):
    with Gatewayed(tmp_path, Scripted(), serve(keys=QUICK)) as one:
        yield one


def ask(running, key):
    return running.client(key).chat.completions.create(**ASKED).choices[0].finish_reason


def refused(running, key, kind=openai.AuthenticationError):
    with pytest.raises(kind) as wrong:
        ask(running, key)
    return wrong.value.code


def test_without_keys_everybody_here_is_let_in_and_with_one_nobody_without(running):
    assert ask(running, "none") == "stop"

    _, text = running.keys.create("ann", ["infer"])

    assert wait_for(lambda: running.state.keyring.keys)
    assert refused(running, "none") == "no_key"
    assert ask(running, text) == "stop"


def test_without_keys_a_page_that_calls_itself_something_else_is_not_from_here(running):
    client = running.client()
    with pytest.raises(openai.PermissionDeniedError, match=r"not to 'evil\.example'"):
        client.chat.completions.create(**ASKED, extra_headers={"Host": "evil.example"})


def test_a_revoked_an_expired_and_an_unknown_key_are_refused_without_a_restart(running):
    key, text = running.keys.create("ann", ["infer"])
    _, short = running.keys.create("bob", ["infer"], expires=time.time() + 1.5)

    assert ask(running, text) == ask(running, short) == "stop"
    assert refused(running, text[:-2] + "xx") == "invalid_key"
    assert refused(running, f"srlr_00000000_{'x' * 43}") == "invalid_key"

    running.keys.revoke(key.id)

    assert wait_for(lambda: running.state.keyring.keys[key.id].revoked)
    assert refused(running, text) == "revoked_key"
    time.sleep(1.5)
    assert refused(running, short) == "expired_key"


def test_a_key_asks_only_what_it_is_for(running):
    _, other = running.keys.create("ann", ["infer"], ["math"])
    _, swaps = running.keys.create("bob", ["swap"])
    _, admin = running.keys.create("eve", ["admin"])

    assert refused(running, other, openai.PermissionDeniedError) == "forbidden"
    assert refused(running, swaps, openai.PermissionDeniedError) == "forbidden"
    assert ask(running, admin) == "stop"
    assert list(running.client(other).models.list()) == []
    with pytest.raises(openai.PermissionDeniedError):
        running.client(swaps).post("/../admin/reload", cast_to=object)


def test_a_key_that_asks_too_often_waits(running):
    _, text = running.keys.create("ann", ["infer"], per_minute=2)

    assert [ask(running, text), ask(running, text)] == ["stop", "stop"]
    with pytest.raises(openai.RateLimitError) as wrong:
        ask(running, text)
    assert 1 <= int(wrong.value.response.headers["Retry-After"]) <= 31


def test_what_was_refused_is_in_the_log_once_a_minute_and_without_a_secret(running):
    _, text = running.keys.create("ann", ["infer"])
    wait_for(lambda: running.state.keyring.keys)
    for _ in range(5):
        refused(running, text[:-2] + "xx")
    wait_for(lambda: list(running.audit.entries()))
    first = list(running.audit.entries())
    running.__exit__()
    last = list(running.audit.entries())
    running.__enter__()

    assert [(one.kind, one.what["code"], one.what["times"]) for one in last] == [
        ("request.refused", "invalid_key", 1),
        ("request.refused", "invalid_key", 4),
    ]
    assert len(first) == 1
    assert text[14:-2] not in running.audit.path.read_text()
    assert running.audit.verify() == []


class Cable:
    """A way to a port that can be cut and mended."""

    def __init__(self, port):
        self.port, self.whole, self.ends = port, True, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def own(self):
        return self.socket.getsockname()[1]

    def _accept(self):
        while True:
            near, _ = self.socket.accept()
            if not self.whole:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.port))
            self.ends += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self):
        self.whole = False
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.whole = True


def test_two_gateways_share_keys_and_one_whose_database_is_away_believes_them_a_while(
    tmp_path, monkeypatch
):
    with postgres.running() as url:
        cable = Cable(urlsplit(url).port)
        monkeypatch.setenv("KEYS_URL", url)
        monkeypatch.setenv("CABLE_URL", url.replace(f":{cable.port}/", f":{cable.own}/"))
        near = serve(keys={"url_env": "KEYS_URL", **QUICK})
        far = serve(keys={"url_env": "CABLE_URL", **QUICK, "stale_s": 1.5})
        with (
            Gatewayed(tmp_path / "one", Scripted(), near) as one,
            Gatewayed(tmp_path / "two", Scripted(), far) as two,
        ):
            key, text = one.keys.create("ann", ["infer"])
            _, other = one.keys.create("bob", ["infer"])
            assert ask(one, text) == ask(two, text) == "stop"

            one.keys.revoke(key.id)

            assert wait_for(lambda: two.state.keyring.keys[key.id].revoked)
            assert refused(two, text) == "revoked_key"

            cable.cut()

            assert wait_for(lambda: two.state.keyring.away)
            assert ask(two, other) == "stop"
            assert wait_for(lambda: refused_at(two, other) == "keys_away")
            assert ask(one, other) == "stop"

            cable.mend()

            assert wait_for(lambda: two.state.keyring.away is None)
            assert ask(two, other) == "stop"


def refused_at(running, key):
    """With which word a key is refused; None where it is not."""
    try:
        ask(running, key)
    except openai.APIStatusError as error:
        return error.code
    return None
