"""A hub on this machine: what of a hub's endpoints srlr reads, over real HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubLike:
    """`files` of the repository org/name; `answers` replaces what a path is answered with:
    (status, body, headers). `asked` are the requests: path and Authorization.
    """

    def __init__(self, files, info=None):
        self.files, self.info, self.answers, self.asked = files, info or {}, {}, []
        handler = type("Handler", (_Handler,), {"hub": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, path):
        if path in self.answers:
            return self.answers[path]
        if path in ("/api/models/org/Name-1B", "/api/models/org/Name-1B/revision/v1"):
            return 200, json.dumps({"id": "org/Name-1B", **self.info}).encode(), {}
        for revision in ("main", "v1"):
            name = path.removeprefix(f"/org/Name-1B/resolve/{revision}/")
            if name in self.files:
                return 200, self.files[name], {}
        if path.startswith("/org/Name-1B/"):
            return 404, b"Entry not found", {"X-Error-Code": "EntryNotFound"}
        return 401, b"Repository not found", {"X-Error-Code": "RepoNotFound"}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.hub.asked.append((self.path, self.headers["Authorization"]))
        status, body, headers = self.hub.answer(self.path)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
