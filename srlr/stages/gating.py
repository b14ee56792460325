"""A finished evaluation held against evaluate.gate as it is now; nobody is asked again.

reads   evaluate/report.json, evaluate/attempts.jsonl
writes  evaluate/report.json .md .html, where the floors have changed
"""

from typing import TYPE_CHECKING

from srlr.core.errors import ConfigError, GateFailed
from srlr.core.rundir import RunDir
from srlr.core.settings import Settings

if TYPE_CHECKING:
    from srlr.evaluation.value import Report

REPORT = "evaluate/report.json"


def judge(settings: Settings, rundir: RunDir, *, anew: bool) -> None:
    """Lets a finished evaluation pass or not.

    Args:
        anew: the floors are others than those in the report.

    Raises:
        GateFailed: a floor is not reached.
        ConfigError: the report cannot be read.
    """
    if anew:
        _rewrite(settings, rundir)
    elif all(check["passed"] for check in rundir.read_json(REPORT).get("gate", ())):
        return
    from srlr.evaluation import gate

    failed = gate.failed(_report(rundir))
    if failed:
        raise GateFailed("\n".join(failed), f"see {rundir.path / 'evaluate' / 'report.md'}")


def _rewrite(settings: Settings, rundir: RunDir) -> None:
    from srlr.evaluation import gate, page, tables
    from srlr.evaluation.compare import Resampling
    from srlr.evaluation.outcomes import Schema

    report = _report(rundir)
    rows = tables.by_model(rundir.read_jsonl("evaluate/attempts.jsonl"))
    how = Resampling(report.seed, report.samples, report.level)
    evaluated = gate.Evaluated(report, rows, Schema.of(settings.role), how)
    checks = gate.checks(evaluated, settings.evaluate.gate)
    page.write(report.model_copy(update={"gate": checks}), rundir)


def _report(rundir: RunDir) -> "Report":
    from pydantic import ValidationError

    from srlr.evaluation.value import Report

    try:
        return Report.model_validate(rundir.read_json(REPORT))
    except ValidationError as error:
        raise ConfigError(
            f"{REPORT!r} in {str(rundir.path)!r} cannot be read: {error.errors()[0]['msg']}",
            f"evaluate again: `srlr evaluate --run {rundir.path} --force`",
        ) from error
