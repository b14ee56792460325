"""Small files of a model hub, asked for over HTTP: no client library, nothing stored.

HF_ENDPOINT says which hub, HF_TOKEN who asks, HF_HUB_OFFLINE that nobody does.
"""

import http.client
import os
import re
import urllib.error
import urllib.request
from typing import Any

from srlr import __version__
from srlr.core.errors import ConfigError, MissingArtifact, ResourceError, SrlrError

TIMEOUT_S = 20.0
LIMIT_BYTES = 64 * 2**20
"""Of one file; a tokenizer's are the largest that are read."""

REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
SAID_BY_THE_HUB = "X-Error-Code"
"""Its header that tells a gated repository from one that is not there."""


class Absent(Exception):
    """The repository is there and has no such file."""


def endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def request(path: str, method: str = "GET") -> urllib.request.Request:
    """A request for a path below the endpoint, with the user's token."""
    asked = urllib.request.Request(f"{endpoint()}/{path}", method=method)
    asked.add_header("User-Agent", f"srlr/{__version__}")
    if token := os.environ.get("HF_TOKEN"):
        # unredirected: files come from other hosts, which must not receive it
        asked.add_unredirected_header("Authorization", f"Bearer {token}")
    return asked


def get(path: str, repo: str) -> bytes:
    """The body of a page of the hub that belongs to a repository.

    Raises:
        Absent: the hub has the repository and not this file.
        MissingArtifact: it has no such repository, or not for this user.
        ResourceError: it is out of reach, busy or broken.
        ConfigError: the endpoint is no web address.
    """
    if offline():
        raise ResourceError(
            f"the hub cannot be asked about {repo!r}: HF_HUB_OFFLINE is set",
            "unset HF_HUB_OFFLINE, or name a folder on this machine",
        )
    try:
        with urllib.request.urlopen(request(path), timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read(LIMIT_BYTES + 1)
            if answer.length and len(body) <= LIMIT_BYTES:  # what is still to come
                raise OSError(f"the connection closed {answer.length:,} bytes too early")
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(error, path, repo) from error
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise ResourceError(
            f"the hub at {endpoint()} is out of reach: {why}",
            "check the network and HF_ENDPOINT, or name a folder on this machine",
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"HF_ENDPOINT {endpoint()!r} is not a web address", "such as https://huggingface.co"
        ) from error
    if len(body) > LIMIT_BYTES:
        raise ResourceError(
            f"{endpoint()}/{path} is longer than {LIMIT_BYTES:,} bytes", "check HF_ENDPOINT"
        )
    return body


def _refused(error: urllib.error.HTTPError, path: str, repo: str) -> Any:
    code, said = error.code, error.headers.get(SAID_BY_THE_HUB, "")
    if said == "EntryNotFound" or (code == 404 and not said and "/resolve/" in path):
        return Absent(path)
    return refusal(code, said, repo) or ResourceError(
        f"the hub at {endpoint()} answers HTTP {code} for {repo!r}",
        "try again later"
        if code in (408, 425, 429) or code >= 500
        else "check HF_ENDPOINT and HF_TOKEN",
    )


def refusal(code: int, said: str, repo: str) -> SrlrError | None:
    """Why a repository is kept from this user; None where it is not.

    Args:
        said: the hub's own word for it; without a token it answers 401 for what is not there.
    """
    if said == "RevisionNotFound":
        return MissingArtifact(
            f"{repo!r} has no such revision", "take @REVISION away, or name one that it has"
        )
    if said == "RepoNotFound" or code == 404:
        return MissingArtifact(
            f"the hub has no repository {repo!r}, or it is private",
            "check the spelling; for a private one set HF_TOKEN",
        )
    if code in (401, 403):
        return MissingArtifact(
            f"the hub wants its terms for {repo} accepted, and HF_TOKEN set (HTTP {code})",
            f"accept them at {endpoint()}/{repo}, and set HF_TOKEN to a token of yours",
        )
    return None
