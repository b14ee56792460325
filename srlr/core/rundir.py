"""A run directory: the only thing stages share.

    runs/sentiment-gold/2026-11-22T14-03-05_a1b2c3/
      command.txt  config.yaml  manifest.json  metrics.jsonl  audit.jsonl  log.txt  .lock
      select/ generate/ srl/ rlvr/ evaluate/

Every file but the append-only logs is written whole, fsynced and renamed, so a reader never sees
half of one.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from srlr.core.errors import ConfigError, MissingArtifact, ResourceError
from srlr.core.types import StageResult

FORMAT = 1
"""The layout's version; a directory of another one is refused, never guessed at."""

Subscriber = Callable[[str, int, int, Mapping[str, float]], None]
Tell = Callable[[str, str, str], None]
"""tell(stage, event, detail): what happens to a stage in a word, and what to say of it."""


class RunDir:
    """One run on disk. Opening it reads the manifest; `lock` makes this process its only writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._subscribers: list[Subscriber] = []
        self._listeners: list[Tell] = []
        self.manifest: dict[str, Any] = _read_manifest(path)

    @classmethod
    def create(
        cls, path: Path, *, config_yaml: str, command: str, facts: Mapping[str, Any]
    ) -> "RunDir":
        """A new run at `path`; `facts` (seed, hashes, versions, hardware) go into the manifest as
        they are.
        """
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with writing(path):
            if path.exists():
                raise FileExistsError(path)
            part.mkdir(parents=True)
            write_atomic(part / "config.yaml", config_yaml)
            write_atomic(part / "command.txt", command + "\n")
            manifest = {"format": FORMAT, "created": now(), **facts, "stages": {}}
            write_atomic(part / "manifest.json", json.dumps(manifest, indent=2) + "\n")
            os.rename(part, path)  # complete or absent: a kill must not leave a name that is taken
        return cls(path)

    # -- files -------------------------------------------------------------------------------------

    def write_text(self, name: str, text: str) -> Path:
        target = self.path / name
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, text)
        return target

    def write_json(self, name: str, value: Any) -> Path:
        return self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_jsonl(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        return self.write_text(
            name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        )

    def read_text(self, name: str) -> str:
        """The file's text.

        Raises:
            MissingArtifact: the stage that writes it has not run here.
        """
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            stage = name.split("/", 1)[0]
            raise MissingArtifact(
                f"{name!r} is not in {str(self.path)!r}",
                f"run `srlr {stage} --run {self.path}` first",
            ) from None

    def read_json(self, name: str) -> Any:
        text = self.read_text(name)
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(
                f"{name!r} in {str(self.path)!r} is damaged: {error}",
                f"run the stage again with --force: `srlr {name.split('/', 1)[0]} --run "
                f"{self.path} --force`",
            ) from error

    def read_jsonl(self, name: str) -> list[dict[str, Any]]:
        rows = []
        for number, line in enumerate(self.read_text(name).splitlines(), 1):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ConfigError(
                    f"{name!r} line {number} in {str(self.path)!r} is damaged: {error}",
                    f"run the stage again with --force: `srlr {name.split('/', 1)[0]} --run "
                    f"{self.path} --force`",
                ) from error
        return rows

    # -- the append-only logs ----------------------------------------------------------------------

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """Adds a line to metrics.jsonl or audit.jsonl; a line cut by a crash is dropped by
        `metrics`.
        """
        with writing(self.path / name), open(self.path / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def metric(self, stage: str, step: int, **values: float) -> None:
        self.append("metrics.jsonl", {"stage": stage, "step": step, **values})

    def metrics(self, stage: str | None = None) -> list[dict[str, Any]]:
        path = self.path / "metrics.jsonl"
        if not path.exists():
            return []
        rows = []
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the one line a kill may have cut
                row = json.loads(line)
                if stage is None or row["stage"] == stage:
                    rows.append(row)
        return rows

    def rewind_metrics(self, stage: str, step: int) -> None:
        """Drops what a stage logged after `step`: on resume those steps are taken again."""
        kept = [row for row in self.metrics() if row["stage"] != stage or row["step"] <= step]
        self.write_jsonl("metrics.jsonl", kept)

    # -- the manifest ------------------------------------------------------------------------------

    def status(self, stage: str) -> dict[str, Any]:
        """The manifest entry of a stage: {} | {"status": "running" | "done" | "failed", "inputs":
        hash, …}.
        """
        entry: dict[str, Any] = self.manifest["stages"].get(stage, {})
        return entry

    def record(self, stage: str, **entry: Any) -> None:
        """Merges `entry` into the stage's manifest entry and writes the manifest."""
        self.manifest["stages"][stage] = {**self.status(stage), **entry}
        self.save_manifest()

    def record_result(self, result: StageResult) -> None:
        self.record(
            result.name,
            status="done",
            finished=now(),
            artifact=result.artifact,
            metrics=dict(result.metrics),
            notes=list(result.notes),
        )

    def forget(self, stage: str) -> None:
        """Removes a stage's entry and folder, so that it starts from nothing."""
        self.manifest["stages"].pop(stage, None)
        self.save_manifest()
        self.rewind_metrics(stage, -1)
        shutil.rmtree(self.path / stage, ignore_errors=True)

    def save_manifest(self) -> None:
        self.write_json("manifest.json", self.manifest)

    # -- progress ----------------------------------------------------------------------------------

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def progress(self, what: str, done: int, total: int, **figures: float) -> None:
        """Tells whoever listens that `done` of `total` are done; stages never print."""
        for subscriber in self._subscribers:
            subscriber(what, done, total, figures)

    def listen(self, listener: Tell) -> None:
        self._listeners.append(listener)

    def tell(self, stage: str, event: str, detail: str) -> None:
        """Tells whoever listens what a person should know now."""
        for listener in self._listeners:
            listener(stage, event, detail)

    # -- one writer --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process; the kernel lets go when the process dies, however it
        dies.

        Raises:
            ResourceError: another process holds it; its pid is named.
        """
        with writing(self.path / ".lock"):
            file = (self.path / ".lock").open("a+", encoding="utf-8")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                pid = file.read().strip() or "unknown"
                raise ResourceError(
                    f"run {str(self.path)!r} is in use by process {pid}",
                    f"wait for it, stop it with `kill -INT {pid}`, or start another run without "
                    f"--run",
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self.manifest = _read_manifest(self.path)
            yield


def now() -> str:
    """UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_atomic(path: Path, text: str) -> None:
    """All of `text` at `path` or nothing new there, also across a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the machine's refusals to write into errors that name the place and the fix."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise ResourceError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            "free some space, or choose another place with runs_dir=DIR",
        ) from error


def hash_of(value: Any) -> str:
    """A short, stable hash of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def hash_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise MissingArtifact(
            f"{str(path)!r} is not a run directory: it has no manifest.json", "see `srlr runs list`"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{str(path / 'manifest.json')!r} is damaged: {error}",
            "remove the run and start it again",
        ) from error
    if manifest.get("format") != FORMAT:
        raise ConfigError(
            f"run {str(path)!r} has layout version {manifest.get('format')!r}, this srlr reads "
            f"{FORMAT}",
            "use the srlr that made it, or start a new run without --run",
        )
    return manifest
