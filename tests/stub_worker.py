"""A worker without a model: a process that speaks the workers' protocol on a Unix socket.

A token depends on the prompt and its place alone, so that an answer that goes on elsewhere can be
told from one that does not. A prompt that begins with "unary" is answered in one piece. It imports
nothing but the standard library's lightest parts: tests start many.
"""

import argparse
import asyncio
import hashlib
import json
import os
import signal
import sys
import time

WORDS = [f"w{n} " for n in range(1000)]
OK, REFUSED, BUSY, DRAINING = "200 OK", "400 Bad Request", "429 Too Many", "503 Draining"


def token(prompt, place):
    digest = hashlib.blake2b(f"{prompt}\0{place}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % len(WORDS)


def text(tokens):
    return "".join(WORDS[one] for one in tokens)


def whole(prompt, count):
    """What every worker answers in the end."""
    return tuple(token(prompt, place) for place in range(count))


class Stub:
    def __init__(self, how):
        self.how, self.running, self.draining, self.asked = how, 0, False, 0

    async def meet(self, reader, writer):
        """One connection, which may carry several requests."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                lines = head.decode().lower().split("\r\n")
                size = next((int(x[15:]) for x in lines if x.startswith("content-length:")), 0)
                body = await reader.readexactly(size)
                if path == "/health":
                    state = {"state": "ready", "running": self.running, "waiting": 0}
                    await self.whole(writer, OK, state | {"pid": os.getpid()})
                else:
                    await self.answer(reader, writer, json.loads(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def whole(self, writer, status, value):
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    async def answer(self, reader, writer, ask):
        self.asked += 1
        refusals = {
            DRAINING: self.draining,
            REFUSED: ask["max_tokens"] < 1,
            BUSY: self.running >= self.how.room,
        }
        for status, refused in refusals.items():
            if refused:
                error = {"what": f"{status}: max_tokens {ask['max_tokens']}", "hint": "another"}
                return await self.whole(writer, status, {"error": error})
        if self.how.breaks and self.asked % self.how.breaks == 0:
            raise ConnectionError
        self.running += 1
        try:
            await self.spoken(reader, writer, ask)
        finally:
            self.running -= 1

    async def spoken(self, reader, writer, ask):
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        prompt = ask["messages"][-1]["content"] if ask["messages"] else ask["prompt"]
        done, count = len(ask["delivered"]), ask["max_tokens"]
        unary = prompt.startswith("unary")
        places = [list(range(done, count))] if unary else [[n] for n in range(done, count)]
        for place in places or [[]]:
            await asyncio.sleep(self.how.unary_s if unary else self.how.token_s)
            if reader.at_eof():
                raise ConnectionError
            tokens = [token(prompt, n) for n in place]
            last = not place or place[-1] == count - 1
            piece = {
                "tokens": [] if self.how.mute else tokens,
                "text": text(tokens),
                "finish": "length" if last else None,
                "prompt_tokens": len(prompt) if last else 0,
            }
            line = json.dumps(piece).encode() + b"\n"
            writer.write(b"%x\r\n%s\r\n" % (len(line), line))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def drain(self):
        self.draining = True
        while self.running:
            await asyncio.sleep(0.01)
        os._exit(0)


async def serve(how):
    time.sleep(how.load_s)
    if how.fails:
        sys.exit("it does not load")
    stub, loop, tasks = Stub(how), asyncio.get_running_loop(), []
    await asyncio.start_unix_server(stub.meet, how.socket)

    def drain():
        tasks.append(loop.create_task(stub.drain()))

    loop.add_signal_handler(signal.SIGTERM, drain)
    parent = os.getppid()
    while os.getppid() == parent:  # what started it lives
        await asyncio.sleep(0.2)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--unary-s", type=float, default=0.05)
    parser.add_argument("--token-s", type=float, default=0.02)
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--room", type=int, default=64)
    parser.add_argument("--breaks", type=int, default=0, help="every so many requests")
    parser.add_argument("--mute", action="store_true", help="does not tell its tokens")
    parser.add_argument("--fails", action="store_true", help="does not load")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
