import errno
import struct

import pytest

from srlr.sandbox import seccomp

X86, ARM = 0xC000003E, 0xC00000B7
ALLOW, KILL = 0x7FFF0000, 0x80000000


def outcome(machine, arch, number, argument=0):
    """What the kernel would make of the filter: a machine of four instructions."""
    data = struct.pack("<iIQ6Q", number, arch, 0, argument, 0, 0, 0, 0, 0)
    code = seccomp.program(machine)
    lines = [struct.unpack_from("<HBBI", code, place) for place in range(0, len(code), 8)]
    loaded = at = 0
    while True:
        op, then, otherwise, value = lines[at]
        at += 1
        match op:
            case 0x20:
                loaded = struct.unpack_from("<I", data, value)[0]
            case 0x15:
                at += then if loaded == value else otherwise
            case 0x45:
                at += then if loaded & value else otherwise
            case 0x06:
                return value


def refused(code):
    return 0x50000 | code


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("socket", 41), ("fork", 57), ("vfork", 58), ("kill", 62), ("ptrace", 101), ("mount", 165),
        ("unshare", 272), ("memfd_create", 319), ("bpf", 321), ("io_uring_setup", 425),
        ("process_vm_readv", 310), ("shmget", 29), ("keyctl", 250), ("symlink", 88),
        ("unknown to come", 9999), ("x32 read", 0x40000000),
    ],
)  # fmt: skip
def test_what_is_not_in_the_list_is_refused(name, number):
    assert outcome("x86_64", X86, number) == refused(errno.EPERM)


@pytest.mark.parametrize("number", [0, 1, 9, 59, 231, 257])
def test_what_an_interpreter_needs_is_allowed(number):
    assert outcome("x86_64", X86, number) == ALLOW


@pytest.mark.parametrize(("machine", "arch", "clone"), [("x86_64", X86, 56), ("aarch64", ARM, 220)])
def test_a_clone_may_make_a_thread_and_nothing_else(machine, arch, clone):
    thread, new_user, child = 0x3D0F00, 0x10000000, 17

    assert outcome(machine, arch, clone, thread) == ALLOW
    assert outcome(machine, arch, clone, child) == refused(errno.EPERM)
    assert outcome(machine, arch, clone, thread | new_user) == refused(errno.EPERM)
    assert outcome(machine, arch, 435) == refused(errno.ENOSYS)


def test_another_architecture_ends_the_process():
    assert outcome("x86_64", 0x40000003, 0) == KILL  # the 32-bit calls of the same machine
    assert outcome("aarch64", X86, 63) == KILL
    assert outcome("aarch64", ARM, 63) == ALLOW


def test_an_ioctl_is_answered_as_by_a_plain_file():
    assert outcome("x86_64", X86, 16, 0x5412) == refused(errno.ENOTTY)


def test_machines_whose_numbers_are_known():
    assert seccomp.supported("x86_64")
    assert seccomp.supported("aarch64")
    assert not seccomp.supported("riscv64")
