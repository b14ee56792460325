"""What the teacher's client adds to its SDK, with 64 calls at once to a server that takes 200 ms.

python -m benchmarks.teacher
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from benchmarks.timing import alternate, machine, ratios, spread, table
from srlr.collaboration import session
from srlr.collaboration.client import Client
from srlr.core.teaching import Budget, Teacher

AT_ONCE = 64
LATENCY_S = 0.2
TEXT = json.dumps({"trajectories": [{"id": "1", "steps": ["look", "say"] * 20}]})
CHAT = [{"role": "user", "content": "Solve this problem, step by step. " * 40}]


async def _reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request of a connection after the latency, always the same."""
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    usage = {"prompt_tokens": 300, "completion_tokens": 90, "total_tokens": 390}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    body = json.dumps({**whole, "choices": [choice], "usage": usage}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    try:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            size = next(line for line in lines if line.startswith(b"content-length:"))
            await reader.readexactly(int(size.split(b":")[1]))
            await asyncio.sleep(LATENCY_S)
            writer.write(f"{head}\r\n\r\n".encode() + body)
    except (asyncio.IncompleteReadError, OSError):
        writer.close()


def _serve(ready: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(_reply, "127.0.0.1", 0, backlog=256)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


async def _plainly(url: str, calls: int) -> None:
    """The peer: the same SDK in a plain loop, which keeps no journal and counts nothing."""
    import openai

    gate = asyncio.Semaphore(AT_ONCE)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def one(seed: int) -> None:
            async with gate:
                await client.chat.completions.create(
                    model="m",
                    messages=CHAT,
                    max_tokens=512,
                    temperature=0.7,
                    seed=seed,
                )

        await asyncio.gather(*(one(seed) for seed in range(calls)))


def _ours(url: str, calls: int) -> None:
    """What a generation does: threads that ask, a budget, a journal that is flushed to the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        with session.opened(path, Budget(tokens=10**9)) as shared:
            settings = Teacher(kind="openai", base_url=url, model="m", concurrency=AT_ONCE)
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
        _ours(url, AT_ONCE)  # imports, connections
        sides = {
            "plain": lambda turn: asyncio.run(_plainly(url, said.calls)),
            "ours": lambda turn: _ours(url, said.calls),
        }
        seconds = alternate(sides, said.turns)
    finally:
        server.terminate()
        server.join()
    ideal = said.calls / AT_ONCE * LATENCY_S
    print("## Teacher's client\n")
    print(machine("openai"))
    print(
        f"\n{said.calls:,} calls, {AT_ONCE} at once, each answered after {LATENCY_S * 1000:g} ms.\n"
    )
    over = [1 / one - 1 for one in ratios(seconds["plain"], seconds["ours"])]
    rows = [
        ["the ideal, s", f"{ideal:.2f}"],
        ["plain loop, s", spread(seconds["plain"])],
        ["ours, s", spread(seconds["ours"])],
        ["ours over the plain loop, %", f"{100 * median(over):+.1f}"],
    ]
    print(table(["", "median and quartiles"], rows))


if __name__ == "__main__":
    main()
