"""Whether weights can be had: what the hub answers, and what a card of ours says about itself."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from srlr.core.errors import ConfigError
from srlr.models import catalog


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """`hub(403)` stands for a hub that answers every question with 403."""
    servers = []

    def answer(code):
        class Answers(BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(code)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Answers)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "a-token")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(catalog.importlib.util, "find_spec", lambda name: object())
    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("code", "said"), [(200, None), (403, "terms for Qwen"), (401, "HF_TOKEN"), (404, "HTTP 404")]
)
def test_the_hubs_answer_is_told(hub, code, said):
    hub(code)
    reasons = catalog.out_of_reach([catalog.cards()["qwen2.5-7b-instruct"]])

    assert (said in reasons["qwen2.5-7b-instruct"]) if said else reasons == {}


def test_without_the_hubs_client_nothing_is_asked(hub, monkeypatch):
    monkeypatch.setattr(catalog.importlib.util, "find_spec", lambda name: None)
    reasons = catalog.out_of_reach([catalog.cards()["qwen2.5-7b-instruct"]])

    assert "huggingface_hub is not installed" in reasons["qwen2.5-7b-instruct"]


def test_every_fault_of_every_card_is_named(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/one.yaml").write_text("name: one\nsorce: x\n")
    (tmp_path / "model/two.yaml").write_text("name: two\nsource: x\nfacts: {licence: mit}\n")
    with pytest.raises(ConfigError) as caught:
        catalog.cards(tmp_path)

    for part in ("one.yaml: source", "one.yaml: sorce", "two.yaml: facts.licence"):
        assert part in caught.value.what
