"""What a machine can do, read from made-up /proc and /sys trees."""

import sys
import types

import pytest

from srlr.core import hardware
from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.settings import Hardware

GIB = 2**30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1048576 kB\nMemAvailable: 8388608 kB\n"  # 16 and 8 GiB


@pytest.fixture
def root(tmp_path):
    """A machine: `root({"proc/cpuinfo": ...})` writes its files and returns their folder."""

    def make(files):
        for name, text in {"proc/meminfo": MEMINFO, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make


def test_without_limits_the_whole_memory_counts(root):
    assert hardware.memory_gb(root({})) == (16 * GIB / 1e9, 8 * GIB / 1e9)


def test_a_v2_limit_counts_and_page_cache_is_free(root):
    place = root(
        {
            "proc/self/cgroup": "0::/job\n",
            "sys/fs/cgroup/job/memory.max": str(4 * GIB),
            "sys/fs/cgroup/job/memory.current": str(3 * GIB),
            "sys/fs/cgroup/job/memory.stat": f"anon 5\ninactive_file {2 * GIB}\n",
        }
    )

    assert hardware.memory_gb(place) == (4 * GIB / 1e9, 3 * GIB / 1e9)  # 4 - (3 - 2)


def test_a_limit_on_an_outer_group_counts_too(root):
    place = root(
        {
            "proc/self/cgroup": "0::/outer/inner\n",
            "sys/fs/cgroup/outer/inner/memory.max": "max",
            "sys/fs/cgroup/outer/memory.max": str(2 * GIB),
            "sys/fs/cgroup/outer/memory.current": "0",
        }
    )

    assert hardware.memory_gb(place) == (2 * GIB / 1e9, 2 * GIB / 1e9)


def test_a_v1_limit_at_the_mount_counts_where_the_path_is_the_hosts(root):
    place = root(
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2 * GIB),
            "sys/fs/cgroup/memory/memory.usage_in_bytes": str(GIB),
        }
    )

    assert hardware.memory_gb(place) == (2 * GIB / 1e9, GIB / 1e9)


def test_v1_says_no_limit_with_a_huge_number(root):
    place = root(
        {
            "proc/self/cgroup": "4:memory:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096),
        }
    )

    assert hardware.memory_gb(place)[0] == 16 * GIB / 1e9


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("100000 100000", 1),
        ("50000 100000", 1),  # half a core is still one thread
        ("max 100000", 8),
        ("", 8),
    ],
)
def test_a_cpu_quota_limits_the_cores(root, monkeypatch, quota, cores):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    place = root({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": quota})

    assert hardware.cores(place) == cores


def test_a_v1_cpu_quota_limits_the_cores(root, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    place = root(
        {
            "proc/self/cgroup": "1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "350000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        }
    )

    assert hardware.cores(place) == 3


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("fpu avx2 avx512_bf16", "bfloat16"),
        ("fpu amx_bf16 amx_tile", "bfloat16"),
        ("fpu avx2 avx512f", "float32"),
        ("", "float32"),
    ],
)
def test_bfloat16_needs_a_processor_that_has_it(root, flags, dtype):
    place = root({"proc/cpuinfo": f"model name\t: Fast One\nflags\t\t: {flags}\n"})
    machine = hardware.probe(Hardware(name="auto"), root=place)

    assert machine.compute_dtype == dtype
    assert machine.device_name == "Fast One"
    assert machine.device == "cpu"


def test_what_the_settings_state_wins(root):
    node = Hardware(
        name="mine",
        device="cpu",
        memory_gb=4,
        threads=3,
        compute_dtype="float32",
        memory_bandwidth_gb_s=20,
    )
    place = root({"proc/cpuinfo": "flags : avx512_bf16\n"})
    machine = hardware.probe(node, root=place)

    assert (machine.memory_gb, machine.memory_available_gb) == (4, 4)
    assert (machine.cores, machine.compute_dtype, machine.bandwidth_gb_s) == (3, "float32", 20)


def test_free_disk_is_that_of_the_nearest_folder_that_exists(tmp_path):
    assert hardware.disk_free_gb(tmp_path / "not" / "yet") > 0


def fake_torch(monkeypatch, available=True):
    cuda = types.SimpleNamespace(
        is_available=lambda: available,
        mem_get_info=lambda: (10e9, 24e9),
        get_device_name=lambda: "L4",
        is_bf16_supported=lambda: True,
    )
    module = types.ModuleType("torch")
    module.cuda = cuda
    module.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "torch", module)


def test_a_cuda_device_is_found_where_its_driver_is(root, monkeypatch):
    fake_torch(monkeypatch)
    machine = hardware.probe(Hardware(name="auto"), root=root({"dev/nvidiactl": ""}))

    assert (machine.device, machine.device_name) == ("cuda", "L4")
    assert (machine.memory_gb, machine.memory_available_gb) == (24, 10)
    assert machine.compute_dtype == "bfloat16"


def test_a_driver_without_a_device_is_a_cpu_machine(root, monkeypatch):
    fake_torch(monkeypatch, available=False)

    assert hardware.probe(Hardware(name="auto"), root=root({"dev/kfd": ""})).device == "cpu"


def test_cuda_asked_for_and_not_there_is_refused(root, monkeypatch):
    fake_torch(monkeypatch, available=False)
    with pytest.raises(ResourceError, match="no CUDA device"):
        hardware.probe(Hardware(name="l4", device="cuda"), root=root({}))


def test_cuda_asked_for_without_torch_names_the_extra(root, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingArtifact, match=r"srlr\[train\]"):
        hardware.probe(Hardware(name="l4", device="cuda"), root=root({}))


def test_without_torch_a_driver_changes_nothing(root, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    place = root({"dev/nvidiactl": ""})

    assert hardware.probe(Hardware(name="auto"), root=place).device == "cpu"
