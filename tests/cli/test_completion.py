"""Completion of bare words, by itself and in a real bash, which splits the word at `=`."""

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from srlr.cli.completion import joined, offers
from srlr.core.layers import GROUPS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("before", "incomplete", "wanted"),
    [
        (["role"], "s", ["security_review", "sentiment", "storyteller", "support"]),
        (["tier"], "", ["bronze", "gold", "silver"]),  # bash, `tier=`: the lone = is dropped before
        (["tier", "="], "si", ["silver"]),  # bash, `tier=si`
        ([], "tier=si", ["tier=silver"]),  # zsh, fish
        ([], "tier=", ["tier=bronze", "tier=gold", "tier=silver"]),
        (["role", "=", "sentiment", "tier"], "", ["bronze", "gold", "silver"]),
        (["role=sentiment"], "tier=g", ["tier=gold"]),
        (
            [],
            "recip",
            [
                *("recipe=ablation_math", "recipe=ablation_sentiment"),
                *("recipe=codegen", "recipe=dialogue", "recipe=math", "recipe=math_symbolic"),
                *("recipe=moderation", "recipe=security_review"),
                *("recipe=sentiment_in_domain", "recipe=sentiment_quick"),
            ],
        ),
        ([], "srl.learn", ["srl.learning_rate=1e-05", "srl.learning_rate="]),
        (["rlvr.schedule", "="], "c", ["constant", "cosine"]),
        ([], "tier.asyn", ["tier.asynchronous=true", "tier.asynchronous=false"]),
        ([], "nothing", []),
        (["nothing", "="], "x", []),
        ([], "role.dat", ["role.data="]),
    ],
)
def test_words_are_offered_however_the_shell_splits_them(before, incomplete, wanted):
    assert offers(before, incomplete, None) == wanted


def test_nothing_typed_offers_the_groups_not_every_key():
    found = offers(["role=sentiment"], "", None)

    groups = {f"{name}=" for name in GROUPS}

    assert {"tier=", "model=", "seed="} <= set(found)
    assert len(set(found) - groups) < 8


def test_own_roles_and_options_are_offered(tmp_path):
    (tmp_path / "roles").mkdir()
    (tmp_path / "roles/toy.yaml").touch()
    (tmp_path / "tier").mkdir()
    (tmp_path / "tier/tin.yaml").touch()
    place = f"role_path={tmp_path / 'roles'}"

    assert "toy" in offers([place, "role", "="], "to", None)
    assert offers([], "tier=t", tmp_path) == ["tier=tin"]
    assert offers(["role_path=/nowhere"], "tier=g", None) == []


@pytest.mark.parametrize(
    ("before", "words", "pending"),
    [
        ([], [], None),
        (["role", "=", "a"], ["role=a"], None),
        (["role", "=", "a", "tier", "="], ["role=a"], "tier"),
        (["x=1", "tier"], ["x=1"], "tier"),
        (["="], [], ""),
    ],
)
def test_split_words_are_joined(before, words, pending):
    assert joined(before) == (words, pending)


def test_completing_does_not_import_hydra():
    code = (
        "import sys; from srlr.cli.completion import offers; offers(['tier'], '', None);"
        "offers([], 'srl.', None); print('hydra' in sys.modules or 'omegaconf' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "False"


@pytest.fixture
def bash(tmp_path):
    """A bash with `srlr` on its path and the completion script that `srlr --show-completion`
    prints."""
    command = tmp_path / "bin" / "srlr"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom srlr.cli.app import main\nmain()\n")
    command.chmod(0o755)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("SRLR_")} | {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
        "PS1": "",
    }
    shell = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile"],
        env=environ,
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=60,
        dimensions=(50, 400),
    )
    shell.sendline("PS1='' PS2=''; bind 'set enable-bracketed-paste off'; stty -echo; echo r''eady")
    shell.expect("ready\r\n")
    shell.sendline("srlr --show-completion bash > c.sh || srlr --show-completion > c.sh; . ./c.sh")
    shell.sendline("complete -p srlr && echo in''stalled")
    shell.expect("installed\r\n")
    yield shell
    shell.close(force=True)


def typed(shell, text):
    """The line as bash holds it after `text` and TAB, turned into an echo of itself and run."""
    shell.send(f"{text}\t")
    shell.send("\x01echo '<\x05>'\r")  # home, end: the line echoes itself
    shell.expect("<(srlr [^>]*)>\r\n")
    return shell.match.group(1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("srlr train role=sen", "srlr train role=sentiment "),
        ("srlr train role=sentiment tier=si", "srlr train role=sentiment tier=silver "),
        ("srlr train tier", "srlr train tier"),
        ("srlr train recipe=sentiment_q", "srlr train recipe=sentiment_quick "),
        ("srlr train srl.learning_r", "srlr train srl.learning_rate="),
        ("srlr config show hardware=h", "srlr config show hardware=h100 "),
        ("srlr config explain srl.pat", "srlr config explain srl.patience "),
    ],
)
def test_tab_completes_in_a_real_bash(bash, text, line):
    assert typed(bash, text) == line
