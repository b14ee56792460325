"""select --measure: a process for each candidate, what is kept of it, and what the record says."""

import dataclasses
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from measurements import PAID, measured

from srlr.core.compose import compose
from srlr.core.errors import MissingArtifact, ResourceError
from srlr.core.hardware import Machine
from srlr.core.rundir import RunDir
from srlr.core.target import Ask, find
from srlr.models import precision
from srlr.models.measured import Measured, Unmeasured
from srlr.stages import (
    measuring,
    pipeline,
    select_again,
    select_checks,
    select_explain,
    select_measure,
    select_review,
)
from srlr.stages.state import NAMES

LAPTOP = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")
WORDS = ("role=toy", "tier=gold", "seed=1", "hardware.price_usd_per_hour=0.73")
OWN = """
name: {name}
source: {source}
facts:
  parameters_b: {{value: 0.0001, source: 'https://x', date: 2026-11-23}}
  context_tokens: {{value: 2048, source: 'https://x', date: 2026-11-23}}
  licence: {{value: mit, source: 'https://x', date: 2026-11-23}}
tuning: {{rollout: {{max_new_tokens: 8}}}}
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory, toy_config, tiny_model_folder):
    """A --config-dir with two cards of the tiny model, one that is elsewhere, one for pay."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "model").mkdir()
    (folder / "config.yaml").write_text((toy_config / "config.yaml").read_text())
    for name, source in (
        ("one", tiny_model_folder),
        ("two", tiny_model_folder),
        ("elsewhere", "hub:nobody/nothing"),
    ):
        card = OWN.format(name=name, source=source)
        (folder / "model" / f"{name}.yaml").write_text(card)
    (folder / "model" / "bought.yaml").write_text(PAID)
    return folder


@pytest.fixture(scope="module")
def selected(tmp_path_factory, own):
    """Runs in which a model is selected, by their words; made once, for copies."""
    made = {}

    def run(words):
        if words not in made:
            place = tmp_path_factory.mktemp("runs")
            asked = (*WORDS, *words, f"runs_dir={place}")
            made[words] = pipeline.run(Ask(asked, own, "measured"), ("select",)).path
        return made[words]

    return run


@pytest.fixture
def chosen(tmp_path, selected):
    """`chosen(words…)`: a run in which a model is selected."""

    def choose(*words):
        return RunDir(shutil.copytree(selected(words or ("model=one",)), tmp_path / "run"))

    return choose


@pytest.fixture
def process(monkeypatch):
    """`process(code)`: what runs in place of a candidate's process; `place` and `name` are there.

    `process.started` names the models in order.
    """

    def replace(code):
        replace.started = []

        def command(run, name, place):
            replace.started.append(name)
            start = f"from pathlib import Path; name, place = {name!r}, Path({str(place)!r})\n"
            return [sys.executable, "-c", start + code]

        monkeypatch.setattr(select_measure, "command", command)
        return replace

    return replace


FINDS = f"""
import json
said = json.loads({json.dumps(json.dumps(measured().as_dict()))})
(place / "measured.json").write_text(json.dumps({{**said, "model": name}}))
"""
BOTH = ("tier.candidates=[two,elsewhere,bought]", "tier.stand_in=one")


def decision(rundir):
    return yaml.safe_load(rundir.read_text("select/decision.yaml"))["model_selection"]


def test_a_candidate_is_measured_in_a_process_of_its_own(chosen):
    rundir = chosen(
        "model=one",
        "select.measure.latency_tasks=3",
        "select.measure.quality_tasks=4",
        "select.measure.limit_s=1",
    )
    heard = []
    rundir.subscribe(lambda what, done, total, figures: heard.append(what))
    found = select_measure.run(rundir)
    one = Measured.from_dict({k: v for k, v in found["measured"]["one"].items() if k != "key"})

    assert one.model == "one"
    assert one.peak_gb == pytest.approx(one.computed_gb, rel=0.15)
    assert "one: answers" in heard
    assert found["machine"]["cores"] == 1
    results = decision(rundir)["validation_results"]
    assert results["hardware_compatible"].startswith(f"pass: peak {one.peak_gb:.2f}")
    assert results["quality_floor"].startswith("not_measured: ")


def test_every_candidate_is_measured_or_says_why_not(chosen, process):
    process(FINDS)
    rundir = chosen(*BOTH)
    found = select_measure.run(rundir)
    said = decision(rundir)

    assert process.started == ["one", "two"]  # the selected one first
    assert list(found["measured"]) == ["one", "two"]
    assert found["validation_results"].items() <= said["validation_results"].items()
    assert said["selected_model"] == "one"
    assert said["not_measured"] == {
        "bought": "it is paid for by the token, its weights are not to be had",
        "elsewhere": "its weights are not on this machine: hf download nobody/nothing",
    }
    assert said["measured"]["two"]["accuracy"] == [0.5, 0.381, 0.619]
    assert said["costs"]["break_even"][0]["name"] == "bought"
    report = rundir.read_text("select/report.md")
    assert "| one | 10 / 14 / 20 | 100 / 200 / 300 | 20 (64 at once) |" in report
    assert "- elsewhere: not measured: its weights are not on this machine" in report
    assert (rundir.path / "select" / "break_even.svg").exists()


def test_what_is_measured_stays_so_until_what_it_depends_on_changes(chosen, process):
    process(FINDS)
    rundir = chosen(*BOTH)
    first = select_measure.run(rundir)
    again = select_measure.run(rundir)
    assert process.started == ["one", "two"]
    assert again["measured"] == first["measured"]

    pipeline.run(
        Ask(("select.measure.quality_tasks=9",), run=str(rundir.path)), ("select",)
    )  # which touches no finished stage
    select_measure.run(RunDir(rundir.path))

    assert process.started == ["one", "two", "one", "two"]


def test_rows_of_another_srlr_are_measured_again(chosen, process):
    process(FINDS)
    rundir = chosen()
    select_measure.run(rundir)
    said = rundir.read_json("select/measured.json")
    del said["measured"]["one"]["peak_gb"]
    rundir.write_json("select/measured.json", said)
    select_measure.run(rundir)

    assert process.started == ["one", "one"]


def test_ctrl_c_ends_the_process_and_keeps_what_was_measured(chosen, process):
    process(
        FINDS
        + "if name == 'two':\n"
        + "    import os, signal, time\n"
        + "    Path(place.parent / 'srlr-test-pid').write_text(str(os.getpid()))\n"
        + "    os.kill(os.getppid(), signal.SIGINT); time.sleep(60)\n"
    )
    rundir = chosen(*BOTH)

    with pytest.raises(KeyboardInterrupt):
        select_measure.run(rundir)
    note = Path(tempfile.gettempdir()) / "srlr-test-pid"
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
    note.unlink()
    assert list(json.loads(rundir.read_text("select/measured.json"))["measured"]) == ["one"]
    assert "measured" not in decision(rundir)

    process(FINDS)
    select_measure.run(rundir)
    assert process.started == ["two"]


@pytest.mark.parametrize(
    ("code", "why", "refused"),
    [
        ("import os; os.kill(os.getpid(), 9)", "its process was killed", True),
        ("print('so it went'); raise SystemExit(3)", "its process ended with 3: so it went", False),
        (
            "from srlr.core import channel; from srlr.core.errors import ResourceError\n"
            "channel.leave_error(place, 0, ResourceError('out of memory', 'less')); 1/0",
            "out of memory",
            True,
        ),
        (
            "from srlr.core import channel; from srlr.core.errors import MissingArtifact\n"
            "channel.leave_error(place, 0, MissingArtifact('damaged', 'mend')); 1/0",
            "damaged",
            False,
        ),
    ],
)
def test_a_process_that_fails_is_told_of_its_model(chosen, process, code, why, refused):
    process(
        f"if name == 'one':\n    {code.replace(chr(10), chr(10) + '    ')}\nelse:{_inside(FINDS)}"
    )
    rundir = chosen(*BOTH)
    found = select_measure.run(rundir)

    assert why in found["not_measured"]["one"]["why"]
    assert found["not_measured"]["one"]["refused"] is refused
    word = "fail: " if refused else "not_measured: "
    assert decision(rundir)["validation_results"]["hardware_compatible"].startswith(word)
    assert decision(rundir)["costs"]["why"] == "nothing is measured"


def _inside(code):
    return code.replace("\n", "\n    ")


def test_a_bug_in_the_process_is_raised_as_one(chosen, process):
    process(
        "from srlr.core import channel\nchannel.leave_error(place, 0, ZeroDivisionError()); 1/0"
    )

    with pytest.raises(ZeroDivisionError):
        select_measure.run(chosen())


def test_no_weights_here_is_an_error_that_names_them(chosen, process, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    process(FINDS)
    rundir = chosen("model=elsewhere")

    with pytest.raises(MissingArtifact) as caught:
        select_measure.run(rundir)
    assert "hf download nobody/nothing" in caught.value.what
    assert "model=" in caught.value.hint
    assert process.started == []
    results = decision(rundir)["validation_results"]
    assert results["latency_verified"].startswith("not_measured: its weights are not on this")


def test_a_machine_too_small_is_an_error_and_a_failed_check(chosen, process):
    process(FINDS)
    rundir = chosen("model=one", "hardware.memory_gb=0.3")

    with pytest.raises(ResourceError) as caught:
        select_measure.run(rundir)
    assert "it needs 0.477 GB (process 0.47" in caught.value.what
    assert process.started == []
    said = decision(rundir)["validation_results"]["hardware_compatible"]
    assert said.startswith("fail: it needs 0.477 GB")


def test_a_full_disk_names_the_place(chosen, process):
    process(FINDS)
    rundir = chosen()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))
    try:
        with pytest.raises(ResourceError, match="cannot write"):
            select_measure.run(rundir)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert "measured" not in decision(rundir)


def test_a_card_that_left_the_catalog_says_so(chosen, process):
    process(FINDS)
    rundir = chosen()
    record = yaml.safe_load(rundir.read_text("select/decision.yaml"))
    record["model_selection"]["candidates_evaluated"].append("gone")
    rundir.write_text("select/decision.yaml", yaml.safe_dump(record))
    found = select_measure.run(rundir)

    assert found["not_measured"]["gone"]["why"] == "the catalog has no such card any more"
    assert list(found["measured"]) == ["one"]


# -- the decision again ----------------------------------------------------------------------------


RIVALS = (
    "tier.candidates=[one,two]",
    "tier.parameters_min_b=0",
    "tier.parameters_max_b=1",
    "tier.stand_in=null",
)
TWO_IS_BETTER = """
import json
said = json.loads(%s)
said["probe"]["right"] = 60 if name == "two" else 30
(place / "measured.json").write_text(json.dumps({**said, "model": name}))
"""


@pytest.fixture
def rivals(chosen, process):
    """A run in which `one` wins by its name and `two` answers better, as measuring will find."""
    process(TWO_IS_BETTER % repr(json.dumps(measured().as_dict())))
    return chosen(*RIVALS)


def test_what_was_measured_decides_and_both_decisions_are_told(rivals):
    assert decision(rivals)["decided_on"] == "claims"
    before = decision(rivals)["selection_score"]
    select_measure.run(rivals)
    said = decision(rivals)

    assert (said["selected_model"], said["decided_on"]) == ("two", "measurements")
    assert said["on_claims"] == {"selected_model": "one", "selection_score": before}
    assert said["validation_results"]["quality_floor"].count("0.938 right") == 1
    assert said["criteria_breakdown"]["performance"]["accuracy"]["basis"] == "measured"
    report = rivals.read_text("select/report.md")
    assert "- by what is claimed: one instead, " in report
    aim = find(Ask(run=str(rivals.path)), NAMES)
    assert aim.final.settings.model.name == "two"
    assert aim.auto

    select_measure.run(rivals)
    again = decision(rivals)
    assert (again["selected_model"], again["on_claims"]) == ("two", said["on_claims"])


def test_a_stage_that_has_begun_keeps_its_model(rivals):
    rivals.record("generate", status="running")
    select_measure.run(rivals)
    said = decision(rivals)

    assert (said["selected_model"], said["decided_on"]) == ("one", "claims")
    assert said["kept_because"].startswith("one stays, for generate has begun with it; by what was")
    assert "srlr select --measure --force --run" in said["kept_because"]
    assert find(Ask(run=str(rivals.path)), NAMES).final.settings.model.name == "one"


def test_where_nothing_fits_any_more_the_choice_stays_and_says_so(chosen, process):
    process(FINDS)
    rundir = chosen(*RIVALS, "role.requirements.latency_max_ms=5")
    select_measure.run(rundir)
    said = decision(rundir)

    assert said["selected_model"] == "one"
    assert "no base model fits role 'toy'" in said["kept_because"]
    assert said["validation_results"]["latency_verified"].startswith("fail: ")


def test_a_kill_between_record_and_config_is_made_good(rivals, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(select_measure, "selected", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            select_measure.run(rivals)
    aim = find(Ask(run=str(rivals.path)), NAMES)
    assert (aim.final.settings.model.name, decision(rivals)["selected_model"]) == ("auto", "two")
    select_measure.run(rivals)

    assert find(Ask(run=str(rivals.path)), NAMES).final.settings.model.name == "two"


def test_a_plain_select_rests_on_claims_and_its_checks_are_not_made(rivals):
    select_measure.run(rivals)
    pipeline.run(Ask(run=str(rivals.path), force=True), ("select",))
    said = decision(RunDir(rivals.path))

    assert (said["selected_model"], said["decided_on"]) == ("one", "claims")
    assert set(said["validation_results"].values()) == {"not_measured: run srlr select --measure"}


def test_a_decision_on_measurements_is_reviewed_and_explained_on_them(rivals):
    select_measure.run(rivals)
    machine = precision.foreseen(asked(rivals).hardware)
    found = select_again.decided_on(rivals, machine)
    assert set(found) == {"one", "two"}
    (one,) = select_review.review([rivals], datetime(2027, 1, 1, tzinfo=UTC), 7).due
    assert (one.verdict, one.model_today) == ("same", "two")

    explained = select_explain.explain(asked(rivals), machine, "one", found)
    assert explained.verdict == "outranked"
    half = {"two": found["two"]}
    explained = select_explain.explain(asked(rivals), machine, "one", half)
    assert explained.verdict == "not measured"

    elsewhere = dataclasses.replace(machine, device_name="another")
    assert select_again.decided_on(rivals, elsewhere) == {}
    (rivals.path / "select/measured.json").unlink()
    assert select_again.decided_on(rivals, machine) == {}


def asked(rundir):
    return find(Ask(run=str(rundir.path)), NAMES).first.settings


# -- what the checks are given ---------------------------------------------------------------------


def test_what_is_wanted_is_the_roles_the_tiers_and_the_machines():
    settings = compose(
        ("role=sentiment", "tier=gold", "hardware.price_usd_per_hour=2"), environ={}
    ).settings
    wanted = select_checks.wanted(settings, LAPTOP, {"stand_in_for": "gold"})

    assert (wanted.latency_max_ms, wanted.tier_latency_max_ms) == (250, 16)
    assert wanted.memory_gb == pytest.approx(19.2)
    assert (wanted.stands_in, wanted.throughput_rps, wanted.price_usd_per_hour) == (True, 10, 2)


def test_nobody_waits_for_an_asynchronous_tier():
    settings = compose(("role=sentiment", "tier=bronze"), environ={}).settings
    wanted = select_checks.wanted(settings, LAPTOP, {})

    assert (wanted.latency_max_ms, wanted.tier_latency_max_ms) == (None, None)


def test_a_cards_figures_are_its_numbers():
    card = compose(("model=smollm2-135m-instruct",), environ={}).settings.model
    found = select_checks.claims(card)

    assert found["ifeval"] == 0.299
    assert "licence" not in found


def test_the_records_figures_are_in_milliseconds():
    short = select_checks.short(measured(load=None))

    assert short["first_token_ms"] == {"p50": 10.0, "p95": 14.0, "p99": 20.0, "count": 100}
    assert short["load"] is None
    assert select_checks.short(measured())["load"]["answer_ms_p95"] == 400.0


def test_a_process_is_started_with_the_run_the_model_and_its_channel(tmp_path):
    words = select_measure.command(tmp_path, "one", tmp_path / "place")

    assert words[1:] == ["-m", measuring.__name__, str(tmp_path), "one", str(tmp_path / "place")]
    assert Unmeasured("x", "y").refused is False
