"""xllamacpp's OpenAI-compatible server with the embedded model's GGUF, as a process of its own.

with llama.server(path) as url: …
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
    command = [sys.executable, "-c", SERVE, str(model)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("listening "):
                yield f"{line.split()[1]}/v1"
                break
    finally:
        process.kill()
        process.wait()
