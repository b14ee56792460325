"""Where a package's file can be had: find-links, simple indexes (PEP 503 HTML, PEP 691 JSON)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from srlr.assets.pip_settings import PipSettings
from srlr.assets.transfer import read_page
from srlr.assets.web import Unavailable, shown

PAGE_LIMIT_BYTES = 64 << 20
JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True, slots=True)
class Link:
    """One place a file can be had from; the checksum is what the page claims, if it does."""

    filename: str
    url: str
    sha256: str | None = None

    @property
    def local(self) -> Path | None:
        """The file on this machine the link leads to, if it is one."""
        parts = urlsplit(self.url)
        return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def places(
    package: str, filename: str, settings: PipSettings, refused: list[str]
) -> Iterator[Link]:
    """Every link to exactly that file, nearest first; `refused` learns why a place has none."""
    for place in settings.find_links:
        yield from _looked_up(place, filename, settings, refused)
    if settings.no_index:
        refused.append("pip's no-index is set: no package index was asked")
    for index in settings.indexes:
        page = f"{index.rstrip('/')}/{canonicalize_name(package)}/"
        yield from _looked_up(page, filename, settings, refused)


def _looked_up(
    place: str, filename: str, settings: PipSettings, refused: list[str]
) -> Iterator[Link]:
    try:
        found = [link for link in links(place, settings) if link.filename == filename]
    except Unavailable as error:
        refused.append(str(error))
        return
    if not found:
        refused.append(f"{shown(place)}: has no {filename}")
    yield from found


def links(place: str, settings: PipSettings) -> list[Link]:
    """What a page, a folder or a single file offers; `place` is a URL or a local path.

    Raises:
        Unavailable: it cannot be read.
    """
    scheme = urlsplit(place).scheme
    if scheme in ("http", "https"):
        return _of_page(*read_page(place, settings, ACCEPT, PAGE_LIMIT_BYTES))
    path = Path(url2pathname(urlsplit(place).path)) if scheme == "file" else Path(place)
    path = Path(path.expanduser().absolute())
    try:
        if (page := path / "index.html").is_file():
            return _of_page(page.read_bytes(), "text/html", page.as_uri()) + _of_folder(path)
        if path.is_dir():
            return _of_folder(path)
        if path.suffix in (".html", ".htm"):
            return _of_page(path.read_bytes(), "text/html", path.as_uri())
        if path.is_file():
            return [Link(path.name, path.as_uri())]
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from error
    raise Unavailable(f"{path}: is not there")


def _of_folder(folder: Path) -> list[Link]:
    return [Link(path.name, path.as_uri()) for path in sorted(folder.iterdir()) if path.is_file()]


def _of_page(body: bytes, kind: str, url: str) -> list[Link]:
    if kind == JSON:
        return _of_json(body, url)
    page = _Anchors()
    page.feed(body.decode("utf-8", "replace"))
    try:
        base = urljoin(url, page.base)
        return [_link(urljoin(base, href)) for href in page.hrefs]
    except ValueError as error:
        raise Unavailable(f"{shown(url)}: has a link that is no address: {error}") from error


def _of_json(body: bytes, url: str) -> list[Link]:
    try:
        return [
            Link(file["filename"], urljoin(url, file["url"]), file.get("hashes", {}).get("sha256"))
            for file in json.loads(body)["files"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"{shown(url)}: is not a simple index page: {error!r}") from error


def _link(href: str) -> Link:
    url, fragment = urldefrag(href)
    algorithm, _, value = fragment.partition("=")
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    return Link(filename, url, value.lower() if algorithm == "sha256" else None)


class _Anchors(HTMLParser):
    """Collects a page's links and its <base>."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "base" and href and not self.base:
            self.base = href
        elif tag == "a" and href:
            self.hrefs.append(href)
