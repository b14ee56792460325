"""srlr config: show, groups, explain, as people and as programs read them."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from srlr.cli import config


def test_show_prints_a_configuration_that_composes_to_itself(run_srlr):
    out = run_srlr("config", "show", "tier=silver", "model=smollm2-135m-instruct")
    shown = yaml.safe_load(out.stdout)

    assert out.returncode == 0
    assert shown["tier"]["name"] == "silver"
    assert shown["srl"]["learning_rate"] == 3e-4


def test_what_the_card_may_tune_is_open_until_one_is_chosen_unless_asked(run_srlr):
    plain = yaml.safe_load(run_srlr("config", "show").stdout)
    resolved = yaml.safe_load(run_srlr("config", "show", "--resolved").stdout)

    assert plain["srl"]["learning_rate"] == "${tuned:1e-5}"
    assert resolved["srl"]["learning_rate"] == 1e-5


def test_json_is_one_document_with_the_sources(run_srlr):
    out = run_srlr("config", "show", "srl.epochs=2", "--json", env={"SRLR_TIER": "bronze"})
    said = json.loads(out.stdout)

    assert said["kind"] == "config"
    assert said["data"]["sources"]["srl.epochs"] == "command line: srl.epochs=2"
    assert said["data"]["sources"]["tier"] == "environment: SRLR_TIER=bronze"
    assert said["data"]["sources"]["tier.name"] == "conf/tier/bronze.yaml"


def test_groups_lists_options_and_marks_the_chosen(run_srlr):
    rows = json.loads(run_srlr("config", "groups", "tier=silver", "--json").stdout)["data"]
    by_name = {row["group"]: row for row in rows}

    assert by_name["tier"]["options"] == ["bronze", "gold", "silver"]
    assert by_name["tier"]["chosen"] == "silver"
    assert by_name["rlvr"]["chosen"] == "grpo"
    assert by_name["srl"]["chosen"] == "imitate"
    assert "sentiment_quick" in run_srlr("config", "groups").stdout


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("srl.learning_rate", ["a number > 0", "0.0003", "conf/model/smollm2-135m-instruct.yaml"]),
        ("rlvr.schedule", ["one of constant, linear, cosine"]),
        ("srl.patience", ["Evaluations without a new best"]),
        ("tier", ["bronze, gold, silver", "tier.stand_in"]),
        ("recipe", ["sentiment_in_domain", "sentiment_quick"]),
        ("seed", ["a whole number", "null"]),
    ],
)
def test_explain_says_what_a_key_takes_and_who_set_it(run_srlr, key, parts):
    out = run_srlr("config", "explain", key, "model=smollm2-135m-instruct")

    assert out.returncode == 0
    for part in parts:
        assert part in out.stdout


def test_explain_knows_what_was_meant(run_srlr):
    out = run_srlr("config", "explain", "srl.learning_rat")

    assert out.returncode == 2
    assert "srl.learning_rate" in out.stderr


def test_everything_wrong_is_said_and_no_traceback(run_srlr):
    out = run_srlr("config", "show", "teir=gold", "srl.epochs=-1")

    assert out.returncode == 2
    assert "tier=gold" in out.stderr
    assert "srl.epochs = -1" in out.stderr
    assert "Traceback" not in out.stderr
    assert out.stdout == ""


def test_show_of_a_run_that_is_not_there_says_so(run_srlr):
    assert run_srlr("config", "show", "--run", "nowhere").returncode == 3


@pytest.mark.parametrize(
    "words",
    [("show",), ("show", "--resolved"), ("groups",), ("explain", "tier"), ("explain", "seed")],
)
def test_every_command_speaks_to_people_and_to_programs(words):
    plain = CliRunner().invoke(config.app, words)
    as_json = CliRunner().invoke(config.app, [*words, "--json"])

    assert plain.exit_code == as_json.exit_code == 0
    assert plain.stdout
    assert json.loads(as_json.stdout)["kind"].startswith("config")
