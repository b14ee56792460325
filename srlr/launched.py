"""One of the processes that take a stage's steps together.

    accelerate launch … -m srlr.launched RUN STAGE [CHANNEL]

It is what stages.launching starts, and what other machines start by hand, without a channel. The
run has the config; which of how many processes this is, the environment says.
"""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from srlr.core import channel, hardware, log
from srlr.core.errors import SrlrError
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.target import Ask, find
from srlr.stages import launching
from srlr.stages.refusals import machine_errors
from srlr.stages.state import NAMES, load


def main(words: Sequence[str]) -> None:
    """Runs the stage; an error is left in the channel, or raised where there is none."""
    run, stage, *rest = words
    place, rank = Path(rest[0]) if rest else None, int(os.environ["RANK"])
    log.setup(-1)
    _take_gpu()
    if place is not None:
        channel.hold_on(place)
    try:
        work(Path(run), stage, place if rank == 0 else None)
    except Exception as error:
        if place is not None:
            channel.leave_error(place, rank, error)
        elif isinstance(error, SrlrError):
            sys.exit(f"error: {error}")
        raise


def work(run: Path, stage: str, told: Path | None) -> None:
    """The stage with all processes that were started with this one.

    Args:
        told: the channel of the first process.
    """
    from srlr.training import parallel

    settings, rundir = _shared(find(Ask(run=str(run)), NAMES).final.settings), RunDir(run)
    device = hardware.probe(settings.hardware).device
    outbox = channel.Outbox(told) if told is not None else None
    if outbox is not None:
        rundir.subscribe(outbox.progress)
        rundir.listen(outbox.tell)
        logging.getLogger().addHandler(outbox.records())
    with parallel.joined(device), machine_errors(stage):
        result = load(stage).run(settings, rundir)
    if outbox is not None:
        outbox.result(result)


def _take_gpu() -> None:
    """Of those this machine's processes may use, each sees its own alone."""
    place, given = int(os.environ["LOCAL_RANK"]), os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(place)
    elif place < len(named := given.split(",")):
        os.environ["CUDA_VISIBLE_DEVICES"] = named[place]


def _shared(settings: Settings) -> Settings:
    """The settings with this process's share of the cores."""
    threads = launching.threads_each(settings)
    own = settings.hardware.model_copy(update={"threads": threads})
    return settings.model_copy(update={"hardware": own})


if __name__ == "__main__":
    main(sys.argv[1:])
