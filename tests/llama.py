"""xllamacpp's OpenAI-compatible server with a GGUF, as a process of its own.

with llama.server(path) as url: …
with llama.process(path, key="secret") as (process, url): …
"""

import contextlib
import subprocess
import sys

SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.model_alias = {"smollm2"}
params.port = 0
params.api_keys = sys.argv[2:]
params.n_parallel = 2
params.n_ctx = 2 * 4096
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.warmup = False
params.verbosity = -1
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def server(model):
    with process(model) as (_, url):
        yield url


@contextlib.contextmanager
def process(model, key=None):
    command = [sys.executable, "-c", SERVE, str(model), *([key] if key else [])]
    one = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for line in one.stdout:
            if line.startswith("listening "):
                yield one, f"{line.split()[1]}/v1"
                break
    finally:
        one.kill()
        one.communicate()
