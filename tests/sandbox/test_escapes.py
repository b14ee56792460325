"""What hostile code tries. None of it succeeds, and none of it scores.

Most attempts are functions of one program, so that a sandbox is started once for all of them.
"""

import os
import time
from dataclasses import replace

import pytest

from srlr import sandbox
from srlr.core.errors import SrlrError
from srlr.core.sandboxing import Sandbox
from srlr.sandbox import Call, Program, bubblewrap, process

SETTINGS = Sandbox(cpu_s=1, wall_s=60)


def _isolation():
    try:
        return process.require(SETTINGS), ""
    except SrlrError as error:
        return None, str(error)


WAY, WHY = _isolation()
pytestmark = pytest.mark.skipif(WAY is None, reason=WHY)

ATTEMPTS = {
    "internet": "import _socket\n_socket.socket(2, 1)",
    "unix_socket": "import _socket\n_socket.socket(1, 1)",
    "socket_pair": "import _socket\n_socket.socketpair()",
    "passwords": "open('/etc/passwd').read()",
    "processes": "os.listdir('/proc')",
    "own_memory": "open('/proc/self/mem')",
    "devices": "os.listdir('/dev')",
    "homes": "os.listdir('/home')",
    "host_packages": "os.listdir('/usr')",
    "fork": "os.fork()",
    "spawn": "os.posix_spawn('/python/bin/python3', ['python3', '-c', ''], {})",
    "shell": "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'true'])",
    "kill_parent": "os.kill(os.getppid(), 9)",
    "kill_init": "os.kill(1, 9)",
    "kill_all": "os.kill(-1, 9)",
    "namespace": "os.unshare(0x10000000)" if hasattr(os, "unshare") else "os.chroot('.')",
    "chroot": "os.chroot('/tmp')",
    "become_root": "os.setuid(0)",
    "write_here": "open('/tmp/x', 'w')",
    "write_interpreter": "open('/python/lib/python3.%d/os.py' % sys.version_info[1], 'a')",
    "new_folder": "os.mkdir('/new')",
    "link_out": "os.symlink('/etc/passwd', '/tmp/link')",
    "hard_link": "os.link('/python/bin/python3', '/tmp/python')",
    "mount": "os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0))",
    "memory_file": "os.memfd_create('x')",
    "foreign_code": "import ctypes",
    "raise_limit": "import resource\nresource.setrlimit(7, (4096, 4096))",
    "pipe": "os.pipe()",
    "hostname": "import _socket\n_socket.sethostname('x')",
    "priority": "os.nice(-5)",
}
SECRETS = """
def environment():
    return sorted(os.environ)

def user():
    return [os.getuid() == 0, os.geteuid() == 0, os.getgid() == 0, len(os.getgroups())]

def host():
    return [os.uname().nodename, os.getcwd(), sorted(os.listdir('/')), os.listdir('/tmp')]

def parent():
    return os.getppid()
"""


def _hostile():
    functions = [
        f"def {name}():\n    " + "\n    ".join(body.split("\n")) for name, body in ATTEMPTS.items()
    ]
    return "import os, sys\n" + "\n".join(functions) + SECRETS


@pytest.fixture(scope="module", params=["root", "user"])
def hostile(request):
    """What each attempt came to, in both ways of isolating where this machine has both."""
    if request.param == "root" and WAY.way != "root":
        pytest.skip("only root needs no user namespace")
    names = [*ATTEMPTS, "environment", "user", "host", "parent"]
    calls = [Call(name) for name in names]
    ran = process._called(_hostile(), calls, SETTINGS, replace(WAY, way=request.param))
    if not ran.replies:
        pytest.skip("this machine has no user namespaces")
    return dict(zip(names, ran.replies, strict=True))


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_fails(hostile, name):
    assert hostile[name].error.partition(":")[0] in {
        "PermissionError",
        "FileNotFoundError",
        "ImportError",
        "ModuleNotFoundError",
        "OSError",
        "ValueError",
    }


def test_nothing_of_this_machine_is_seen(hostile):
    assert set(hostile["environment"].value) <= {
        "LD_LIBRARY_PATH",
        "PYTHONHASHSEED",
        "LC_CTYPE",
        "PWD",
    }
    assert hostile["user"].value[:3] == [False, False, False]
    assert hostile["user"].value[3] <= 1
    _, here, folders, files = hostile["host"].value

    assert here == "/tmp"
    assert set(folders) <= {"lib", "lib64", "python", "tmp"}
    assert files == []
    assert hostile["parent"].value == 1


def called(code, settings=SETTINGS, calls=("f",)):
    return sandbox.call(code, [Call(name) for name in calls], settings)


def test_a_fork_bomb_dies_at_once():
    ran = called("import os\nwhile True:\n    os.fork()\n")

    assert ran.replies[0].error.startswith("PermissionError")


def test_threads_are_bounded_where_root_has_no_limit():
    code = """
import threading, time
def f():
    threading.stack_size(32768)
    made = []
    try:
        for _ in range(200):
            made.append(threading.Thread(target=time.sleep, args=(0.2,), daemon=True))
            made[-1].start()
    except RuntimeError:
        return len(made) - 1
"""
    assert called(code).replies[0].value == SETTINGS.threads - 1  # the program's own is one


def test_a_memory_bomb_gets_an_error_and_the_machine_nothing():
    ran = called(
        "def f():\n    return len(bytearray(1 << 30))\n\ndef g():\n    return 1", calls="fg"
    )

    assert ran.replies[0].error.startswith("MemoryError")
    assert ran.replies[1].value == 1


def test_endless_work_is_stopped_and_what_came_before_counts():
    code = "def f():\n    return 1\ndef g():\n    while True:\n        pass"
    ran = called(code, calls="fgf")

    assert [reply.value for reply in ran.replies] == [1]
    assert ran.ended == "time"


def test_code_that_waits_is_stopped_by_the_clock():
    began = time.monotonic()
    ran = called("import time\ntime.sleep(60)", Sandbox(wall_s=1.0))

    assert (ran.replies, ran.ended) == ((), "time")
    assert time.monotonic() - began < 10


@pytest.mark.slow  # two seconds of processor time
def test_code_that_ignores_the_warning_is_killed():
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"

    assert called(code, Sandbox(cpu_s=1, wall_s=120)).ended == "died"


def test_endless_output_is_cut_off():
    """The reply's own channel is the only one there is; prints go nowhere."""
    flood = (
        "import os\nfor n in range(3, 20):\n    try:\n"
        "        while os.write(n, b'x' * 65536): pass\n    except OSError: pass"
    )
    ran = called(flood)

    assert (ran.replies, ran.ended) == ((), "output")


def test_prints_go_nowhere():
    assert called("def f():\n    print('x' * 10**7)\n    return 1").replies[0].value == 1


def test_a_working_folder_has_only_so_much_room():
    code = """
def f():
    with open('/tmp/a', 'w') as file:
        file.write('kept')
    return open('/tmp/a').read()

def g():
    with open('/tmp/b', 'wb') as file:
        return file.write(b'x' * (3 << 20))

def h():
    for n in range(9):
        with open(f'/tmp/c{n}', 'wb') as file:
            file.write(b'x' * (1 << 19))
"""
    ran = called(code, Sandbox(files_mb=1), "fgh")

    assert ran.replies[0].value == "kept"
    assert ran.replies[1].error.startswith("OSError")  # too large for a file, or for the folder
    assert "No space left" in ran.replies[2].error


TESTS = ("assert add(2, 3) == 5", "assert add(-1, 1) == 0")
CHECKED = ("assert add(2, 3) - 5 == 0", "assert add(-1, 1) == sum([])")
CHEATS = {
    "exit before the tests": "import sys\nsys.exit(0)",
    "a hard exit": "import os\nos._exit(0)",
    "printing what is expected": "print(5)\nprint(0)\ndef add(a, b):\n    print(a + b)",
    "equal to everything": (
        "class All:\n    def __eq__(self, other): return True\n"
        "    def __sub__(self, other): return 0\n"
        "def add(a, b): return All()"
    ),
    "a number that is equal to everything": (
        "class All(int):\n    def __eq__(self, other): return True\ndef add(a, b): return All(1)"
    ),
    "changing builtins": (
        "import builtins\nbuiltins.AssertionError = builtins.compile = None\n"
        "builtins.exec = lambda *a: None\ndef add(a, b): return 1"
    ),
    "changing the runner": (
        "import sys\nframe = sys._getframe()\nwhile frame:\n"
        "    frame.f_globals.update(_say=print, encode=lambda *a: '5', _error=lambda e: '')\n"
        "    frame = frame.f_back\ndef add(a, b): return 1"
    ),
    "forging verdicts": (
        "import os\nfor n in range(3, 20):\n    try:\n"
        "        os.write(n, b'=null\\n=true\\n' * 9)\n    except OSError: pass\nos._exit(0)"
    ),
    "no function": "x = 1",
    "an exception": "raise KeyboardInterrupt",
}  # fmt: skip


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_scores_nothing_whoever_compares(name):
    programs = [Program(CHEATS[name], tests) for tests in (TESTS, CHECKED)]
    found = sandbox.judge_all(programs, SETTINGS)

    assert [one.share for one in found] == [0.0, 0.0]
    assert all(fault for one in found for fault in one.faults)


def test_the_next_program_is_not_the_worse_for_it():
    program = Program("def add(a, b):\n    return a + b", (*TESTS, *CHECKED))

    assert sandbox.judge(program, SETTINGS).faults == ("", "", "", "")


def test_no_two_sandboxes_share_a_user():
    assert len({bubblewrap.own_user() for _ in range(64)}) == 64


def test_what_a_sandbox_started_is_gone_when_srlr_is_done_with_it():
    before = _sandboxed()
    called("import time\ntime.sleep(60)", Sandbox(wall_s=0.5))
    until = time.monotonic() + 30  # the kernel ends a whole namespace, after its first process
    while left := _sandboxed() - before:
        assert time.monotonic() < until, left
        time.sleep(0.02)


def _sandboxed():
    numbers = [name for name in os.listdir("/proc") if name.isdigit()]
    return {pid for pid in numbers if _command(pid).startswith("/python/bin")}


def _command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
