"""select: what fits is ranked, what does not is excluded with its reason, and the record says all
of it."""

import socket
import time

import pytest
import yaml

from srlr.core import hardware
from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir
from srlr.models import card as cards
from srlr.models import catalog, precision
from srlr.stages import select, select_record

LAPTOP = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")
BIG = Machine("cuda", "big", 8, 200.0, 190.0, 1000.0, "bfloat16", bandwidth_gb_s=600.0)


def settings(*words, config_dir=None):
    return compose(words, config_dir=config_dir, environ={}).settings


def record(chosen, asked, machine):
    made = select_record.record(asked, machine, chosen, "2026-11-23T03:00:00+00:00")
    return made["model_selection"]


@pytest.fixture
def hub(monkeypatch):
    """`hub("name")` lets the hub give only those cards; without an argument it gives every one."""

    def give(*names):
        def out_of_reach(chosen, config_dir=None):
            return {one.name: "the hub is out of reach" for one in chosen if one.name not in names}

        monkeypatch.setattr(catalog, "out_of_reach", out_of_reach if names else lambda *_: {})

    return give


def test_the_best_of_what_fits_is_selected_and_the_others_say_why_not(hub):
    hub()
    asked = settings("hardware.price_usd_per_hour=1")
    said = record(select.choose(asked, BIG), asked, BIG)

    # licence takes Qwen out; of the other two Llama follows instructions better (0.774 and 0.592)
    assert said["selected_model"] == "llama-3.2-3b-instruct"
    assert [one["name"] for one in said["alternatives_considered"]] == ["phi-3.5-mini-instruct"]
    assert "in accuracy" in said["alternatives_considered"][0]["why_not"]
    assert [(e["name"], e["constraint"]) for e in said["excluded"]] == [
        ("qwen2.5-3b-instruct", "licence")
    ]
    assert said["stand_in_for"] is None
    assert 0 < said["selection_score"] < 1


def test_on_a_small_machine_the_tiers_stand_in_is_taken_and_marked(hub):
    hub()
    asked = settings()
    chosen = select.choose(asked, LAPTOP)
    said = record(chosen, asked, LAPTOP)

    assert said["selected_model"] == "smollm2-135m-instruct"
    assert (said["stand_in_for"], said["chosen_by"]) == ("gold", "stand-in")
    assert [one["constraint"] for one in said["breaches"]] == ["parameters"]
    assert {one["constraint"] for one in said["excluded"]} == {"memory", "licence"}
    assert "58.8 GB" not in str(said["excluded"])  # float32 references: 3.21 * (16 + 4) + 1 GB
    assert "65.2 GB" in str(said["excluded"])


def test_a_model_the_machine_could_hold_but_not_fetch_is_excluded_for_that(hub):
    hub("smollm2-135m-instruct")
    asked = settings()
    said = record(select.choose(asked, BIG), asked, BIG)

    assert said["selected_model"] == "smollm2-135m-instruct"
    reasons = {one["name"]: one["figure"] for one in said["excluded"]}
    assert reasons["llama-3.2-3b-instruct"] == "the hub is out of reach"


def test_nothing_that_fits_and_no_stand_in_names_role_and_constraint(hub):
    hub()
    with pytest.raises(ConfigError) as caught:
        select.choose(settings("tier.stand_in=null"), LAPTOP)

    assert "role 'sentiment'" in caught.value.what
    assert "'llama-3.2-3b-instruct', excluded by its memory" in caught.value.what
    assert "model=llama-3.2-3b-instruct" in caught.value.hint


def test_a_stand_in_that_does_not_fit_either_is_no_way_out(hub):
    hub()
    tiny = Machine("cpu", "tiny", 1, 2.0, 2.0, 10.0, "float32")
    with pytest.raises(ConfigError) as caught:
        select.choose(settings(), tiny)

    assert "'smollm2-135m-instruct', excluded by its memory" in caught.value.what


def test_the_users_own_choice_is_taken_and_measured_all_the_same(hub):
    hub("nothing")
    asked = settings("model=qwen2.5-3b-instruct")
    said = record(select.choose(asked, LAPTOP), asked, LAPTOP)

    assert said["chosen_by"] == "the user"
    assert "chosen by the user" in said["reasoning"][0]
    assert {one["constraint"] for one in said["breaches"]} == {"memory", "licence", "weights"}
    assert said["validation_results"]["licence_accepted"].startswith("fail: qwen-research")
    assert said["validation_results"]["hardware_compatible"].startswith("fail: ")


def test_the_stand_in_named_by_the_user_is_marked_as_one_too(hub):
    hub()
    asked = settings("model=smollm2-135m-instruct")

    assert record(select.choose(asked, LAPTOP), asked, LAPTOP)["stand_in_for"] == "gold"


def test_checks_that_were_not_made_say_so(hub):
    hub()
    asked = settings()
    results = record(select.choose(asked, LAPTOP), asked, LAPTOP)["validation_results"]

    assert results["hardware_compatible"] == "pass: 3.70 of 19.20 GB"
    for name in ("benchmark_match", "latency_verified", "quality_floor", "peak_load"):
        assert results[name].startswith("not_measured: ")
    assert results["latency_computed"].startswith("not_measured: ")
    assert all(one.split(":")[0] in ("pass", "fail", "not_measured") for one in results.values())


def test_the_record_has_the_documented_form(hub):
    hub()
    asked = settings()

    assert {
        "role",
        "timestamp",
        "candidates_evaluated",
        "selected_model",
        "selection_score",
        "criteria_breakdown",
        "reasoning",
        "alternatives_considered",
        "validation_results",
        "excluded",
        "sensitivity",
        "stand_in_for",
    } <= set(record(select.choose(asked, LAPTOP), asked, LAPTOP))


def test_run_writes_the_decision_and_a_report_made_from_it(tmp_path, hub, monkeypatch):
    hub()
    monkeypatch.setattr(hardware, "probe", lambda node, place=None: LAPTOP)
    for name in ("known", "speeds"):
        monkeypatch.setattr(precision, name, lambda threads: None)
    asked = settings()
    rundir = RunDir.create(tmp_path / "run", config_yaml="", command="srlr select", facts={})
    result = select.run(asked, rundir)
    said = yaml.safe_load(rundir.read_text("select/decision.yaml"))["model_selection"]

    assert result.artifact == "select/decision.yaml"
    assert RunDir(rundir.path).manifest["compute_dtype"] == "float32"
    assert result.metrics["score"] == pytest.approx(said["selection_score"], abs=1e-4)
    assert said["selected_model"] == select.preview(asked) == "smollm2-135m-instruct"
    report = rundir.read_text("select/report.md")
    assert "standing in for tier gold" in report
    assert "| phi-3.5-mini-instruct | memory |" in report


def test_a_tier_that_names_no_card_is_refused(hub):
    hub()
    with pytest.raises(ConfigError) as caught:
        select.choose(settings("tier.candidates=[phi-3.5-mini]"), LAPTOP)

    assert "'phi-3.5-mini-instruct'" in caught.value.hint


def test_a_card_of_ones_own_is_a_candidate(tmp_path, hub):
    hub()
    fact = "{value: %s, source: 'https://example.org', date: 2026-11-23}"
    facts = {"parameters_b": "3.5", "context_tokens": "4096", "licence": "mit", "ifeval": "0.99"}
    lines = "".join(f"  {name}: {fact % value}\n" for name, value in facts.items())
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine.yaml").write_text(f"name: mine\nsource: /m\nfacts:\n{lines}")

    asked = settings("tier.candidates=[]", config_dir=tmp_path)
    assert select.choose(asked, BIG).selected.name == "mine"


def test_a_malformed_card_is_named(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine.yaml").write_text("name: other\nsource: /m\n")
    with pytest.raises(ConfigError) as caught:
        catalog.cards(tmp_path)

    assert f"{tmp_path}/model/mine.yaml: name is 'other'" in caught.value.what


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("smollm2-135m-instruct", None),
        ("/nowhere/at/all", "neither an asset nor a folder"),
        ("hub:org/cached", None),
        ("hub:org/missing", "HF_HUB_OFFLINE"),
    ],
)
def test_weights_are_looked_for_where_the_card_says(tmp_path, monkeypatch, source, why):
    snapshot = tmp_path / "hub/models--org--cached/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    card = catalog.cards()["smollm2-135m-instruct"].model_copy(update={"source": source})
    reasons = catalog.out_of_reach([card])

    assert (why in reasons[card.name]) if why else reasons == {}


def test_a_hub_that_cannot_be_reached_is_said_to_be_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    card = catalog.cards()["qwen2.5-7b-instruct"]

    assert "weights cannot be fetched here" in catalog.out_of_reach([card])[card.name]


def test_a_hub_that_never_answers_does_not_hold_anyone_up(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(catalog, "TIMEOUT_S", 0.2)
        some = [card for card in catalog.cards().values() if str(card.source).startswith("hub:")]
        start = time.monotonic()
        reasons = catalog.out_of_reach(some)

    assert time.monotonic() - start < 2
    assert set(reasons) == {card.name for card in some}


def test_sizes_and_costs_are_arithmetic():
    assert cards.weights_gb(3, 16) == 6
    assert cards.training_gb(0.135, 32) == pytest.approx(0.135 * 16 + 0.54 + 1)
    assert cards.token_ms(3, 8, 300) == pytest.approx(10)
    assert cards.cost_per_1m_tokens(10, 0.72) == pytest.approx(0.72 / 3600 * 0.010 * 1e6 / 8)
    assert cards.token_ms(3, 8, None) is None
    assert cards.cost_per_1m_tokens(None, 1) is None
