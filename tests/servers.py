"""Servers that speak OpenAI's protocol, for tests: a real one, and what only vLLM has.

`real(folder)` is `transformers serve`: text in, text out, one sample a request.
`VllmLike(folder)` has what it lacks: tokens in and out, n samples, and adapters that are loaded
while it runs. It answers with srlr's own engine, so what it tests is the way there and back.
"""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def real(folder, log):
    """`transformers serve` with the model in `folder`: its process and its URL."""
    port = free_port()
    start = "from transformers.cli.transformers import main; main()"
    words = ["serve", folder, "--port", port, "--device", "cpu", "--dtype", "float32"]
    with log.open("w") as out:
        command = [sys.executable, "-c", start, *map(str, words)]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            time.sleep(0.2)
        yield process, f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


class VllmLike:
    """What of vLLM srlr uses: prompts as tokens, token_ids, n, seed, stop, adapters.

    `asked` are the bodies of /completions. `answer`, where it is set, says what comes instead:
    (status, text), or None for silence.
    """

    def __init__(self, folder, key=None, can_adapt=True, ids="token_ids"):
        import tiny

        self.folder, self.key, self.can_adapt, self.ids = folder, key, can_adapt, ids
        self.base, self.adapters, self.asked = tiny.load(folder), {}, []
        self.events, self.answer = [], None
        self.lock, self.gone = threading.Lock(), threading.Event()
        handler = type("Handler", (_Handler,), {"server_of": self})
        # Five waiting connections, as by default, are fewer than come at once.
        kind = type("Http", (ThreadingHTTPServer,), {"request_queue_size": 128})
        self.http = kind(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.gone.set()
        self.http.shutdown()
        self.http.server_close()

    def models(self):
        rows = [{"id": "tiny"}, *({"id": name, "parent": "tiny"} for name in self.adapters)]
        return 200, {"object": "list", "data": rows}

    def load_lora_adapter(self, body):
        import tiny
        from peft import PeftModel

        if not self.can_adapt:
            return 404, {"detail": "Not Found"}
        name = body["lora_name"]
        if name in self.adapters:
            return 400, {"error": {"message": f"{name} has already been loaded"}}
        fresh = tiny.load(self.folder)
        PeftModel.from_pretrained(fresh.model, body["lora_path"]).eval()
        self.adapters[name] = fresh
        self.events.append(("load", name))
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def unload_lora_adapter(self, body):
        del self.adapters[body["lora_name"]]
        self.events.append(("unload", body["lora_name"]))
        return 200, "Success"

    def completions(self, body):
        from srlr.models.rollout import generate_tokens
        from srlr.models.sampling import Sampling

        self.asked.append(body)
        model = self.adapters.get(body["model"], self.base)
        if body["model"] not in ("tiny", *self.adapters):
            return 404, {"error": {"message": f"The model `{body['model']}` does not exist."}}
        how = Sampling(
            body["max_tokens"],
            samples=body.get("n", 1),
            temperature=body["temperature"],
            top_p=body["top_p"],
            top_k=None if body["top_k"] == -1 else body["top_k"],
            stop=tuple(body.get("stop", ())),
            seed=body["seed"],
        )
        model = replace(model, stop_tokens=tuple(body["stop_token_ids"]))
        with self.lock:
            answers = generate_tokens(model, [body["prompt"]], how)
        choices = [self._choice(body, number, one) for number, one in enumerate(answers)]
        return 200, {"object": "text_completion", "choices": choices[::-1]}

    def _choice(self, body, number, answer):
        told = {
            "token_ids": {"token_ids": answer.tokens},
            "names": {"logprobs": {"tokens": [f"token_id:{one}" for one in answer.tokens]}},
            "content": {"logprobs": {"content": [{"id": one} for one in answer.tokens]}},
        }
        own = told[self.ids] if self.ids == "token_ids" or "logprobs" in body else {}
        reason = "stop" if answer.stopped else "length"
        return {"index": number, "text": answer.text, "finish_reason": reason, **own}


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self._reply(*self.server_of.models())

    def do_POST(self):
        its = self.server_of
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.rpartition("/")[2]
        if its.key and self.headers["Authorization"] != f"Bearer {its.key}":
            self._reply(401, {"error": {"message": "Unauthorized"}})
        elif its.answer is None or name != "completions":
            self._reply(*getattr(its, name)(body))
        else:
            its.asked.append(body)
            said = its.answer(body)
            if said is None:
                its.gone.wait(60)
            else:
                self._reply(*said)

    def _reply(self, status, said):
        text = said if isinstance(said, str) else json.dumps(said)
        kind = "text/plain" if isinstance(said, str) else "application/json"
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
