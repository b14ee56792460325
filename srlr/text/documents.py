"""Documents as pieces that can be found and cited: Markdown, plain text, PDF.

    pieces(Path("faq.md"), 1000)  ->  [Piece("Shipping > Abroad\\nWe ship …", "lines 12-20"), …]

A piece is whole paragraphs, as many as fit; a paragraph that does not fit is cut between words.
Markdown is cut at headings too, and a piece begins with the headings above it. A PDF's pieces stay
within their pages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr.core.errors import MissingArtifact

SUFFIXES = (".md", ".markdown", ".txt", ".rst", ".pdf")
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"\s*(```|~~~)")


class Unreadable(Exception):
    """What keeps a document from being read, and what to do about it, in one sentence each."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a document and where in it that is: "lines 3-9", "page 2"."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph: its first and last line, counted from 1, and the headings above it."""

    text: str
    first: int
    last: int
    headings: tuple[str, ...] = ()


def pieces(path: Path, chars: int) -> list[Piece]:
    """The document's pieces of at most `chars` characters, headings not counted, in its order.

    Raises:
        Unreadable: it is damaged, locked, binary, or has no text.
        MissingArtifact: what reads PDF is not installed.
    """
    if path.suffix.lower() == ".pdf":
        return [
            Piece(text, f"page {number}")
            for number, page in _pages(path)
            for text, _, _ in _packed([_Block(t, 0, 0) for t in _paragraphs(page)], chars)
        ]
    text = _decoded(path)
    markdown = path.suffix.lower() in (".md", ".markdown")
    found = [
        Piece("\n".join(filter(None, (" > ".join(group[0].headings), body))), _lines(first, last))
        for group in _sections(_blocks(text, markdown))
        for body, first, last in _packed(group, chars)
    ]
    if not found:
        raise Unreadable("has no text", "write something into it, or remove it")
    return found


def _lines(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first}-{last}"


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}", "make it readable") from error
    if b"\0" in data:
        raise Unreadable("is binary, not text", "remove it, or give it the ending of its format")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"byte {error.start + 1} is not UTF-8 (0x{data[error.start]:02x})",
            "save it as UTF-8, or remove it",
        ) from error


def _blocks(text: str, markdown: bool) -> Iterator[_Block]:
    """Paragraphs, which blank lines divide; in Markdown a heading is a line of its own and a
    fenced block of code is one paragraph.
    """
    headings: list[tuple[int, str]] = []
    lines: list[str] = []
    fenced = False

    def block(last: int) -> _Block:
        body = "\n".join(lines).rstrip()
        ends = last - (len(lines) - body.count("\n") - 1)
        return _Block(body, last - len(lines) + 1, ends, tuple(title for _, title in headings))

    number = 0
    for number, line in enumerate(text.splitlines(), 1):
        heading = _HEADING.match(line) if markdown and not fenced else None
        if markdown and _FENCE.match(line):
            fenced = not fenced
        if lines and (heading or (not line.strip() and not fenced)):
            yield block(number - 1)
            lines = []
        if heading:
            level = len(heading[1])
            headings = [one for one in headings if one[0] < level] + [(level, heading[2])]
        elif line.strip() or (lines and fenced):
            lines.append(line.rstrip())
    if lines:
        yield block(number)


def _sections(blocks: Iterator[_Block]) -> list[list[_Block]]:
    """Runs of blocks under the same headings."""
    found: list[list[_Block]] = []
    for block in blocks:
        if found and found[-1][0].headings == block.headings:
            found[-1].append(block)
        else:
            found.append([block])
    return found


def _packed(blocks: list[_Block], chars: int) -> Iterator[tuple[str, int, int]]:
    """Texts of whole blocks with their first and last lines."""
    kept: list[_Block] = []
    for block in blocks:
        for part in _cut(block, chars):
            if kept and sum(len(one.text) + 2 for one in kept) + len(part.text) > chars:
                yield "\n\n".join(one.text for one in kept), kept[0].first, kept[-1].last
                kept = []
            kept.append(part)
    if kept:
        yield "\n\n".join(one.text for one in kept), kept[0].first, kept[-1].last


def _cut(block: _Block, chars: int) -> list[_Block]:
    """The block, or parts of it where it is too long, cut between words where there are any."""
    rest, parts = block.text, []
    while len(rest) > chars:
        at = max(rest.rfind(" ", 0, chars + 1), rest.rfind("\n", 0, chars + 1))
        at = at if at > 0 else chars
        parts.append(rest[:at])
        rest = rest[at:].strip()
    return [_Block(text, block.first, block.last, block.headings) for text in (*parts, rest)]


def _paragraphs(page: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", page) if part.strip()]


def _pages(path: Path) -> list[tuple[int, str]]:
    """The pages that have text, with their numbers from 1."""
    try:
        import pypdf
        from pypdf import errors
    except ImportError as error:
        raise MissingArtifact(
            f"{str(path)!r} is a PDF, which needs the package 'pypdf'",
            "pip install 'srlr[documents]'",
        ) from error
    try:
        reader = pypdf.PdfReader(path)
        _unlock(reader)
        pages = [(number, page.extract_text()) for number, page in enumerate(reader.pages, 1)]
    except errors.DependencyError as error:
        raise Unreadable("is encrypted by AES", "pip install 'srlr[documents]'") from error
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(
            f"is not a PDF that can be read: {str(error) or type(error).__name__}",
            "open it in a viewer and save it anew, or remove it",
        ) from error
    found = [(number, text) for number, text in pages if text.strip()]
    if not found:
        raise Unreadable(
            f"has no text on its {len(pages)} page{'s' * (len(pages) != 1)}, as a scan has none",
            "recognise its text first (`ocrmypdf IN.pdf OUT.pdf`), or remove it",
        )
    return found


def _unlock(reader: Any) -> None:
    """Opens what is encrypted without a password, as a file is that may not be printed."""
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable(
            "is protected by a password",
            "save a copy without one (`qpdf --decrypt --password=PASSWORD IN.pdf OUT.pdf`), "
            "or remove it",
        )
