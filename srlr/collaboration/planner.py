"""Who writes which trajectory: the teachers of a run, the tasks that each of them gets.

with planner.opened(settings, role, path) as plan:
    for positions, teacher in plan.jobs(tasks): …
"""

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srlr.collaboration import session as sessions
from srlr.collaboration.client import Client
from srlr.collaboration.session import Session
from srlr.collaboration.teachers import Teacher, expert
from srlr.collaboration.teachers.decompose import Decomposed
from srlr.collaboration.teachers.importing import Imported
from srlr.collaboration.teachers.llm import Llm
from srlr.core.errors import ConfigError
from srlr.core.settings import Settings
from srlr.core.teaching import Teacher as TeacherSettings
from srlr.core.types import Role, Task

MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class Seat:
    """One teacher: its name in the configuration, what it writes with, and for which tasks.

    `together`: how many tasks it is asked for at once. `knows`: None where it knows all tasks.
    """

    name: str
    settings: TeacherSettings
    teacher: Teacher
    together: int = 1
    knows: Callable[[Task], bool] | None = None


@dataclass(frozen=True, slots=True)
class Planner:
    """A run's teachers, and the model that judges. `session` is there where a server is asked."""

    seats: tuple[Seat, ...]
    seed: int
    session: Session | None = None
    judge: Client | None = None

    @property
    def threads(self) -> int:
        """How many jobs are worth doing at once."""
        asking = [seat.settings.concurrency for seat in self.seats if seat.settings.asks]
        judging = self.judge.settings.concurrency if self.judge else 1
        return min(MOST_THREADS, max(judging, sum(asking)))

    def known(self, task: Task) -> bool:
        """Whether no teacher would have to pass the task over."""
        return all(seat.knows is None or seat.knows(task) for seat in self.seats)

    def jobs(self, tasks: Sequence[Task]) -> list[tuple[list[int], Seat]]:
        """Which positions of `tasks` go to which teacher together; every position is in one job."""
        waiting: dict[str, list[int]] = {seat.name: [] for seat in self.seats}
        found: list[tuple[list[int], Seat]] = []
        for position, task in enumerate(tasks):
            seat = self._seat(task)
            waiting[seat.name].append(position)
            if len(waiting[seat.name]) == seat.together:
                found.append((waiting[seat.name], seat))
                waiting[seat.name] = []
        return found + [(waiting[one.name], one) for one in self.seats if waiting[one.name]]

    def _seat(self, task: Task) -> Seat:
        if len(self.seats) == 1:
            return self.seats[0]
        # By the task alone: what others are drawn changes nothing.
        draw = random.Random(f"{self.seed}/{task.id}")
        weights = [seat.settings.weight for seat in self.seats]
        return draw.choices(self.seats, weights)[0]

    def stop(self) -> None:
        """Ends the requests under way."""
        if self.session is not None:
            self.session.close()

    def cost(self) -> dict[str, Any] | None:
        """What requests have taken; None where no teacher makes any."""
        return None if self.session is None else self.session.cost()

    def notes(self) -> list[str]:
        """What is worth saying of files."""
        files = [
            (s.name, s.teacher.unused()) for s in self.seats if isinstance(s.teacher, Imported)
        ]
        return [
            f"{name}: {count:,} lines of the file belong to no task that was drawn for SRL"
            for name, count in files
            if count
        ]


@contextlib.contextmanager
def opened(
    settings: Settings, role: Role, place: Path, clean: Callable[[str], str] = str
) -> Iterator[Planner]:
    """The teachers that the settings name.

    Args:
        place: the run's folder, where the journal is.
        clean: takes out of every text what must neither be sent nor stored.

    Raises:
        ConfigError, MissingArtifact: a teacher lacks a key, a price, a file or a package.
    """
    named, examined = teachers(settings), _judge(settings)
    with contextlib.ExitStack() as stack:
        session = None
        if examined or any(one.asks for one in named.values()):
            journal = place / sessions.JOURNAL
            session = stack.enter_context(sessions.opened(journal, settings.generate.budget, clean))

        def client(one: TeacherSettings, at: str) -> Client:
            assert session is not None, "someone is asked"
            made = Client(session, one, at)
            stack.callback(made.close)
            return made

        seats = []
        for name, one in named.items():
            at = f"generate.{name}" if name == "teacher" else f"generate.more_teachers.{name}"
            seats.append(_seat(name, at, settings, role, client(one, at) if one.asks else None))
        judge = client(examined, "generate.verifier.judge") if examined else None
        yield Planner(tuple(seats), settings.seed or 0, session, judge)


def _judge(settings: Settings) -> TeacherSettings | None:
    """How the model that judges is reached; None where none does."""
    judge = settings.generate.verifier.judge
    if judge.model is None:
        return None
    return TeacherSettings(
        kind="openai",
        temperature=0.0,
        replay=any(one.replay for one in teachers(settings).values()),
        **judge.model_dump(exclude={"same_model", "tolerance"}),
    )


def teachers(settings: Settings) -> dict[str, TeacherSettings]:
    """By name: `teacher`, and those of more_teachers."""
    more = settings.generate.more_teachers
    if "teacher" in more:
        raise ConfigError(
            "generate.more_teachers: 'teacher' is the first one's name", "choose another name"
        )
    return {"teacher": settings.generate.teacher, **more}


def _seat(name: str, at: str, settings: Settings, role: Role, client: Client | None) -> Seat:
    one = settings.generate.more_teachers.get(name, settings.generate.teacher)
    together = settings.generate.num_examples_per_request if client else 1
    if one.kind == "import":
        assert one.path is not None, "settings say so"
        imported = Imported(one.path, at)
        return Seat(name, one, imported, knows=imported.knows)
    if one.kind == "decompose":
        parted = Decomposed(role, one.solution, one.split)
        if client is None:
            return Seat(name, one, parted, knows=parted.knows)
        rewriter = Llm(client, role, settings.role, name, parted.hint)
        return Seat(name, one, rewriter, together, parted.knows)
    if client is not None:
        return Seat(name, one, Llm(client, role, settings.role, name), together)
    return Seat(name, one, expert.teacher(role))
