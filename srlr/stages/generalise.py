"""What of the tasks training has seen, and how the final model does on changed and other tasks.

reads   generate/tasks.jsonl, the final model
writes  evaluate/beyond.jsonl     its answers to changed and unseen tasks, where any are asked for
        evaluate/parts/           while it runs: one file a way of changing them
"""

from collections.abc import Sequence
from dataclasses import replace

from srlr.core.errors import ConfigError, GateFailed
from srlr.core.evaluating import Perturbation
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings
from srlr.core.training import Training
from srlr.core.types import Role, Task
from srlr.evaluation import generalising
from srlr.evaluation.compare import Resampling
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.perturb import perturbed
from srlr.evaluation.value import Contamination, Generalised
from srlr.models.local import LocalModel
from srlr.stages import answering
from srlr.stages.answering import Attempt

ROWS = "evaluate/beyond.jsonl"
UNSEEN = "unseen"


def seen(tasks: Sequence[Task], settings: Settings, rundir: RunDir) -> Contamination:
    """What of the tasks training has seen.

    Raises:
        GateFailed: that is more than evaluate.max_overlap; nothing has been asked.
    """
    drawn = [row["prompt"] for row in rundir.read_jsonl("generate/tasks.jsonl")]
    near = settings.generate.quality.near
    found = generalising.contamination({task.id: task.prompt for task in tasks}, drawn, near)
    most = settings.evaluate.max_overlap
    if most is not None and found.share > most:
        raise GateFailed(
            f"{found.share:.1%} of the {found.tasks} tasks repeat training tasks, "
            f"evaluate.max_overlap allows {most:.1%}: {', '.join(found.examples)}",
            "take them out of one of the two, or raise evaluate.max_overlap",
        )
    return found


def run(
    role: Role,
    tasks: Sequence[Task],
    attempts: Sequence[Attempt],
    settings: Settings,
    rundir: RunDir,
) -> tuple[Generalised, ...]:
    """How the final model does on tasks changed as evaluate.perturb says, and on unseen ones.

    Raises:
        ConfigError: evaluate.unseen keeps no task that was not asked anyway.
    """
    node = settings.evaluate
    every = {way: _changed(tasks, way, settings) for way in node.perturb}
    groups: dict[str, list[Task]] = {way: some for way, some in every.items() if some}
    if node.unseen:
        groups[UNSEEN] = _unseen(role, tasks, settings)
    if not groups:
        return ()
    final = "rlvr" if isinstance(settings.rlvr, Training) else "srl"
    mine = {row["task"]: row for row in attempts if row["model"] == final}
    schema = Schema.of(settings.role)
    how = Resampling(settings.seed or 0, node.bootstrap_samples, node.confidence_level)
    answered = _answered(groups, role, final, settings, rundir)
    told = []
    for way, rows in answered.items():
        if way == UNSEEN:
            where = ", ".join(f"{key} {' '.join(v)}" for key, v in node.unseen.items())
            told.append(
                generalising.apart(f"unseen: {where}", list(mine.values()), rows, schema, how)
            )
        else:
            before = [mine[row["task"]] for row in rows]
            told.append(generalising.changed(way, before, rows, schema, how))
    return tuple(told)


def _answered(
    groups: dict[str, list[Task]], role: Role, final: str, settings: Settings, rundir: RunDir
) -> dict[str, list[Attempt]]:
    """The final model's answers to each group; one that is answered is not asked again."""

    def tell(what: str, done: int, total: int) -> None:
        rundir.progress(f"evaluate: {what}", done, total)

    model: LocalModel | None = None
    found: dict[str, list[Attempt]] = {}
    for way, tasks in groups.items():
        part = f"evaluate/parts/beyond-{way}.jsonl"
        if not (rundir.path / part).exists():
            model = model or answering.load(rundir.path / final / "best", settings, rundir)
            rows = answering.ask(model, final, role, tasks, settings, progress=tell)
            rundir.write_jsonl(part, [{**row, "way": way} for row in rows])
        found[way] = rundir.read_jsonl(part)
    rundir.write_jsonl(ROWS, [row for rows in found.values() for row in rows])
    return found


def _changed(tasks: Sequence[Task], way: Perturbation, settings: Settings) -> list[Task]:
    """Tasks whose prompt can be changed in that way, changed."""
    found = []
    for task in tasks:
        prompt = perturbed(task.prompt, way, settings.seed or 0)
        if prompt is not None:
            found.append(replace(task, prompt=prompt))
    return answering.some(found, settings.evaluate.perturb_tasks)


def _unseen(role: Role, tasks: Sequence[Task], settings: Settings) -> list[Task]:
    """Tasks of the split that evaluate.unseen keeps in the place of role.where."""
    profile = settings.role.model_copy(update={"where": settings.evaluate.unseen})
    asked = {task.id for task in tasks}
    every = role.load_tasks(profile, settings.evaluate.split)
    found = [task for task in every if task.id not in asked]
    if not found:
        raise ConfigError(
            f"evaluate.unseen: {settings.evaluate.unseen} keeps no {settings.evaluate.split} task "
            "that is not asked anyway",
            "name values of meta that role.where leaves out",
        )
    return answering.some(found, settings.evaluate.perturb_tasks)
