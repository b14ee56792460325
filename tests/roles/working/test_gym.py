import sys

import pytest

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.roles.working import gym
from srlr.roles.working.problems import Options


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)

    with pytest.raises(MissingArtifact) as caught:
        gym.everything("gsm_symbolic", Options(train=3))
    assert "srlr[reasoning]" in caught.value.hint


def test_the_lines_of_a_solution_lose_their_marks():
    said = "He has $<<2+3=5>>5 then.\n\n 5 - 1 = 4 \n#### 4"

    assert list(gym.steps({"answer_cot": said})) == ["He has 5 then.", "5 - 1 = 4"]
    assert list(gym.steps({})) == []


def test_a_generator_gives_different_problems_to_the_splits():
    pytest.importorskip("reasoning_gym")
    tasks = gym.everything("chain_sum, gsm_symbolic", Options(train=20, dev=4, test=4))
    prompts = [task.prompt for task in tasks]

    assert {task.meta["kind"] for task in tasks} == {"chain_sum", "gsm_symbolic"}
    assert {task.meta["split"] for task in tasks} == {"train", "dev", "test"}
    assert len(set(prompts)) == len(prompts) >= 24


def test_a_generator_that_is_not_there_gets_the_nearest():
    pytest.importorskip("reasoning_gym")

    with pytest.raises(ConfigError) as caught:
        gym.everything("gsm_symbolik", Options())
    assert caught.value.hint == "reasoning-gym:gsm_symbolic"
    with pytest.raises(ConfigError, match="no such generator"):
        gym.everything("", Options(train=5))
