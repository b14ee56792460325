"""A server that speaks OpenAI's protocol and does what a test wants: answers well, or goes wrong.

    with teaching.Server(lambda asked: teaching.well(asked)) as server:
        … server.url, server.asked, server.most_at_once

`answer(asked)` is called for each request to /chat/completions and returns a Reply; `toy` writes
what a perfect teacher of the toy role would. It is real HTTP over a real socket, in a thread.
"""

import asyncio
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

from srlr.core.profile import RoleProfile
from srlr.core.settings import Generate, Hardware, ModelCard, Settings, Tier
from srlr.core.training import Grpo

TOY = str(Path(__file__).parent / "roles" / "toy")
KEY = "sk-test-4f5e6d7c8b9a0f1e2d3c"


def settings(tasks=12, teacher=None, **asked):
    asked.setdefault("quality", {"embedded": 0})
    return Settings(
        seed=7,
        role_path=TOY,
        role=RoleProfile(
            name="toy",
            family="classification",
            description="d",
            data="generated",
            labels=("warm", "cold"),
        ),
        tier=Tier(name="gold", parameters_min_b=0, parameters_max_b=8),
        hardware=Hardware(name="cpu"),
        model=ModelCard(name="tiny", source=None),
        generate=Generate(num_tasks=tasks, teacher=teacher or {}, **asked),
        rlvr=Grpo(prompts_per_step=1),
    )


def openai(server, **more):
    url = server if isinstance(server, str) else server.url
    return {"kind": "openai", "base_url": url, "backoff_s": 0.001, "cool_down_s": 0.01, **more}


COLOURS = {"red": "warm", "orange": "warm", "blue": "cold", "green": "cold"}


@dataclass
class Reply:
    """`cut`: so many bytes of the body, then the connection ends, or with `politely` the stream
    alone. `slow_s`: before the body's last half. `wait_s`: before anything. A completion that was
    asked for as a stream comes in pieces of `piece` characters, one every `every_s`.
    """

    body: object = None
    status: int = 200
    headers: dict = field(default_factory=dict)
    cut: int | None = None
    wait_s: float = 0.0
    slow_s: float = 0.0
    politely: bool = False
    piece: int = 20
    every_s: float = 0.0
    usage: bool = True

    def pieces(self):
        """The completion as server-sent events, the last of which tells what it cost."""
        whole, (choice,) = {**self.body, "choices": []}, self.body["choices"]
        text, usage = choice["message"]["content"], whole.pop("usage", None)
        deltas = [{"content": text[at : at + self.piece]} for at in range(0, len(text), self.piece)]
        deltas.append({k: v for k, v in choice["message"].items() if k != "content"})
        rows = [{**whole, "choices": [{"index": 0, "delta": one}]} for one in deltas]
        rows[-1]["choices"][0]["finish_reason"] = choice["finish_reason"]
        last = [{**whole, "usage": usage}] if self.usage else []
        events = [f"data: {json.dumps(one)}\n\n".encode() for one in (*rows, *last)]
        return [b": here it comes\n\n", *events, b"data: [DONE]\n\n"]

    @property
    def streams(self):
        choices = self.body.get("choices") if isinstance(self.body, dict) else None
        return bool(choices) and isinstance(choices[0]["message"]["content"], str)


@dataclass
class Asked:
    """`number` counts requests from 0; `problems` are those of the prompt, by id."""

    number: int
    body: dict
    headers: dict

    @property
    def text(self):
        return self.body["messages"][-1]["content"]

    @property
    def problems(self):
        lines = self.text.partition("Problems:\n")[2].splitlines()
        return {row["id"]: row for row in map(json.loads, lines)}


def completion(text, finish="stop", prompt=100, answer=50, **message):
    return {
        "id": "x",
        "object": "chat.completion",
        "model": "oracle-1",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
        },
    }


def solved(name, problem, **changed):
    colour = problem.rsplit(" ", 1)[-1]
    label = COLOURS.get(colour, "warm")
    steps = [
        {"action": f"colour: {colour}", "reasoning": "It is the last word.", "reward": 0.5},
        {"action": f"label: {label}", "reasoning": "", "reward": 0.5},
    ]
    return {"id": name, "steps": steps, "expected_outcome": {"label": label}, **changed}


def toy(asked, **how):
    rows = [solved(name, row["problem"]) for name, row in asked.problems.items()]
    return Reply(completion(json.dumps({"trajectories": rows}), **how))


def error(status, message="no", headers=None, **more):
    return Reply({"error": {"message": message, **more}}, status, headers or {})


class Server:
    """`streams`: whether it knows how to; without it `stream` is passed over."""

    def __init__(self, answer=toy, key=None, models=("oracle-1",), streams=True):
        self.answer, self.key, self.models, self.streams = answer, key, models, streams
        self.asked, self.at_once, self.most_at_once = [], 0, 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        self.server = asyncio.run_coroutine_threadsafe(start, self.loop).result()
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _end(self):
        self.server.close()
        tasks = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = dict(re.split(r":\s*", one, maxsplit=1) for one in lines if one)
                headers = {name.lower(): value for name, value in headers.items()}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._reply(first.split(" ")[1], headers, body, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _reply(self, path, headers, body, writer):
        reply = self._of(path, headers, body)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(reply.wait_s)
        finally:
            self.at_once -= 1
        wanted = bool(body) and json.loads(body).get("stream", False)
        if wanted and self.streams and reply.streams:
            return await self._stream(reply, writer)
        content = reply.body
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        content = content.encode() if isinstance(content, str) else content
        headers = {"Content-Type": "application/json", **reply.headers}
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {reply.status} X\r\n{more}Content-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode())
        if reply.cut is not None:
            writer.write(content[: reply.cut])
            await writer.drain()
            return False
        half = len(content) // 2 if reply.slow_s else 0
        writer.write(content[:half])
        await writer.drain()
        await asyncio.sleep(reply.slow_s)
        writer.write(content[half:])
        await writer.drain()
        return True

    async def _stream(self, reply, writer):
        writer.write(
            b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        pieces, left = reply.pieces(), reply.cut
        for number, piece in enumerate(pieces):
            await asyncio.sleep(reply.every_s)
            if reply.slow_s and number == len(pieces) // 2:
                await asyncio.sleep(reply.slow_s)
            some = piece if left is None else piece[:left]
            left = None if left is None else left - len(some)
            writer.write(f"{len(some):x}\r\n".encode() + some + b"\r\n" if some else b"")
            await writer.drain()
            if left == 0:
                break
        if left is None or reply.politely:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return left is None

    def _of(self, path, headers, body):
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            said = headers.get("authorization", "nothing")
            return error(401, f"Incorrect API key provided: {said}")
        if path.endswith("/models"):
            return Reply({"object": "list", "data": [{"id": one} for one in self.models]})
        asked = Asked(len(self.asked), json.loads(body), headers)
        self.asked.append(asked)
        return self.answer(asked)
