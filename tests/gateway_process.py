"""A gateway as a process of its own, over the scripted backend: for its signals and its port.

python gateway_process.py store_dir=DIR serve.port=0
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path


@contextlib.asynccontextmanager
async def backend(pace_s):
    from gateways import SAID, Scripted

    yield Scripted(pace_s=pace_s, text=lambda ask: f"{SAID} {SAID}")
    sys.stderr.write("backend left\n")


def run(words):
    from srlr.cli import render
    from srlr.core.compose import compose
    from srlr.core.errors import SrlrError
    from srlr.serving import server

    settings = compose(words).settings
    parts = server.Parts(
        backend(float(os.environ.get("PACE_S", "0"))),
        render.note,
        lambda: compose(words).settings,
    )
    try:
        asyncio.run(server.serve(settings, parts))
    except SrlrError as error:
        render.error(error.what, error.hint)
        return error.exit_code
    return 0


class Process:
    """The process, what it has said on stderr so far, and its address once it listens."""

    def __init__(self, *words, pace_s=0.0, env=None):
        root = Path(__file__).resolve().parents[1]
        paths = os.pathsep.join([str(root), str(root / "tests")])
        self.popen = subprocess.Popen(
            [sys.executable, __file__, *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths, "PACE_S": str(pace_s), **(env or {})},
        )
        self.said = ""

    def until(self, text, seconds=60):
        """Reads stderr up to a line with `text`, and returns that line."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            line = self.popen.stderr.readline()
            self.said += line
            if text in line or not line:
                return line
        raise AssertionError(f"{text!r} was not said: {self.said}")

    @property
    def port(self):
        line = self.until("serving ")
        return int(line.rsplit(":", 1)[1].partition("/")[0])

    def ended(self, seconds=30):
        self.said += self.popen.communicate(timeout=seconds)[1]
        return self.popen.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.communicate()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
