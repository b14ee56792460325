"""Worker processes, from the gateway's side."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving.living import Living, answered, text, tokens

from srlr import assets
from srlr.core.errors import ResourceError
from srlr.serving import workers
from srlr.serving.asked import Ask, Busy, Gone, Late, Refused
from srlr.serving.workers import Spec

READY_S = 200


@pytest.fixture(scope="module")
def living():
    return Living()


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="module")
def worker(living, sockets, tiny_model_folder):
    spec = Spec(tiny_model_folder, "toy", "v1", threads=1, max_running=2, max_waiting=1)
    one = living(workers.start(spec, sockets, timeout_s=READY_S))
    yield one
    living(one.stop(5))


def ask(name="a", max_tokens=12, **how):
    chat = ({"role": "user", "content": f"The label of {name}"},)
    return Ask(name, "toy", chat, max_tokens=max_tokens, **how)


def test_a_worker_is_ready_when_it_has_answered(living, worker):
    told = living(worker.health())

    assert told["state"] == "ready"
    assert (told["release"], told["pid"], told["replay"]) == ("toy@v1", worker.pid, "exact")
    assert told["tokens_per_second"] > 0
    assert worker.alive


def test_nobody_else_may_talk_to_it_and_nobody_sees_what_it_was_told(worker):
    command = Path(f"/proc/{worker.pid}/cmdline").read_bytes().split(b"\0")

    assert os.stat(worker.path).st_mode & 0o777 == 0o600
    assert command[1:-1] == [b"-m", b"srlr.serving.worker", bytes(worker.path)]


def test_its_threads_do_not_spin_while_others_compute(worker):
    environment = Path(f"/proc/{worker.pid}/environ").read_bytes().split(b"\0")

    assert b"OMP_WAIT_POLICY=PASSIVE" in environment


def test_an_answer_comes_in_pieces_and_goes_on_from_any_of_them(living, worker):
    whole = living(answered(worker, ask(max_tokens=20, temperature=0.8, seed=4)))
    begun = tokens(whole[:5])
    rest = living(answered(worker, ask(max_tokens=20, temperature=0.8, seed=4, delivered=begun)))

    assert whole[-1].finish
    assert begun + tokens(rest) == tokens(whole)
    assert text(whole[:5]) + text(rest) == text(whole)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (ask(max_tokens=0), Refused),
        (ask("word " * 3000), Refused),
        (ask("word " * 5_000_000), Refused),
        (ask(deadline=time.time() - 1), Late),
    ],
)
def test_what_it_cannot_answer_it_refuses_and_goes_on(living, worker, wrong, kind):
    with pytest.raises(kind):
        living(answered(worker, wrong))

    assert living(answered(worker, ask()))[-1].finish


def test_it_is_busy_with_as_many_as_it_may_have(living, worker):
    async def four():
        return await asyncio.gather(
            *(answered(worker, ask(str(one), 300)) for one in range(4)), return_exceptions=True
        )

    found = living(four())

    assert [type(one) for one in found if isinstance(one, Exception)] == [Busy]


def test_who_closes_the_connection_or_is_late_makes_room(living, worker):
    async def leave():
        pieces = worker.answer(ask(max_tokens=1900))
        await anext(pieces)
        before = (await worker.health())["running"]
        await pieces.aclose()
        with pytest.raises(Late):
            await answered(worker, ask(max_tokens=1900, deadline=time.time() + 0.4))
        until = time.monotonic() + 20
        while (after := (await worker.health())["running"]) and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return before, after

    assert living(leave()) == (1, 0)


def test_a_worker_that_is_stopped_finishes_what_it_has_begun(living, sockets, tiny_model_folder):
    async def drain():
        spec = Spec(tiny_model_folder, "toy", "v2", threads=1)
        one = await workers.start(spec, sockets, timeout_s=READY_S)
        begun = asyncio.create_task(answered(one, ask(max_tokens=300)))
        while not (await one.health())["running"]:
            await asyncio.sleep(0.01)
        await one.stop(60)
        with pytest.raises(Gone):
            await answered(one, ask())
        return one, await begun

    one, pieces = living(drain())

    assert pieces[-1].finish
    assert (one.alive, one.process.returncode) == (False, 0)
    assert not list(sockets.glob(f"{one.path.stem}*"))


def test_what_cannot_be_loaded_is_told_and_nothing_is_left(living, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()

    with pytest.raises(ResourceError, match="is not a model folder"):
        living(workers.start(Spec(empty, "toy", "v1"), tmp_path / "s", timeout_s=READY_S))
    assert not list((tmp_path / "s").iterdir())


def test_a_worker_that_takes_too_long_is_ended(living, tmp_path, tiny_model_folder):
    with pytest.raises(ResourceError, match=r"not ready within 0\.2 s"):
        living(workers.start(Spec(tiny_model_folder, "toy", "v1"), tmp_path, timeout_s=0.2))
    assert not list(tmp_path.glob("*.sock"))


PARENT = """
import asyncio, sys
from pathlib import Path
from srlr.serving import workers
async def main():
    spec = workers.Spec(Path(sys.argv[1]), "toy", "v1", threads=1)
    one = await workers.start(spec, Path(sys.argv[2]), timeout_s=200)
    print(one.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def test_a_worker_ends_with_the_one_that_started_it_however_that_ends(tmp_path, tiny_model_folder):
    command = [sys.executable, "-c", PARENT, str(tiny_model_folder), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 30
    while time.monotonic() < until and running(pid):
        time.sleep(0.02)

    assert not running(pid)


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.assets
@pytest.mark.parametrize(
    ("engine", "asset"),
    [("transformers", "smollm2-135m-instruct"), ("llamacpp", "smollm2-135m-instruct-gguf")],
)
def test_what_a_killed_worker_leaves_unfinished_goes_on_on_another_token_for_token(
    living, sockets, engine, asset
):
    """Killed in the middle of a greedy and of a drawn answer, neither of which the worker that goes
    on has seen.
    """
    spec = Spec(assets.ensure(asset), "toy", "v1", engine, threads=1, max_running=2, context=512)
    rainy = ({"role": "user", "content": "Name three 🎉 things to do on a rainy day."},)
    wanted = [
        {"messages": rainy, "max_tokens": 24},
        {"messages": rainy, "max_tokens": 24, "temperature": 0.9, "top_p": 0.95, "seed": 5},
    ]

    async def cut(first, how, found, others):
        try:
            async for piece in first.answer(Ask("cut", "toy", **how)):
                found.append(piece)
                if all(len(one) >= 3 for one in others) and first.alive:
                    os.kill(first.pid, signal.SIGKILL)
        except Gone:
            return found
        raise AssertionError("it was finished before it was killed")

    async def all_of_it():
        first = await workers.start(spec, sockets, timeout_s=READY_S)
        second = await workers.start(spec, sockets, timeout_s=READY_S)
        try:
            came = [[] for _ in wanted]
            begun = await asyncio.gather(
                *(cut(first, how, own, came) for how, own in zip(wanted, came, strict=True))
            )
            rest = [
                await answered(second, Ask("rest", "toy", delivered=tokens(some), **how))
                for some, how in zip(begun, wanted, strict=True)
            ]
            other = ({"role": "user", "content": "Who are you?"},)
            for _ in range(2):  # so that nothing is left of them
                await answered(second, Ask("other", "toy", other, max_tokens=2))
            whole = [await answered(second, Ask("whole", "toy", **how)) for how in wanted]
        finally:
            await first.stop(0)
            await second.stop(0)
        return begun, rest, whole

    for some, rest, whole in zip(*living(all_of_it()), strict=True):
        assert tokens(some) + tokens(rest) == tokens(whole)
        assert text(some) + text(rest) == text(whole)
        assert (rest[-1].finish, rest[-1].prompt_tokens) == (
            whole[-1].finish,
            whole[-1].prompt_tokens,
        )
