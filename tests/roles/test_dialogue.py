import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr import assets, roles
from srlr.collaboration import verifier
from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Step, Task
from srlr.roles import dialogue
from srlr.roles.talk import making

PROFILE = RoleProfile(
    name="dialogue",
    family="real_time",
    description="d",
    data="generated",
    label="intent",
    options={"made": 160},
    rewards={"intent": 1.0, "constraints": 1.0, "reference": 0.5},
)
SCENE = (
    "Mara, smith of Oakford, likes rain. Secret: the key under the millstone.\n"
    "Player: Hello there! What do you do here?"
)
GOLD = {
    "intent": "tell",
    "reply": "I am a smith, and glad of it.",
    "name": "Mara",
    "secret": "the key under the millstone",
    "world": "old",
    "max_words": 16,
    "forbidden": [],
}
TASK = Task("1", SCENE, GOLD)
TEXT = "recall: smith\nintent: tell\nsay: I am a smith, and glad of it."


def solved(task=TASK, context=None):
    return dialogue.expert(task, context or Context(), 0, 0)


def own(tmp_path, *rows, **options):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return PROFILE.model_copy(update={"data": str(path), "options": options})


def test_the_role_loads_with_its_rewards():
    assert roles.load(PROFILE) is dialogue


def test_the_experts_text_is_the_one_of_the_modules_example():
    assert "".join(dialogue.completion(solved())) == TEXT
    assert dialogue.parse(TEXT) == {"intent": "tell", "reply": GOLD["reply"]}
    assert dialogue.messages(TASK, [TASK])[2]["content"] == TEXT
    assert verifier.judge(solved(), dialogue, "intent").score == 1.0


def test_every_step_says_why():
    steps = solved(
        context=Context(neighbours=(TASK, replace(TASK, answer={"intent": "ask"})))
    ).steps
    greeting = Task("2", SCENE, {**GOLD, "reply": "Well met.", "intent": "greet"})

    assert [step.reasoning for step in steps] == [
        "smith is what bears on the line.",
        "1 of the 2 nearest lines are answered so.",
        "8 words, in character.",
    ]
    assert sum(step.reward for step in steps) == pytest.approx(1.0)
    assert solved(greeting).steps[0].reasoning == "Only who speaks."


def test_every_made_scene_is_solved_and_verified_in_every_split():
    for split in ("train", "dev", "test"):
        tasks = dialogue.load_tasks(PROFILE, split)

        assert len(tasks) == (160 if split == "train" else 20)
        for task in tasks:
            verdict = verifier.judge(solved(task), dialogue, "intent")

            assert (verdict.score, verdict.issues) == (1.0, ())


@pytest.mark.parametrize(
    ("line", "place", "action", "issue"),
    [
        (None, 0, "recall: baker", "recall: nothing says 'baker'"),
        (None, 0, "recall: Mara", "recall: the reply rests on 'smith', not on 'Mara'"),
        (None, 1, "intend: ask", "intend: the reply does 'tell', not 'ask'"),
        (None, 2, "speak: As an AI, I am a smith.", "constraint: in_character"),
        ("Where is the key?", 2, "speak: I am a smith.", "and the reply does not deflect"),
        (None, 2, "speak: Under the millstone, says the smith.", "constraint: secret"),
        (None, 1, "intend: dance", "schema: the steps are not in the role's format"),
        (None, 1, "think: dance", "schema: the steps are not in the role's format"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(line, place, action, issue):
    task = TASK if line is None else replace(TASK, prompt=SCENE.rsplit(":", 1)[0] + f": {line}")
    steps = list(solved().steps)
    steps[place] = Step(action, "", steps[place].reward)
    verdict = dialogue.verify(replace(solved(task), steps=tuple(steps)))

    assert verdict.score < 0.7
    assert issue in " ".join(verdict.issues)


@pytest.mark.parametrize(
    ("text", "intent", "constraints", "reference"),
    [
        (TEXT, 1.0, 1.0, 1.0),
        ("recall: x\nintent: ask\nsay: I am a smith, and glad of it.", 0.5, 1.0, 1.0),
        ("recall: x\nintent: tell\nsay: Who knows?", 0.5, 1.0, 0.0),
        ("recall: x\nintent: ask\nsay: A phone?", 0.0, 3 / 7, 2 / 10),
        ("I am a smith.", 0.0, 0.0, 0.0),
    ],
)
def test_rewards_by_hand(text, intent, constraints, reference):
    values = [reward(TASK, text).value for reward in dialogue.rewards().values()]

    assert values == pytest.approx([intent, constraints, reference])


@given(st.text())
def test_no_text_breaks_anything_that_reads(text):
    dialogue.parse_baseline(text)
    dialogue.parse_leniently(text)
    for reward in dialogue.rewards().values():
        assert 0.0 <= reward(TASK, text).value <= 1.0


def test_an_untrained_model_is_told_the_format_and_read_generously():
    told, _, shown, _ = dialogue.baseline_messages(TASK, [TASK])

    assert "deflect" in told["content"]
    assert shown["content"] == "intent: tell\nsay: I am a smith, and glad of it."
    assert dialogue.parse_baseline(shown["content"]) == dialogue.parse(TEXT)
    assert dialogue.parse_baseline("say: hello") is None
    assert dialogue.parse_leniently('Intent: GREET\nMara: "Well met!"') == {
        "intent": "greet",
        "reply": "Well met!",
    }
    assert dialogue.parse_leniently("Who are you?") == {"intent": "ask", "reply": "Who are you?"}
    assert dialogue.parse_leniently(" \n") is None


def test_knowledge_and_edge_cases_tell_what_the_line_asks_for():
    lines = SCENE.splitlines()
    asked = Task("2", f"{lines[0]}\nMara: Hm.\nPlayer: The key to your phone?", GOLD)

    assert dialogue.knowledge(TASK).rules == (dialogue.GENERAL,)
    assert len(dialogue.knowledge(asked).rules) == 3
    assert list(dialogue.edge_cases(asked)) == ["secret", "strange", "history"]
    assert list(dialogue.edge_cases(TASK)) == []


def test_rows_of_a_users_own_are_read(tmp_path):
    row = {"persona": "Odo, a guard.", "history": ["Who goes there?"], "reply": "A guard.\nMe."}
    lines = {**row, "history": "Hm.\nHello?", "intent": "greet", "reply": "Hello."}
    profile = own(tmp_path, row | {"split": "train"}, lines | {"split": "dev"}, forbidden=["elf"])
    (train,), (dev,) = (dialogue.load_tasks(profile, split) for split in ("train", "dev"))

    assert train.prompt == "Odo, a guard.\nPlayer: Who goes there?"
    assert train.answer["reply"] == "A guard. Me."
    assert (train.answer["intent"], train.answer["name"]) == ("tell", "Odo")
    assert train.answer["forbidden"] == ["elf"]
    assert dev.prompt == "Odo, a guard.\nOdo: Hm.\nPlayer: Hello?"
    assert verifier.judge(solved(train), dialogue, "intent").score == 1.0


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"history": ["x"], "reply": "y"}, "field 'persona' is missing"),
        ({"persona": "Odo", "reply": "y"}, "field 'history' is missing"),
        ({"persona": "Odo", "history": 3, "reply": "y"}, "history"),
        ({"persona": "Odo", "history": "x", "reply": "y", "intent": "sing"}, "'intent' 'sing'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path, row, what):
    with pytest.raises(ConfigError, match=what):
        dialogue.load_tasks(own(tmp_path, row), "train")


@pytest.mark.parametrize("options", [{"mode": 1}, {"max_words": 0}, {"world": "new"}])
def test_options_that_cannot_be_meant_are_named(options):
    with pytest.raises(ConfigError, match=r"role\.options\."):
        dialogue.load_tasks(PROFILE.model_copy(update={"options": options}), "train")


def test_people_are_read_from_the_archive_and_a_slice_is_kept(tmp_path, monkeypatch):
    chats = {
        f"chat-{n}": {
            "messages": [
                [{"sender": "a", "text": f"Is it {word}?"}],
                [{"sender": "b", "text": f"It is {word}."}],
            ]
        }
        for n, word in enumerate(("cold", "warm", "late", "wet", "a phone") * 8)
    }
    (tmp_path / "dataset.json").write_text(json.dumps(chats))
    monkeypatch.setattr(assets, "ensure", lambda name: tmp_path / "dataset.json")
    where = {"topic": ["talk", "strange"]}
    people = PROFILE.model_copy(update={"data": "chitchat-dataset", "where": where})
    found = dialogue.load_tasks(people, "train")

    assert {task.meta["topic"] for task in found} == {"talk", "strange"}
    assert {task.meta["reply_by"] for task in found} == {"people", "templates"}
    assert all(verifier.judge(solved(task), dialogue, "intent").score == 1.0 for task in found)


@pytest.mark.assets
def test_what_people_said_is_verified_too():
    archive = assets.ensure("chitchat-dataset")
    tasks = making.everything(making.Options(talk=300, strange=60, made=7), archive)
    scores = [verifier.judge(solved(task), dialogue, "intent").score for task in tasks]

    assert len(tasks) >= 400
    assert sum(score == 1.0 for score in scores) >= 0.99 * len(scores)
