"""A source that is asked over HTTP: a rules engine, a search endpoint, a store of examples.

    POST url   {"kind": "rules", "role": "support", "limit": 4,
                "task": {"id": "7", "prompt": "Can I return it?", "meta": {"domain": "shop"}}}
    200        {"rules": [{"id": "free-returns", "text": "Returns are free within 30 days."}]}

The list may also come by itself. Its items, by kind:

    rules      id, text
    knowledge  text, and of document, page, section, url whatever there is, for the citation
    examples   as a row of collaboration.sources.examples

The task's answer is never sent, and of its meta only what the configuration names. No redirect is
followed, so that nobody else gets the key.
"""

import http.client
import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from srlr import __version__
from srlr.collaboration.faults import retry_after_s
from srlr.collaboration.pace import LONGEST_BACKOFF_S, backoff_s
from srlr.collaboration.sources.examples import text_of
from srlr.collaboration.sources.texts import Shelf, Text, may_see
from srlr.core.errors import ConfigError, ResourceError, SrlrError
from srlr.core.retrieving import Source as Said
from srlr.core.types import Task

BUSY = (408, 425, 429, 500, 502, 503, 504)
LARGEST_BYTES = 8 << 20
FIRST_PAUSE_S = 0.5
"""The longest, before the first retry; it doubles with each."""
GIVEN_UP_AFTER = 3
"""An optional source that failed for so many tasks in a row is not asked again."""


class Broken(Exception):
    """The same request may succeed later. `after_s`: the server says when."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class Web:
    """A source behind an address. Failures of an optional one are counted, not raised.

    Args:
        pause: waits for so many seconds.
    """

    def __init__(
        self, name: str, said: Said, shelf: Shelf, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.name, self.said = name, said
        self._shelf, self._pause = shelf, pause
        self._url = str(said.url)
        self._key = _key(name, said)
        self._lock = threading.Lock()
        self._counts = {"asked": 0, "failed": 0, "held_out": 0}
        self._row = 0
        self._why = ""

    def find(self, task: Task) -> list[Text]:
        """Raises ResourceError or ConfigError with cause and fix, unless the source is optional."""
        if self._row >= GIVEN_UP_AFTER:
            self._count(failed=1)
            return []
        try:
            items = self._items(self._asked(task))
            texts = [self._text(item, number) for number, item in enumerate(items, 1)]
        except SrlrError as error:
            if not self.said.optional:
                raise
            with self._lock:
                self._row += 1
                self._why = self._why or error.what
            self._count(asked=1, failed=1)
            return []
        self._row = 0
        may = may_see(task)
        open_ones = [text for text in texts if not self._shelf.guard.gives_away(text.compared)]
        self._count(asked=1, held_out=len(texts) - len(open_ones))
        return [text for text in open_ones if may(text)][: self.said.limit]

    def facts(self) -> Mapping[str, Any]:
        why = {"why": self._why} if self._why else {}
        return {"kind": self.said.kind, **self._counts, **why}

    def _count(self, **more: int) -> None:
        with self._lock:
            for key, one in more.items():
                self._counts[key] += one

    # -- the answer --------------------------------------------------------------------------------

    def _items(self, said: Any) -> list[Mapping[str, Any]]:
        rows = said.get(_PLURAL[self.said.kind]) if isinstance(said, dict) else said
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._strange(f"JSON without a list of {_PLURAL[self.said.kind]}")
        return rows

    def _text(self, item: Mapping[str, Any], number: int) -> Text:
        if self.said.kind == "examples":
            text = text_of(item, f"{self.name}: {item.get('id', f'example {number}')}")
            if text is None:
                raise self._strange(f"an example {number} without a problem or a solution")
            return text
        text_ = item.get("text")
        if not isinstance(text_, str) or not text_.strip():
            raise self._strange(f"a text {number} that is empty or none")
        if self.said.kind == "rules":
            return Text(text_, f"{self.name}: rule {item.get('id', number)}")
        places = [
            f"{key} {item[key]}" if key == "page" else str(item[key])
            for key in ("document", "url", "section", "page")
            if item.get(key) is not None
        ]
        return Text(text_, f"{self.name}: {', '.join(places) or item.get('id', f'text {number}')}")

    def _strange(self, what: str) -> ConfigError:
        return ConfigError(
            f"source {self.name!r}: {self._shown} answers {what}",
            "let it answer as docs/retriever.md says, or correct "
            f"generate.retriever.sources.{self.name}.url",
        )

    # -- the request -------------------------------------------------------------------------------

    @property
    def _shown(self) -> str:
        """The address without its query, which may hold a token."""
        return urlunsplit(urlsplit(self._url)._replace(query="", fragment=""))

    def _asked(self, task: Task) -> Any:
        # Some of a role's meta tells the answer, such as a rating from which a label was cut.
        meta = {key: task.meta[key] for key in self.said.meta if key in task.meta}
        body = {
            "kind": self.said.kind,
            "role": self._shelf.role,
            "limit": self.said.limit,
            "task": {"id": task.id, "prompt": task.prompt, "meta": meta},
        }
        data = json.dumps(body, ensure_ascii=False, default=str).encode()
        # Only the pauses are random: they change nothing that is written down.
        jitter = random.Random(f"{self.name}/{task.id}")
        for attempt in range(1 + self.said.retries):
            try:
                return self._parsed(*self._sent(data))
            except Broken as error:
                why = error
            wait_s = backoff_s(FIRST_PAUSE_S, attempt, jitter)
            wait_s = wait_s if why.after_s is None else why.after_s
            # Who wants more patience than the longest pause is not asked before its time.
            if attempt == self.said.retries or wait_s > LONGEST_BACKOFF_S:
                break
            self._pause(wait_s)
        times = attempt + 1
        raise ResourceError(
            f"source {self.name!r}: {self._shown} {why}, asked {times} time{'s' * (times > 1)}",
            "start it, see what it logs, or give it more time: "
            f"generate.retriever.sources.{self.name}.timeout_s; optional=true goes on without it",
        ) from why

    def _sent(self, data: bytes) -> tuple[str, bytes]:
        """The answer's content type and body."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"srlr/{__version__}",
        }
        request = urllib.request.Request(self._url, data, headers)
        if self._key:
            request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        until = time.monotonic() + self.said.timeout_s
        try:
            with _OPENER.open(request, timeout=self.said.timeout_s) as response:
                return response.headers.get_content_type(), self._body(response, until)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error) from error
        except TimeoutError as error:
            raise self._late() from error
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, TimeoutError):
                raise self._late() from error
            raise Broken(f"cannot be reached: {cause or type(cause).__name__}") from error

    def _body(self, response: Any, until: float) -> bytes:
        """All of it, and in time: a socket's own time-out begins anew with every byte."""
        parts, size = [], 0
        while chunk := response.read1(1 << 16):
            parts.append(chunk)
            size += len(chunk)
            if size > LARGEST_BYTES:
                raise self._strange(f"more than {LARGEST_BYTES >> 20} MB")
            if time.monotonic() > until:
                raise self._late()
        length = response.headers.get("Content-Length")
        if length and length.isdigit() and size < int(length):
            raise Broken(f"broke off after {size:,} of {int(length):,} bytes")
        return b"".join(parts)

    def _late(self) -> Broken:
        return Broken(f"has not answered within {self.said.timeout_s:g} s")

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        what = f"answers {error.code} {error.reason}".rstrip()
        if error.code in BUSY:
            after_s = retry_after_s(error.headers)
            later = "" if after_s is None else f" and wants to be asked in {after_s:.0f} s again"
            return Broken(what + later, after_s)
        where = f"generate.retriever.sources.{self.name}"
        if error.code in (401, 403):
            held = self.said.api_key_env
            fix = (
                f"put a valid key into {held}" if held else f"name a variable: {where}.api_key_env"
            )
        elif 300 <= error.code < 400:
            what += f", a redirect to {error.headers.get('Location')!r}"
            fix = f"say the final address in {where}.url"
        else:
            fix = f"correct {where}.url, or let the server take POST with JSON"
        return ConfigError(f"source {self.name!r}: {self._shown} {what}", fix)

    def _parsed(self, kind: str, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            start = " ".join(body[:60].decode("utf-8", "replace").split())
            html = kind == "text/html" or start.lower().startswith(("<!doctype", "<html"))
            what = "HTML, a page for people" if html else "what is not JSON"
            raise self._strange(f"{what}: {start!r}") from error


_PLURAL = {"rules": "rules", "knowledge": "passages", "examples": "examples"}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _key(name: str, said: Said) -> str | None:
    if said.api_key_env is None:
        return None
    if key := os.environ.get(said.api_key_env, "").strip():
        return key
    raise ConfigError(
        f"source {name!r}: the environment variable {said.api_key_env!r} holds no key",
        f"export {said.api_key_env}=…, or generate.retriever.sources.{name}.api_key_env=null",
    )
