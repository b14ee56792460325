"""The configuration tree as Hydra composes it from the layers, and which file set which key.

Hydra and omegaconf are imported inside functions: `srlr --help` never waits for them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.layers import GROUPS, OWN, Layer, find, shown
from srlr.core.problems import Source
from srlr.core.training import KINDS
from srlr.core.tuned import tuning_of

RUN = "run"
"""The primary config's name where a run's own config is the base."""

RUN_SOURCE = Source("run", "the run's config.yaml")


@dataclass(slots=True)
class Request:
    """What one composition reads, the files it loaded, and the order in which Hydra laid them over
    each other, each with the package it speaks about."""

    places: tuple[Layer, ...]
    base: Mapping[str, Any] | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    loaded: dict[str, tuple[Source, dict[str, Any]]] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tree:
    """`plain` is resolved, `raw` keeps its interpolations; `files` says for each key the last file
    that set it."""

    plain: dict[str, Any]
    raw: dict[str, Any]
    files: dict[str, Source]


_REQUEST: ContextVar[Request] = ContextVar("composition")


def compose_tree(request: Request, overrides: Sequence[str]) -> Tree:
    """The tree of all layers with `overrides` (Hydra's grammar) on top.

    Raises:
        ConfigError: a file or an override cannot be read, or an interpolation leads nowhere.
    """
    from hydra import compose
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    name = "config" if request.base is None else RUN
    chosen = [] if request.base is not None else _group_overrides(request)
    try:
        with _hydra(request):
            config = compose(name, overrides=[*chosen, *overrides])
        raw = OmegaConf.to_container(config, resolve=False)
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise _said_simply(error) from error
    assert isinstance(raw, dict)
    assert isinstance(plain, dict)
    return Tree(plain, raw, _last_files(request))  # type: ignore[arg-type]


def read_file(path: Path) -> dict[str, Any]:
    """One YAML file as plain data, interpolations kept.

    Raises:
        ConfigError: it is not YAML, or not a mapping; the file and the line are named.
    """
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        now = path.stat()
        plain = _parsed(path, (now.st_ino, now.st_ctime_ns, now.st_mtime_ns, now.st_size))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        raise ConfigError(f"{shown(path)!r}{line} is not YAML: {what}", "mend that line") from error
    except (OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        said = str(error).split("\n", 1)[0]
        raise ConfigError(f"{shown(path)!r} cannot be read: {said}", "mend the file") from error
    if not isinstance(plain, dict):
        raise ConfigError(f"{shown(path)!r} is not a mapping", "write `key: value` lines")
    return {str(key): deepcopy(value) for key, value in plain.items()}


@lru_cache(maxsize=256)
def _parsed(path: Path, _stamp: tuple[int, ...]) -> Any:
    """A process composes several times from the same files, and parsing was a third of it."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(OmegaConf.load(path), resolve=False)


def lifted(content: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """A file's choices of group options (`defaults: [{tier: silver}]`, with or without `override
    /`), and the rest of it."""
    choices: dict[str, str] = {}
    kept: list[Any] = []
    for entry in content.get("defaults") or []:
        groups = (
            {str(key).removeprefix("override ").strip().lstrip("/"): key for key in entry}
            if isinstance(entry, dict)
            else {}
        )
        if groups and set(groups) <= set(GROUPS):
            choices |= {group: str(entry[key]) for group, key in groups.items()}
        else:
            kept.append(entry)
    rest = {key: value for key, value in content.items() if key != "defaults"}
    return choices, ({"defaults": kept, **rest} if kept else rest)


def _group_overrides(request: Request) -> list[str]:
    own = [f"{OWN}=config"] if find(request.places, f"{OWN}/config") else []
    return own + [f"{group}='{option}'" for group, option in request.choices.items()]


def _last_files(request: Request) -> dict[str, Source]:
    files: dict[str, Source] = {}
    for config_path, package in request.order:
        if config_path in request.loaded:
            source, content = request.loaded[config_path]
            files |= dict.fromkeys(leaf_keys(content, package), source)
    return files


def leaf_keys(content: Any, prefix: str = "") -> Iterator[str]:
    """The dotted keys of everything in a tree that is not a non-empty mapping."""
    if isinstance(content, Mapping) and content:
        for key, value in content.items():
            if prefix or key != "defaults":
                yield from leaf_keys(value, f"{prefix}.{key}".lstrip("."))
    elif prefix:
        yield prefix


@contextmanager
def _hydra(request: Request) -> Iterator[None]:
    """Hydra set up over the request's layers; whatever was set up before is put back."""
    from hydra import version
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
    from hydra._internal.hydra import Hydra
    from hydra._internal.sources_registry import SourcesRegistry
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins

    version.setbase("1.3")
    Plugins.instance()  # registers the sources of pkg:// and structured://
    _register_resolver()
    SourcesRegistry.instance().types["srlr"] = _source_class()
    search = ConfigSearchPathImpl()
    search.append("hydra", "pkg://hydra.conf")
    search.append("main", "srlr://layers")
    search.append("schema", "structured://")
    glob = GlobalHydra.instance()
    before, glob.hydra = glob.hydra, None
    token = _REQUEST.set(request)
    try:
        glob.initialize(Hydra("srlr", _loader_class()(search)))
        yield
    finally:
        glob.hydra = before
        _REQUEST.reset(token)


def _register_resolver() -> None:
    from omegaconf import OmegaConf

    def tuned(otherwise: Any, *, _node_: Any, _root_: Any) -> Any:
        node, _, name = _node_._get_full_key(None).partition(".")
        by = KINDS.get(node, ("", ""))[0]
        under = tuning_of(node, {by: OmegaConf.select(_root_, f"{node}.{by}")} if by else {})
        found = OmegaConf.select(_root_, f"model.tuning.{under}.{name}", default=None)
        return otherwise if found is None else found

    OmegaConf.register_new_resolver("tuned", tuned, replace=True)


@cache
def _loader_class() -> Any:
    """Hydra's loader, which tells the request the order; asking for it would be composing twice."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    class Loader(ConfigLoaderImpl):  # type: ignore[misc]
        def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> Any:
            order = _REQUEST.get().order
            order.extend((one.config_path or "", one.package or "") for one in defaults)
            return super()._compose_config_from_defaults_list(defaults, repo)

    return Loader


@cache
def _source_class() -> Any:
    """A Hydra config source over the current request's layers."""
    from hydra.core.object_type import ObjectType
    from hydra.plugins.config_source import ConfigResult, ConfigSource
    from omegaconf import OmegaConf

    class Layers(ConfigSource):  # type: ignore[misc]
        @staticmethod
        def scheme() -> str:
            return "srlr"

        def load_config(self, config_path: str) -> Any:
            content = _load(_REQUEST.get(), _bare(config_path))[1]
            header = {"package": _package(_bare(config_path))}
            return ConfigResult(self.provider, "srlr://layers", OmegaConf.create(content), header)

        def available(self) -> bool:
            return True

        def is_group(self, config_path: str) -> bool:
            return any(place.has_group(config_path) for place in _REQUEST.get().places)

        def is_config(self, config_path: str) -> bool:
            request = _REQUEST.get()
            if _bare(config_path) == RUN:
                return request.base is not None
            return find(request.places, _bare(config_path)) is not None

        def list(self, config_path: str, results_filter: ObjectType | None) -> Any:
            places = _REQUEST.get().places
            return sorted({one for place in places for one in place.options(config_path)})

    return Layers


def _bare(config_path: str) -> str:
    return config_path.removesuffix(".yaml")


def _package(config_path: str) -> str | None:
    """Recipes and a user's config.yaml speak about the whole tree, with or without `# @package
    _global_`."""
    return "_global_" if config_path.split("/", 1)[0] in ("recipe", OWN) else None


def _load(request: Request, config_path: str) -> tuple[Source, dict[str, Any]]:
    if config_path in request.loaded:
        return request.loaded[config_path]
    if config_path == RUN:
        assert request.base is not None
        chosen = [{group: option} for group, option in request.choices.items()]
        content = {key: value for key, value in request.base.items() if key not in request.choices}
        loaded = RUN_SOURCE, {"defaults": ["_self_", *chosen], **content}
    else:
        path = find(request.places, config_path)
        assert path is not None
        content = read_file(path)
        if "hydra" in content:
            raise ConfigError(f"{shown(path)!r}: hydra: no such key", "take it out")
        if config_path != "config":
            content = lifted(content)[1]
        loaded = Source("file", shown(path)), content
    request.loaded[config_path] = loaded
    return loaded


def _said_simply(error: Exception) -> ConfigError:
    """What Hydra or omegaconf complains of, without their traceback and their advice about their
    own options."""
    cause = error.__cause__ or error.__context__ or error
    shortest = [str(one).strip().split("\n", 1)[0] for one in (error, cause) if str(one).strip()]
    key = getattr(cause, "full_key", None) or getattr(error, "full_key", None)
    where = f"{key}: " if key else ""
    what = " ".join(dict.fromkeys(shortest)) or type(error).__name__
    return ConfigError(f"{where}{what}", "see what is composed: `srlr config show`")
