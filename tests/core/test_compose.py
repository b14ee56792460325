"""Composition: what wins over what, where each value came from, and every way to say something
that cannot be meant."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import srlr
from srlr.core.compose import available, compose, config_root, with_model
from srlr.core.errors import ConfigError
from srlr.core.passed import NoRlvr, NoSrl
from srlr.core.training import KINDS, Distil, Dpo, Grpo, Imitate, Ppo, Sft, Stepwise
from srlr.core.tree import leaf_keys


def made(*words, environ=None, **how):
    return compose(words, environ=environ or {}, **how)


def refused(*words, environ=None, **how):
    with pytest.raises(ConfigError) as caught:
        compose(words, environ=environ or {}, **how)
    return caught.value


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


# -- what wins -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "environ", "words", "value", "source"),
    [
        ({}, {}, [], 5, "conf/srl/imitate.yaml"),
        ({}, {}, ["recipe=mine"], 4, "mine.yaml"),
        ({"config.yaml": "srl: {epochs: 3}"}, {}, [], 3, "config.yaml"),
        ({"config.yaml": "srl: {epochs: 3}"}, {}, ["recipe=mine"], 4, "mine.yaml"),
        ({"srl/imitate.yaml": "epochs: 9"}, {}, [], 9, "imitate.yaml"),
        ({}, {"SRLR_SRL__EPOCHS": "7"}, [], 7, "environment: SRLR_SRL__EPOCHS=7"),
        ({}, {"SRLR_SRL__EPOCHS": "7"}, ["recipe=mine"], 7, "environment: SRLR_SRL__EPOCHS=7"),
        ({}, {"SRLR_SRL__EPOCHS": "7"}, ["srl.epochs=8"], 8, "command line: srl.epochs=8"),
        ({}, {}, ["srl.epochs=8", "srl.epochs=2"], 2, "command line: srl.epochs=2"),
        ({}, {}, ["srl.epochs=8", "recipe=mine"], 8, "command line: srl.epochs=8"),
        ({}, {"SRLR_SRL__EPOCHS": ""}, [], 5, "conf/srl/imitate.yaml"),
    ],
)
def test_files_yield_to_the_environment_and_that_to_the_command_line(
    tmp_path, files, environ, words, value, source
):
    folder = write(tmp_path, {"recipes/mine.yaml": "srl: {epochs: 4}", **files})

    one = made(*words, environ=environ, config_dir=folder)

    assert one.settings.srl.epochs == value
    assert str(one.sources["srl.epochs"]).endswith(source)


@pytest.mark.parametrize(
    ("config", "environ", "words", "tier"),
    [
        ("seed: 1", {}, [], "gold"),
        ("defaults: [{tier: bronze}]", {}, [], "bronze"),
        ("defaults: [{override /tier: bronze}]", {}, ["recipe=mine"], "silver"),
        ("seed: 1", {"SRLR_TIER": "bronze"}, ["recipe=mine"], "bronze"),
        ("seed: 1", {"SRLR_TIER": "bronze"}, ["tier=gold", "recipe=mine"], "gold"),
    ],
)
def test_an_option_is_chosen_by_files_environment_and_words_in_that_order(
    tmp_path, config, environ, words, tier
):
    recipe = "# @package _global_\ndefaults:\n  - override /tier: silver\n"
    folder = write(tmp_path, {"config.yaml": config, "recipes/mine.yaml": recipe})

    assert made(*words, environ=environ, config_dir=folder).settings.tier.name == tier


def test_a_model_cards_tuning_is_what_stage_files_take_and_recipe_and_words_win(tmp_path):
    folder = write(tmp_path, {"recipes/mine.yaml": "rlvr: {learning_rate: 3.0e-5}"})
    model = "model=smollm2-135m-instruct"
    tuned = made(model).settings

    assert made().settings.srl.learning_rate == 1e-5
    assert tuned.srl.learning_rate == 3e-4
    assert made(model, "srl.learning_rate=2e-5").settings.srl.learning_rate == 2e-5
    assert made(model, "recipe=mine", config_dir=folder).settings.rlvr.learning_rate == 3e-5
    assert made(model).sources["srl.learning_rate"].where == "conf/model/smollm2-135m-instruct.yaml"


def test_documented_defaults_hold_without_tuning():
    one = made().settings

    assert (one.srl.kl_penalty_weight, one.srl.max_kl, one.srl.batch_size) == (0.1, 0.1, 32)
    assert (one.rlvr.learning_rate, one.rlvr.variant, one.rlvr.epochs) == (1e-6, "dapo", 3)
    assert one.srl.reward_norm_method == "z_score"


def test_a_card_tunes_each_algorithm_under_a_name_of_its_own(tmp_path):
    card = """
name: mine
source: /models/mine
tuning:
  rlvr: {learning_rate: 1.0e-4, eval_tasks: 7}
  rlvr_dpo: {learning_rate: 2.0e-6}
"""
    folder = write(tmp_path, {"model/mine.yaml": card})
    one = made("model=mine", config_dir=folder).settings.rlvr
    other = made("model=mine", "rlvr=dpo", config_dir=folder)

    assert (one.algorithm, one.learning_rate, one.eval_tasks) == ("grpo", 1e-4, 7)
    assert isinstance(other.settings.rlvr, Dpo)
    assert (other.settings.rlvr.learning_rate, other.settings.rlvr.eval_tasks) == (2e-6, 128)
    assert other.sources["rlvr.learning_rate"].where.endswith("model/mine.yaml")
    assert "rlvr.clip_epsilon" not in other.sources


def test_another_algorithm_over_a_runs_config_takes_its_own_values():
    base = yaml.safe_load(made("model=smollm2-135m-instruct", "rlvr.temperature=0.7").yaml)
    one = made("rlvr=dpo", base=base).settings
    again = made("model=qwen2.5-7b-instruct", base=yaml.safe_load(made("rlvr=dpo").yaml)).settings

    assert (one.rlvr.algorithm, one.rlvr.temperature) == ("dpo", 1.0)
    assert again.rlvr == Dpo()


def test_ppo_comes_with_the_defaults_of_its_settings_and_a_tuning_of_its_own(tmp_path):
    card = "name: mine\nsource: /m\ntuning: {rlvr: {epochs: 7}, rlvr_ppo: {value_coef: 0.25}}\n"
    folder = write(tmp_path, {"model/mine.yaml": card})
    tuned = made("rlvr=ppo", "model=mine", config_dir=folder).settings.rlvr

    assert made("rlvr=ppo", "model=qwen2.5-7b-instruct").settings.rlvr == Ppo()
    assert tuned == Ppo(value_coef=0.25)


def test_a_key_of_another_algorithm_is_refused():
    with pytest.raises(ConfigError, match=r"rlvr\.clip_epsilon: is no key of rlvr=dpo"):
        made("rlvr=dpo", "rlvr.clip_epsilon=0.3")


def test_a_kind_is_chosen_with_its_group_and_not_by_its_key_alone(tmp_path):
    folder = write(tmp_path, {"recipes/mine.yaml": "srl: {objective: stepwise}"})
    base = yaml.safe_load(made("model=smollm2-135m-instruct").yaml)
    for error in (
        refused("srl.objective=stepwise"),
        refused("recipe=mine", config_dir=folder),
        refused("srl.objective=stepwise", base=base),
    ):
        said = str(error)

        assert "srl.objective: is chosen with its group" in said
        assert "fix: say srl=stepwise" in said
        assert "batch_size" not in said

    assert made("srl.objective=imitate").settings == made().settings


@pytest.mark.parametrize(
    ("node", "option", "kind"),
    [
        ("srl", "imitate", Imitate),
        ("srl", "stepwise", Stepwise),
        ("srl", "sft", Sft),
        ("srl", "distil", Distil),
        ("srl", "none", NoSrl),
        ("rlvr", "none", NoRlvr),
        ("rlvr", "grpo", Grpo),
        ("rlvr", "ppo", Ppo),
        ("rlvr", "dpo", Dpo),
    ],
)
def test_an_options_file_says_what_its_class_says_and_leaves_all_to_cards(node, option, kind):
    """Of stepwise, an end of a step that a file could spell as a backslash and an n."""
    values = getattr(made(f"{node}={option}").settings, node)
    content = yaml.safe_load((config_root() / "conf" / node / f"{option}.yaml").read_text())
    fixed = [key for key in leaf_keys(content, node) if "${tuned:" not in str(value(content, key))]

    assert values == kind()
    assert fixed == [f"{node}.{KINDS[node][0]}"]


def value(content, key):
    for part in key.split(".")[1:]:
        content = content[part]
    return content


def test_whatever_a_card_tunes_is_taken_also_in_nodes_inside(tmp_path):
    card = """
name: mine
source: /models/mine
tuning:
  srl_stepwise: {lora: {rank: 4}, alarms: {window: 9}, similarity: {mode: word}, step_end: ";"}
  rollout: {stop: [END]}
"""
    folder = write(tmp_path, {"model/mine.yaml": card})
    auto = made("srl=stepwise", config_dir=folder)
    one = made("srl=stepwise", "model=mine", config_dir=folder).settings
    taken_up = made(base=yaml.safe_load(auto.yaml), config_dir=folder)
    other = made("model=qwen2.5-7b-instruct", base=yaml.safe_load(made_of(one)), config_dir=folder)

    assert (one.srl.lora.rank, one.srl.alarms.window, one.srl.similarity.mode) == (4, 9, "word")
    assert (one.srl.step_end, one.rollout.stop) == (";", ("END",))
    assert with_model(taken_up, "mine").settings.srl == one.srl
    assert (other.settings.srl, other.settings.rollout.stop) == (Stepwise(), ())


def made_of(settings):
    return yaml.safe_dump(settings.model_dump(mode="json"))


SMALL = "model=smollm2-135m-instruct"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rlvr.samples_per_prompt=1"], "a whole number ≥ 2"),
        (["rlvr=dpo", "rlvr.samples_per_prompt=1"], "a whole number ≥ 2"),
        (["rlvr.minibatches=17"], "rlvr.minibatches: 17 updates.*at most rlvr.prompts_per_step"),
        (["srl=stepwise", "srl.minibatches=17"], "srl.minibatches: .*srl.prompts_per_step"),
        (["rlvr=ppo", "rlvr.minibatches=17"], "rlvr.minibatches: .*of 16 prompts"),
        (["generate.num_tasks=15"], "rlvr.prompts_per_step: 16 prompts a step.*at most 15"),
        (["rlvr=dpo", "rlvr.pairs_per_prompt=5"], "make 4 pairs.*samples_per_prompt=10"),
        (["rlvr=dpo", "rlvr.prompts=1201"], "rlvr.prompts: .*at most 1200, or null"),
        ([SMALL, "rollout.max_new_tokens=8192"], "rollout.max_new_tokens: .*less than 8192"),
        ([SMALL, "srl=stepwise", "srl.max_step_tokens=9000"], "srl.max_step_tokens: .*reads 8192"),
        ([SMALL, "rlvr.trained_layers=31"], "rlvr.trained_layers: .*at most 30, or null"),
        (["srl.eval_every_steps=0"], "srl.eval_every_steps = 0: takes a whole number ≥ 1"),
        (["srl.checkpoint_every_steps=0"], "srl.checkpoint_every_steps = 0"),
        (["rlvr.micro_batch_tokens=0"], "rlvr.micro_batch_tokens = 0"),
    ],
)
def test_numbers_that_cannot_be_true_together_name_those_that_can(words, said):
    assert re.search(said, str(refused(*words)))


@pytest.mark.parametrize(
    "words",
    [
        ["rlvr=ppo", "rlvr.samples_per_prompt=1"],
        ["rlvr.minibatches=16"],
        ["generate.num_tasks=16"],
        ["srl=stepwise", "srl.prompts_per_step=5000"],  # of steps, and nobody knows their number
        ["rlvr=dpo", "rlvr.pairs_per_prompt=4", "rlvr.prompts=1200"],
        [SMALL, "rollout.max_new_tokens=8191", "rlvr.trained_layers=30"],
        ["model=auto", "rollout.max_new_tokens=100000", "srl.trained_layers=500"],
        ["srl.batch_size=5000", "srl.eval_every_steps=5000", "srl.checkpoint_every_steps=5000"],
        ["rollout.batch_size=1", "srl.micro_batch_tokens=1"],
    ],
)
def test_numbers_that_have_a_meaning_are_taken(words):
    settings = made(*words).settings
    said = dict(word.split("=") for word in words if "." in word)

    assert said
    for key, value in said.items():
        node, name = key.split(".")
        assert getattr(getattr(settings, node), name) == int(value)


def test_a_warm_up_in_4_bits_is_refused():
    said = str(refused("srl=stepwise", "srl.warm_up.steps=3", "srl.tuning=qlora"))

    assert "srl.warm_up.steps: 4 bits round away what it learns" in said


def test_a_run_in_which_nothing_is_learnt_is_refused():
    said = str(refused("srl=none", "rlvr=none"))

    assert "rlvr.algorithm: nothing would be learnt with srl=none; say rlvr=grpo" in said


def test_what_trl_lacks_is_refused_by_its_key():
    said = str(refused("rlvr.backend=trl", "rlvr.minibatches=3"))

    assert "rlvr.minibatches: 128 answers a step do not divide into 3 alike" in said
    assert "say 2 or 4" in said


def test_trls_trainers_cannot_roll_back():
    said = str(refused("srl=sft", "srl.alarms.spike=roll_back"))

    assert "alarms.spike: TRL cannot roll back; say warn or stop" in said


def test_another_model_does_not_bring_back_a_stage_that_is_passed_over():
    base = yaml.safe_load(made("srl=none", "model=smollm2-135m-instruct").yaml)

    assert made("model=qwen2.5-7b-instruct", base=base).settings.srl == NoSrl()


# -- auto, base, round trips -----------------------------------------------------------------------


def test_with_model_composes_again_with_the_selected_card_and_keeps_what_was_said():
    first = made("model=auto", "srl.epochs=7", environ={"SRLR_TIER": "silver"})
    second = with_model(first, "smollm2-135m-instruct")

    assert first.settings.model.source is None
    assert second.settings.model.name == "smollm2-135m-instruct"
    assert second.settings.srl.learning_rate == 3e-4
    assert (second.settings.srl.epochs, second.settings.tier.name) == (7, "silver")
    assert second.sources["model"].kind == "select"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("tier=silver", "recipe=sentiment_quick", "seed=3"),
        ("model=smollm2-135m-instruct", "role.options.note=it's: {odd}", "evaluate.shots=[0]"),
    ],
)
def test_the_yaml_is_pasteable(words):
    one = made(*words)
    again = made(base=yaml.safe_load(one.yaml))

    assert again.settings == one.settings
    assert again.yaml == one.yaml


def test_an_auto_run_taken_up_again_still_learns_the_cards_tuning():
    base = yaml.safe_load(made("srl.epochs=5").yaml)
    again = with_model(made(base=base), "smollm2-135m-instruct").settings

    assert again.srl.learning_rate == 3e-4
    assert again.srl.epochs == 5  # said in so many words, though it is the default


def test_words_lie_over_a_runs_own_config_and_the_environment_does_not():
    base = yaml.safe_load(made("srl.epochs=7", "tier=gold").yaml)
    one = made("tier=silver", "srl.batch_size=4", base=base, environ={"SRLR_SRL__EPOCHS": "9"})

    assert one.settings.tier == made("tier=silver").settings.tier
    assert (one.settings.srl.epochs, one.settings.srl.batch_size) == (7, 4)
    assert str(one.sources["srl.epochs"]) == "the run's config.yaml"
    assert str(one.sources["tier.name"]) == "conf/tier/silver.yaml"


def test_another_model_over_a_runs_config_brings_its_own_tuning_and_keeps_what_was_said():
    base = yaml.safe_load(made("model=smollm2-135m-instruct", "rlvr.learning_rate=7e-6").yaml)
    one = made("model=qwen2.5-7b-instruct", base=base).settings

    assert one.srl.learning_rate == 1e-5
    assert one.rlvr.learning_rate == 7e-6


def test_a_recipe_and_its_choices_lie_over_a_runs_config(tmp_path):
    recipe = "defaults: [{tier: silver}]\nsrl: {epochs: 1}"
    folder = write(tmp_path, {"recipes/mine.yaml": recipe})
    base = yaml.safe_load(made("srl.batch_size=4").yaml)
    one = made("recipe=mine", base=base, config_dir=folder).settings

    assert (one.tier.name, one.srl.epochs, one.srl.batch_size) == ("silver", 1, 4)


# -- the user's own --------------------------------------------------------------------------------


def own_role(folder):
    role = "name: toy\nfamily: classification\ndescription: A toy.\ndata: ./toy.jsonl\n"
    return write(folder, {"toy.yaml": role, "toy.py": ""})


def test_role_path_adds_a_role_from_words_environment_or_config(tmp_path):
    folder = own_role(tmp_path / "roles")
    config = write(tmp_path / "own", {"config.yaml": "role_path: ../roles"})

    by_word = made("role=toy", f"role_path={folder}").settings
    by_variable = made("role=toy", environ={"SRLR_ROLE_PATH": str(folder)}).settings
    by_file = made("role=toy", config_dir=config).settings

    for one in (by_word, by_variable, by_file):
        assert one.role.name == "toy"
        assert one.role_path == str(folder.resolve())
    assert "toy" in available(role_path=folder)["role"]
    assert (
        made(base=yaml.safe_load(made("role=toy", f"role_path={folder}").yaml)).settings == by_word
    )


def test_a_config_dir_adds_and_replaces_options_and_a_run_finds_it_again(tmp_path):
    card = "name: mine\nsource: /models/mine\n"
    gold = (config_root() / "conf/tier/gold.yaml").read_text().replace("75", "80")
    folder = write(tmp_path, {"model/mine.yaml": card, "tier/gold.yaml": gold})
    one = made("model=mine", config_dir=folder)
    base = yaml.safe_load(one.yaml)

    assert one.settings.tier.training_cost_usd == 80
    assert one.settings.model.source == "/models/mine"
    assert one.settings.config_dir == str(folder)
    assert str(one.sources["config_dir"]) == f"command line: --config-dir {folder}"
    assert made("model=mine", base=base).settings == one.settings
    assert made("model=mine", f"config_dir={folder}").settings == one.settings


def test_an_own_option_may_start_from_one_of_ours(tmp_path):
    mine = "defaults: [sentiment]\nname: mine\nrequirements: {accuracy_min: 0.9}\n"
    one = made("role=mine", config_dir=write(tmp_path, {"role/mine.yaml": mine}))

    assert one.settings.role.name == "mine"
    assert one.settings.role.requirements.accuracy_min == 0.9
    assert one.settings.role.labels == ("negative", "neutral", "positive")
    assert str(one.sources["role.labels"]) == "conf/role/sentiment.yaml"


def test_the_configuration_is_found_beside_the_package_and_inside_it(tmp_path):
    root = config_root()
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(srlr.__file__).parent, tmp_path / "srlr", ignore=ignore)
    for name in ("conf", "recipes"):
        shutil.copytree(root / name, tmp_path / "srlr" / name, dirs_exist_ok=True)
    code = (
        "from srlr.core.compose import compose, config_root; print(config_root());"
        "print(compose(['recipe=sentiment_quick'], environ={}).settings.generate.num_tasks)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )

    assert "sentiment_quick" in available()["recipe"]
    assert out.stdout.split() == [str(tmp_path / "srlr"), "48"]


# -- what cannot be meant --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("role=sentimet", ["'role=sentiment'", "no such option"]),
        ("tier=gould", ["bronze, gold, silver", "'tier=gold'"]),
        ("recipe=sentiment_quik", ["'recipe=sentiment_quick'"]),
        ("teir=gold", ["no such key", "'tier=gold'"]),
        ("srl.learning_rat=1e-4", ["'srl.learning_rate=1e-4'"]),
        ("slr.epochs=1", ["'srl.epochs=1'"]),
        ("learning_rate=1", ["'srl.learning_rate=1'"]),
        ("srl.epochs.often=1", ["no such key", "'srl.epochs=1'"]),
        ("srl.epochs=-1", ["a number > 0", "command line: srl.epochs=-1"]),
        ("srl.epochs=many", ["a number > 0"]),
        ("srl.epochs=é", ["a number > 0"]),
        ("srl.epochs=1,2", ["one value"]),
        ("srl.epochs=[1,2", ["cannot be read"]),
        ("srl.epochs=", ["a number > 0"]),
        ("rlvr.samples_per_prompt=1", ["a whole number ≥ 2"]),
        ("rlvr.schedule=linaer", ["constant, linear, cosine", "'rlvr.schedule=linear'"]),
        ("evaluate.shots=3", ["a list"]),
        ("role.requirements=5", ["a mapping"]),
        ("sentiment", ["is not key=value", "'role=sentiment'"]),
        ("=", ["is not key=value"]),
        ("~tier", ["cannot be taken out"]),
        ("~role.rewards.nope", ["does not exist"]),
        ("srl.epochs=${nope}", ["srl.epochs", "nope"]),
        ("role.rewards={label: 0, confidence: 0}", ["role.rewards", "every weight is 0"]),
        ("model.tuning.srl.learning_rat=1", ["'model.tuning.srl.learning_rate'"]),
        (
            "model.tuning.serving.x=1",
            ["srl, srl_stepwise, srl_sft, srl_distil, rlvr, rlvr_ppo, rlvr_dpo, rollout"],
        ),
        ("model.tuning.rlvr.algorithm=dpo", ["no such key"]),
        ("rlvr.beta=0.2", ["rlvr.beta: is no key of rlvr=grpo"]),
        ("rlvr.bata=0.2", ["no such key"]),
        ("rlvr.algorithm=gpro", ["one of grpo, ppo, dpo", "'rlvr.algorithm=grpo'"]),
        ("rlvr.algorithm=null", ["rlvr.algorithm"]),
        ("srl=5", ["no such option"]),
        ("role_path=./nowhere", ["is not a folder"]),
        ("config_dir=./nowhere", ["is not a folder"]),
    ],
)
def test_a_word_that_cannot_be_meant_is_refused_with_what_can(word, parts):
    error = refused(word)

    assert error.hint
    assert "Traceback" not in str(error)
    for part in parts:
        assert part in str(error)


def test_everything_wrong_is_said_at_once_with_who_said_it(tmp_path):
    folder = write(tmp_path, {"config.yaml": "srl: {batch_size: 0, patiense: 2}"})
    environ = {"SRLR_SRL__EPOCH": "3", "SRLR_RLVR__EPOCHS": "x", "SRLR_CACHE": "/tmp"}
    said = str(refused("tier=gould", "srl.epochs=-1", environ=environ, config_dir=folder))

    assert said.startswith("6 things in the configuration are wrong")
    assert "'SRLR_SRL__EPOCHS'" in said
    assert "environment: SRLR_RLVR__EPOCHS=x" in said
    assert f"srl.patiense: no such key; did you mean 'srl.patience'? ({folder}/config.yaml)" in said
    assert f"srl.batch_size = 0: takes a whole number ≥ 1 ({folder}/config.yaml)" in said
    assert "command line: srl.epochs=-1" in said
    assert "tier = gould" in said


@pytest.mark.parametrize(
    ("file", "text", "part"),
    [
        ("config.yaml", "seed: 1\nsrl: {epochs: [\n", "line"),
        ("config.yaml", "seed: 1\nseed: 2\n", "line 2"),
        ("config.yaml", "- a\n- b\n", "is not a mapping"),
        ("config.yaml", "just words", "no such key"),
        ("tier/gold.yaml", "name: gold\n\tbad: 1\n", "line 2"),
        ("recipes/mine.yaml", "defaults: [{tier: gould}]", "'tier=gold'"),
        ("recipes/mine.yaml", "defaults: [nothing_here]", "nothing_here"),
        ("recipes/mine.yaml", "hydra: {run: {dir: x}}", "hydra: no such key"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path, file, text, part):
    folder = write(tmp_path, {"recipes/mine.yaml": "seed: 1", file: text})
    said = str(refused("recipe=mine", config_dir=folder))

    assert part in said
    if "nothing_here" not in text:
        assert str(folder / file) in said


def test_a_file_that_is_not_text_is_named(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"seed: \xff\xfe\n")

    assert str(tmp_path / "config.yaml") in str(refused(config_dir=tmp_path))


@pytest.mark.parametrize(
    "path",
    ["~/my reviews.jsonl", "./a(1).jsonl", "hub:org/name@main", "it's", "été.csv", "/a=b/c.csv"],
)
def test_text_is_taken_as_it_stands(path):
    assert made(f"role.data={path}").settings.role.data == path


def test_words_may_add_replace_and_take_out_entries_of_mappings():
    one = made("role.options.greeting=hello", "+role.options.n=3", "~role.rewards.confidence")

    assert one.settings.role.options == {"greeting": "hello", "n": 3}
    assert one.settings.role.rewards == {"label": 1.0}
    assert str(one.sources["role.options.n"]) == "command line: +role.options.n=3"


def test_every_key_has_a_source():
    from srlr.core import schema

    one = made()
    known = set(one.sources)

    for leaf in schema.leaves(one.settings.model_dump()):
        assert any(key == leaf.path or key.startswith(f"{leaf.path}.") for key in known), leaf.path


def test_hydra_set_up_by_someone_else_is_left_as_it_was(tmp_path):
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(version_base="1.3", config_dir=str(tmp_path)):
        before = GlobalHydra.instance().hydra
        made("tier=silver")

        assert GlobalHydra.instance().hydra is before


def test_the_modules_that_every_command_imports_do_not_import_hydra():
    code = (
        "import sys, srlr.core.compose, srlr.core.layers, srlr.cli.config, srlr.cli.completion;"
        "print([m for m in ('hydra', 'omegaconf') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


def test_a_file_that_changes_is_read_again(tmp_path):
    own = tmp_path / "config.yaml"
    own.write_text("srl:\n  epochs: 2\n")
    first = compose(["role=sentiment"], config_dir=tmp_path, environ={})
    own.write_text("srl:\n  epochs: 11\n")
    second = compose(["role=sentiment"], config_dir=tmp_path, environ={})

    assert (first.settings.srl.epochs, second.settings.srl.epochs) == (2, 11)


def test_what_has_not_changed_is_composed_once():
    first = compose(["role=sentiment"], environ={"SRLR_SEED": "3"})

    assert compose(["role=sentiment"], environ={"SRLR_SEED": "3"}) is first
    assert compose(["role=sentiment"], environ={"SRLR_SEED": "4"}) is not first
