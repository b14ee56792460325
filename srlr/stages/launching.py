"""A stage that learns, in several processes: starts them, passes on what they tell, ends them.

srlr holds the run's lock and writes its manifest; the first process writes what the stage leaves.
Each runs srlr.launched, under accelerate's launcher.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import srlr
from srlr.core import channel, hardware
from srlr.core.channel import Inbox
from srlr.core.errors import ConfigError, LostError
from srlr.core.launcher import Launcher
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.types import StageResult

STAGES = ("srl", "rlvr")
LOOK_EVERY_S = 0.1
GRACE_S = 20.0
"""What a process gets to end by itself."""


def is_for(settings: Settings, stage: str) -> bool:
    """Whether the stage runs in several processes."""
    return settings.launcher.total > 1 and stage in STAGES


def check(settings: Settings, stages: Sequence[str]) -> None:
    """Raises ConfigError where a process would have neither a core nor a GPU of its own."""
    if not any(is_for(settings, stage) for stage in stages):
        return
    if hardware.probe(settings.hardware).device == "cpu":
        threads_each(settings)
        return
    import torch

    found, processes = torch.cuda.device_count(), settings.launcher.processes
    if processes > found:
        raise ConfigError(
            f"launcher.processes={processes}, but this machine has {found} GPUs",
            f"launcher.processes={found}" if found > 1 else "launcher=none, or hardware=cpu",
        )


def command(launcher: Launcher, run: Path, stage: str, machine: str, threads: int) -> list[str]:
    """What `accelerate launch` is to do on a machine, counted from 0."""
    place = ["--main_process_port", "0"]
    if launcher.machines > 1:
        place = [
            *("--machine_rank", machine),
            *("--main_process_ip", launcher.main_address),
            *("--main_process_port", str(launcher.main_port)),
            "--same_network",
        ]
    return [
        "--multi_gpu",  # accelerate's word for several processes; they need no GPU
        *("--num_machines", str(launcher.machines)),
        *("--num_processes", str(launcher.total)),
        *place,
        *("--num_cpu_threads_per_process", str(threads)),
        *("--mixed_precision", "no"),
        *("--dynamo_backend", "no"),
        *("-m", "srlr.launched", str(run), stage),
    ]


def shown(settings: Settings, run: Path, stages: Sequence[str]) -> list[str]:
    """For a plan: how the stages will be started here, and what to type on the other machines."""
    machines = {"0": "srlr starts"}
    if settings.launcher.machines > 1:
        machines["RANK"] = f"on each other machine, RANK 1 to {settings.launcher.machines - 1}"
    return [
        f"{stage}: {what}: accelerate launch "
        + shlex.join(command(settings.launcher, run, stage, machine, threads_each(settings)))
        for stage in stages
        if is_for(settings, stage)
        for machine, what in machines.items()
    ]


def threads_each(settings: Settings) -> int:
    """The CPU threads of each process, so that all of a machine have no more than its cores.

    Raises:
        ConfigError: there are more processes than cores, and nobody said how many threads.
    """
    processes, stated = settings.launcher.processes, settings.hardware.threads
    cores = stated or hardware.cores()
    if processes > cores and stated is None:
        raise ConfigError(
            f"launcher.processes={processes}, but this machine has {cores} cores",
            f"launcher.processes={cores}, or hardware.threads={cores} to share them nevertheless",
        )
    return max(1, cores // processes)


def run(settings: Settings, rundir: RunDir, stage: str) -> StageResult:
    """As the stage's own `run`, in `settings.launcher.processes` processes.

    Raises:
        SrlrError: what one of them has raised first; the others are ended.
        LostError: one was killed, or could not start.
    """
    run, threads = rundir.path.resolve(), threads_each(settings)
    words = command(settings.launcher, run, stage, "0", threads)
    with channel.opened() as place:
        started = [sys.executable, "-m", "accelerate.commands.launch", *words, str(place)]
        code, result = watched(started, place, rundir, settings)
        if code == 0 and result is not None:
            return result
        raise channel.error_in(place) or _lost(stage, channel.printed(place))


def watched(
    words: Sequence[str], place: Path, rundir: RunDir, settings: Settings
) -> tuple[int, StageResult | None]:
    """Runs a process that speaks through the channel at `place` to its end, and passes on how far
    it is; its exit code, and what it says came of it.
    """
    with open(place / "output", "wb") as output:
        process = subprocess.Popen(
            words,
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process, which ends the other
        )
    inbox = Inbox(place)
    try:
        while process.poll() is None:
            inbox.empty(rundir)
            time.sleep(LOOK_EVERY_S)
        inbox.empty(rundir)
    finally:
        inbox.close()
        _end(process)
    return process.returncode, inbox.result


def _environment(settings: Settings) -> dict[str, str]:
    """This process's, in which srlr is found, and which asks for no network where there is one
    machine.
    """
    home = str(Path(srlr.__file__).parents[1])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    local = {"GLOO_SOCKET_IFNAME": "lo"} if settings.launcher.machines == 1 else {}
    return {**os.environ, **local, "PYTHONPATH": os.pathsep.join(paths)}


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process, which ends its own; those it forgets lose their lifeline."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _lost(stage: str, printed: str) -> LostError:
    return LostError(
        f"a process of {stage} was killed, or could not start:\n{printed}",
        "the same command goes on from the last checkpoint; if memory ran out, fewer "
        "launcher.processes",
    )
