"""What a release is, and its text: `release.json`, which is signed and says which files it has.

{"format": 1, "role": "sentiment", "version": "v3", "base": "smollm2-135m-instruct",
 "kind": "weights", "licence": "apache-2.0", "gate": "passed", "metrics": {…}, "lineage": {…},
 "profile": {…}, "rollout": {…}, "files": [{"path": "model.safetensors", "sha256": …}, …], …}
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from srlr.core.blobs import storing
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.rundir import hash_of

FORMAT = 1
TEXT, SIGNATURE = "release.json", "release.sig"
"""In a release's folder, beside its files."""
PLACES = (".json", ".jsonl", ".jinja", ".md", ".model", ".safetensors", ".txt", ".yaml")
"""How the names of files end that a release may have; none of them can hold code that runs when it
is loaded. A licence needs no ending.
"""
LICENCE = re.compile(r"(licen[cs]e|notice|copying)[\w.-]*", re.IGNORECASE)
ROLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

Gate = Literal["passed", "failed", "none"]
"""What the evaluation's floors said; `none` where it has none, or there was no evaluation."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a release: where it lies in its folder, and what is in it."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to become a release: all that is known of it before it is published."""

    role: str
    base: str
    """The base model's name."""
    kind: Literal["weights", "adapter"]
    """`adapter`: the base's own weights, and beside them an adapter that belongs on them."""
    licence: str | None
    """The base model's, which the release is under too; None where its card does not say."""
    gate: Gate
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Of the evaluation of exactly this model, on held-out tasks."""
    failed: tuple[str, ...] = ()
    """The floors that were not reached, a sentence each."""
    lineage: Mapping[str, Any] = field(default_factory=dict)
    """The run, its stage, and the hashes of code, data, config and base model."""
    profile: Mapping[str, Any] = field(default_factory=dict)
    """The role's node as composed: `RoleProfile.model_validate` reads it."""
    role_path: str | None = None
    rollout: Mapping[str, Any] = field(default_factory=dict)
    """The node of that name: how its answers end, and how long they may be."""
    prompt: Mapping[str, Any] = field(default_factory=dict)
    """The chat that the role makes of an example, to see; the role's module makes real ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Draft):
    """A published release; nothing of it ever changes."""

    version: str
    """v1, v2 …, counted for each role; a number is never given twice."""
    created: str
    by: str
    forced: bool = False
    """Whether it was published although its gate had failed."""
    files: tuple[File, ...]
    digest: str = ""
    """SHA-256 of its text, which names the SHA-256 of every file."""
    signature: str = ""

    @property
    def name(self) -> str:
        return f"{self.role}@{self.version}"

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.files)


OUTSIDE = ("digest", "signature")
"""What a release's text cannot say of itself."""


def text_of(release: Release) -> str:
    """The text that is signed; the same release always gives the same."""
    said = {key: value for key, value in asdict(release).items() if key not in OUTSIDE}
    return json.dumps({"format": FORMAT, **said}, indent=2, sort_keys=True, ensure_ascii=False)


def read(text: str, signature: str, digest: str) -> Release:
    """The release of a text.

    Raises:
        ConfigError: it is no release's text, or of another version's srlr.
    """
    try:
        said = json.loads(text)
        if said.pop("format") != FORMAT:
            raise ConfigError("a release of another srlr's format", "use the srlr that made it")
        known = {one.name for one in fields(Release)}
        files = tuple(File(**one) for one in said.pop("files"))
        return Release(
            **{key: value for key, value in said.items() if key in known and key != "failed"},
            failed=tuple(said.get("failed", ())),
            files=files,
            digest=digest,
            signature=signature,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"what the registry holds is no release: {error!r}",
            "`srlr releases verify` says which; publish it again with `srlr deploy`",
        ) from error


def content(draft: Draft, files: tuple[File, ...]) -> str:
    """A hash of what a release is, whenever and by whomever it is published."""
    said = {one.name: getattr(draft, one.name) for one in fields(Draft)}
    return hash_of([said, [asdict(one) for one in files]])


def checked(files: Mapping[str, Path]) -> None:
    """Returns only where every file may be part of a release.

    Raises:
        ConfigError: one could run code when it is loaded, or lies outside the release's folder.
        MissingArtifact: one is not there, or no weights are among them.
    """
    for name, path in files.items():
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or name in (TEXT, SIGNATURE):
            raise ConfigError(f"{name!r} cannot be a release's file", "name it by a relative path")
        if not (place.suffix in PLACES or LICENCE.fullmatch(place.name)):
            raise ConfigError(
                f"{name!r} cannot be part of a release: only safetensors and plain texts can, "
                "which run no code when they are loaded",
                "save the model with `save_pretrained(…, safe_serialization=True)`, or take the "
                "file out of its folder",
            )
        if not path.is_file():
            raise MissingArtifact(f"{str(path)!r} is not there", "train the model again")
        if place.suffix == ".safetensors" and not _is_safetensors(path):
            raise ConfigError(
                f"{str(path)!r} is named safetensors and is none", "train the model again"
            )
    if not any(name.endswith(".safetensors") for name in files):
        raise MissingArtifact("there are no weights among the files", "train the model again")


def _is_safetensors(path: Path) -> bool:
    """Whether it begins with a length and a JSON object of that length, inside the file."""
    with storing(path), open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= path.stat().st_size - 8:
            return False
        try:
            return isinstance(json.loads(file.read(length)), dict)
        except (ValueError, RecursionError):
            return False
