"""What a model's publisher says of it, read from a folder or a hub's repository; no weight is read.

config.json                      architecture, sizes, context
safetensors headers, or index    which tensors there are, and how large they are
README.md                        licence and languages, in the block between two lines of ---
chat_template.jinja, tokenizer_config.json   the chat template
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.models import headers, hub_files
from srlr.models.headers import Tensor
from srlr.models.hub_files import Absent

CONFIG, INDEX, README = "config.json", "model.safetensors.index.json", "README.md"
TEMPLATE, TOKENIZER = "chat_template.jinja", "tokenizer_config.json"
Reading = Callable[[str], bytes | None]
"""A file's content by name; None where there is none."""


@dataclass(frozen=True, slots=True)
class Published:
    """All that was found. A mapping is empty where its file is not there."""

    source: str
    """As a card's source."""
    place: str
    """What stands before a file's name where a fact says its source."""
    config: Mapping[str, Any]
    tensors: tuple[Tensor, ...] = ()
    """Of a folder's headers; a hub tells their names and number only."""
    index: Mapping[str, Any] = field(default_factory=dict)
    matter: Mapping[str, Any] = field(default_factory=dict)
    """The README's block."""
    template: tuple[str, str] | None = None
    """The chat template and the file that has it."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """What a hub says of the repository."""


def from_folder(folder: Path) -> Published:
    """A local model folder.

    Raises:
        MissingArtifact: it is no folder of a transformers model with safetensors, or a file is
            broken.
    """
    path = folder.expanduser().resolve()
    if not path.is_dir():
        raise MissingArtifact(
            f"{str(folder)!r} is not a folder", "name a model's folder, or hub:org/name"
        )
    if not (path / CONFIG).is_file():
        raise MissingArtifact(
            f"{str(folder)!r} is not a model folder: it has no {CONFIG}", _instead(path)
        )

    def read(name: str) -> bytes | None:
        try:
            return (path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            why = f"{str(path / name)!r} cannot be read: {error.strerror}"
            raise MissingArtifact(why, "make it readable") from error

    found = _published(str(path), f"{path}/", read)
    shards = sorted({str(one) for one in found.index.get("weight_map", {}).values()})
    files = [path / one for one in shards] or sorted(path.glob("*.safetensors"))
    if not files:
        raise MissingArtifact(
            f"{str(folder)!r} has no safetensors",
            "save the model with save_pretrained(…): weights in other formats are not loaded",
        )
    tensors = tuple(tensor for file in files for tensor in headers.read(file))
    return Published(
        found.source, found.place, found.config, tensors, {}, found.matter, found.template
    )


def from_hub(repo: str, revision: str | None = None) -> Published:
    """A hub's repository at a revision; None is its main branch.

    Raises:
        ConfigError: `repo` cannot be a repository's name.
        MissingArtifact: there is no such repository, it is kept from this user, or it is no
            transformers model.
        ResourceError: the hub is out of reach.
    """
    if not hub_files.REPOSITORY.fullmatch(repo):
        raise ConfigError(f"{repo!r} does not name a repository", "write hub:org/name")
    at = f"/revision/{revision}" if revision else ""
    try:
        info = _mapping(
            hub_files.get(f"api/models/{repo}{at}", repo), f"what the hub says of {repo}"
        )
    except Absent as error:
        raise MissingArtifact(
            f"the hub has no repository {repo!r}", "check the spelling"
        ) from error

    def read(name: str) -> bytes | None:
        with contextlib.suppress(Absent):
            return hub_files.get(f"{repo}/resolve/{revision or 'main'}/{name}", repo)
        return None

    source = f"hub:{repo}@{revision}" if revision else f"hub:{repo}"
    return _published(source, f"{hub_files.endpoint()}/{repo} ", read, info)


def _published(
    source: str, place: str, read: Reading, info: Mapping[str, Any] | None = None
) -> Published:
    config = read(CONFIG)
    if config is None:
        raise MissingArtifact(
            f"{source!r} is not a transformers model: it has no {CONFIG}",
            "name the repository of the model itself, not of its GGUF files or an adapter",
        )
    index, readme = read(INDEX), read(README)
    return Published(
        source=source,
        place=place,
        config=_mapping(config, f"{place}{CONFIG}"),
        index=_mapping(index, f"{place}{INDEX}") if index else {},
        matter=_matter(readme.decode("utf-8", "replace")) if readme else {},
        template=_template(read, place),
        info=info or {},
    )


def _mapping(body: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        page = body.lstrip()[:1] == b"<"
        raise MissingArtifact(
            f"{where} is not JSON: {'it is a web page' if page else error}",
            "check HF_ENDPOINT and the proxy" if page else "fetch or save it again",
        ) from error
    if not isinstance(found, dict):
        raise MissingArtifact(f"{where} is not a JSON object", "fetch or save it again")
    return found


def _matter(text: str) -> dict[str, Any]:
    """The block at the README's start; empty where there is none, or it is not YAML."""
    import yaml

    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in lines[1:]:
        return {}
    block = "\n".join(lines[1 : lines.index("---", 1)])
    with contextlib.suppress(yaml.YAMLError, ValueError):
        found = yaml.safe_load(block)
        return found if isinstance(found, dict) else {}
    return {}


def _template(read: Reading, place: str) -> tuple[str, str] | None:
    if (body := read(TEMPLATE)) is not None:
        return body.decode("utf-8", "replace"), TEMPLATE
    if (body := read(TOKENIZER)) is None:
        return None
    said = _mapping(body, f"{place}{TOKENIZER}").get("chat_template")
    if isinstance(said, list):  # several, by name
        said = "\n".join(str(one.get("template", "")) for one in said if isinstance(one, dict))
    return (said, TOKENIZER) if isinstance(said, str) and said else None


def _instead(path: Path) -> str:
    if (path / "adapter_config.json").is_file():
        return "it is an adapter's folder: name that of its base model"
    if any(path.glob("*.gguf")):
        return "GGUF files are not trained: name the folder of the model they were made from"
    inside = sorted(one.parent.name for one in path.glob(f"*/{CONFIG}"))
    return (
        f"is it {str(path / inside[0])!r}?" if inside else "name the folder that config.json is in"
    )
