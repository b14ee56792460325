import pdfs
import pytest
from shelves import source

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.types import Task

RETURN = Task("1", "How do I return a phone?", {})


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "docs"
    (place / "more").mkdir(parents=True)
    (place / "a.md").write_text("# Returns\n\nYou return a phone by post.\n")
    (place / "more" / "b.pdf").write_bytes(pdfs.pdf("Nothing.", "A phone is returned for free."))
    (place / "logo.png").write_bytes(b"\x89PNG\0")
    (place / ".hidden.txt").write_bytes(b"\xff")
    return place


def test_documents_of_all_formats_are_found_and_cited(folder):
    place = source("knowledge", path=str(folder))

    assert [(one.text, one.citation) for one in place.find(RETURN)] == [
        ("Returns\nYou return a phone by post.", "mine: a.md, line 3"),
        ("A phone is returned for free.", "mine: more/b.pdf, page 2"),
    ]
    assert place.facts() == {"kind": "knowledge", "texts": 3, "documents": 2, "held_out": 0}


def test_one_file_is_a_knowledge_base_too(folder):
    (found,) = source("knowledge", path=str(folder / "a.md")).find(RETURN)

    assert found.citation == "mine: a.md, line 3"


def test_a_page_with_a_held_out_text_or_the_tasks_own_is_not_shown(folder):
    (folder / "c.txt").write_text("Asked: how do I return a phone?\n\nAnswered: by post.\n")
    (folder / "d.txt").write_text("To return it, I would first of all phone the good shop, he said")
    place = source(
        "knowledge", path=str(folder), held_out=["I would first of all phone the good shop"]
    )

    assert [one.citation for one in place.find(RETURN)] == [
        "mine: a.md, line 3",
        "mine: more/b.pdf, page 2",
    ]
    assert place.facts()["held_out"] == 1


def test_it_looks_further_down_where_the_nearest_may_not_be_shown(folder):
    for n in range(9):
        (folder / f"own{n}.txt").write_text(f"{n}. How do I return a phone? How do I return it?")
    place = source("knowledge", path=str(folder), limit=1)

    assert [one.citation for one in place.find(RETURN)] == ["mine: a.md, line 3"]


def test_all_documents_that_cannot_be_read_are_told_with_causes_and_fixes(folder):
    (folder / "locked.pdf").write_bytes(pdfs.locked("secret"))
    (folder / "scan.pdf").write_bytes(pdfs.pdf(""))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    (folder / "program.txt").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(ConfigError) as error:
        source("knowledge", path=str(folder))

    said = error.value.what
    assert "4 of 6 documents" in said
    assert "locked.pdf: is protected by a password\n    fix: save a copy without one" in said
    assert "scan.pdf: has no text on its 1 page, as a scan" in said
    assert "broken.pdf: is not a PDF that can be read" in said
    assert "program.txt: is binary, not text" in said
    assert "move them out of the folder" in error.value.hint


def test_of_many_bad_documents_some_are_named(folder):
    for n in range(23):
        (folder / f"bad{n}.txt").write_bytes(b"\0")

    with pytest.raises(ConfigError, match="and 3 more"):
        source("knowledge", path=str(folder))


def test_a_folder_that_is_missing_or_holds_nothing_is_told(tmp_path):
    with pytest.raises(MissingArtifact, match="is not there") as error:
        source("knowledge", path=str(tmp_path / "gone"))
    assert error.value.hint == "correct generate.retriever.sources.mine.path"

    (tmp_path / "logo.png").write_bytes(b"x")
    with pytest.raises(ConfigError, match="holds no document") as error:
        source("knowledge", path=str(tmp_path))
    assert ".md" in error.value.hint
