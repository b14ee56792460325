"""A knowledge base: every Markdown, text and PDF file of a folder, as pieces that can be cited.

"manual: returns.md, lines 12-20"     "manual: guide.pdf, page 3"
"""

from pathlib import Path

from srlr.collaboration.sources.texts import Local, Shelf, Text, local
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.retrieving import Source as Said
from srlr.text.documents import SUFFIXES, Unreadable, pieces

SHOWN = 20
"""Unreadable files named in one error; of the rest only the number is given."""


def read(name: str, said: Said, path: Path, shelf: Shelf) -> Local:
    """The pieces of all documents; each text once.

    Raises:
        ConfigError: a document cannot be read (all are named, with causes and fixes), or none is
            there.
        MissingArtifact: the folder is not there, or what reads PDF is not installed.
    """
    files = _files(name, path)
    problems: list[str] = []
    texts: dict[str, Text] = {}
    for file in files:
        shown = file.name if file == path else file.relative_to(path).as_posix()
        try:
            for piece in pieces(file, said.chunk_chars):
                cited = f"{name}: {shown}, {piece.where}"
                texts.setdefault(piece.text, Text(piece.text, cited))
        except Unreadable as error:
            problems.append(f"{shown}: {error.what}\n    fix: {error.fix}")
    if problems:
        more = f"\n  and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ConfigError(
            f"source {name!r}: {len(problems)} of {len(files)} documents in {str(path)!r} cannot "
            "be read\n  " + "\n  ".join(problems[:SHOWN]) + more,
            "do so, or move them out of the folder",
        )
    return local(name, said, list(texts.values()), shelf, documents=len(files))


def _files(name: str, path: Path) -> list[Path]:
    """The documents under the folder in a stable order, hidden ones left out."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise MissingArtifact(
            f"source {name!r}: the folder {str(path)!r} is not there",
            f"correct generate.retriever.sources.{name}.path",
        )
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not files:
        raise ConfigError(
            f"source {name!r}: the folder {str(path)!r} holds no document",
            f"put files into it that end in {', '.join(SUFFIXES)}",
        )
    return files
