"""The gateway as a process: signals, port, certificates, who may reach it."""

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import urllib.request

import pytest
from gateway_process import Process

from srlr.core.audit import Audit
from srlr.core.compose import compose
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.serving import Serve
from srlr.serving import server

STREAM = {
    "model": "sentiment",
    "messages": [{"role": "user", "content": "Good."}],
    "stream": True,
}


def kinds(folder):
    return [entry.kind for entry in Audit(folder / "audit.jsonl").entries()]


def streaming(port):
    """A stream that was begun: its response, read up to the first line."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(STREAM), headers)
    response = connection.getresponse()
    response.readline()
    return response


def test_a_stream_under_way_is_finished_before_it_exits(tmp_path):
    with Process(f"store_dir={tmp_path}", "serve.port=0", pace_s=0.5) as process:
        port = process.port
        response = streaming(port)
        process.popen.send_signal(signal.SIGTERM)
        process.until("stopping")
        rest = response.read()

        assert rest.endswith(b"data: [DONE]\n\n")
        assert b'"finish_reason":"stop"' in rest
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
        assert process.ended() == 0
        assert "backend left" in process.said
    assert kinds(tmp_path) == ["gateway.start", "gateway.stop"]


def test_what_takes_longer_than_the_grace_is_told_so(tmp_path):
    words = (f"store_dir={tmp_path}", "serve.port=0", "serve.grace_s=1")
    with Process(*words, pace_s=30) as process:
        port = process.port
        body = json.dumps({**STREAM, "stream": False})
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "POST", "/v1/chat/completions", body, {"Content-Type": "application/json"}
        )
        under_way(port)
        process.popen.send_signal(signal.SIGINT)
        response = connection.getresponse()

        assert response.status == 503
        assert json.loads(response.read())["error"]["code"] == "stopping"
        assert process.ended() == 0


def under_way(port):
    """Waits until the gateway has a request to answer."""
    text = ""
    while 'srlr_running{role="sentiment"} 1.0' not in text:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            text = response.read().decode()


def test_a_second_signal_ends_it_at_once(tmp_path):
    with Process(f"store_dir={tmp_path}", "serve.port=0", pace_s=60) as process:
        port = process.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(STREAM), headers)
        under_way(port)
        process.popen.send_signal(signal.SIGTERM)
        process.until("stopping")
        process.popen.send_signal(signal.SIGTERM)

        assert process.ended(10) == 128 + signal.SIGTERM


def served(tmp_path, *words):
    """What comes of starting it here, where that fails before anything is served."""
    settings = compose([f"store_dir={tmp_path}", *words], environ={}).settings
    parts = server.Parts(contextlib.nullcontext(), lambda _: None)
    asyncio.run(server.serve(settings, parts))


def test_a_port_that_is_taken_is_named_with_another(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ResourceError, match=f"127.0.0.1:{port} cannot be") as refused:
            served(tmp_path, f"serve.port={port}")

    assert refused.value.hint.startswith(f"serve.port={port + 1}")


def test_without_keys_other_machines_are_not_let_in(tmp_path):
    with pytest.raises(ConfigError, match="open to other machines") as refused:
        served(tmp_path, "serve.host=0.0.0.0")

    assert "srlr keys create" in refused.value.hint


def test_tls_files_that_do_not_fit_are_refused(tmp_path):
    certified(tmp_path, "first")
    cert = tmp_path / "cert.pem"
    with pytest.raises(ConfigError, match=r"serve\.tls"):
        served(tmp_path, f"serve.tls={{cert: {cert}, key: {cert}}}")


def test_settings_are_read_again_while_it_runs_and_wrong_ones_change_nothing(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    written = own / "config.yaml"
    written.write_text("serve: {limits: {choices: 2}}\n")
    env = {"SRLR_CONFIG_DIR": str(own)}
    with Process(f"store_dir={tmp_path}", "serve.port=0", env=env) as process:
        port = process.port
        process.until("no key was made")
        assert hint(port, 3) == "n=2"

        written.write_text("serve: {limits: {choices: 1}, port: 1}\n")
        process.popen.send_signal(signal.SIGHUP)
        assert "'changed': ['limits']" in process.until("read again")
        assert hint(port, 3) == "n=1"

        written.write_text("serve: {limits: {choices: many}}\n")
        process.popen.send_signal(signal.SIGHUP)
        assert "serve.limits.choices" in process.until("serve.limits.choices")
        assert hint(port, 3) == "n=1"

        request = urllib.request.Request(f"http://127.0.0.1:{port}/admin/reload", b"{}")
        with pytest.raises(urllib.error.HTTPError) as wrong:
            urllib.request.urlopen(request, timeout=10)
        assert b"serve.limits.choices" in wrong.value.read()
    assert kinds(tmp_path).count("gateway.reload") == 3


def hint(port, n):
    """What is said to a request of n choices, of which so many are not given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = json.dumps({**STREAM, "stream": False, "n": n})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())["error"]["hint"]


def test_it_speaks_tls_and_takes_a_renewed_certificate(tmp_path):
    first = certified(tmp_path, "first")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = (f"store_dir={tmp_path}", "serve.port=0", f"serve.tls={{cert: {cert}, key: {key}}}")
    with Process(*words) as process:
        port = process.port
        assert shown(port, first)

        second = certified(tmp_path, "second")
        process.popen.send_signal(signal.SIGHUP)
        process.until("read again")

        assert shown(port, second)
        assert not shown(port, first)


def certified(folder, name):
    """A new certificate in cert.pem and key.pem, and its copy under its name."""
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
    words += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *words], check=True, capture_output=True)
    copy = folder / f"{name}.pem"
    copy.write_bytes((folder / "cert.pem").read_bytes())
    return copy


def shown(port, certificate):
    """Whether the gateway answers with this certificate."""
    context = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except ssl.SSLCertVerificationError:
        return False


def test_answers_are_sent_without_waiting_for_their_heads_to_be_acknowledged():
    """asyncio sets TCP_NODELAY on sockets of this protocol alone."""
    with server._listening(Serve(port=0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP
