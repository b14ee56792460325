import json
from collections import Counter
from pathlib import Path

import pytest

from srlr.collaboration import record
from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.rundir import RunDir
from srlr.core.settings import Generate, Hardware, ModelCard, Settings, Tier
from srlr.core.training import Grpo
from srlr.stages import generate

TOY = str(Path(__file__).parents[1] / "roles" / "toy")


def settings(role=None, seed=7, role_path=TOY, **asked):
    return Settings(
        seed=seed,
        role_path=role_path,
        role=role
        or RoleProfile(name="toy", family="classification", description="d", data="generated"),
        tier=Tier(name="gold", parameters_min_b=0, parameters_max_b=8),
        hardware=Hardware(name="cpu"),
        model=ModelCard(name="tiny", source=None),
        generate=Generate(**{"num_tasks": 40, "quality": {"embedded": 0}, **asked}),
        rlvr=Grpo(prompts_per_step=1),
    )


def rundir(path, name="run"):
    return RunDir.create(path / name, config_yaml="", command="srlr generate", facts={})


def sentiment(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return RoleProfile(
        name="sentiment",
        family="classification",
        description="d",
        data=str(path),
        label="sentiment",
    )


def labelled(text, label, split):
    return {"text": text, "sentiment": label, "confidence": 0.9, "split": split}


def test_half_of_the_drawn_tasks_become_trajectories(tmp_path):
    run = rundir(tmp_path)
    result = generate.run(settings(srl_share=0.5), run)
    tasks = run.read_jsonl("generate/tasks.jsonl")
    trajectories = [record.from_row(row) for row in run.read_jsonl("generate/trajectories.jsonl")]

    assert Counter(task["use"] for task in tasks) == {"srl": 20, "rlvr": 20}
    assert len({task["id"] for task in tasks}) == 40
    assert [t.task.id for t in trajectories] == [t["id"] for t in tasks if t["use"] == "srl"]
    assert all(abs(sum(s.reward for s in t.steps) - 1) <= 1e-6 for t in trajectories)
    assert run.read_text("generate/rejected.jsonl") == ""
    assert result.artifact == "generate/trajectories.jsonl"
    assert result.metrics == {
        "accepted": 20.0,
        "rejected": 0.0,
        "agreed_share": 1.0,
        "overridden_share": 0.0,
        "rejected_share": 0.0,
    }
    assert result.notes == ("agreed 100.0%, overridden 0.0%, rejected 0.0% of 20 trajectories",)


def test_the_same_seed_draws_the_same_and_another_does_not(tmp_path):
    files = ("tasks.jsonl", "trajectories.jsonl", "summary.json", "report.md")
    said = {}
    for name, seed in {"a": 7, "b": 7, "c": 8}.items():
        run = rundir(tmp_path, name)
        generate.run(settings(seed=seed), run)
        said[name] = [run.read_text(f"generate/{file}") for file in files]

    assert said["a"] == said["b"]
    assert said["a"][0] != said["c"][0]


def test_a_run_without_a_seed_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no seed"):
        generate.run(settings(seed=None), rundir(tmp_path))


def skewed(path):
    """Nine positive training rows to three negative ones, and a row of each in the other splits."""
    rows = [labelled(f"A great ride on day {n}", "positive", "train") for n in range(9)]
    rows += [labelled(f"A broken seat on day {n}", "negative", "train") for n in range(3)]
    for split in ("dev", "test"):
        rows.append(labelled(f"Great for the {split} team", "positive", split))
    return sentiment(path / "skewed.jsonl", rows)


@pytest.mark.parametrize(
    ("asked", "balance", "labels"),
    [
        (6, 1, {"positive": 3, "negative": 3}),
        (10, 1, {"positive": 7, "negative": 3}),  # there are no more negative ones
        (4, 0, {"positive": 3, "negative": 1}),
        (8, 0, {"positive": 6, "negative": 2}),
        (8, 0.5, {"positive": 5, "negative": 3}),  # √9 : √3
    ],
)
def test_labels_are_evened_out_as_far_as_asked(tmp_path, asked, balance, labels):
    run = rundir(tmp_path)
    generate.run(settings(skewed(tmp_path), num_tasks=asked, label_balance=balance), run)
    drawn = run.read_jsonl("generate/tasks.jsonl")

    assert Counter(row["answer"]["sentiment"] for row in drawn) == labels


def test_progress_is_told_to_the_end(tmp_path):
    heard = []
    run = rundir(tmp_path)
    run.subscribe(lambda what, done, total, figures: heard.append((what, done, total)))
    generate.run(settings(srl_share=0.5), run)

    assert ("reading data", 3, 3) in heard
    assert heard[-1] == ("writing trajectories", 20, 20)


def test_fewer_rows_than_asked_for_are_all_used_and_it_is_said(tmp_path):
    result = generate.run(settings(num_tasks=5000), rundir(tmp_path))

    assert "only 800 of 5,000 tasks: the data have no more" in result.notes


def mixed(tmp_path):
    good = [labelled(f"I love lens number {n}", "positive", "train") for n in range(6)]
    turned = [labelled(f"I do not love battery number {n}", "negative", "train") for n in range(3)]
    hopeless = [labelled(f"We adore and love box {n}", "neutral", "train") for n in range(1)]
    held_out = [labelled("It is fine", "positive", "dev"), labelled("A box", "neutral", "test")]
    return sentiment(tmp_path / "rows.jsonl", [*good, *turned, *hopeless, *held_out])


def test_agreed_overridden_and_rejected_are_counted_and_rejects_go_to_rlvr(tmp_path):
    run = rundir(tmp_path)
    result = generate.run(settings(mixed(tmp_path), srl_share=1.0), run)
    summary = run.read_json("generate/summary.json")
    (rejected,) = run.read_jsonl("generate/rejected.jsonl")

    assert summary["agreed"] == 6
    assert summary["overridden"] == {"negation": 3}
    assert summary["rejected"] == 1
    assert summary["shares"] == {"agreed": 0.6, "overridden": 0.3, "rejected": 0.1}
    assert summary["use"] == {"srl": 9, "rlvr": 1}
    assert rejected["issues"] == ["label: the steps imply positive, the last one says neutral"]
    tasks = run.read_jsonl("generate/tasks.jsonl")
    assert [t["prompt"] for t in tasks if t["use"] == "rlvr"] == ["We adore and love box 0"]
    assert result.notes[0].startswith("agreed 60.0%, overridden 30.0% (negation 3), rejected 10.0%")
    assert any(note.startswith("9 trajectories instead of 10") for note in result.notes)


def test_the_report_shows_shares_reasons_and_examples(tmp_path):
    run = rundir(tmp_path)
    generate.run(settings(mixed(tmp_path), srl_share=1.0), run)
    report = run.read_text("generate/report.md")

    assert "| overridden | 3 | 30.0% |" in report
    assert "| negation | 3 |" in report
    assert "override: negation" in report
    assert "## Rejected, for example" in report


def test_training_rows_that_repeat_each_other_or_held_out_rows_are_left_out(tmp_path):
    long = (
        "the lens is sharp and bright and the battery lasts for days of hard use in the cold rain"
    )
    rows = [
        labelled(long, "positive", "test"),
        labelled(f"{long} too", "positive", "train"),
        labelled("dev", "neutral", "dev"),
        labelled(long.replace("lens", "phone"), "positive", "train"),
        labelled(long.replace("lens", "phone") + " indeed", "positive", "train"),
    ]
    run = rundir(tmp_path)
    result = generate.run(settings(sentiment(tmp_path / "rows.jsonl", rows)), run)

    assert len(run.read_jsonl("generate/tasks.jsonl")) == 1
    assert run.read_json("generate/summary.json")["dropped"] == {
        "near_duplicates": 1,
        "contaminated": 1,
    }
    assert "left out of training: 1 that repeat held-out rows, 1 near-duplicates" in result.notes


@pytest.mark.parametrize("missing", ["train", "dev", "test"])
def test_a_split_without_rows_is_refused_before_anything_is_written(tmp_path, missing):
    rows = [labelled(f"text {s}", "neutral", s) for s in ("train", "dev", "test") if s != missing]
    run = rundir(tmp_path)

    with pytest.raises(ConfigError, match=f"leaves no {missing} rows"):
        generate.run(settings(sentiment(tmp_path / "rows.jsonl", rows)), run)

    assert not (run.path / "generate").exists()


def test_everything_may_go_to_rlvr(tmp_path):
    run = rundir(tmp_path)
    result = generate.run(settings(srl_share=0.0), run)

    assert result.metrics["accepted"] == 0.0
    assert {t["use"] for t in run.read_jsonl("generate/tasks.jsonl")} == {"rlvr"}


def test_the_plan_grows_with_the_tasks():
    small, large = generate.plan(settings(num_tasks=10)), generate.plan(settings(num_tasks=1000))

    assert small.name == "generate"
    assert large.seconds > small.seconds > 0
    assert large.disk_gb == pytest.approx(0.002)


def test_a_role_that_does_not_classify_draws_as_it_comes_and_counts_no_labels(tmp_path):
    run = rundir(tmp_path)
    role = RoleProfile(
        name="math",
        family="expert_analysis",
        description="d",
        data="generated",
        label="answer",
        options={"train": 60, "dev": 12, "test": 16},
    )
    result = generate.run(settings(role), run)
    summary = run.read_json("generate/summary.json")

    assert result.metrics["accepted"] == 40.0
    assert summary["labels"] == {}
    assert "Labels drawn" not in run.read_text("generate/report.md")


def test_what_sources_have_is_cited_in_every_trajectory_and_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "manual.md").write_text("Paint a wall from the top down.")
    (tmp_path / "rules.yaml").write_text("[{id: brief, text: Be brief.}]")
    sources = {
        "manual": {"kind": "knowledge", "path": str(tmp_path / "manual.md")},
        "house": {"kind": "rules", "path": str(tmp_path / "rules.yaml")},
        "away": {"kind": "rules", "url": "http://127.0.0.1:9/", "optional": True, "retries": 0},
    }
    run = rundir(tmp_path)
    asked = settings(retriever={"sources": sources, "embedder": "hashed"}, num_tasks=8)
    result = generate.run(asked, run)
    rows = run.read_jsonl("generate/trajectories.jsonl")
    told = run.read_json("generate/summary.json")["retriever"]

    assert len(rows) == 8
    assert all("house: rule brief" in row["citations"] for row in rows)
    assert any("manual: manual.md, line 1" in row["citations"] for row in rows)
    assert told["sources"]["away"]["failed"] == 8
    assert told["embedder"] == "hashed-1-1024"
    assert any(note.startswith("source 'away' gave nothing for 8 tasks") for note in result.notes)


def personal(tmp_path):
    rows = [
        labelled("I love it, said jo@example.org on 203.0.113.7", "positive", "train"),
        labelled("I love lens number 4", "positive", "train"),
        labelled("It is fine", "positive", "dev"),
        labelled("A box", "neutral", "test"),
    ]
    return sentiment(tmp_path / "rows.jsonl", rows)


def test_nothing_personal_is_written_and_what_was_redacted_is_counted(tmp_path):
    run = rundir(tmp_path)
    result = generate.run(settings(personal(tmp_path)), run)
    written = "".join(path.read_text() for path in (run.path / "generate").iterdir())
    prompts = {row["prompt"] for row in run.read_jsonl("generate/tasks.jsonl")}
    problems = {row["problem"] for row in run.read_jsonl("generate/trajectories.jsonl")}

    assert "jo@example.org" not in written
    assert "203.0.113.7" not in written
    assert "I love it, said [EMAIL_1] on [IP_1]" in prompts & problems
    assert run.read_json("generate/summary.json")["redacted"] == {
        "classes": ["email", "phone", "card", "iban", "id", "ip", "key"],
        "training_rows": 1,
        "found": {"email": 1, "ip": 1},
    }
    assert "redacted in 1 training rows: email 1, ip 1" in result.notes


def test_redaction_can_be_switched_off_and_that_is_on_record(tmp_path):
    run = rundir(tmp_path)
    result = generate.run(settings(personal(tmp_path), redact={"classes": ()}), run)
    prompts = {row["prompt"] for row in run.read_jsonl("generate/tasks.jsonl")}

    assert "I love it, said jo@example.org on 203.0.113.7" in prompts
    assert run.read_json("generate/summary.json")["redacted"]["classes"] == []
    assert "nothing was redacted: generate.redact.classes is empty" in result.notes
