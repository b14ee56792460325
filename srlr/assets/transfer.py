"""A file over HTTP: resumed where it stopped, checked, refetched once, then refused and why."""

import http.client
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from srlr.assets.cache import Progress, disk
from srlr.assets.content import CHUNK_BYTES, Wanted
from srlr.assets.pip_settings import PipSettings
from srlr.assets.web import BadRange, Broken, Unavailable, request, scrub, shown

log = logging.getLogger(__name__)


def given(path: Path, wanted: Wanted) -> Path:
    """`path` itself, when it is the wanted file.

    Raises:
        Unavailable: it is not, or cannot be read.
    """
    if problem := wanted.mismatch(path):
        raise Unavailable(f"{path} is {problem}")
    return path


def fetch(url: str, part: Path, wanted: Wanted, settings: PipSettings, progress: Progress) -> None:
    """`part` has become the wanted file; what an earlier attempt left in it was not fetched again.

    Raises:
        Unavailable: the server cannot be reached, does not have it, or twice gave something else.
        ResourceError: this machine cannot store it.
    """
    had = _size(part)
    if had and (wanted.size is None or had >= wanted.size):
        if not wanted.mismatch(part):
            return
        if wanted.size is not None:
            _drop(part)
    problem = _attempt(url, part, wanted, settings, progress)
    if problem:
        log.warning("%s from %s is %s; fetching it again", wanted.filename, shown(url), problem)
        problem = _attempt(url, part, wanted, settings, progress)
    if problem:
        raise Unavailable(f"{shown(url)} is {problem} (fetched twice)")


def _attempt(
    url: str, part: Path, wanted: Wanted, settings: PipSettings, progress: Progress
) -> str | None:
    """Why what the server sent is not the wanted file, which is then gone; None when it is."""
    _complete(url, part, wanted, settings, progress)
    problem = wanted.mismatch(part)
    if problem:
        _drop(part)
    return problem


def _complete(
    url: str, part: Path, wanted: Wanted, settings: PipSettings, progress: Progress
) -> None:
    """Asks until the server has sent everything, through as many breaks as pip would retry."""
    breaks = 0
    while True:
        had = _size(part)
        try:
            return _append(url, part, wanted, settings, progress)
        except Broken as error:
            # A slow link that breaks often still gets there: breaks with headway do not count.
            breaks = 0 if _size(part) - had >= CHUNK_BYTES else breaks + 1
            if breaks > settings.retries:
                raise Unavailable(f"{shown(url)}: {error}") from error
            log.warning("%s: %s; trying again from byte %d", shown(url), error, _size(part))
            pause(breaks)


def _append(
    url: str, part: Path, wanted: Wanted, settings: PipSettings, progress: Progress
) -> None:
    had = _size(part)
    try:
        response = request(url, settings, {"Range": f"bytes={had}-"} if had else {})
    except BadRange:
        _drop(part)
        raise
    with response:
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {had}-")
        done = had if response.status == 206 and resumed else 0
        length = response.headers.get("Content-Length")
        end = done + int(length) if length else None
        with disk(part.parent), open(part, "ab" if done else "wb") as file:
            for chunk in chunks(response):
                file.write(chunk)
                done += len(chunk)
                progress(f"fetching {wanted.filename}", done, wanted.size or end)
                if wanted.size is not None and done > wanted.size:
                    return  # Too long to be it; how much longer does not matter.
    if end is not None and done < end:
        raise Broken(f"the connection closed after {done:,} of {end:,} bytes")


def chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body, a piece at a time. Raises Broken where the connection does."""
    try:
        # read1, not read: what has come is stored at once and survives this process.
        while chunk := response.read1(CHUNK_BYTES):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"the connection broke: {scrub(error)}") from error


def read_page(
    url: str, settings: PipSettings, accept: str, limit_bytes: int
) -> tuple[bytes, str, str]:
    """A page's body, its content type and the address it was found at in the end.

    Raises:
        Unavailable: the server cannot be reached, does not have it, or sends more than the limit.
    """
    breaks = 0
    while True:
        try:
            with request(url, settings, {"Accept": accept}) as response:
                body = b""
                for chunk in chunks(response):
                    body += chunk
                    if len(body) > limit_bytes:
                        raise Unavailable(
                            f"{shown(url)}: the page is longer than {limit_bytes:,} bytes"
                        )
                return body, response.headers.get_content_type(), response.url
        except Broken as error:
            breaks += 1
            if breaks > settings.retries:
                raise Unavailable(f"{shown(url)}: {error}") from error
            pause(breaks)


def pause(breaks: int) -> None:
    """Longer after each break, a few seconds at most."""
    time.sleep(min(0.1 * 2**breaks, 5.0))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _drop(part: Path) -> None:
    with disk(part.parent):
        part.unlink(missing_ok=True)
