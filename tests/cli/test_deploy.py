import json

import pytest

from srlr.cli.app import main


@pytest.fixture
def deploy(toy_run, toy_config, tmp_path, capsys):
    """`srlr deploy WORDS…` of the toy run: exit code, stdout, stderr."""

    def run(*words):
        place = (f"runs_dir={toy_run.parents[1]}", f"store_dir={tmp_path / 'store'}")
        code = main(["deploy", *place, "--config-dir", str(toy_config), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_deploy_says_what_it_published_and_what_is_next(deploy):
    code, out, err = deploy("role=toy", "model=tiny")

    assert code == 0
    assert out.startswith("toy@v1 is candidate: tiny, weights, gate none, ")
    assert "next: srlr releases promote toy" in err
    data = json.loads(deploy("role=toy", "model=tiny", "--as", "current", "--json")[1])["data"]
    assert (data["version"], data["alias"], data["run"]) == ("v1", "current", "whole")


def test_a_dry_run_shows_it_and_touches_nothing(deploy, tmp_path):
    code, out, _ = deploy("role=toy", "model=tiny", "--dry-run")

    assert code == 0
    assert "would be published as candidate of toy" in out
    assert "model.safetensors" in out
    assert not (tmp_path / "store").exists()


def test_words_that_cannot_be_meant_are_refused(deploy):
    assert deploy("role=toy", "--as", "latest")[0] == 2
    assert deploy("role=sentiment")[0] == 3
    assert deploy("role=toy", "--run", "nowhere")[0] == 3
    assert deploy("role=toy", "deploy.form=pickle")[0] == 2
