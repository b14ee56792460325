"""generate with teachers that are asked over HTTP, have files, or share the tasks."""

import json

import pytest
import teaching
from teaching import KEY, openai, settings

from srlr.collaboration import session as sessions
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.rundir import RunDir
from srlr.stages import generate


@pytest.fixture
def run(tmp_path):
    return RunDir.create(tmp_path / "run", config_yaml="", command="srlr generate", facts={})


def journal(run):
    path = run.path / sessions.JOURNAL
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_server_writes_the_trajectories_and_what_they_cost_is_told(run):
    prices = {"price_input_usd_per_1m_tokens": 1.0, "price_output_usd_per_1m_tokens": 10.0}
    with teaching.Server() as server:
        result = generate.run(
            settings(teacher=openai(server, **prices), num_examples_per_request=5), run
        )
    rows = run.read_jsonl("generate/trajectories.jsonl")
    cost = run.read_json("generate/summary.json")["cost"]

    assert len(rows) == 12
    assert len(server.asked) == 3  # 5 + 5 + 2
    assert {row["author"] for row in rows} == {"oracle-1"}
    assert all(row["score"] == 1.0 for row in rows)
    assert cost["tokens"] == 3 * 150
    assert cost["usd"] == pytest.approx(3 * (100 * 1e-6 + 50 * 10e-6))
    assert rows[0]["meta"]["tokens"] in (30.0, 75.0)  # 150 for five or for two
    assert "$0.0018: $0.000150 and 38 tokens an accepted trajectory" in result.notes[1]


def test_a_weak_answer_is_turned_down_and_goes_back_with_its_issues(run):
    def weak_at_first(asked):
        rows = [
            teaching.solved(name, row["problem"] if "rejected" in row else "paint it green")
            for name, row in asked.problems.items()
        ]
        return teaching.Reply(teaching.completion(json.dumps({"trajectories": rows})))

    with teaching.Server(weak_at_first) as server:
        generate.run(settings(4, openai(server), label_balance=0), run)
    (again,) = server.asked[1:]
    row = next(iter(again.problems.values()))

    assert row["rejected"] == "colour: green\nlabel: cold"
    assert "label: it is not the colour's" in row["because"]
    assert len(run.read_jsonl("generate/trajectories.jsonl")) == 4


def test_a_hopeless_teacher_lets_nothing_through(run):
    def hopeless(asked):
        rows = [teaching.solved(name, "paint it mauve") for name in asked.problems]
        return teaching.Reply(teaching.completion(json.dumps({"trajectories": rows})))

    with teaching.Server(hopeless) as server:
        result = generate.run(settings(4, openai(server)), run)

    assert result.metrics["accepted"] == 0
    assert len(run.read_jsonl("generate/rejected.jsonl")) == 4  # it repeats itself: asked twice
    assert len(server.asked) == 2


def test_the_same_again_sends_nothing_and_writes_the_same(run, tmp_path):
    with teaching.Server() as server:
        generate.run(settings(teacher=openai(server)), run)
        first = run.read_text("generate/trajectories.jsonl")
        sent = len(server.asked)
        run.forget("generate")
        generate.run(settings(teacher=openai(server)), run)

    assert len(server.asked) == sent
    assert run.read_text("generate/trajectories.jsonl") == first


def test_replay_needs_no_network_and_no_key(run):
    with teaching.Server(key=KEY) as server:
        keyed = openai(server, api_key_env="TOY_KEY")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TOY_KEY", KEY)
            generate.run(settings(teacher=keyed), run)
        first = run.read_text("generate/trajectories.jsonl")
    generate.run(settings(teacher={**keyed, "replay": True}), run)

    assert run.read_text("generate/trajectories.jsonl") == first
    with pytest.raises(MissingArtifact, match="has no answer to a request"):
        generate.run(settings(13, {**keyed, "replay": True}), run)


def test_a_wrong_key_stops_at_once_and_is_told_without_the_key(run, monkeypatch):
    monkeypatch.setenv("TOY_KEY", KEY)
    another = r"says 401: .*\$TOY_KEY holds another key"
    with teaching.Server(key="x") as server, pytest.raises(ConfigError, match=another) as told:
        generate.run(settings(200, openai(server, api_key_env="TOY_KEY", model="m")), run)

    assert KEY not in str(told.value)
    assert "[key]" in str(told.value)
    assert KEY not in (run.path / sessions.JOURNAL).read_text()
    assert server.asked == []
    assert len(journal(run)) <= 2 * 16  # those that were under way together


def test_no_key_is_said_to_be_missing(run, monkeypatch):
    monkeypatch.delenv("TOY_KEY", raising=False)

    with pytest.raises(ConfigError, match="'TOY_KEY' is not set"):
        generate.run(settings(teacher=openai("http://127.0.0.1:9/v1", api_key_env="TOY_KEY")), run)
    none = r"401.*no key was sent"
    with teaching.Server(key=KEY) as server, pytest.raises(ConfigError, match=none):
        generate.run(settings(teacher=openai(server)), run)


@pytest.mark.parametrize("model", [None, "m"])
def test_a_server_that_is_not_there_ends_it_with_a_way_on(run, model):
    with pytest.raises(ResourceError, match=r"nobody answers at http://127\.0") as told:
        generate.run(settings(200, openai("http://127.0.0.1:9/v1", model=model)), run)

    assert "generate.teacher.base_url" in told.value.hint
    assert "goes on from where it was" in told.value.hint


@pytest.mark.parametrize("budget", [{"tokens": 0}, {"usd": 0.0}, {"tokens": 100}])
def test_a_budget_that_pays_for_nothing_is_refused_before_anything_is_sent(run, budget):
    prices = {"price_input_usd_per_1m_tokens": 1.0}
    nothing = "pays for no further request"
    with teaching.Server() as server, pytest.raises(ResourceError, match=nothing) as told:
        generate.run(settings(teacher=openai(server, **prices), budget=budget), run)

    assert server.asked == []
    assert f"generate.budget.{next(iter(budget))}" in told.value.hint


def test_a_server_that_costs_nothing_works_with_a_budget_of_no_money(run):
    free = {"price_input_usd_per_1m_tokens": 0, "price_output_usd_per_1m_tokens": 0}
    with teaching.Server() as server:
        result = generate.run(settings(teacher=openai(server, **free), budget={"usd": 0}), run)

    assert result.metrics["accepted"] == 12


def test_a_budget_in_money_needs_prices(run):
    with pytest.raises(ConfigError, match="what a token costs is not known"):
        generate.run(settings(teacher=openai("http://127.0.0.1:9/v1"), budget={"usd": 1}), run)


def test_a_budget_that_ends_half_way_keeps_what_is_there(run):
    one = openai("", max_new_tokens=100)
    with teaching.Server() as server:
        one["base_url"] = server.url
        budget = {"tokens": 4000}
        result = generate.run(settings(60, one, budget=budget, num_examples_per_request=1), run)
        summary = run.read_json("generate/summary.json")
        lost = run.read_jsonl("generate/unwritten.jsonl")

        assert 0 < summary["accepted"] < 60
        assert summary["cost"]["tokens"] == 150 * summary["accepted"] <= 4000
        assert len(lost) == 60 - summary["accepted"]
        assert all(row["why"].startswith("budget: ") for row in lost)
        assert any("(budget " in note for note in result.notes)

        sent = len(server.asked)
        whole = settings(60, one, budget={"tokens": 100_000}, num_examples_per_request=1)
        generate.run(whole, run)

        assert len(server.asked) == 60
        assert sent == summary["accepted"]


def test_several_teachers_share_the_tasks_by_weight(run):
    with teaching.Server() as server:
        more = {"cheap": {**openai(server), "weight": 3.0}}
        generate.run(settings(200, more_teachers=more, num_examples_per_request=10), run)
    authors = [row["author"] for row in run.read_jsonl("generate/trajectories.jsonl")]

    assert len(authors) == 200
    assert 35 <= authors.count("expert") <= 65  # a quarter
    assert authors.count("oracle-1") == 200 - authors.count("expert")


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def line(problem, **more):
    found = teaching.solved("x", problem)
    return {"problem": problem, **found, "id": problem, **more}


def test_imported_trajectories_are_judged_like_any_and_drawn_first(run, tmp_path):
    rows = [
        line("paint wall 3 red"),
        line("paint door 4 blue"),
        {**line("paint roof 5 red"), "steps": [{"action": "label: warm", "reward": 1.0}]},
        line("paint moon 1 red"),
    ]
    path = lines(tmp_path / "own.jsonl", rows)
    result = generate.run(settings(6, {"kind": "import", "path": path}), run)

    assert {row["problem"] for row in run.read_jsonl("generate/trajectories.jsonl")} == {
        "paint wall 3 red",
        "paint door 4 blue",
    }
    assert len(run.read_jsonl("generate/rejected.jsonl")) == 1
    assert len(run.read_jsonl("generate/unwritten.jsonl")) == 3
    assert "teacher: 1 lines of the file belong to no task that was drawn for SRL" in result.notes


def test_bad_lines_are_all_named(run, tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"problem": "x"}\n\n{broken\n' + json.dumps(line("paint wall 3 red")) + "\n")

    with pytest.raises(ConfigError) as told:
        generate.run(settings(teacher={"kind": "import", "path": str(path)}), run)

    assert "2 of 3 lines" in told.value.what
    assert "line 1: expected_outcome is no object" in told.value.what
    assert "line 3: no JSON" in told.value.what


def judged_by(score, key=None):
    """A server whose model gives every trajectory this mark."""

    def mark(asked):
        said = {"issues": ["step 1: it is idle"], "score": score}
        return teaching.Reply(teaching.completion(json.dumps(said)))

    return teaching.Server(mark, key=key)


def judge(server, **more):
    return {"judge": {"model": "oracle-1", "base_url": server.url, **more}}


def test_another_model_marks_each_trajectory_twice_and_its_cost_is_told(run, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with judged_by(10, KEY) as server:
        generate.run(settings(4, verifier=judge(server, api_key_env="JUDGE_KEY")), run)
    rows = run.read_jsonl("generate/trajectories.jsonl")

    assert len(server.asked) == 8
    assert {row["meta"]["checks"]["judge"] for row in rows} == {"pass"}
    assert run.read_json("generate/summary.json")["cost"]["tokens"] == 8 * 150
    assert KEY not in "".join(path.read_text() for path in run.path.rglob("*.json*"))


def test_what_the_judge_finds_bad_is_turned_down_with_what_it_said(run):
    with judged_by(1) as server:
        generate.run(settings(4, verifier={**judge(server), "weights": {"judge": 1.0}}), run)
    (row, *_) = run.read_jsonl("generate/rejected.jsonl")

    assert row["issues"] == ["judge: step 1: it is idle"]
    assert run.read_jsonl("generate/trajectories.jsonl") == []


def test_a_judge_that_wrote_the_trajectories_is_refused_whichever_teacher_it_is(run):
    with pytest.raises(ValueError, match="favours its own"):
        settings(
            more_teachers={"b": {"kind": "openai", "base_url": "http://x/v1", "model": "oracle-1"}},
            verifier={"judge": {"model": "org/Oracle-1"}},
        )
