"""Whether weights can be had: what the hub answers, and what a card of ours says about itself."""

from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from srlr.core.errors import ConfigError, ResourceError
from srlr.core.settings import ModelCard
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


FACT = "{{value: {}, source: 'https://example.org', date: {}}}"


def own(tmp_path, text, name="mine"):
    (tmp_path / "model").mkdir(exist_ok=True)
    (tmp_path / f"model/{name}.yaml").write_text(text)
    return tmp_path


def test_a_card_that_contradicts_itself_is_refused_with_file_cause_and_fix(tmp_path):
    facts = f"  parameters_b: {FACT.format(7, '2026-11-23')}\n"
    facts += f"  active_parameters_b: {FACT.format(8, '2026-11-23')}\n"
    folder = own(tmp_path, f"name: mine\nsource: /m\nfacts:\n{facts}")
    with pytest.raises(ConfigError) as caught:
        catalog.cards(folder)

    assert (
        f"{tmp_path}/model/mine.yaml: active_parameters_b: 8 is more than parameters_b 7; "
        "correct one of them"
    ) in caught.value.what
    assert caught.value.hint == "mend those lines"


def test_a_card_that_is_no_yaml_does_not_hide_the_faults_of_others(tmp_path):
    own(tmp_path, "name: [", "broken")
    own(tmp_path, "name: other\nsource: /m\n")
    with pytest.raises(ConfigError) as caught:
        catalog.cards(tmp_path)

    assert "is not YAML" in caught.value.what
    assert "name is 'other'" in caught.value.what


def test_the_clock_is_asked_about_the_users_cards_only(tmp_path, monkeypatch):
    class Clock(date):
        @classmethod
        def today(cls):
            return cls(2020, 1, 1)

    monkeypatch.setattr(catalog, "date", Clock)
    assert "smollm2-135m-instruct" in catalog.cards()

    facts = f"  licence: {FACT.format('mit', '2026-11-23')}\n"
    folder = own(tmp_path, f"name: mine\nsource: /m\nfacts:\n{facts}")
    with pytest.raises(ConfigError, match="which is to come"):
        catalog.cards(folder)


def test_own_cards_win_and_say_so(tmp_path):
    folder = own(tmp_path, "name: qwen3-8b\nsource: /m\n", "qwen3-8b")
    known = {one.name: one for one in catalog.entries(folder)}

    assert known["qwen3-8b"].own
    assert known["qwen3-8b"].card.source == "/m"
    assert not known["qwen3-4b"].own
    assert "auto" not in known


def test_weights_are_here_when_they_are_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--org--cached/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()

    def here(source):
        return catalog.here(ModelCard(name="one", source=source))

    assert here("hub:org/cached")
    assert here(str(tmp_path))
    assert here(f"path:{tmp_path}")
    for source in ("hub:org/other", "smollm2-135m-instruct", "/nowhere", "api:openai/x", None):
        assert not here(source)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{folder}", None),
        ("path:{folder}", None),
        ("{folder}/gone", "neither an asset nor a folder"),
        ("", "'' is neither an asset nor a folder"),  # which the current folder is not
    ],
)
def test_a_folder_is_in_reach_however_it_is_written(tmp_path, source, why):
    card = ModelCard(name="mine", source=source.format(folder=tmp_path))
    reasons = catalog.out_of_reach([card])

    assert (why in reasons["mine"]) if why else reasons == {}


def test_a_vendors_api_gives_no_weights():
    reasons = catalog.out_of_reach([catalog.cards()["gpt-6-luna"]])

    assert "'api:openai/gpt-6-luna' is a vendor's API" in reasons["gpt-6-luna"]


def test_a_written_card_is_in_the_catalog_and_not_replaced_unasked(tmp_path):
    card = ModelCard(name="mine", source="/m")
    path = catalog.write(card, tmp_path / "new/own", force=False)

    assert path == tmp_path / "new/own/model/mine.yaml"
    assert catalog.cards(tmp_path / "new/own")["mine"] == card
    with pytest.raises(ConfigError, match="there is a card 'mine' already") as error:
        catalog.write(card, tmp_path / "new/own", force=False)
    assert "--force" in error.value.hint
    other = card.model_copy(update={"source": "/n"})
    catalog.write(other, tmp_path / "new/own", force=True)
    assert catalog.cards(tmp_path / "new/own")["mine"] == other


def test_a_built_in_card_is_not_shadowed_unasked(tmp_path):
    with pytest.raises(ConfigError, match=r"conf/model/qwen3-8b\.yaml"):
        catalog.write(ModelCard(name="qwen3-8b", source="/m"), tmp_path, force=False)


def test_a_place_that_is_no_folder_or_not_ours_is_named(tmp_path):
    (tmp_path / "file").touch()
    card = ModelCard(name="mine", source="/m")
    with pytest.raises(ConfigError, match="is not a folder"):
        catalog.write(card, tmp_path / "file", force=False)
    with pytest.raises(ResourceError, match="cannot write"):
        catalog.write(card, tmp_path / "file/below", force=False)
