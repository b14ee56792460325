"""srlr swap: moves a role's traffic to another version, by the gateway that serves it.

Without a gateway there is no traffic: then only the release that the next one begins with changes.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srlr.cli import render
from srlr.core.errors import ConfigError, GateFailed, MissingArtifact, ResourceError, SrlrError

if TYPE_CHECKING:
    from srlr.core.settings import Settings

STATE = "gateway.json"
TIMEOUT_S = 30.0
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Manner:
    """What is asked beside a swap, and how it is told."""

    do: str = "start"
    """start, status, abort, rollback"""
    watch: bool = False
    why: str = "asked for on the command line"
    url: str | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway's address, without /v1."""

    url: str

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Raises SrlrError: it refuses, or is not there."""
        import urllib.error
        import urllib.request

        headers = {"Content-Type": "application/json"}
        if key := os.environ.get("SRLR_API_KEY", "").strip():
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                found: dict[str, Any] = json.load(response)
                return found
        except urllib.error.HTTPError as error:
            raise _refused(error.code, error.read()) from error
        except (OSError, ValueError) as error:
            raise ResourceError(
                f"the gateway at {self.url} does not answer: {error}",
                "`srlr serve` starts one; --url names another",
            ) from error


def swap(words: Sequence[str], config_dir: Path | None, manner: Manner) -> int:
    """Returns the exit code: 5 where the swap was taken back, 4 where it failed."""
    from srlr.core import compose

    composition = compose.compose(words, config_dir=config_dir)
    settings = composition.settings
    if composition.sources["role"].kind != "command line":
        raise ConfigError("srlr swap needs the role", "srlr swap role=sentiment swap.to=v3")
    gateway = _gateway(settings, manner.url)
    if gateway is None:
        return _alias(settings, manner)
    role, path = settings.role.name, f"/admin/swap/{settings.role.name}"
    if manner.do == "status":
        told = gateway.ask("GET", path)
    elif manner.do == "start":
        asked = settings.swap.model_dump(mode="json")
        body = {"to": asked.pop("to"), "settings": asked, "why": manner.why}
        told = gateway.ask("POST", path, body)
    else:
        told = gateway.ask("POST", f"{path}/{manner.do}", {"why": manner.why})
    if manner.watch:
        told = _watched(gateway, path, told, manner)
    render.emit("swap", told, as_json=manner.as_json, human=lambda: _show(role, told))
    if not manner.watch or told["swap"] is None:
        return 0
    codes = {"rolled back": GateFailed.exit_code, "failed": ResourceError.exit_code}
    return codes.get(str(told["swap"]["state"]), 0)


def _watched(gateway: Gateway, path: str, told: dict[str, Any], manner: Manner) -> dict[str, Any]:
    """The swap at its end; each change of it is told on the way."""
    said = ""
    while told["swap"] and told["swap"]["under_way"]:
        line = _line(told)
        if line != said and not manner.as_json:
            render.note(line)
        said = line
        time.sleep(LOOK_S)
        told = gateway.ask("GET", path)
    return told


def _line(told: dict[str, Any]) -> str:
    swap = told["swap"]
    shares = " · ".join(f"{version} {share} %" for version, share in told["shares"].items())
    return f"{swap['state']}: {shares or 'no traffic'}: {swap['reason']}"


def _show(role: str, told: dict[str, Any]) -> None:
    swap = told["swap"]
    shares = ", ".join(f"{version} {share} %" for version, share in told["shares"].items())
    if swap is None:
        render.text(f"{role}: {shares}; no swap is on record")
        return
    way = f"{role}: {swap['old'] or 'nothing'} → {swap['new']}, {swap['strategy']}"
    render.text(f"{way}: {'under way, ' if swap['under_way'] else ''}{swap['state']}")
    render.text(f"shares  {shares}\nreason  {swap['reason'] or swap['why']}")


def _gateway(settings: "Settings", url: str | None) -> Gateway | None:
    """The one that is named, else the one that serves the store; None where none runs."""
    if url is not None:
        return Gateway(url.rstrip("/").removesuffix("/v1"))
    path = Path(settings.store_dir) / STATE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        os.kill(int(told["pid"]), 0)
        return Gateway(str(told["url"]).removesuffix("/v1"))
    except PermissionError:
        return Gateway(str(told["url"]).removesuffix("/v1"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alias(settings: "Settings", manner: Manner) -> int:
    """No gateway runs: the release that the next one begins with."""
    from srlr.core import releases
    from srlr.serving.permits import permit

    role = settings.role.name
    if manner.do != "start":
        raise MissingArtifact(
            f"no gateway serves {settings.store_dir!r}, so there is no swap to look at",
            "`srlr serve` starts one; --url names one elsewhere",
        )
    usual = "backup" if settings.swap.strategy == "emergency" else "candidate"
    with releases.opened(settings) as registry:
        by = permit(settings, "swap", role)
        release = registry.get(role, settings.swap.to or usual)
        aliases = registry.promote(role, by, manner.why, release.version)
    told = {"role": role, "shares": {}, "swap": None, "aliases": aliases}
    said = f"no gateway serves {settings.store_dir!r}: {release.name} is current for the next one"
    render.emit("swap", told, as_json=manner.as_json, human=said)
    return 0


def _refused(status: int, body: bytes) -> SrlrError:
    """What the gateway says, with the exit code of what it means."""
    try:
        told = json.loads(body)["error"]
        what, hint = str(told["message"]).split("\n  fix: ")[0], str(told.get("hint") or "")
    except (ValueError, KeyError, TypeError):
        what, hint = f"the gateway answers {status}", "see its log"
    kind = {400: ConfigError, 404: MissingArtifact}.get(status, ResourceError)
    if status in (401, 403):
        hint = hint or "export SRLR_API_KEY=KEY, of a key with the scope swap"
    return kind(what, hint)
