"""The system calls that sandboxed code may make, as a seccomp filter.

A list of what is allowed: an interpreter that reads files, computes and writes to what is open.
Everything else fails with EPERM: sockets, processes, namespaces, mounts, ptrace, shared memory,
keys, io_uring. A thread is a `clone` with CLONE_THREAD; without it the call would make a process.
Numbers of another architecture, x32 among them, are not in the list.

Source: Linux, include/uapi/linux/seccomp.h and filter.h; numbers: arch/x86/entry/syscalls and
scripts/syscall.tbl.
"""

import errno
import platform
import struct

_X86_64 = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7,
    "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13,
    "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19, "writev": 20,
    "access": 21, "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32,
    "dup2": 33, "nanosleep": 35, "getpid": 39, "execve": 59, "exit": 60, "wait4": 61, "uname": 63,
    "fcntl": 72, "fsync": 74, "ftruncate": 77, "getdents": 78, "getcwd": 79, "rename": 82,
    "mkdir": 83, "rmdir": 84, "unlink": 87, "readlink": 89, "gettimeofday": 96, "getrlimit": 97,
    "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107,
    "getegid": 108, "getppid": 110, "getgroups": 115, "setgroups": 116, "setresuid": 117,
    "getresuid": 118, "setresgid": 119, "getresgid": 120, "sigaltstack": 131, "arch_prctl": 158,
    "setrlimit": 160, "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204,
    "getdents64": 217, "set_tid_address": 218, "restart_syscall": 219, "clock_gettime": 228,
    "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234, "waitid": 247,
    "openat": 257, "mkdirat": 258, "newfstatat": 262, "unlinkat": 263, "readlinkat": 267,
    "faccessat": 269, "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "dup3": 292,
    "prlimit64": 302, "renameat2": 316, "getrandom": 318, "membarrier": 324, "statx": 332,
    "rseq": 334, "faccessat2": 439,
}  # fmt: skip
_AARCH64 = {
    "getcwd": 17, "dup": 23, "dup3": 24, "fcntl": 25, "mkdirat": 34, "unlinkat": 35,
    "ftruncate": 46, "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61, "lseek": 62,
    "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pselect6": 72, "ppoll": 73,
    "readlinkat": 78, "newfstatat": 79, "fstat": 80, "fsync": 82, "exit": 93, "exit_group": 94,
    "waitid": 95, "set_tid_address": 96, "futex": 98, "set_robust_list": 99, "nanosleep": 101,
    "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "sched_getaffinity": 123,
    "sched_yield": 124, "restart_syscall": 128, "tgkill": 131, "sigaltstack": 132,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "setresuid": 147,
    "getresuid": 148, "setresgid": 149, "getresgid": 150, "times": 153, "getgroups": 158,
    "setgroups": 159, "uname": 160, "getrlimit": 163, "setrlimit": 164, "getrusage": 165,
    "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175,
    "getgid": 176, "getegid": 177, "gettid": 178, "sysinfo": 179, "brk": 214, "munmap": 215,
    "mremap": 216, "execve": 221, "mmap": 222, "mprotect": 226, "madvise": 233, "wait4": 260,
    "prlimit64": 261, "renameat2": 276, "getrandom": 278, "membarrier": 283, "statx": 291,
    "rseq": 293, "faccessat2": 439,
}  # fmt: skip
_ARCHITECTURES = {
    "x86_64": (0xC000003E, _X86_64, 56, 16),
    "aarch64": (0xC00000B7, _AARCH64, 220, 29),
}
"""By machine: AUDIT_ARCH, what is allowed, and the numbers of clone and ioctl."""
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID and NET."""

_LOAD, _EQUAL, _ANY_OF, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ, JMP|JSET, RET|K
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


def supported(machine: str | None = None) -> bool:
    """Whether the numbers of this machine's system calls are known."""
    return (machine or platform.machine()) in _ARCHITECTURES


def program(machine: str | None = None) -> bytes:
    """The filter as an array of struct sock_filter, as `bwrap --seccomp` reads it."""
    arch, allowed, clone, ioctl = _ARCHITECTURES[machine or platform.machine()]
    lines = [
        _line(_LOAD, _ARCH),
        _line(_EQUAL, arch, 1, 0),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NUMBER),
    ]
    for number in allowed.values():
        lines += [_line(_EQUAL, number, 0, 1), _line(_RETURN, _ALLOW)]
    # The C library asks with clone3, whose flags no filter can read, and then with clone.
    lines += _refused(_CLONE3, errno.ENOSYS) + _refused(ioctl, errno.ENOTTY)
    lines += [
        _line(_EQUAL, clone, 0, 4),
        _line(_LOAD, _FIRST_ARGUMENT),
        _line(_ANY_OF, _NAMESPACES, 2, 0),
        _line(_ANY_OF, _CLONE_THREAD, 0, 1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERRNO | errno.EPERM),
    ]
    return b"".join(lines)


def _refused(number: int, code: int) -> list[bytes]:
    return [_line(_EQUAL, number, 0, 1), _line(_RETURN, _ERRNO | code)]


def _line(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)
