import json

import evaluated
import pytest

from srlr.core.errors import ConfigError, GateFailed
from srlr.core.evaluating import Evaluate
from srlr.evaluation import page
from srlr.evaluation.report import build
from srlr.evaluation.value import Extras
from srlr.stages import gating


@pytest.fixture
def asked(tmp_path):
    """(settings with these floors, the folder of an evaluated run: SRL is right on 45 of 60)."""
    rows = [*evaluated.answers("baseline", 20), *evaluated.answers("srl", 45)]
    rundir = evaluated.make(tmp_path, "a", rows)
    settings = evaluated.settings(tmp_path, evaluate=Evaluate(bootstrap_samples=100))
    page.write(build(rows, settings, None, [], Extras(run="a", seed=1)), rundir)

    def of(**gate):
        node = settings.evaluate.model_copy(update={"gate": gate})
        return settings.model_copy(update={"evaluate": node}), rundir

    return of


def test_an_evaluated_run_is_held_against_new_floors_and_nothing_else_changes(asked):
    _, rundir = asked()
    before = rundir.read_json("evaluate/report.json")
    gating.judge(*asked(accuracy=0.7, vs_baseline="significant"), anew=True)
    after = rundir.read_json("evaluate/report.json")

    assert [check["passed"] for check in after["gate"]] == [True, True]
    assert {**after, "gate": []} == {**before, "gate": []}
    assert "gain over Baseline" in (rundir.path / "evaluate" / "report.html").read_text()


def test_a_floor_that_is_missed_fails_now_and_later_until_it_is_lowered(asked):
    settings, rundir = asked(accuracy=0.8)
    with pytest.raises(GateFailed, match=r"SRL: Accuracy is 0\.750 \[.*asks for ≥ 0\.800"):
        gating.judge(settings, rundir, anew=True)
    with pytest.raises(GateFailed, match=r"Accuracy is 0\.750"):
        gating.judge(settings, rundir, anew=False)
    gating.judge(*asked(accuracy=0.75), anew=True)
    gating.judge(*asked(accuracy=0.75), anew=False)


def test_a_report_that_cannot_be_read_is_told(asked):
    settings, rundir = asked(accuracy=0.8)
    rundir.write_text("evaluate/report.json", json.dumps({"gate": []}))
    gating.judge(settings, rundir, anew=False)
    with pytest.raises(ConfigError, match="cannot be read: Field required") as refused:
        gating.judge(settings, rundir, anew=True)

    assert "--force" in refused.value.hint
