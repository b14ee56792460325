import subprocess
import sys

import pdfs
import pytest

from srlr.text.documents import Piece, Unreadable, pieces


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_paragraphs_are_packed_and_cited_by_their_lines(tmp_path):
    path = written(tmp_path, "a.txt", "One two.\nThree.\n\nFour five.\n\n\nSix seven eight.\n")

    assert pieces(path, 40) == [
        Piece("One two.\nThree.\n\nFour five.", "lines 1-4"),
        Piece("Six seven eight.", "line 7"),
    ]


def test_markdown_is_cut_at_headings_which_every_piece_begins_with(tmp_path):
    text = (
        "Before.\n# Shop\nOpen daily.\n## Returns ##\nFree.\n# Staff\n```\n# no heading\n\nx\n```\n"
    )

    assert pieces(written(tmp_path, "a.md", text), 100) == [
        Piece("Before.", "line 1"),
        Piece("Shop\nOpen daily.", "line 3"),
        Piece("Shop > Returns\nFree.", "line 5"),
        Piece("Staff\n```\n# no heading\n\nx\n```", "lines 7-11"),
    ]


def test_a_fence_that_nothing_closes_ends_with_the_file(tmp_path):
    path = written(tmp_path, "a.md", "```\nfirst\nsecond\n\n")

    assert pieces(path, 100) == [Piece("```\nfirst\nsecond", "lines 1-3")]


def test_a_paragraph_that_does_not_fit_is_cut_between_words_and_a_word_anywhere(tmp_path):
    path = written(tmp_path, "a.txt", "aaa bbb ccc dddddddddd")

    assert [one.text for one in pieces(path, 8)] == ["aaa bbb", "ccc", "dddddddd", "dd"]


def test_a_pdf_is_cited_by_its_pages(tmp_path):
    path = written(tmp_path, "a.pdf", pdfs.pdf("Returns are free.", "", "Shipping\nis not."))

    assert pieces(path, 100) == [
        Piece("Returns are free.", "page 1"),
        Piece("Shipping\nis not.", "page 3"),
    ]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_a_pdf_that_only_its_owner_may_print_is_read(tmp_path, algorithm):
    path = written(tmp_path, "a.pdf", pdfs.locked("", algorithm=algorithm))

    assert pieces(path, 100) == [Piece("Locked words here.", "page 1")]


@pytest.mark.parametrize(
    ("name", "content", "what", "fix"),
    [
        ("a.pdf", pdfs.locked("secret"), "is protected by a password", "qpdf --decrypt"),
        ("a.pdf", pdfs.locked("s", algorithm="AES-256"), "is protected by a pass", "qpdf"),
        ("a.pdf", b"<html>no pdf</html>", "is not a PDF that can be read", "save it anew"),
        ("a.pdf", b"", "is not a PDF that can be read", "save it anew"),
        ("a.pdf", pdfs.pdf("Words.")[:300], "is not a PDF that can be read", "save it anew"),
        ("a.pdf", pdfs.pdf("", ""), "has no text on its 2 pages, as a scan", "ocrmypdf"),
        ("a.txt", b"PK\x03\x04\0\0", "is binary, not text", "remove it"),
        ("a.txt", "näh".encode("latin-1"), "byte 2 is not UTF-8 (0xe4)", "save it as UTF-8"),
        ("a.md", b" \n\n", "has no text", "write something"),
    ],
)
def test_what_cannot_be_read_is_told_with_cause_and_fix(tmp_path, name, content, what, fix):
    with pytest.raises(Unreadable) as error:
        pieces(written(tmp_path, name, content), 100)

    assert what in error.value.what
    assert fix in error.value.fix


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(Unreadable, match="cannot be read: No such file"):
        pieces(tmp_path / "gone.txt", 100)


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))
from pathlib import Path
from srlr.text.documents import pieces
try:
    pieces(Path({path!r}), 100)
except Exception as error:
    print(type(error).__name__, "|", getattr(error, "hint", "") or error.fix)
"""


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["pypdf"], "MissingArtifact | pip install 'srlr[documents]'"),
        (["cryptography", "Crypto"], "Unreadable | pip install 'srlr[documents]'"),
    ],
)
def test_what_is_not_installed_is_named(tmp_path, missing, said):
    path = written(tmp_path, "a.pdf", pdfs.locked("", algorithm="AES-256"))
    code = WITHOUT.format(missing=missing, path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == said
