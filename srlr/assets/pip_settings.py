"""What the user told pip about indexes, proxies and certificates, without asking them again.

Precedence is pip's own: [global], then [install], then [download], then PIP_* variables. pip is run
as a program, never imported: its Python interface is private, its command line is not.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from srlr.core.errors import ConfigError, MissingArtifact

_LINE = re.compile(r"^(global|install|download)\.([a-z0-9-]+)=(.+)$")
_DEFAULT = re.compile(r"--index-url\b.*?\(default\s+(\S+?)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PipSettings:
    """The part of pip's configuration that says how to reach packages."""

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    proxy: str | None = None
    cert: str | None = None
    client_cert: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout_s: float = 15.0
    retries: int = 5


def read(environ: Mapping[str, str] = os.environ, *, need_index: bool = True) -> PipSettings:
    """The settings pip itself would use for a download here and now.

    Without `need_index` no index is looked for, so pip need not be there.

    Raises:
        ConfigError: pip cannot read its own configuration, or a number in it is none.
        MissingArtifact: nobody named an index and there is no pip to say what its default is.
    """
    said = dict(_from_files()) | {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_") and value
    }
    no_index = said.get("no-index", "").lower() in ("y", "yes", "t", "true", "on", "1")
    indexes: tuple[str, ...] = ()
    if need_index and not no_index:
        first = said.get("index-url") or said.get("pypi-url") or default_index()
        indexes = (first, *said.get("extra-index-url", "").split())
    return PipSettings(
        indexes=indexes,
        find_links=tuple(said.get("find-links", "").split()),
        no_index=no_index,
        proxy=said.get("proxy"),
        # requests, and so pip, reads these two when pip itself was told nothing.
        cert=said.get("cert") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"),
        client_cert=said.get("client-cert"),
        trusted_hosts=tuple(said.get("trusted-host", "").split()),
        timeout_s=_number(said.get("timeout") or said.get("default-timeout"), 15.0),
        retries=int(_number(said.get("retries"), 5)),
    )


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text else otherwise
    except ValueError:
        raise ConfigError(
            f"pip is configured with {text!r} where a number belongs", "see `pip config debug`"
        ) from None


@lru_cache(maxsize=1)
def _from_files() -> tuple[tuple[str, str], ...]:
    """pip's configuration files as pip reads and merges them; nothing when there is no pip."""
    answer = _pip("config", "list")
    if answer.returncode != 0:
        if "No module named pip" in answer.stderr:
            return ()
        raise ConfigError(
            f"pip cannot read its configuration: {answer.stderr.strip()}",
            "see `pip config debug`",
        )
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, "download": {}}
    for line in answer.stdout.splitlines():
        if match := _LINE.match(line):
            section, name, value = match.groups()
            found[section][name] = str(ast.literal_eval(value))
    merged = found["global"] | found["install"] | found["download"]
    return tuple((name, value) for name, value in merged.items() if value)


@lru_cache(maxsize=1)
def default_index() -> str:
    """The index pip uses when nobody names one. pip is asked, so no host is written down here."""
    text = _pip("download", "--help").stdout
    if match := _DEFAULT.search(text):
        return match.group(1)
    raise MissingArtifact(
        "no package index is configured, and pip is not here to say what its default is",
        "run `python -m ensurepip`, or set PIP_INDEX_URL",
    )


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A user's PIP_QUIET would empty the answer; a narrow terminal would fold it.
    plain = {**os.environ, "PIP_QUIET": "0", "PIP_VERBOSE": "0", "COLUMNS": "4000"}
    plain["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=plain, check=False)
