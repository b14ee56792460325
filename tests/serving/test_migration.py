"""A real model's answer whose worker is killed is the answer that nobody interrupted."""

import asyncio
import os
import random
import signal
from dataclasses import asdict
from pathlib import Path

import pytest

from srlr import assets
from srlr.core.audit import Audit
from srlr.core.swapping import Health
from srlr.serving import relay, workers
from srlr.serving import slots as moves
from srlr.serving.asked import Ask
from srlr.serving.fleet import Fleet
from srlr.serving.ledger import Ledger, Wanted
from srlr.serving.relay import Answered
from srlr.serving.spec import Spec

ASK = Ask(
    "a",
    "r",
    ({"role": "user", "content": "Tell me a story about a lighthouse."},),
    max_tokens=24,
)


async def heard(fleet, told, kill_after=None):
    pieces, count = [], 0
    async for piece in relay.answer(fleet, ASK, told):
        pieces.append(piece)
        count += len(piece.tokens)
        if kill_after is not None and count >= kill_after and piece.finish is None:
            carrier = next(one for one in fleet.everyone() if one.flights)
            os.kill(carrier.worker.pid, signal.SIGKILL)
            kill_after = None
    tokens = tuple(token for piece in pieces for token in piece.tokens)
    return tokens, "".join(piece.text for piece in pieces), pieces[-1]


@pytest.mark.assets
@pytest.mark.parametrize(
    ("engine", "asset"),
    [("transformers", "smollm2-135m-instruct"), ("llamacpp", "smollm2-135m-instruct-gguf")],
)
def test_a_killed_stream_ends_as_if_it_had_not_been(tmp_path, engine, asset):
    async def scenario():
        folder = assets.ensure(asset)
        spec = asdict(Spec(folder, "r", "v1", engine, threads=1, max_running=2, context=256))

        async def start(spec):
            known = Spec(**{**spec, "folder": Path(spec["folder"])})
            return await workers.start(known, Path("/tmp") / tmp_path.name[-20:], timeout_s=300)

        fleet = Fleet(Ledger(tmp_path), start, Audit(tmp_path / "audit.jsonl"), Health())
        try:
            wanted = Wanted({**spec, "folder": str(folder)}, 2)
            await fleet.bring("r", "v1", wanted, timeout_s=300, by="test", why="test")
            for move in (moves.verify, moves.add):
                fleet.change("r", move, "v1", by="test", why="test")
            tokens, text, last = await heard(fleet, Answered())
            at = random.Random(engine).randrange(1, len(tokens) - 2)
            again = await heard(fleet, told := Answered(), kill_after=at)

            assert again == (tokens, text, last)
            assert last.prompt_tokens > 0
            assert (told.lost, told.migrated) == (1, 1)
        finally:
            await fleet.close(0.0)

    asyncio.run(scenario())
