"""One command line run, with its errors told apart: what a person can fix, and bugs."""

import os
import sys

import typer

from srlr.cli import render
from srlr.core.errors import MissingArtifact, ResourceError, SrlrError

EXTRA_OF = dict.fromkeys(("aiohttp", "fastapi", "prometheus_client", "uvicorn"), "serve")
EXTRA_OF |= dict.fromkeys(
    (
        "accelerate",
        "gguf",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "numpy",
        "safetensors",
        "scipy",
        "sklearn",
        "sqlalchemy",
        "torch",
        "transformers",
        "vaderSentiment",
    ),
    "train",
)
"""Which extra of srlr brings a module that may be missing."""


def invoke(app: typer.Typer, args: list[str]) -> int:
    """Runs one command line and returns its exit code; what a person can fix is an SrlrError."""
    command = typer.main.get_command(app)
    if "_SRLR_COMPLETE" in os.environ:
        command.main(args, prog_name="srlr")
    try:
        with command.make_context("srlr", args) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except ImportError as error:
        extra = missing_extra(error)
        if extra is None:
            raise
        raise MissingArtifact(
            f"{error.name or error} is not installed", f"pip install 'srlr[{extra}]'"
        ) from error
    except MemoryError as error:
        raise ResourceError(
            "out of memory", "close other programs, or choose a smaller model or batch"
        ) from error
    except (SrlrError, BrokenPipeError):
        raise
    except Exception as error:
        code = _usage(error, as_json="--json" in args)
        if code is None:
            raise
        return code
    return 0


def _usage(error: Exception, *, as_json: bool) -> int | None:
    """Says what is wrong with the command line; None where the error is a bug."""
    # click is a package of its own under some typers and a private part of others.
    said = getattr(error, "format_message", None)
    if said is None:
        if as_json:
            render.emit("error", {"what": repr(error), "hint": "", "exit_code": 1}, as_json=True)
        return None
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        render.text(context.get_help())
        return 0
    path = context.command_path if context is not None else "srlr"
    render.error(said(), f"see {path} --help", as_json=as_json, exit_code=2)
    return 2


def missing_extra(error: ImportError) -> str | None:
    """The extra that brings what could not be imported, None where that is srlr's own fault."""
    name = (error.name or "").partition(".")[0]
    if name in EXTRA_OF:
        return EXTRA_OF[name]
    # transformers raises a bare ImportError with the package's name in the text.
    said = str(error).lower()
    return next((x for n, x in EXTRA_OF.items() if not name and f"{n.lower()}" in said), None)


def flush() -> None:
    """Empties stdout now; a reader that went away is no error, and not one to report at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
