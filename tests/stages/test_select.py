"""select: what fits is ranked, what does not is excluded with its reason, and the record says all
of it."""

import functools
import socket
import time
from datetime import UTC, datetime

import pytest
import yaml
from measurements import measured

from srlr.core import hardware
from srlr.core.compose import compose
from srlr.core.errors import ConfigError
from srlr.core.hardware import Machine
from srlr.core.profile import Trees
from srlr.core.rundir import RunDir
from srlr.models import card as cards
from srlr.models import catalog, precision, trees
from srlr.models.measured import Probe, Spread
from srlr.stages import select, select_facts, select_record

LAPTOP = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")
BIG = Machine("cuda", "big", 8, 300.0, 290.0, 1000.0, "bfloat16", bandwidth_gb_s=600.0)


@functools.cache
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

    # licence takes Qwen 3B out; of the small ones Llama follows instructions better (0.774, 0.592)
    assert said["selected_model"] == "llama-3.2-3b-instruct"
    assert [one["name"] for one in said["alternatives_considered"]] == ["phi-3.5-mini-instruct"]
    assert "in accuracy" in said["alternatives_considered"][0]["why_not"]
    assert [(e["name"], e["constraint"]) for e in said["excluded"]] == [
        ("llama-3.1-8b-instruct", "latency"),  # 8.03 * 2 / 600 GB/s = 26.8 ms
        ("qwen2.5-3b-instruct", "licence"),
        ("qwen2.5-7b-instruct", "latency"),
    ]
    assert "26.8 ms, allowed are 16 ms" in str(said["excluded"])
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
    assert {one["constraint"] for one in said["excluded"]} == {"memory", "licence", "environment"}
    # weights, reference, moments, gradients: 3.21 * (4 + 4 + 8 + 4) GB; 50 * 28 * 3072 * 1024 * 2
    # bytes of activations, 14 * 64 * 128,256 of logits, and 0.6 GB of the process
    assert "'73.7 GB to train, allowed are 19.2 GB'" in str(said["excluded"])


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
    assert "srl.tuning=qlora" in caught.value.hint


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
    assert {one["constraint"] for one in said["breaches"]} == {
        "memory",
        "environment",
        "licence",
        "weights",
    }
    assert said["computed_checks"]["licence"].startswith("fail: qwen-research")
    assert said["computed_checks"]["memory"].startswith("fail: ")


def test_a_model_whose_weights_nobody_has_is_refused_at_once(hub):
    hub()
    with pytest.raises(ConfigError) as caught:
        select.choose(settings("model=gpt-6-luna"), LAPTOP)

    assert "model=gpt-6-luna: its vendor sells its answers" in caught.value.what
    assert "srlr models list" in caught.value.hint


def test_the_stand_in_named_by_the_user_is_marked_as_one_too(hub):
    hub()
    asked = settings("model=smollm2-135m-instruct")

    assert record(select.choose(asked, LAPTOP), asked, LAPTOP)["stand_in_for"] == "gold"


def test_checks_that_were_not_made_say_so(hub):
    hub()
    asked = settings()
    said = record(select.choose(asked, LAPTOP), asked, LAPTOP)

    assert said["computed_checks"]["memory"] == "pass: 3.51 of 19.20 GB"
    assert said["computed_checks"]["latency"].startswith("unknown: ")
    assert said["validation_results"] == dict.fromkeys(
        (
            "benchmark_match",
            "hardware_compatible",
            "cost_within_budget",
            "latency_verified",
            "quality_floor",
            "peak_load",
        ),
        "not_measured: run srlr select --measure",
    )


def test_what_is_measured_is_compared_with_what_is_measured(hub):
    """Phi answers 0.8 of the tasks, Llama 0.5: its IFEval, the higher one, counts no more."""
    hub()
    asked = settings("hardware.price_usd_per_hour=1")
    found = {
        "llama-3.2-3b-instruct": measured(probe=Probe.of(5, 10, 1.0)),
        "phi-3.5-mini-instruct": measured(probe=Probe.of(8, 10, 1.0)),
    }
    chosen = select.choose(asked, BIG, found=found)
    said = record(chosen, asked, BIG)

    assert (said["selected_model"], said["decided_on"]) == ("phi-3.5-mini-instruct", "measurements")
    assert "the best of 2 that fit and were measured" in said["reasoning"][0]
    accuracy = said["criteria_breakdown"]["performance"]["accuracy"]
    assert (accuracy["score"], accuracy["basis"]) == (0.8, "measured")
    assert accuracy["note"].endswith("measured (ifeval 0.592, claimed)")
    # P95 of the first token, 14 ms; twice the bound scores 0
    assert said["criteria_breakdown"]["performance"]["latency"]["score"] == 1 - 14 / 32
    assert "ms to the first token)" in said["criteria_breakdown"]["performance"]["latency"]["note"]


def test_a_model_that_nobody_measured_is_told_beside_those_that_were(hub):
    hub()
    asked = settings("hardware.price_usd_per_hour=1")
    found = {"phi-3.5-mini-instruct": measured(probe=Probe.of(1, 10, 1.0))}
    said = record(select.choose(asked, BIG, found=found), asked, BIG)

    assert said["selected_model"] == "phi-3.5-mini-instruct"
    (other,) = said["alternatives_considered"]
    assert other["name"] == "llama-3.2-3b-instruct"
    assert other["score"] > said["selection_score"]
    assert other["why_not"].startswith("not measured here")
    assert list(said["scores"]) == ["phi-3.5-mini-instruct"]


def test_what_is_measured_beyond_its_bound_is_excluded_with_both_figures(hub):
    hub()
    slow = measured(first_token_s=Spread(9, 0.01, 0.02, 0.03))
    asked = settings("hardware.price_usd_per_hour=1")
    said = record(select.choose(asked, BIG, found={"llama-3.2-3b-instruct": slow}), asked, BIG)

    assert (said["selected_model"], said["decided_on"]) == ("phi-3.5-mini-instruct", "claims")
    figures = [one["figure"] for one in said["excluded"] if one["name"].startswith("llama-3.2")]
    assert figures == ["20 ms measured (10.7 computed), allowed are 16 ms"]


def test_costs_follow_from_the_measured_speed(hub):
    """20 answers a second of 10 tokens at a dollar an hour; 10^6 requests need a machine, and a
    spare.
    """
    hub()
    asked = settings("hardware.price_usd_per_hour=1")
    chosen = select.choose(asked, BIG, found={"llama-3.2-3b-instruct": measured()})
    seen = chosen.candidates["llama-3.2-3b-instruct"].observed

    assert seen.cost_usd == pytest.approx(1 / 3600 / 200 * 1e6)
    assert seen.request_usd == pytest.approx(seen.cost_usd * 40 / 1e6)  # 40 tokens, says the role
    assert seen.monthly_usd == 2 * 730
    assert (seen.serving_gb, seen.requests_per_s, seen.f1) == (1.0, 20.0, None)


def test_a_stand_in_is_held_to_the_roles_own_bound(hub):
    hub()
    asked = settings("tier.candidates=[]", "tier.parameters_min_b=5000")
    within = measured(first_token_s=Spread(9, 0.01, 0.02, 0.03))
    beyond = measured(first_token_s=Spread(9, 0.2, 0.3, 0.4))
    stand_in = "smollm2-135m-instruct"
    said = record(select.choose(asked, LAPTOP, found={stand_in: within}), asked, LAPTOP)

    assert (said["chosen_by"], said["decided_on"]) == ("stand-in", "measurements")
    assert "20 ms measured" in str(said["breaches"])  # the tier's 16 ms, from which it is exempt
    assert said["computed_checks"]["latency"].startswith("unknown: ")
    with pytest.raises(ConfigError) as caught:
        select.choose(asked, LAPTOP, found={stand_in: beyond})
    assert f"{stand_in}: latency: 300 ms measured" in caught.value.what


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
        "decision_tree",
    } <= set(record(select.choose(asked, LAPTOP), asked, LAPTOP))


def test_the_record_tells_every_criterion_and_what_absence_cost(hub):
    hub()
    asked = settings()
    said = record(select.choose(asked, LAPTOP), asked, LAPTOP)["criteria_breakdown"]

    assert set(said) == {"performance", "resource_fit", "cost", "operational", "capabilities"}
    assert said["performance"]["f1"] == {
        "weight": 0.0,
        "score": 0.0,
        "basis": "absent",
        "note": "no source claims f1: scored 0",
    }
    assert said["performance"]["latency"]["score"] == 0.5
    assert said["performance"]["latency"]["basis"] == "absent"


def test_the_record_tells_the_trees_way_and_what_became_of_it(hub, monkeypatch):
    hub()

    def tree(asked):
        return record(select.choose(asked, BIG), asked, BIG)["decision_tree"]

    asked = settings()
    assert tree(asked)["path"] == ["1: response real_time, real_time wanted: taken"]
    assert tree(asked)["use"] == "3 to 8B is what it and tier gold have in common"
    assert tree(asked)["said"]["parameters_max_b"] == 8.0
    assert tree(settings("role=math"))["use"].endswith("the tree's constraints are set aside")
    monkeypatch.setattr(trees, "read", lambda folder: Trees({}))
    assert tree(asked)["said"] is None
    assert tree(asked)["use"] == "family classification has no tree"


def test_the_record_says_how_sure_it_is_of_the_weights(hub):
    hub()
    asked = settings("hardware.price_usd_per_hour=1")
    said = record(select.choose(asked, BIG), asked, BIG)
    shares = said["sensitivity"]["wins_under_random_weights"]["share"]

    assert {one["criterion"] for one in said["sensitivity"]["weights"]} == {
        "latency",
        "accuracy",
        "cost",
    }
    # Llama is smaller and follows instructions better: it wins whatever the weights
    assert shares == {"llama-3.2-3b-instruct": 1.0, "phi-3.5-mini-instruct": 0.0}
    assert all(one["same_choice_to"] == 1.0 for one in said["sensitivity"]["weights"])


@pytest.mark.parametrize(
    ("words", "constraint"),
    [
        (["role=support"], "tools"),  # the role's own wish, which binds a stand-in too
        (["role=dialogue", "hardware=h100", "hardware.device=cpu"], "hardware"),
        (["role.requirements.input.modalities=[text,image]"], "modalities"),
        (["role.requirements.languages=[fi]"], "languages"),
    ],
)
def test_where_no_candidate_fits_the_role_and_the_constraint_are_named(hub, words, constraint):
    hub()
    with pytest.raises(ConfigError) as caught:
        select.choose(settings(*words), LAPTOP)

    assert "no base model fits role" in caught.value.what
    assert f" {constraint}: " in caught.value.what


def test_the_trees_wishes_do_not_bind_the_stand_in(hub):
    hub()
    asked = settings("role=math", "tier=bronze")
    said = record(select.choose(asked, LAPTOP), asked, LAPTOP)

    assert said["stand_in_for"] == "bronze"
    assert {one["constraint"] for one in said["breaches"]} == {"parameters", "tools"}


def test_weights_for_no_criterion_are_said_before_anything_is_looked_up(monkeypatch):
    monkeypatch.setattr(catalog, "cards", lambda folder: pytest.fail("too late"))
    with pytest.raises(ConfigError) as caught:
        select.choose(settings("role.weights={latenzy: 1}"), LAPTOP)

    assert "role.weights: no such criterion 'latenzy'" in caught.value.what


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("role.weights={latency: 0, accuracy: 0, cost: 0}", "role.weights: every weight is 0"),
        ("role.weights.latency=-1", "latency = -1: input should be greater than or equal to 0"),
        ("role.weights.latency=inf", "a weight is infinite"),
    ],
)
def test_weights_that_cannot_weigh_are_refused_when_they_are_said(word, said):
    with pytest.raises(ConfigError) as caught:
        settings(word)

    assert said in caught.value.what


def test_costs_follow_from_the_price_of_the_machine(hub):
    hub()
    asked = settings(
        "hardware.price_usd_per_hour=2",
        "role.requirements.paid_now_per_1m_tokens=50",
        "role.requirements.expected_requests_per_month=1000000",
    )
    one = select.choose(asked, BIG).candidates["llama-3.2-3b-instruct"]
    token_s = 3.21 * 2 / 600

    assert one.requests_per_s == pytest.approx(8 / (token_s * 40))  # 40 tokens an answer
    assert one.request_usd == pytest.approx(2 / 3600 * token_s * 40 / 8)
    assert one.monthly_usd == 2 * 730 * 2  # one machine, and a spare for 0.999
    assert one.training_usd == pytest.approx(75 * 3.21 / 8)
    # bought: 10^6 requests of 120 tokens at 50 dollars for 10^6
    assert one.break_even_months == pytest.approx(75 * 3.21 / 8 / (6000 - 2920))


def test_the_checks_say_the_figures_where_they_can_be_computed(hub):
    hub()
    asked = settings("hardware.price_usd_per_hour=1")
    said = record(select.choose(asked, BIG), asked, BIG)["computed_checks"]

    # 3.21 * 2 / 600 s a token, 8 at once, at a dollar an hour
    assert said["cost"] == "pass: 0.372 of 7 $ per 1M tokens"
    assert said["latency"] == "pass: 10.7 ms to the first token"
    assert said["weights"].startswith("pass: ")


def test_two_models_that_are_alike_are_told_apart_by_name(hub, tmp_path):
    hub()
    fact = "{value: %s, source: 'https://example.org', date: 2026-11-23}"
    facts = {"parameters_b": "3.5", "context_tokens": "4096", "licence": "mit"}
    lines = "".join(f"  {name}: {fact % value}\n" for name, value in facts.items())
    (tmp_path / "model").mkdir()
    for name in ("twin-a", "twin-b"):
        (tmp_path / f"model/{name}.yaml").write_text(f"name: {name}\nsource: /m\nfacts:\n{lines}")
    asked = settings("tier.candidates=[twin-b, twin-a]", config_dir=tmp_path)
    said = record(select.choose(asked, BIG), asked, BIG)

    assert said["selected_model"] == "twin-a"
    assert said["alternatives_considered"] == [
        {
            "name": "twin-b",
            "score": said["selection_score"],
            "why_not": "the same score; the first by name is taken",
        }
    ]


def test_a_catalog_without_cards_has_no_candidate(hub, monkeypatch):
    hub()
    monkeypatch.setattr(catalog, "cards", lambda folder: {})
    asked = settings("tier.candidates=[]", "tier.stand_in=null")
    with pytest.raises(ConfigError) as caught:
        select.choose(asked, LAPTOP)

    assert "no card is a candidate" in caught.value.what


def test_a_plan_names_the_model(hub, monkeypatch):
    hub()
    monkeypatch.setattr(hardware, "probe", lambda node, place=None: LAPTOP)
    monkeypatch.setattr(precision, "known", lambda threads: None)

    assert select.plan(settings()).note == "would select smollm2-135m-instruct"


def test_what_saves_nothing_never_breaks_even(hub):
    hub()
    asked = settings("hardware.price_usd_per_hour=2", "role.requirements.paid_now_per_1m_tokens=1")
    chosen = select.choose(asked, BIG)
    breaks = chosen.candidates["llama-3.2-3b-instruct"].break_even_months

    assert breaks == float("inf")
    assert "nothing is saved" in str(record(chosen, asked, BIG)["criteria_breakdown"])


def test_facts_that_mean_nothing_count_as_absent(hub):
    card = catalog.cards()["phi-3.5-mini-instruct"]
    odd = {"ifeval": float("nan"), "release_date": "soon", "languages": "en", "modalities": 3}
    facts = {
        name: card.facts["licence"].model_copy(update={"value": value})
        for name, value in odd.items()
    }
    asked = settings()
    day = datetime(2026, 11, 23, tzinfo=UTC).date()
    one = select_facts.candidates([card.model_copy(update={"facts": facts})], asked, BIG, day)[0]

    assert "ifeval" not in one.claims
    assert (one.age_months, one.languages, one.modalities) == (None, None, ())
    assert (one.parameters_b, one.memory_gb, one.latency_ms) == (None, None, None)


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
    assert "1: response real_time, real_time wanted: taken" in report
    assert "- peak_load: not_measured: run srlr select --measure" in report
    assert "<h1>" in rundir.read_text("select/report.html")


def test_without_the_packages_of_training_there_is_no_page_and_all_the_rest(
    tmp_path, hub, monkeypatch
):
    hub()
    monkeypatch.setattr(hardware, "probe", lambda node, place=None: LAPTOP)
    for name in ("known", "speeds"):
        monkeypatch.setattr(precision, name, lambda threads: None)
    monkeypatch.setattr(select_record.importlib.util, "find_spec", lambda name: None)
    rundir = RunDir.create(tmp_path / "run", config_yaml="", command="srlr select", facts={})
    select.run(settings(), rundir)

    assert sorted(one.name for one in (rundir.path / "select").iterdir()) == [
        "decision.yaml",
        "report.md",
    ]


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
