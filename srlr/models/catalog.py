"""The catalog of base models, conf/model/*.yaml, and whether a card's weights can be brought
here."""

import importlib.util
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread

from srlr import assets
from srlr.core.errors import ConfigError
from srlr.core.layers import available, find, layers, shown
from srlr.core.settings import ModelCard
from srlr.core.tree import read_file

AUTO = "auto"
TIMEOUT_S = 3.0
"""For all questions to the hub together; a hub that needs longer counts as out of reach."""


def cards(config_dir: Path | None = None) -> dict[str, ModelCard]:
    """Every card but `auto`, by name; a card of the user's config_dir replaces ours of the same
    name.

    Raises:
        ConfigError: a card is malformed; every fault of every card is named.
    """
    from pydantic import ValidationError

    places = layers(config_dir)
    found: dict[str, ModelCard] = {}
    faults: list[str] = []
    for name in available(config_dir)["model"]:
        path = find(places, f"model/{name}")
        if name == AUTO or path is None:
            continue
        try:
            found[name] = ModelCard.model_validate(read_file(path))
        except ValidationError as error:
            for one in error.errors():
                key = ".".join(str(part) for part in one["loc"])
                faults.append(f"{shown(path)}: {key}: {one['msg'].lower()}")
            continue
        if found[name].name != name:
            faults.append(f"{shown(path)}: name is {found[name].name!r}, the file says {name!r}")
    if faults:
        raise ConfigError("model cards are wrong:\n  " + "\n  ".join(faults), "mend those lines")
    return found


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
        elif source not in assets.catalog(config_dir) and not Path(source).expanduser().is_dir():
            reasons[card.name] = f"{source!r} is neither an asset nor a folder"
    return reasons | _ask_hub(asked)


def in_hub_cache(repo: str) -> bool:
    """Whether the hub's own cache on this machine holds weights of the repository."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = hub / f"models--{repo.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob("*/*.safetensors"))


def _ask_hub(repos: Mapping[str, str]) -> dict[str, str]:
    if not repos:
        return {}
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
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
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    headers = {"User-Agent": "srlr"}
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    address = f"{endpoint}/{repo}/resolve/main/config.json"
    request = urllib.request.Request(address, method="HEAD", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
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
