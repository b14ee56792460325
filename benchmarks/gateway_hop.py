"""What the gateway adds to a request: the same load put to a worker alone, and through a gateway.

    python -m benchmarks.gateway_hop --rate 60 --seconds 20

The worker is a stub: a process on a Unix socket that answers after 50 ms by the workers' protocol.
Requests come at an even pace, whatever becomes of those before (an open loop), and one in two is
put to each side, so that what else the machine does slows both alike. The hop is the difference of
the two sides' percentiles. Guardrails are on, and the role's answer is read. The gateway's
processor time a request is beside it: on a busy machine that says more than any wall clock.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import timing

SAID = "words: good +2\npositive\npositive 90"
TEXT = "The food was good and the service was quick, and we will come again with friends. " * 3
WORK_S = 0.05
WARM = 20


def worker(path):
    """Answers each request after WORK_S with a few pieces."""
    from aiohttp import web

    async def answer(request):
        await request.read()
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(WORK_S)
        words = SAID.split(" ")
        for place, word in enumerate(words):
            last = place == len(words) - 1
            piece = {
                "tokens": [place],
                "text": word if last else f"{word} ",
                "finish": "stop" if last else None,
                "prompt_tokens": 60 if last else 0,
            }
            await response.write(json.dumps(piece).encode() + b"\n")
        return response

    app = web.Application()
    app.router.add_post("/answer", answer)
    web.run_app(app, path=path, print=None)


class Stubbed:
    """The backend: the stub, asked as workers are."""

    def __init__(self, path, served):
        from srlr.serving.spec import Spec
        from srlr.serving.workers import Process

        self.served = [served]
        process = argparse.Namespace(pid=os.getpid(), returncode=None)
        self.worker = Process(Spec(Path("."), "sentiment", "v1"), Path(path), process)

    def models(self):
        return self.served

    def unready(self):
        return None

    def judge(self, ask, *, valid, violation):
        pass

    def answer(self, ask, version, *, whole):
        return Answer(self.worker.answer(ask))


class Answer:
    version, form, migrated = "v1", "v1", False

    def __init__(self, pieces):
        self.pieces = pieces

    def __aiter__(self):
        return self.pieces

    async def aclose(self):
        await self.pieces.aclose()


def gateway(path, port, store):
    """A gateway over the stub, with a key that everybody has."""
    from srlr.core.compose import compose
    from srlr.serving import server
    from srlr.serving.backend import Served
    from srlr.serving.speaking import speaker

    words = ["role=sentiment", f"store_dir={store}", f"serve.port={port}"]
    settings = compose([*words, "serve.limits.key_per_minute=null"], environ={}).settings

    @contextlib.asynccontextmanager
    async def backend():
        yield Stubbed(path, Served("sentiment", "v1", speaker(settings.role)))

    asyncio.run(server.serve(settings, server.Parts(backend(), lambda _: None)))


async def measured(path, port, rate, seconds):
    """Seconds of every request, of the worker alone and through the gateway."""
    import aiohttp

    ask = {"id": "x", "role": "sentiment", "messages": [{"role": "user", "content": TEXT}]}
    chat = {"model": "sentiment", "messages": [{"role": "user", "content": TEXT}]}
    direct = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path, limit=0))
    through = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    sides = {
        "worker alone": (direct, "http://worker/answer", ask),
        "through the gateway": (
            through,
            f"http://127.0.0.1:{port}/v1/chat/completions",
            chat,
        ),
    }
    found = {name: [] for name in sides}
    failed = []

    async def one(name, kept):
        session, url, body = sides[name]
        began = time.perf_counter()
        async with session.post(url, json=body) as response:
            await response.read()
            if response.status != 200:
                failed.append(response.status)
        if kept:
            found[name].append(time.perf_counter() - began)

    async with direct, through:
        for _ in range(WARM):
            await asyncio.gather(*(one(name, False) for name in sides))
        began, tasks = time.perf_counter(), []
        for number in range(int(2 * rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / (2 * rate) - time.perf_counter()))
            name = list(sides)[number % 2]
            tasks.append(asyncio.create_task(one(name, True)))
        await asyncio.gather(*tasks)
    return found, failed


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=60, help="requests a second to each side")
    parser.add_argument("--seconds", type=float, default=20)
    said = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="srlr-hop-"))
    path = str(folder / "worker.sock")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=worker, args=(path,), daemon=True),
        spawn.Process(target=gateway, args=(path, port, str(folder)), daemon=True),
    ]
    for process in processes:
        process.start()
    try:
        wait_for(port)
        line = timing.machine("fastapi", "uvicorn", "aiohttp")
        before_s = busy_s(processes[1].pid)
        found, failed = asyncio.run(measured(path, port, said.rate, said.seconds))
        took_s = busy_s(processes[1].pid) - before_s
    finally:
        for process in processes:
            process.terminate()
            process.join(10)
    print(f"{line}; {said.rate:g} requests a second to each side, {said.seconds:g} s")
    told(found, failed)
    requests = WARM + len(found["through the gateway"])
    print(f"processor time of the gateway: {took_s / requests * 1000:.2f} ms a request")


def busy_s(pid):
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def wait_for(port):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    sys.exit("the gateway did not start")


def told(found, failed):
    print(f"{'':22}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'mean ms':>9}")
    shown = {}
    for name, values in found.items():
        shown[name] = [percentile(values, share) for share in (0.5, 0.95, 0.99)]
        shown[name].append(statistics.fmean(values) * 1000)
        print(f"{name:22}{len(values):9d}" + "".join(f"{one:9.2f}" for one in shown[name]))
    alone, through = shown.values()
    hop = [b - a for a, b in zip(alone, through, strict=True)]
    print(f"{'the hop':31}" + "".join(f"{one:9.2f}" for one in hop))
    print(f"not answered with 200: {len(failed)}")


if __name__ == "__main__":
    main()
