"""One HTTP request as the user's pip would make it: proxy, certificates, trusted hosts, passwords.

Only urllib underneath: pip's own session is private, and nothing heavier is needed. What goes into
an error or a log passes `scrub` or `shown` first, so no password leaves this module.
"""

import base64
import http.client
import netrc
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from srlr import __version__
from srlr.assets.pip_settings import PipSettings
from srlr.core.errors import ConfigError

_BUSY = (408, 425, 429, 500, 502, 503, 504)


class Unavailable(Exception):
    """This source does not give the file; another one may. The message is the reason."""


class Broken(Exception):
    """The connection broke or the server is busy; the same request may succeed now."""


class BadRange(Broken):
    """The server has nothing after the bytes that were there already."""


def request(url: str, settings: PipSettings, headers: Mapping[str, str]) -> Any:
    """An open response, redirects followed; the caller closes it.

    Raises:
        Unavailable: there is no point in asking this server again.
        Broken: there may be.
    """
    try:
        asked = urllib.request.Request(_bare(url), headers=dict(headers))
        asked.add_header("User-Agent", f"srlr/{__version__}")
        if pair := _userinfo(url):
            # Unredirected: another host must not receive them.
            asked.add_unredirected_header("Authorization", _basic(*pair))
        return _opener(settings).open(asked, timeout=settings.timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(error.code, shown(url), scrub(error.reason)) from error
    except urllib.error.URLError as error:
        raise Unavailable(f"{shown(url)}: cannot be reached: {scrub(error.reason)}") from error
    except (http.client.InvalidURL, ValueError) as error:
        raise Unavailable(f"{shown(url)}: is not an address: {scrub(error)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"no answer: {scrub(error) or type(error).__name__}") from error


def _refusal(code: int, where: str, reason: str) -> Exception:
    if code == 416:
        return BadRange(reason)
    if code in _BUSY:
        return Broken(f"the server says {code} {reason}")
    if code in (401, 403):
        return Unavailable(
            f"{where}: the server says {code} {reason}; put a user and a password into the index "
            "URL in pip's configuration, or into .netrc"
        )
    return Unavailable(f"{where}: the server says {code} {reason}")


@lru_cache(maxsize=8)
def _opener(settings: PipSettings) -> urllib.request.OpenerDirector:
    """http and https only: urllib's default would also follow file: and ftp:."""
    if settings.proxy and settings.proxy.lower().startswith("socks"):
        raise Unavailable("pip's proxy is a SOCKS proxy, which srlr cannot use")
    proxy = settings.proxy
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    chosen = {"http": proxy, "https": proxy} if proxy else None  # None: what the environment says
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(chosen),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        _Https(settings),
        _Credentials((*settings.indexes, *settings.find_links)),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        director.add_handler(handler)
    return director


class _Https(urllib.request.HTTPSHandler):
    """Checks certificates, except of the user's trusted hosts; a redirect is its own host."""

    def __init__(self, settings: PipSettings) -> None:
        self.checked = _context(settings)
        self.unchecked = _context(settings)
        self.unchecked.check_hostname = False
        self.unchecked.verify_mode = ssl.CERT_NONE
        self.trusted = settings.trusted_hosts
        super().__init__(context=self.checked)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        to = urlsplit(req.full_url)
        trusted = to.hostname in self.trusted or to.netloc in self.trusted
        context = self.unchecked if trusted else self.checked
        return self.do_open(http.client.HTTPSConnection, req, context=context)


def _context(settings: PipSettings) -> ssl.SSLContext:
    try:
        if settings.cert:
            folder = settings.cert if Path(settings.cert).is_dir() else None
            file = None if folder else settings.cert
            context = ssl.create_default_context(cafile=file, capath=folder)
        else:
            context = ssl.create_default_context()
            if not context.cert_store_stats()["x509_ca"]:
                _add_certifi(context)
        if settings.client_cert:
            context.load_cert_chain(settings.client_cert)
    except (OSError, ssl.SSLError) as error:
        named = settings.client_cert or settings.cert
        raise ConfigError(
            f"pip is configured with a certificate that cannot be read: {named!r}: {error}",
            "see `pip config debug`",
        ) from error
    return context


def _add_certifi(context: ssl.SSLContext) -> None:
    """Some Pythons find no certificates of the system; pip would use certifi's then."""
    try:
        import certifi
    except ImportError:
        return
    context.load_verify_locations(certifi.where())


class _Credentials(urllib.request.BaseHandler):
    """Adds what the user configured for just that scheme, host and port, or what .netrc has."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self.known = {
            urlsplit(_bare(url))[:2]: pair for url in urls if (pair := _userinfo(url)) is not None
        }

    def http_request(self, req: urllib.request.Request) -> urllib.request.Request:
        to = urlsplit(req.full_url)
        pair = self.known.get(to[:2]) or _from_netrc(to.hostname or "")
        if pair and not req.has_header("Authorization"):
            req.add_unredirected_header("Authorization", _basic(*pair))
        return req

    https_request = http_request


def _from_netrc(host: str) -> tuple[str, str] | None:
    try:
        found = netrc.netrc(os.environ.get("NETRC") or None).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _userinfo(url: str) -> tuple[str, str] | None:
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _bare(url: str) -> str:
    """The address as it is requested: no user, no password, no fragment."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def shown(url: str) -> str:
    """The address as it may be printed: no user, no password, no query, which may hold a token."""
    try:
        return urlunsplit(urlsplit(_bare(url))._replace(query=""))
    except ValueError:  # not an address, so it is only text
        return scrub(url.partition("?")[0])


def scrub(text: object) -> str:
    """Any text with the user and password of each address in it taken out."""
    return re.sub(r"//[^/@\s]*@", "//", str(text))
