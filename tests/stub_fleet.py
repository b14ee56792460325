"""Fleets of stub workers, which are real processes, for tests of routing and swapping."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
from stub_worker import whole

from srlr.core.audit import Audit
from srlr.core.errors import MissingArtifact, ResourceError, SrlrError
from srlr.core.swapping import Health, Swap
from srlr.serving import slots as moves
from srlr.serving.asked import Ask, Busy, Gone, Piece, Refused
from srlr.serving.fleet import Fleet
from srlr.serving.ledger import Ledger, Wanted
from srlr.serving.relay import Answered, answer
from srlr.serving.swap import Swaps
from srlr.serving.tending import Tending, restore

FAST = Health(breaker_s=0.3, stall_s=1.0, patience_s=8.0, restart_s=0.05, check_timeout_s=3.0)


class StubWorker:
    """The gateway's end of a stub."""

    def __init__(self, process, socket):
        self.process, self.socket = process, socket
        self.session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket), limit=0))

    @property
    def alive(self):
        return self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    async def answer(self, ask):
        finished = False
        try:
            async with self.session.post("http://worker/answer", json=asdict(ask)) as response:
                if response.status != 200:
                    said = (await response.json())["error"]
                    kind = {400: Refused, 429: Busy}.get(response.status, Gone)
                    raise kind(said["what"], said["hint"])
                async for line in response.content:
                    if not line.endswith(b"\n"):
                        break
                    row = json.loads(line)
                    finished = row["finish"] is not None
                    yield Piece(**row | {"tokens": tuple(row["tokens"])})
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Gone(f"the connection broke: {error}", "") from error
        if not finished:
            raise Gone("the answer was not finished", "")

    async def health(self):
        async with self.session.get("http://worker/health") as response:
            return await response.json()

    async def stop(self, grace_s):
        if self.alive:
            self.process.send_signal(signal.SIGTERM if grace_s else signal.SIGKILL)
        try:
            await asyncio.to_thread(self.process.wait, grace_s or 1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)
        await self.session.close()


async def start(spec):
    """A stub as the spec's `args` want it, ready."""
    socket = Path(tempfile.gettempdir()) / f"stub-{uuid.uuid4().hex[:12]}.sock"
    script = Path(__file__).with_name("stub_worker.py")
    command = [
        sys.executable,
        "-S",
        "-E",
        str(script),
        "--socket",
        str(socket),
        *spec.get("args", ()),
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    worker = StubWorker(process, socket)
    try:
        while True:
            if not worker.alive:
                raise ResourceError("the stub ended while it was loading", "")
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await worker.health()
                return worker
            await asyncio.sleep(0.02)
    except BaseException:
        await worker.stop(0.0)
        raise


class Stage:
    """A role `r` served by stubs: `fleet`, `swaps`, and what versions there are to swap to."""

    def __init__(self, store, health=FAST, versions=None):
        self.store = Path(store)
        self.folder = self.store / "model"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tokenizer.json").write_text("{}")
        self.versions = versions or {}
        self.pointed = []
        self.fleet = Fleet(Ledger(self.store), start, Audit(self.store / "audit.jsonl"), health)
        self.swaps = Swaps(self.fleet, self.resolve, self.find, asks, self.point)
        self.tending = Tending(self.fleet)
        self.tasks = []

    def resolve(self, role, to):
        if to not in self.versions and self.fleet.slots(role).get(to) is None:
            raise MissingArtifact(f"there is no {role}@{to}", "deploy it")
        return to

    async def find(self, role, version):
        return self.wanted(version)

    def wanted(self, version, workers=1):
        spec = {
            "role": "r",
            "version": version,
            "folder": str(self.folder),
            "args": self.versions.get(version, ()),
            "max_running": 64,
        }
        return Wanted(spec, workers)

    def point(self, role, version, by, why):
        self.pointed.append(version)

    async def serve(self, version, workers=1):
        await self.bring(version, workers)
        self.fleet.change("r", moves.add, version, by="test", why="first")

    async def bring(self, version, workers=1):
        """Warm and verified."""
        wanted = self.wanted(version, workers)
        await self.fleet.bring("r", version, wanted, timeout_s=20, by="test", why="test")
        self.fleet.change("r", moves.verify, version, by="test", why="test")

    async def __aenter__(self):
        await restore(self.fleet)
        self.tasks = [asyncio.create_task(self.tending.run())]
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await self.swaps.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.fleet.close(0.0)

    def kill(self, version, how=signal.SIGKILL, number=0):
        os.kill(self.fleet.of("r", version)[number].worker.pid, how)

    def kinds(self):
        return [entry.kind for entry in self.fleet.audit.entries()]

    async def ended(self, role="r", timeout_s=20):
        """The swap under way has ended; its record."""
        async with asyncio.timeout(timeout_s):
            while role in self.swaps.running:
                await asyncio.sleep(0.02)
        return self.fleet.ledger.swaps(role)[0]


def asks(role, count):
    return [ask(f"smoke {n}", id=f"smoke-{n}", role=role, max_tokens=2) for n in range(count)]


def ask(prompt, id=None, role="r", **how):
    messages = ({"role": "user", "content": prompt},)
    return Ask(id or uuid.uuid4().hex, role, messages, **how)


def quick(strategy="gradual", **how):
    """A swap that does not take long."""
    said = {"min_requests": 10, "min_seconds": 0.5, "smoke": 1, "drain_s": 5, "load_timeout_s": 10}
    steps = {"steps": (5, 50, 100)} if strategy == "gradual" else {"steps": (100,)}
    return Swap(strategy=strategy, **{**said, **steps, **how})


@dataclass
class Load:
    """What became of requests that came at an even pace."""

    sent: int = 0
    lost: list[str] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    migrated: int = 0
    versions: Counter[str] = field(default_factory=Counter)

    def line(self):
        ordered = sorted(self.seconds)
        p50, most = ordered[len(ordered) // 2] * 1000, ordered[-1] * 1000
        return (
            f"{self.sent:5d} sent  {len(self.lost):3d} lost  {len(self.truncated):3d} truncated  "
            f"{self.migrated:3d} moved  p50 {p50:6.1f} ms  max {most:7.1f} ms  "
            + " ".join(f"{version} {count}" for version, count in sorted(self.versions.items()))
        )


async def load(stage, count, per_s, faults=None, stream=0):
    """So many requests a second, whatever becomes of those before; `faults` runs meanwhile.

    Args:
        stream: tokens of each answer, which comes in pieces; 0: one piece after 50 ms.
    """
    told, loop = Load(), asyncio.get_running_loop()
    began, tasks = loop.time(), []
    trouble = asyncio.create_task(faults) if faults is not None else None
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / per_s - loop.time()))
        tasks.append(asyncio.create_task(_one(stage, number, stream, told)))
    await asyncio.gather(*tasks)
    if trouble is not None:
        await trouble
    return told


async def _one(stage, number, stream, told):
    prompt, count = (f"stream {number}", stream) if stream else (f"unary {number}", 3)
    came, began, tokens, finish = Answered(), asyncio.get_running_loop().time(), (), None
    told.sent += 1
    wanted = ask(prompt, max_tokens=count, deadline=time.time() + 20)
    try:
        async for piece in answer(stage.fleet, wanted, came):
            tokens, finish = tokens + piece.tokens, piece.finish
    except SrlrError as error:
        (told.truncated if tokens else told.lost).append(f"{prompt}: {error}")
        return
    if finish is None or tokens != whole(prompt, count):
        told.truncated.append(f"{prompt}: {len(tokens)} tokens, {finish}")
    told.seconds.append(asyncio.get_running_loop().time() - began)
    told.migrated += came.migrated
    told.versions[came.version] += 1
