"""The lock: what every asset is, where it comes from and which bytes it must have.

One YAML a name in `conf/assets/`; the file name is the asset's name. Kinds:

    package   one member of a wheel or sdist of a package index
    hub       named files of a model-hub repository at one commit
    url       one file
    path      one file that is already on this machine
    derived   made here, once, out of another asset
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from srlr.core.errors import ConfigError
from srlr.core.layers import config_root, nearest


def _stays_inside(name: str) -> str:
    """A relative POSIX path that cannot leave the folder or archive it is looked up in."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
        raise ValueError(f"{name!r} must be a relative path without '..'")
    return name


def _bare(name: str) -> str:
    """A file name without a folder."""
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"{name!r} must be a file name without a folder")
    return name


Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Inside = Annotated[str, AfterValidator(_stays_inside)]
FileName = Annotated[str, AfterValidator(_bare)]


class _Locked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    description: str = ""
    licence: str = "unknown"


class Member(BaseModel):
    """A further file of an archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: Inside
    sha256: Sha256
    size: PositiveInt


class PackageAsset(_Locked):
    kind: Literal["package"] = "package"
    package: str
    version: str
    filename: FileName
    archive_sha256: Sha256
    archive_size: PositiveInt
    member: Inside
    sha256: Sha256
    size: PositiveInt
    beside: tuple[Member, ...] = ()
    """Files that belong to it, such as a model's tokenizer; each lies beside it by its own name."""

    @model_validator(mode="after")
    def _names_differ(self) -> "PackageAsset":
        members = (self.member, *(one.member for one in self.beside))
        names = [PurePosixPath(member).name for member in members]
        if len(set(names)) < len(names):
            raise ValueError("two members have one file name; they lie in one folder")
        return self


class HubAsset(_Locked):
    kind: Literal["hub"] = "hub"
    repo: str
    revision: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
    files: dict[Inside, Sha256] = Field(min_length=1)
    size: PositiveInt | None = None


class UrlAsset(_Locked):
    kind: Literal["url"] = "url"
    url: Annotated[str, StringConstraints(pattern=r"^https?://")]
    filename: FileName
    sha256: Sha256
    size: PositiveInt | None = None


class PathAsset(_Locked):
    kind: Literal["path"] = "path"
    path: Path
    sha256: Sha256
    size: PositiveInt | None = None


Source = Annotated[PackageAsset | UrlAsset | PathAsset, Field(discriminator="kind")]


class DerivedAsset(_Locked):
    kind: Literal["derived"] = "derived"
    source: Source
    recipe: Literal["gguf-to-safetensors"]
    recipe_version: PositiveInt
    size: PositiveInt | None = None


Asset = PackageAsset | HubAsset | UrlAsset | PathAsset | DerivedAsset
_ASSET: TypeAdapter[Asset] = TypeAdapter(Annotated[Asset, Field(discriminator="kind")])


def key(asset: Asset) -> str:
    """Twelve hex digits that change with the locked content: two versions never share a folder."""
    match asset:
        case PackageAsset() if asset.beside:
            facts: list[Any] = [asset.sha256, *sorted(one.sha256 for one in asset.beside)]
        case PackageAsset() | UrlAsset() | PathAsset():
            return asset.sha256[:12]
        case HubAsset():
            facts = [asset.repo, asset.revision, sorted(asset.files.items())]
        case DerivedAsset():
            facts = [asset.source.sha256, asset.recipe, asset.recipe_version]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


@lru_cache(maxsize=8)
def catalog(config_dir: Path | None = None) -> MappingProxyType[str, Asset]:
    """Every locked asset by name; those of the user's `config_dir` come first.

    Raises:
        ConfigError: a YAML cannot be read, or says what cannot be meant; all problems at once.
    """
    files: dict[str, Path] = {}
    for root in (config_root() / "conf", config_dir):
        if root is not None:
            files |= {path.stem: path for path in sorted((root / "assets").glob("*.yaml"))}
    written: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for name, path in files.items():
        try:
            written[name] = {**yaml.safe_load(path.read_text(encoding="utf-8")), "name": name}
        except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
            problems.append(f"{str(path)!r}: {error}")
    found: dict[str, Asset] = {}
    for name, facts in written.items():
        try:
            found[name] = _ASSET.validate_python(_with_source(facts, written))
        except ValidationError as error:
            problems += [
                f"{str(files[name])!r}: {'.'.join(map(str, one['loc']))}: {one['msg']}"
                for one in error.errors()
            ]
    if problems:
        raise ConfigError("the catalog of assets is wrong\n  " + "\n  ".join(problems), "edit them")
    return MappingProxyType(dict(sorted(found.items())))


def _with_source(facts: dict[str, Any], written: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A derived asset names its source; what is checked is the source itself."""
    if isinstance(source := facts.get("source"), str):
        return {**facts, "source": written.get(source, f"{source!r} is not in the catalog")}
    return facts


def find(name: str, config_dir: Path | None = None) -> Asset:
    """The locked asset of that name.

    Raises:
        ConfigError: there is none.
    """
    known = catalog(config_dir)
    if name in known:
        return known[name]
    near = nearest(name, list(known))
    raise ConfigError(
        f"no asset is called {name!r}",
        f"did you mean {near!r}?" if near else "see `srlr assets list`",
    )
