"""Where log records go: warnings to stderr, more on request; everything to a run's log.txt.

Figures do not pass through logging; they are rows of metrics.jsonl.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from srlr.core.rundir import writing

NOISY = (
    *("hydra", "transformers", "huggingface_hub", "urllib3", "filelock", "matplotlib", "torch"),
    *("httpx2", "openai"),
)
"""Libraries whose remarks help nobody who runs a stage: only their errors pass, except with -v."""

QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
"""transformers sets its own loggers up when it is imported, and draws bars of its own."""

_LINE = "%(levelname)s %(name)s: %(message)s"
_FILE_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is at that moment: a live progress bar puts itself there."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        raise AttributeError("the stream is always sys.stderr")


def setup(verbosity: int = 0) -> None:
    """Sends records to stderr: warnings at 0, errors below, everything above. Can be repeated."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _Stderr)]:
        root.removeHandler(handler)
    terminal = _Stderr()
    terminal.setLevel(
        logging.ERROR if verbosity < 0 else logging.DEBUG if verbosity else logging.WARNING
    )
    terminal.setFormatter(logging.Formatter(_LINE))
    root.addHandler(terminal)
    root.setLevel(logging.INFO)
    logging.getLogger("srlr").setLevel(logging.DEBUG)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.INFO if verbosity > 0 else logging.ERROR)
    if verbosity <= 0:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
    logging.captureWarnings(True)


@contextlib.contextmanager
def into(path: Path) -> Iterator[None]:
    """Appends every record to the file at `path` while the block runs.

    Raises:
        ResourceError: the file cannot be opened.
    """
    with writing(path):
        handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FILE_LINE))
    handler.setLevel(logging.DEBUG)
    logging.getLogger("srlr").setLevel(logging.DEBUG)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        # A full disk surfaces once more on close; the stage's own error says it better.
        with contextlib.suppress(OSError):
            handler.close()
