"""What the teacher's client adds to its SDK, with 64 calls at once to a server that takes 200 ms.

python -m benchmarks.teacher
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing import alternate, machine, ratios, spread, table
from srlr.collaboration import session
from srlr.collaboration.client import Client
from srlr.core.teaching import Budget, Teacher

AT_ONCE = 64
LATENCY_S = 0.2
PIECES = 20
TEXT = json.dumps({"trajectories": [{"id": "1", "steps": ["look", "say"] * 20}]})
CHAT = [{"role": "user", "content": "Solve this problem, step by step. " * 40}]


def _bodies() -> dict[bool, bytes]:
    """The answer, whole and as a stream."""
    usage = {"prompt_tokens": 300, "completion_tokens": 90, "total_tokens": 390}
    about = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    size = -(-len(TEXT) // PIECES)
    deltas = [{"content": TEXT[at : at + size]} for at in range(0, len(TEXT), size)]
    chunks: list[dict[str, Any]] = [
        {"index": 0, "delta": one, "finish_reason": None} for one in deltas
    ]
    chunks[-1]["finish_reason"] = "stop"
    about_stream = {**about, "object": "chat.completion.chunk"}
    rows = [{**about_stream, "choices": [chunk]} for chunk in chunks]
    rows.append({**about_stream, "choices": [], "usage": usage})
    events = "".join(f"data: {json.dumps(row)}\n\n" for row in rows) + "data: [DONE]\n\n"
    whole = json.dumps({**about, "choices": [choice], "usage": usage})
    return {False: whole.encode(), True: events.encode()}


async def _reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request of a connection after the latency, always the same."""
    bodies = _bodies()
    try:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            size = next(line for line in lines if line.startswith(b"content-length:"))
            asked = await reader.readexactly(int(size.split(b":")[1]))
            streamed = b'"stream":true' in asked.replace(b" ", b"")
            kind = "text/event-stream" if streamed else "application/json"
            body = bodies[streamed]
            await asyncio.sleep(LATENCY_S)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
            writer.write(f"{head}\r\n\r\n".encode() + body)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


def _serve(ready: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(_reply, "127.0.0.1", 0, backlog=256)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


async def _plainly(url: str, calls: int, streamed: bool) -> None:
    """The peer: the same SDK in a plain loop, which keeps no journal and counts nothing."""
    import openai

    gate = asyncio.Semaphore(AT_ONCE)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def one(seed: int) -> None:
            async with gate:
                how: dict[str, Any] = {"max_tokens": 512, "temperature": 0.7, "seed": seed}
                if streamed:
                    how |= {"stream": True, "stream_options": {"include_usage": True}}
                said = await client.chat.completions.create(model="m", messages=CHAT, **how)
                if streamed:
                    _ = [chunk async for chunk in said]

        await asyncio.gather(*(one(seed) for seed in range(calls)))


def _plain(url: str, calls: int, streamed: bool, turn: int) -> None:
    asyncio.run(_plainly(url, calls, streamed))


def _ours(url: str, calls: int, streamed: bool, turn: int) -> None:
    """What a generation does: threads that ask, a budget, a journal that is flushed to the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        with session.opened(path, Budget(tokens=10**9)) as shared:
            how: dict[str, Any] = {"concurrency": AT_ONCE, "stream": streamed}
            settings = Teacher(kind="openai", base_url=url, model="m", **how)
            client = Client(shared, settings, "generate.teacher")
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda seed: client.ask(CHAT, seed=seed), range(calls)))
            client.close()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--calls", type=int, default=640)
    words.add_argument("--turns", type=int, default=5)
    said = words.parse_args()
    ready, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    server.start()
    url = f"http://127.0.0.1:{ready.recv()}/v1"
    try:
        _ours(url, AT_ONCE, True, 0)  # imports, connections
        sides = {
            f"{who}, {how}": partial(work, url, said.calls, how == "streamed")
            for how in ("whole", "streamed")
            for who, work in (("plain", _plain), ("ours", _ours))
        }
        seconds = alternate(sides, said.turns)
    finally:
        server.terminate()
        server.join()
    ideal = said.calls / AT_ONCE * LATENCY_S
    print("## Teacher's client\n")
    print(machine("openai"))
    print(
        f"\n{said.calls:,} calls, {AT_ONCE} at once, each answered after {LATENCY_S * 1000:g} ms, "
        f"whole or in {PIECES} pieces.\n"
    )
    rows = [["the ideal, s", f"{ideal:.2f}"]]
    for how in ("whole", "streamed"):
        plain, ours = seconds[f"plain, {how}"], seconds[f"ours, {how}"]
        over = [1 / one - 1 for one in ratios(plain, ours)]
        rows += [
            [f"plain loop, answers {how}, s", spread(plain)],
            [f"ours, answers {how}, s", spread(ours)],
            ["ours over the plain loop, %", f"{100 * median(over):+.1f}"],
        ]
    print(table(["", "median and quartiles"], rows))


if __name__ == "__main__":
    main()
