from srlr.rewards import speech
from srlr.roles.talk import personas, questions


def test_a_seed_gives_the_same_scenes_and_fewer_are_the_first():
    first = list(questions.scenes(7, "train", 40))

    assert list(questions.scenes(7, "train", 10)) == first[:10]
    assert [one.scene for one in questions.scenes(8, "train", 10)] != [
        one.scene for one in first[:10]
    ]
    assert len({str(one.scene) for one in first}) == 40


def test_topics_take_turns_and_a_reply_does_what_its_topic_calls_for():
    does = {"secret": "deflect", "greet": "greet", "part": "part", "gift": "thank"}
    made = [one for split in ("train", "dev", "test") for one in questions.scenes(1, split, 210)]

    assert [one.topic for one in made[:7]] == [topic.name for topic in questions.TOPICS]
    for one in made:
        rules = {"name": one.persona.name, "secret": one.persona.secret, "world": "old"}

        assert speech.act(one.reply) == does.get(one.topic, "tell")
        assert speech.broken(one.reply, {**rules, "max_words": 16}) == ()


def test_no_wording_trade_place_or_secret_is_in_two_splits():
    for lists in (personas.TRADES, personas.PLACES, personas.SECRETS):
        every = [one for split in lists.values() for one in split]

        assert len(set(every)) == len(every)
    for topic in questions.TOPICS:
        every = [one for split in topic.asked.values() for one in split]

        assert len(set(every)) == len(every)


def test_there_is_an_end_to_what_can_be_asked(monkeypatch):
    monkeypatch.setattr(questions, "ATTEMPTS", 50)
    monkeypatch.setattr(questions, "TOPICS", questions.TOPICS[:1])
    for name in ("NAMES", "LIKES"):
        monkeypatch.setattr(personas, name, getattr(personas, name)[:1])
    made = list(questions.scenes(1, "dev", 10**6))

    assert 20 <= len(made) <= 54  # 3 trades, 3 places, 3 secrets, 2 wordings
