"""Jobs are kept, answered once, taken up again after a kill, and told where they promised to."""

import asyncio
import hashlib
import hmac
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from srlr.core.errors import ConfigError
from srlr.serving import jobs
from srlr.serving.asked import Busy, Refused

PROCESS = Path(__file__).parent / "jobs_process.py"


def place(tmp_path, **said):
    return jobs.Place(f"sqlite:///{tmp_path / 'jobs.sqlite'}", **said)


@asynccontextmanager
async def working(where, answer):
    found = await jobs.start(where, answer)
    try:
        yield found
    finally:
        found.stop(0)


async def over(found, name, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = await found.get(name)
        if job.state in ("done", "failed", "cancelled"):
            return job
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} is still {job.state}")


async def double(body):
    return {"text": str(body["n"] * 2)}


def test_a_job_is_answered_and_its_answer_kept(tmp_path):
    async def scenario():
        async with working(place(tmp_path), double) as found:
            job = await found.submit({"n": 4}, "math")
            done = await over(found, job.id)
            return job, done, await found.get("no such job")

    job, done, other = asyncio.run(scenario())

    assert job.state in ("queued", "running")
    assert (done.state, done.role, done.response) == ("done", "math", {"text": "8"})
    assert done.created <= done.updated
    assert other is None


def test_the_same_key_of_the_same_role_is_the_same_job(tmp_path):
    asked = []

    async def answer(body):
        asked.append(body)
        return {}

    async def scenario():
        async with working(place(tmp_path), answer) as found:
            first = await found.submit({"n": 1}, "math", key="order 7")
            second = await found.submit({"n": 1}, "math", key="order 7")
            third = await found.submit({"n": 1}, "sentiment", key="order 7")
            for job in (first, second, third):
                await over(found, job.id)
            return first, second, third

    first, second, third = asyncio.run(scenario())

    assert first.id == second.id != third.id
    assert len(asked) == 2


def test_what_cannot_be_answered_fails_with_its_words_at_once(tmp_path):
    async def answer(body):
        raise ConfigError("the prompt has 9,000 tokens", "shorten it")

    async def scenario():
        async with working(place(tmp_path), answer) as found:
            return await over(found, (await found.submit({}, "math")).id)

    job = asyncio.run(scenario())

    assert job.state == "failed"
    assert job.error == {
        "what": "the prompt has 9,000 tokens",
        "hint": "shorten it",
        "type": "ConfigError",
    }


def test_a_bug_fails_the_job_and_is_named(tmp_path):
    async def answer(body):
        raise ZeroDivisionError("division by zero")

    async def scenario():
        async with working(place(tmp_path), answer) as found:
            return await over(found, (await found.submit({}, "math")).id)

    job = asyncio.run(scenario())

    assert job.state == "failed"
    assert "division by zero" in job.error["what"]


def test_where_there_is_no_room_it_is_asked_again(tmp_path):
    asked = []

    async def answer(body):
        asked.append(body)
        if len(asked) < 3:
            raise Busy("all rows are taken")
        return {"text": "at last"}

    async def scenario():
        async with working(place(tmp_path), answer) as found:
            return await over(found, (await found.submit({}, "math")).id)

    assert asyncio.run(scenario()).response == {"text": "at last"}
    assert len(asked) == 3


def test_a_cancelled_job_is_not_begun(tmp_path):
    asked = []

    async def answer(body):
        asked.append(body["n"])
        await asyncio.sleep(0.5)
        return {}

    async def scenario():
        async with working(place(tmp_path, concurrency=1), answer) as found:
            first = await found.submit({"n": 1}, "math")
            second = await found.submit({"n": 2}, "math")
            cancelled = await found.cancel(second.id)
            done = await over(found, first.id)
            await asyncio.sleep(0.6)
            return cancelled, done, await found.cancel(first.id), await found.cancel("none")

    cancelled, done, after, unknown = asyncio.run(scenario())

    assert cancelled.state == "cancelled"
    assert done.state == after.state == "done"
    assert unknown is None
    assert asked == [1]


@asynccontextmanager
async def receiver(statuses):
    """A server that answers with the statuses in turn, and what it was told."""
    told = []

    async def hear(request):
        told.append((await request.read(), request.headers.get(jobs.SIGNATURE)))
        return web.Response(status=statuses[min(len(told), len(statuses)) - 1])

    app = web.Application()
    app.router.add_post("/done", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/done", told
    finally:
        await runner.cleanup()


def test_a_callback_is_signed_and_made_again_after_a_refusal(tmp_path):
    where = place(tmp_path, callback_hosts=("127.0.0.1",), callback_secret="s3")

    async def scenario():
        async with receiver([503, 200]) as (url, told), working(where, double) as found:
            job = await found.submit({"n": 2}, "math", callback=url)
            await over(found, job.id)
            return job, told

    job, told = asyncio.run(scenario())
    body, signature = told[-1]

    assert len(told) == 2
    assert f'"id": "{job.id}"'.encode() in body
    assert b'"response": {"text": "4"}' in body
    assert signature == hmac.new(b"s3", body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("callback", ["http://169.254.169.254/latest", "file:///etc/passwd", "x"])
def test_no_other_place_is_called(tmp_path, callback):
    async def scenario():
        async with working(place(tmp_path, callback_hosts=("example.org",)), double) as found:
            await found.submit({"n": 2}, "math", callback=callback)

    with pytest.raises(Refused):
        asyncio.run(scenario())


@contextmanager
def process(url, seen):
    started = subprocess.Popen([sys.executable, str(PROCESS), url, str(seen), "0.3"])
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def done_in(seen):
    return {line.split()[1] for line in seen if line.startswith("done")}


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_killed_process_loses_no_job_and_answers_none_twice(tmp_path):
    url, seen = f"sqlite:///{tmp_path / 'jobs.sqlite'}", tmp_path / "seen"
    with process(url, seen):
        until(lambda: len(done_in(lines(seen))) >= 2 and lines(seen)[-1].startswith("begun"))
    before = lines(seen)
    seen.unlink()
    with process(url, seen):
        until(lambda: len(done_in(before) | done_in(lines(seen))) == 6)
        time.sleep(1.0)  # for what would be answered again
    after = lines(seen)

    async def results():
        async with working(jobs.Place(url, name="another"), double) as found:
            names = [(await found.submit({}, "math", key=str(n))).id for n in range(6)]
            return [(await over(found, name)).response for name in names]

    assert len(after) == len(set(after))
    # Killed between an answer and writing it down, one is answered again: the last of them.
    assert done_in(before) & done_in(after) <= {[x for x in before if "done" in x][-1].split()[1]}
    assert asyncio.run(results()) == [{"text": str(2 * n)} for n in range(6)]
