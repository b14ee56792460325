"""srlr select --review and --explain, and what a role without a module may do."""

import json
import shutil

import pytest
import yaml

from srlr.cli.app import main


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """A folder of runs with one in which select is done."""
    place = tmp_path_factory.mktemp("decided") / "runs"
    words = ("role=sentiment", "tier=gold", "tier.candidates=[llama-3.2-3b-instruct]")
    assert main(["select", *words, f"runs_dir={place}", "--run", "a", "--quiet"]) == 0
    return place


@pytest.fixture
def run_a(decided, tmp_path):
    shutil.copytree(decided, tmp_path / "runs", symlinks=True)


def age(tmp_path, days="2026-01-01"):
    path = tmp_path / "runs/sentiment-gold/a/select/decision.yaml"
    said = yaml.safe_load(path.read_text())
    said["model_selection"]["timestamp"] = f"{days}T00:00:00+00:00"
    path.write_text(yaml.safe_dump(said))
    return path


def test_review_lists_what_is_due_and_touches_nothing(tmp_path, run_a, capsys):
    assert main(["select", "--review"]) == 0
    assert "no decision under 'runs' is older than 7 days; younger: 1" in capsys.readouterr().out

    before = age(tmp_path).read_bytes()
    assert main(["select", "--review", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (one,) = found["data"]["due"]

    assert found["kind"] == "select.review"
    assert (one["verdict"], one["model"]) == ("same", "smollm2-135m-instruct")
    assert main(["select", "--review"]) == 0
    out = capsys.readouterr().out
    assert "sentiment-gold" in out
    assert "a: same" in out
    assert (tmp_path / "runs/sentiment-gold/a/select/decision.yaml").read_bytes() == before
    assert [one.name for one in (tmp_path / "runs").iterdir() if not one.is_symlink()] == [
        "sentiment-gold"
    ]


def test_review_of_one_run_and_of_a_damaged_one(tmp_path, run_a, capsys):
    path = age(tmp_path)
    path.write_text("{")

    assert main(["select", "--review", "--run", "a"]) == 0
    assert "select/decision.yaml is damaged: it is not YAML" in capsys.readouterr().err
    assert main(["select", "--review", "--run", "zz"]) == 3
    assert "no run 'zz'" in capsys.readouterr().err


def test_review_where_nothing_was_ever_run(capsys):
    assert main(["select", "--review"]) == 0
    assert "younger: 0" in capsys.readouterr().out


def test_explain_answers_in_a_table_or_in_json(capsys):
    assert main(["select", "role=sentiment", "--explain", "qwen2.5-3b-instruct"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("qwen2.5-3b-instruct: excluded; ")
    assert "  licence: qwen-research, accepted are apache-2.0" in out
    assert "accuracy" in out

    assert main(["select", "--explain", "qwen2.5-3b-instruct", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["data"]["verdict"]) == ("select.explain", "excluded")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--explain", "phi-3.5-mini-instrct"], 2, "did you mean 'phi-3.5-mini-instruct'?"),
        (["--review", "--explain", "phi-3.5-mini-instruct"], 2, "ask one at a time"),
        (["--explain", "phi-3.5-mini-instruct", "--run", "zz"], 3, "there is no run 'zz'"),
        (["--explain", "phi-3.5-mini-instruct", "role=sentimant"], 2, "role=sentiment"),
    ],
)
def test_questions_that_cannot_be_answered_say_why(capsys, words, code, said):
    assert main(["select", *words]) == code
    assert said in capsys.readouterr().err


def test_explain_in_a_run_uses_the_runs_own_config(run_a, capsys):
    assert main(["select", "--run", "a", "--explain", "phi-3.5-mini-instruct"]) == 0
    assert "tier gold does not name it" in capsys.readouterr().out


def test_a_role_with_a_profile_alone_is_selected_for(tmp_path, capsys):
    assert (
        main(["select", "role=storyteller", "role.requirements.context_min_tokens=2048", "-q"]) == 0
    )
    assert "smollm2-135m-instruct stands in" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["train"], ["train", "--dry-run"], ["generate"], ["srl"], ["rlvr"], ["evaluate"]]
)
def test_every_other_stage_refuses_it_at_once(tmp_path, capsys, words):
    assert main([*words, "role=support"]) == 3
    said = capsys.readouterr().err

    assert "role 'support' has a profile but no module" in said
    assert "docs/own-role.md" in said
    assert not (tmp_path / "runs").exists()


def test_the_groups_say_which_roles_are_profiles_only(capsys):
    assert main(["config", "groups"]) == 0
    out = capsys.readouterr().out
    assert "profiles only, for `srlr select`: role=dialogue, moderation," in out

    assert main(["config", "groups", "--json"]) == 0
    rows = {row["group"]: row for row in json.loads(capsys.readouterr().out)["data"]}
    assert rows["role"]["profiles_only"] == [
        "dialogue",
        "moderation",
        "security_review",
        "storyteller",
        "support",
    ]
    assert "profiles_only" not in rows["tier"]
