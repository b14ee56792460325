"""What the machine refuses, in the words of whoever it refused it to."""

import errno

import pytest

from srlr.core.errors import ConfigError, ResourceError
from srlr.stages.refusals import machine_errors


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EFBIG, "File too large"), "disk is full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "no permission"),
        (OSError(errno.EROFS, "Read-only file system"), "no permission"),
        (MemoryError(), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes"), "out of memory"),
    ],
)
def test_a_refusal_becomes_a_resource_error(error, word):
    with pytest.raises(ResourceError, match=word), machine_errors("rlvr"):
        raise error


def test_the_advice_names_a_key_of_the_stage():
    with pytest.raises(ResourceError) as refused, machine_errors("rlvr"):
        raise MemoryError

    assert "rlvr.micro_batch_tokens" in refused.value.hint


@pytest.mark.parametrize(
    "error", [ValueError("shape mismatch"), FileNotFoundError("x"), ConfigError("no label")]
)
def test_anything_else_passes_unchanged(error):
    with pytest.raises(type(error)) as passed, machine_errors("srl"):
        raise error

    assert passed.value is error
