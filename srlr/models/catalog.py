"""The catalog of base models, conf/model/*.yaml, and whether a card's weights can be brought
here."""

import importlib.util
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from threading import Thread

from srlr import assets
from srlr.core.errors import ConfigError
from srlr.core.layers import available, find, layers, shown
from srlr.core.rundir import write_atomic, writing
from srlr.core.settings import ModelCard
from srlr.core.tree import read_file
from srlr.models import derive, hub_files, soundness

AUTO = "auto"
TIMEOUT_S = 3.0
"""For all questions to the hub together; a hub that needs longer counts as out of reach."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A card's file and what was found in it."""

    name: str
    path: Path
    own: bool
    """Whether it lies in the user's config_dir."""
    card: ModelCard | None
    """None where the file is no card at all."""
    faults: tuple[str, ...] = ()
    """Why the card cannot be used, each with its fix."""


def cards(config_dir: Path | None = None) -> dict[str, ModelCard]:
    """Every card but `auto`, by name; a card of the user's config_dir replaces ours of the same
    name.

    Raises:
        ConfigError: a card is malformed or contradicts itself; every fault of every card is named.
    """
    known = entries(config_dir)
    faults = [f"{shown(one.path)}: {fault}" for one in known for fault in one.faults]
    if faults:
        raise ConfigError("model cards are wrong:\n  " + "\n  ".join(faults), "mend those lines")
    return {one.name: one.card for one in known if one.card is not None}


def entries(config_dir: Path | None = None) -> list[Entry]:
    """As `cards`, sorted by name, with what is wrong in each; nothing is raised for that.

    Raises:
        ConfigError: config_dir is no folder.
    """
    places = layers(config_dir)
    found = []
    for name in available(config_dir)["model"]:
        path = find(places, f"model/{name}")
        if name != AUTO and path is not None:
            mine = any(place.owned and place.file(f"model/{name}") for place in places)
            found.append(entry(name, path, own=mine))
    return found


def entry(name: str, path: Path, *, own: bool) -> Entry:
    """What the file says. The clock is asked about a user's facts only: one that is wrong must not
    take our own cards away.
    """
    try:
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size)
    except OSError:
        stamp = (0, 0)  # reading it will say why
    return _read(name, path, stamp, date.today() if own else None)


@lru_cache(maxsize=512)
def _read(name: str, path: Path, stamp: tuple[int, int], today: date | None) -> Entry:
    """A file of that stamp, read once a process: YAML is slow."""
    from pydantic import ValidationError

    own = today is not None
    try:
        card = ModelCard.model_validate(read_file(path))
    except ConfigError as error:
        return Entry(name, path, own, None, (error.what,))
    except ValidationError as error:
        said = (
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg'].lower()}"
            for one in error.errors()
        )
        return Entry(name, path, own, None, tuple(said))
    faults = [str(one) for one in soundness.faults(card, today)]
    if card.name != name:
        faults.append(f"name is {card.name!r}, the file says {name!r}")
    return Entry(name, path, own, card, tuple(faults))


def out_of_reach(chosen: Sequence[ModelCard], config_dir: Path | None = None) -> dict[str, str]:
    """Why weights cannot be had on this machine, by card name; a card that is absent here is
    obtainable.

    An asset of the catalog and a local folder are looked up; a hub model counts when it is in the
    local hub cache, else the hub is asked, for TIMEOUT_S in all.
    """
    reasons: dict[str, str] = {}
    asked: dict[str, str] = {}
    for card in chosen:
        source = card.source or ""
        if source.startswith("hub:"):
            repo = source.removeprefix("hub:").partition("@")[0]
            if not in_hub_cache(repo):
                asked[card.name] = repo
        elif source.startswith(soundness.API):
            reasons[card.name] = f"{source!r} is a vendor's API: its weights are not given away"
        elif not is_local(card, config_dir):
            reasons[card.name] = f"{source!r} is neither an asset nor a folder"
    return reasons | _ask_hub(asked)


def is_local(card: ModelCard, config_dir: Path | None = None) -> bool:
    """Whether the card's source is an asset of the catalog or a folder on this machine."""
    source = card.source or ""
    path = source.removeprefix("path:")
    return source in assets.catalog(config_dir) or (bool(path) and Path(path).expanduser().is_dir())


def here(card: ModelCard, config_dir: Path | None = None) -> bool:
    """Whether the card's weights are on this machine; nobody is asked."""
    source = card.source or ""
    if source.startswith("hub:"):
        return in_hub_cache(source.removeprefix("hub:").partition("@")[0])
    locked = assets.catalog(config_dir).get(source)
    if locked is not None:
        return all(state.status == "ready" for state in assets.glance([locked]))
    return is_local(card, config_dir)


def write(card: ModelCard, folder: Path, *, force: bool) -> Path:
    """The card's new file in a config_dir, which is made where it is not there.

    Raises:
        ConfigError: there is a card of that name, and `force` is not set.
        ResourceError: this machine cannot store it.
    """
    folder = folder.expanduser()
    path = folder / "model" / f"{card.name}.yaml"
    for place in (folder, path.parent):
        if place.exists() and not place.is_dir():
            raise ConfigError(
                f"{str(place)!r} is not a folder", "--to the folder of your own config"
            )
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    taken = find(layers(folder), f"model/{card.name}")
    if taken is not None and not force:
        raise ConfigError(
            f"there is a card {card.name!r} already: {shown(taken)}",
            "--name OTHER, or --force to put this one in its place",
        )
    with writing(path):
        write_atomic(path, derive.text(card))
    return path


def in_hub_cache(repo: str) -> bool:
    """Whether the hub's own cache on this machine holds weights of the repository."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = hub / f"models--{repo.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob("*/*.safetensors"))


def _ask_hub(repos: Mapping[str, str]) -> dict[str, str]:
    if not repos:
        return {}
    if hub_files.offline():
        return dict.fromkeys(repos, "weights cannot be fetched here: HF_HUB_OFFLINE is set")
    if importlib.util.find_spec("huggingface_hub") is None:
        why = "weights cannot be fetched here: huggingface_hub is not installed"
        return dict.fromkeys(repos, why)
    late = f"weights cannot be fetched here: the hub did not answer within {TIMEOUT_S:g} s"
    said = dict.fromkeys(repos, late)

    def ask(name: str, repo: str) -> None:
        said[name] = _refusal(repo)

    # daemons: a name server that does not answer must not hold up the command's end
    asking = [Thread(target=ask, args=one, daemon=True) for one in repos.items()]
    until = time.monotonic() + TIMEOUT_S
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(max(0.0, until - time.monotonic()))
    return {name: why for name, why in dict(said).items() if why}


def _refusal(repo: str) -> str:
    """Why the hub does not give the repository's files to us, or ""."""
    try:
        asked = hub_files.request(f"{repo}/resolve/main/config.json", "HEAD")
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S):
            return ""
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return (
                f"the hub wants its terms for {repo} accepted, and HF_TOKEN set (HTTP {error.code})"
            )
        return f"weights cannot be fetched here: the hub answers HTTP {error.code}"
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        return f"weights cannot be fetched here: the hub is out of reach ({why})"
