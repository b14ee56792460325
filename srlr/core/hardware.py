"""What this machine can do: device, memory, cores, disk, dtype. Read, never measured.

A container's limits count: the memory and CPU quotas of its control groups, v1 and v2.
"""

import contextlib
import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.settings import Hardware

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Without one of these a CPU emulates bfloat16, several times slower than float32."""

GPU_NODES = ("dev/nvidiactl", "dev/nvhost-gpu", "dev/dxg", "dev/kfd")
"""A machine without any of these has no GPU, and torch need not be imported to find out."""

GB = 1e9


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine as the settings allow it to be used. Sizes in GB of 10^9 bytes."""

    device: Literal["cpu", "cuda"]
    device_name: str
    cores: int
    memory_gb: float
    """Of the device the model runs on: RAM for cpu, video memory for cuda."""
    memory_available_gb: float
    disk_free_gb: float
    compute_dtype: Literal["float32", "bfloat16"]
    bandwidth_gb_s: float | None = None
    """Memory bandwidth as the settings state it; None where nobody said."""


@dataclass(frozen=True, slots=True)
class _Gpu:
    name: str
    memory_gb: float
    memory_available_gb: float
    bf16: bool


def probe(hardware: Hardware, place: Path = Path(), root: Path = Path("/")) -> Machine:
    """The machine this process runs on; whatever `hardware` states wins over what is found.

    Args:
        hardware: the config node; its None and "auto" mean: look.
        place: where runs are written, for the free disk space.
        root: the file system's root, replaced in tests.

    Raises:
        ResourceError: hardware.device=cuda and there is no such device.
        MissingArtifact: hardware.device=cuda and torch is not installed.
    """
    gpu = None if hardware.device == "cpu" else _gpu(root, wanted=hardware.device == "cuda")
    if gpu is None:
        name, found = cpu_name(root), cpu_dtype(root)
        memory, available = memory_gb(root)
    else:
        name, found = gpu.name, "bfloat16" if gpu.bf16 else "float32"
        memory, available = gpu.memory_gb, gpu.memory_available_gb
    if hardware.memory_gb is not None:
        memory, available = hardware.memory_gb, min(available, hardware.memory_gb)
    return Machine(
        device="cpu" if gpu is None else "cuda",
        device_name=name,
        cores=hardware.threads or cores(root),
        memory_gb=round(memory, 2),
        memory_available_gb=round(available, 2),
        disk_free_gb=round(disk_free_gb(place), 2),
        compute_dtype=found if hardware.compute_dtype == "auto" else hardware.compute_dtype,
        bandwidth_gb_s=hardware.memory_bandwidth_gb_s,
    )


def cores(root: Path = Path("/")) -> int:
    """CPUs this process may use at once: its affinity cut to its group's quota, at least 1."""
    allowed = float(len(os.sched_getaffinity(0)))
    for group in _groups(root, "cpu"):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        if not quota:
            quota = _text(group / "cpu.cfs_quota_us")
            period = _text(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():
            allowed = min(allowed, int(quota) / int(period))
    return max(1, int(allowed))


def memory_gb(root: Path = Path("/")) -> tuple[float, float]:
    """RAM this process may use and what of it is free now; page cache counts as free."""
    fields = dict(
        line.split(":", 1) for line in _text(root / "proc/meminfo").splitlines() if ":" in line
    )
    total = _kib(fields.get("MemTotal", "0"))
    available = _kib(fields.get("MemAvailable", fields.get("MemFree", "0")))
    for group in _groups(root, "memory"):
        limit = _first_number(group, "memory.max", "memory.limit_in_bytes")
        if limit is None or limit >= total:  # v1 writes a huge number for "no limit"
            continue
        used = _first_number(group, "memory.current", "memory.usage_in_bytes") or 0
        cached = _stat(group, "inactive_file") or _stat(group, "total_inactive_file")
        total, available = limit, min(available, limit - max(0, used - cached))
    return total / GB, max(0, available) / GB


def disk_free_gb(place: Path) -> float:
    """Free space where `place` is, or would be once made."""
    place = place.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free / GB


def cpu_name(root: Path = Path("/")) -> str:
    """The processor's model name, or its architecture where the kernel gives none."""
    return _cpuinfo(root, "model name") or platform.processor() or platform.machine() or "cpu"


def cpu_flags(root: Path = Path("/")) -> frozenset[str]:
    """The processor's feature flags; empty where /proc/cpuinfo has none."""
    return frozenset(_cpuinfo(root, "flags").split())


def cpu_dtype(root: Path = Path("/")) -> Literal["float32", "bfloat16"]:
    """What the processor's flags promise to be fast; models.precision measures whether it is."""
    return "bfloat16" if BF16_FLAGS & cpu_flags(root) else "float32"


def _gpu(root: Path, *, wanted: bool) -> _Gpu | None:
    """The first CUDA device; None where there is none and none was asked for."""
    if not wanted and not any((root / node).exists() for node in GPU_NODES):
        return None
    if importlib.util.find_spec("torch") is None:
        if wanted:
            raise MissingArtifact(
                "hardware.device is cuda and torch is not installed", "pip install 'srlr[train]'"
            )
        return None
    import torch

    if not torch.cuda.is_available():
        if wanted:
            raise ResourceError(
                "hardware.device is cuda and torch sees no CUDA device",
                "hardware=cpu, or install the driver and a CUDA build of torch",
            )
        return None
    free, total = torch.cuda.mem_get_info()
    return _Gpu(torch.cuda.get_device_name(), total / GB, free / GB, torch.cuda.is_bf16_supported())


def _groups(root: Path, controller: str) -> list[Path]:
    """The control groups whose limits bind this process, innermost first, both versions."""
    groups = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if controllers else "")
        # In a container the path is the host's and may not exist; the limits are at the mount.
        inner = mount / path.strip("/")
        groups += [g for g in (inner, *inner.parents) if g.is_relative_to(mount) and g.is_dir()]
    return groups


def _cpuinfo(root: Path, key: str) -> str:
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _first_number(folder: Path, *names: str) -> int | None:
    for name in names:
        text = _text(folder / name)
        if text.isdigit():
            return int(text)
    return None


def _stat(folder: Path, key: str) -> int:
    for line in _text(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.strip().isdigit():
            return int(value)
    return 0


def _kib(value: str) -> int:
    return int(value.split()[0]) * 1024


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""
