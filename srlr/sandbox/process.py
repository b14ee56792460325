"""One program under test, from its text to what its calls came to, within the limits.

A program that never ends, says too much or is killed leaves the replies it had given by then.
"""

import contextlib
import logging
import marshal
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

from srlr.core.errors import ResourceError
from srlr.core.hardware import cores
from srlr.core.sandboxing import Sandbox
from srlr.sandbox import bubblewrap, seccomp
from srlr.sandbox.bubblewrap import Isolation, Way
from srlr.sandbox.replies import Call, Popen, Ran, Reply, heard, read

log = logging.getLogger(__name__)
T = TypeVar("T")

_START = (
    "import marshal\n"
    "with open({}, 'rb') as file:\n"
    "    code, job = marshal.load(file)\n"
    "names = {{'__name__': 'inside'}}\n"
    "exec(code, names)\n"
    "names['main'](job)\n"
)
_OPEN_FILES = 32
_PROBE_S = 120.0
"""A busy machine is slow, and no less able to isolate."""
_PROBE = """
import os

def seen():
    import decimal, json  # can files be read that only root may read here?
    places = ("/etc", "/proc/self", "/home", "/root", "/dev")
    found = [place for place in places if os.path.exists(place)]
    found += sorted(os.environ.keys() - {"LD_LIBRARY_PATH", "PYTHONHASHSEED", "PWD", "LC_CTYPE"})
    try:
        os.fork()
        found.append("fork")
    except PermissionError:
        pass
    if os.getuid() == 0:
        found.append("root")
    return found
"""


def call(code: str, calls: Sequence[Call], settings: Sandbox) -> Ran:
    """What calls of a program's functions come to, one after the other in one process.

    Raises:
        ResourceError: this machine cannot isolate it.
        MissingArtifact: bubblewrap is not installed.
    """
    return _called(code, calls, settings, require(settings))


def _called(code: str, calls: Sequence[Call], settings: Sandbox, by: Isolation | None) -> Ran:
    asked = [(one.function, list(one.args), dict(one.kwargs)) for one in calls]
    job = {"kind": "program", "code": code, "calls": asked}
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        process = _started(stack, job, by, settings, (subprocess.DEVNULL, subprocess.PIPE, None))
        assert process.stdout is not None, "it was asked for"
        text, ended = heard(process, process.stdout, settings, began)
    return Ran(read(text, len(calls)), ended, time.monotonic() - began)


def examine(
    code: str, tests: Sequence[str], names: Sequence[str], settings: Sandbox, support: str = ""
) -> Ran:
    """Whether a program passes tests: a reply for each, without an error where it passed.

    The tests run in a sandbox of their own, in which each of `names` is a function that asks the
    program; `support` is run before them.

    Raises:
        ResourceError: this machine cannot isolate it.
        MissingArtifact: bubblewrap is not installed.
    """
    by = require(settings)
    program = {"kind": "program", "code": code, "calls": None}
    judge = {"kind": "tests", "support": support, "tests": list(tests), "names": list(names)}
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        with contextlib.ExitStack() as ends:
            questions, asking = _pipe(ends)
            hearing, answers = _pipe(ends)
            _started(stack, program, by, settings, (questions, answers, None))
            ways = (hearing, asking, subprocess.PIPE)
            process = _started(stack, judge, by, settings, ways)
        assert process.stderr is not None, "it was asked for"
        text, ended = heard(process, process.stderr, settings, began)
    return Ran(read(text, len(tests)), ended, time.monotonic() - began)


def many(work: Sequence[Callable[[], T]], settings: Sandbox) -> list[T]:
    """The results of runs in their order, so many at once as `workers` says."""
    workers = min(settings.workers or cores(), len(work))
    if workers <= 1:
        return [one() for one in work]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda one: one(), work))


def require(settings: Sandbox) -> Isolation | None:
    """How this machine isolates a program; None where it is not to be isolated.

    Raises:
        ResourceError: it cannot, and why.
        MissingArtifact: bubblewrap is not installed.
    """
    if settings.kind == "none":
        _warn()
        return None
    return _isolated()


@lru_cache(maxsize=1)
def _warn() -> None:
    """Says it once."""
    log.warning("role.sandbox.kind=none: generated code runs without isolation")


@lru_cache(maxsize=1)
def _isolated() -> Isolation:
    """The first way that holds in a trial."""
    if not sys.platform.startswith("linux") or not seccomp.supported():
        raise _refusal("there is no sandbox for this system")
    ways: tuple[Way, ...] = ("root", "user") if os.geteuid() == 0 else ("user",)
    reasons = []
    for by in [Isolation(binary, way) for way in ways for binary in bubblewrap.binaries()]:
        ran = _called(_PROBE, [Call("seen")], Sandbox(wall_s=_PROBE_S), by)
        if ran.replies == (Reply([]),):
            return by
        said = ran.replies[0].error or f"it sees {ran.replies[0].value}" if ran.replies else ""
        reasons.append(said or _complaint(by))
    raise _refusal("; ".join(dict.fromkeys(reasons)))


def _refusal(why: str) -> ResourceError:
    return ResourceError(
        f"generated code cannot be isolated here: {why}",
        "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0; a container needs "
        "--security-opt seccomp=unconfined), or run the code as it is, which may do to this "
        "machine all that you may: role.sandbox.kind=none",
    )


def _complaint(by: Isolation) -> str:
    """What bubblewrap says of itself where a sandbox does not come about."""
    with contextlib.ExitStack() as stack:
        filtered = _held(stack, seccomp.program())
        done = subprocess.run(
            bubblewrap.command(by, ["-c", "pass"], filtered, 0),
            capture_output=True, text=True, pass_fds=[filtered], check=False, errors="replace",
        )  # fmt: skip
    return done.stderr.strip() or f"a trial ended with status {done.returncode}"


def _started(
    stack: contextlib.ExitStack,
    job: Mapping[str, Any],
    by: Isolation | None,
    settings: Sandbox,
    streams: tuple[int, int, int | None],
) -> Popen:
    """The process that does the job, killed at the stack's end; its input, output and errors."""
    user = bubblewrap.own_user() if by is not None and by.way == "root" else None
    limits = _limits(settings, by)
    told = _held(stack, marshal.dumps((_inside(), {**job, "user": user, "limits": limits})))
    python = ["-P", "-s", "-S", "-B", "-X", "utf8", "-c", _START.format(told)]
    fds = [told]
    if by is None:
        words = [sys.executable, *python]
    else:
        fds.append(_held(stack, seccomp.program()))
        words = bubblewrap.command(by, python, fds[-1], settings.files_mb)
    stdin, stdout, stderr = streams
    try:
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL if stderr is None else stderr,
            pass_fds=fds,
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
    except OSError as error:
        raise ResourceError(
            f"{words[0]!r} cannot be started: {error.strerror}",
            "role.sandbox.workers=1 starts fewer at once; or install bubblewrap again",
        ) from error
    stack.callback(_ended, process)
    return process


def _limits(settings: Sandbox, by: Isolation | None) -> dict[str, tuple[int, int]]:
    hard = {
        "RLIMIT_AS": settings.memory_mb << 20,
        "RLIMIT_FSIZE": settings.files_mb << 20,
        "RLIMIT_NOFILE": _OPEN_FILES,
        "RLIMIT_CORE": 0,
    }
    if by is not None:  # else it would count all processes of the user
        others = 1 if by.way == "user" else 0  # bubblewrap's own, in the same user namespace
        hard["RLIMIT_NPROC"] = settings.threads + others
    cpu = {"RLIMIT_CPU": (settings.cpu_s, settings.cpu_s + 1)}  # a signal, and then the end
    return {name: (most, most) for name, most in hard.items()} | cpu


@lru_cache(maxsize=1)
def _inside() -> CodeType:
    source = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
    return compile(source, "inside.py", "exec", dont_inherit=True)


def _held(stack: contextlib.ExitStack, content: bytes) -> int:
    """A descriptor from which the content can be read once."""
    fd = os.memfd_create("srlr")
    stack.callback(os.close, fd)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        stack.callback(os.close, end)
    return ends


def _ended(process: Popen) -> None:
    """Kills what is left of the process and of what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
