"""Specs: everything a config may write where a file or folder is meant.

hub:org/name  hub:org/name@revision     a model hub's repository, in the hub's own cache
url:https://host/file#sha256=...        one file; the checksum is required
path:FILE-or-FOLDER  FILE-or-FOLDER     already on this machine
NAME                                    a locked asset (./NAME is a folder of that name)
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote

from srlr.assets import hub
from srlr.assets.cache import Progress, silent
from srlr.assets.locked import UrlAsset, catalog
from srlr.assets.store import ensure, obtain
from srlr.assets.web import shown
from srlr.core.errors import ConfigError, MissingArtifact

_REPO = re.compile(r"([\w.-]+/)?[\w.-]+")


def locate(spec: str, *, progress: Progress | None = None, config_dir: Path | None = None) -> Path:
    """The local path of what `spec` names, fetched when needed; `config_dir` may lock more names.

    Raises:
        ConfigError: it cannot be meant: no checksum, not a repository name.
        MissingArtifact: it is not there and cannot be had.
        ResourceError: this machine cannot store it.
    """
    report = progress or silent
    kind, colon, rest = spec.partition(":")
    match kind if colon else "":
        case "hub":
            return _hub(rest, report)
        case "url":
            return obtain(_url(rest), report)
        case "path":
            return _path(rest)
        case "api":
            raise ConfigError(
                f"{spec!r} is a vendor's API: its weights cannot be had, and not be trained",
                "choose another model of `srlr models list`",
            )
    if spec in catalog(config_dir):
        return ensure(spec, progress=report, config_dir=config_dir)
    return _path(spec)


def _hub(rest: str, progress: Progress) -> Path:
    repo, at, revision = rest.partition("@")
    if not _REPO.fullmatch(repo) or (at and not revision):
        raise ConfigError(
            f"'hub:{rest}' does not name a repository",
            "write hub:org/name or hub:org/name@revision",
        )
    return hub.snapshot(repo, revision or None, progress)


def _url(rest: str) -> UrlAsset:
    url, _, fragment = rest.partition("#")
    if not re.match(r"https?://[^/]", url):
        raise ConfigError(
            f"'url:{shown(url)}' is not a web address", "write url:https://...#sha256=..."
        )
    found = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if not found:
        raise ConfigError(
            f"'url:{shown(url)}' has no checksum, so nobody could tell what came from there",
            "add #sha256= and the file's 64 hex digits (`sha256sum FILE`)",
        )
    sha256 = found[1].lower()
    last = unquote(shown(url).partition("://")[2]).partition("/")[2].rpartition("/")[2]
    filename = re.sub(r"[^\w.+-]", "_", last).strip(".") or "file"
    return UrlAsset(name=f"url-{sha256[:12]}", url=url, filename=filename, sha256=sha256)


def _path(rest: str) -> Path:
    path = Path(os.path.abspath(os.path.expanduser(rest)))
    if not rest or not os.path.exists(path):
        raise MissingArtifact(
            f"{rest!r} is not there",
            "name a file, a folder or one of `srlr assets list`, or write hub:org/name",
        )
    return path
