import multiprocessing
import os
import signal

import pytest

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.serving import sessions
from srlr.serving.asked import Busy


def said(text, role="user"):
    return {"role": role, "content": text}


def test_messages_come_back_in_order(tmp_path):
    with sessions.opened(tmp_path) as kept:
        kept.begin("c", "support")
        for number in range(3):
            with kept.turn("c") as turn:
                turn.add(said(f"question {number}"), said(f"answer {number}", "assistant"))
    with sessions.opened(tmp_path) as kept:
        texts = [message["content"] for message in kept.messages("c")]

    assert texts == [f"{what} {n}" for n in range(3) for what in ("question", "answer")]


def test_one_writer_a_conversation(tmp_path):
    with sessions.opened(tmp_path) as kept, sessions.opened(tmp_path) as other:
        kept.begin("c", "support")
        with kept.turn("c"), pytest.raises(Busy, match="is being answered"), other.turn("c"):
            pass
        with other.turn("c") as turn:
            turn.add(said("now"))

        assert kept.messages("c") == (said("now"),)


def test_a_turn_that_fails_adds_nothing_and_frees_the_conversation(tmp_path):
    with sessions.opened(tmp_path) as kept:
        kept.begin("c", "support")
        with pytest.raises(RuntimeError), kept.turn("c"):
            raise RuntimeError
        with kept.turn("c") as turn:
            assert turn.messages == ()


def test_a_writer_whose_turn_was_too_long_adds_nothing(tmp_path, monkeypatch):
    with sessions.opened(tmp_path) as kept:
        kept.begin("c", "support")
        monkeypatch.setattr(sessions, "TURN_S", -1.0)
        with kept.turn("c") as slow, kept.turn("c") as quick:
            quick.add(said("quick"))
            with pytest.raises(Busy):
                slow.add(said("slow"))

        assert kept.messages("c") == (said("quick"),)


def _add_until_killed(store, ready):
    with sessions.opened(store) as kept:
        for number in range(10_000):
            with kept.turn("c") as turn:
                turn.add(said(f"q{number}"), said(f"a{number}", "assistant"))
            if number == 20:
                ready.set()


def test_what_was_added_survives_a_kill(tmp_path):
    with sessions.opened(tmp_path) as kept:
        kept.begin("c", "support")
    start = multiprocessing.get_context("spawn")
    ready = start.Event()
    writer = start.Process(target=_add_until_killed, args=(tmp_path, ready))
    writer.start()
    ready.wait(30)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    with sessions.opened(tmp_path) as kept:
        texts = [message["content"] for message in kept.messages("c")]

    assert len(texts) >= 42
    assert texts == [f"{what}{n}" for n in range(len(texts) // 2) for what in "qa"]


def test_what_is_not_there_or_another_role_s_is_refused(tmp_path):
    with sessions.opened(tmp_path) as kept:
        kept.begin("c", "support")
        with pytest.raises(ConfigError, match="is with 'support', not with 'math'"):
            kept.begin("c", "math")
        with pytest.raises(MissingArtifact), kept.turn("nobody"):
            pass


def test_old_conversations_can_be_forgotten(tmp_path):
    with sessions.opened(tmp_path) as kept:
        kept.begin("c", "support")
        with kept.turn("c") as turn:
            turn.add(said("x"))

        assert kept.forget(3600) == 0
        assert kept.forget(-1) == 1
        assert kept.messages("c") == ()
