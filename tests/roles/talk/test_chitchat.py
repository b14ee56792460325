import json

import pytest

from srlr.core.errors import ResourceError
from srlr.roles.data import split_of
from srlr.roles.talk import chitchat

RULES = {"world": "old", "max_words": 16, "forbidden": []}
ALL = {False: 99, True: 99}
TRAIN = next(f"chat-{n}" for n in range(99) if split_of(f"chat-{n}") == "train")


def chat(*turns):
    """Turns as (who, text) of one chat."""
    return {"messages": [[{"sender": who, "text": text}] for who, text in turns]}


def written(path, **chats):
    path.write_text(json.dumps(chats))
    return chitchat.read(path)


def spoken(exchanges, most=None, rules=None):
    return list(chitchat.spoken(exchanges, 1, "train", most or ALL, rules or RULES))


HELLO = chat(("a", "Hello  my friend"), ("b", "Hi, how are you?"), ("a", "Well, and you too?"))


def test_an_exchange_is_a_line_the_reply_and_what_was_said_before(tmp_path):
    first, second = written(tmp_path / "c.json", one=HELLO)

    assert (first.line, first.reply, first.before) == ("Hello my friend", "Hi, how are you?", "")
    assert (second.turn, second.before) == (2, "Hello my friend")


@pytest.mark.parametrize(
    "turns",
    [
        [("a", "Hello friend"), ("a", "Hello again")],  # one person
        [("a", "Hello friend"), ("b", "Hello too"), ("c", "And me")],
        [("a", "Hello"), ("b", "Hello to you")],  # a line of one word
        [("a", "Hello to you"), ("b", "long " * 17)],
        [],
    ],
)
def test_what_is_no_short_talk_of_two_is_left_out(tmp_path, turns):
    assert written(tmp_path / "c.json", one=chat(*turns)) == ()


def test_a_character_stands_in_the_second_ones_place(tmp_path):
    made = spoken(written(tmp_path / "c.json", **{TRAIN: HELLO}))
    first = min(made, key=lambda one: len(one.scene.turns))

    assert len(made) == 2
    assert first.scene.turns == (("Player", "Hello my friend"),)
    assert first.reply == "Hi, how are you?"
    assert first.scene.name == first.persona.name
    assert not first.strange
    assert [who for who, _ in max(made, key=lambda one: len(one.scene.turns)).scene.turns] == [
        first.persona.name,
        "Player",
    ]


def test_to_a_line_of_another_world_the_character_has_no_answer(tmp_path):
    exchanges = written(
        tmp_path / "c.json", **{TRAIN: chat(("a", "Is that your phone?"), ("b", "It is mine."))}
    )
    (strange,) = spoken(exchanges)
    (plain,) = spoken(exchanges, rules={**RULES, "world": "any"})

    assert strange.strange
    assert strange.reply in chitchat.UNKNOWN
    assert (plain.strange, plain.reply) == (False, "It is mine.")
    assert spoken(exchanges, most={False: 9, True: 0}) == []
    assert spoken(exchanges, most={False: 0, True: 0}) == []


@pytest.mark.parametrize(
    "reply", ["I saw a movie.", "That is shit.", "At 7 then.", "My name is Bob now."]
)
def test_a_reply_that_leaves_the_scene_is_left_out(tmp_path, reply):
    turns = chat(("a", "What is it?"), ("b", reply))

    assert spoken(written(tmp_path / "c.json", **{TRAIN: turns})) == []


def test_no_chat_gives_more_than_its_share_and_none_two_splits(tmp_path):
    turns = [("ab"[n % 2], f"the {'very ' * n}same") for n in range(9)]
    exchanges = written(tmp_path / "c.json", **{TRAIN: chat(*turns)})

    assert len(spoken(exchanges)) == chitchat.MOST_OF_A_CHAT
    assert list(chitchat.spoken(exchanges, 1, "dev", ALL, RULES)) == []


@pytest.mark.parametrize("text", ["", "[]", '{"a": {}}', '{"a": {"messages": [[{"text": 1}]]}}'])
def test_a_file_that_is_another_is_told(tmp_path, text):
    (tmp_path / "c.json").write_text(text)

    with pytest.raises(ResourceError, match="is not the chitchat data set") as caught:
        chitchat.read(tmp_path / "c.json")
    assert "srlr assets fetch chitchat-dataset" in caught.value.hint
