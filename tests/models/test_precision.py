"""What is computed in: flags first, clear figures over them, and a run's own choice over both."""

import json

import pytest

from srlr.core import hardware
from srlr.core.rundir import RunDir
from srlr.core.settings import Hardware
from srlr.models import precision
from srlr.models.precision import Speeds

AUTO = Hardware(name="auto", device="cpu", threads=1)
FIGURES = Speeds(float32=60.0, bfloat16=150.0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of its own, and a processor whose flags promise bfloat16."""
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hardware, "cpu_dtype", lambda root=None: "bfloat16")
    return tmp_path / "cache" / "speed"


@pytest.fixture
def measured(monkeypatch):
    """`measured(first, then, …)`: what the measurements will find; returns those made so far."""

    def plan(*found):
        made, left = [], list(found)

        def measure(threads):
            made.append(threads)
            return left.pop(0) if left[1:] else left[0]

        monkeypatch.setattr(precision, "measure", measure)
        return made

    return plan


@pytest.fixture
def rundir(tmp_path):
    return RunDir.create(tmp_path / "run", config_yaml="", command="srlr", facts={})


@pytest.mark.parametrize(
    ("flagged", "float32", "bfloat16", "chosen"),
    [
        ("bfloat16", 60, 150, "bfloat16"),
        ("bfloat16", 100, 70, "bfloat16"),  # 1.4 times: a busy machine's noise
        ("bfloat16", 100, 60, "float32"),  # 1.7 times
        ("float32", 100, 10, "float32"),  # emulated
        ("float32", 100, 140, "float32"),
        ("float32", 100, 160, "bfloat16"),
    ],
)
def test_figures_overrule_the_flags_where_they_are_clear(flagged, float32, bfloat16, chosen):
    assert precision.choose(flagged, Speeds(float32, bfloat16)) == chosen


@pytest.mark.parametrize("flagged", ["bfloat16", "float32"])
def test_without_figures_the_flags_decide(flagged):
    assert precision.choose(flagged, None) == flagged


def test_a_measurement_gives_two_figures_and_leaves_threads_and_chance_alone():
    import torch

    torch.set_num_threads(1)
    before = torch.random.get_rng_state()
    found = precision.measure(1)

    assert found.float32 > 0
    assert found.bfloat16 > 0
    assert torch.get_num_threads() == 1
    assert torch.equal(torch.random.get_rng_state(), before)


def test_it_is_measured_once_for_a_number_of_threads(cache, measured):
    made = measured(FIGURES)

    assert precision.speeds(1) == precision.speeds(1) == FIGURES
    assert precision.speeds(2) == FIGURES
    assert made == [1, 2]

    one, two = sorted(json.loads(path.read_text())["threads"] for path in cache.iterdir())

    assert (one, two) == (1, 2)


def test_figures_against_the_flags_are_measured_again_and_the_best_count(cache, measured):
    made = measured(Speeds(90.0, 20.0), Speeds(80.0, 130.0), Speeds(1.0, 1.0))

    assert precision.speeds(1) == Speeds(90.0, 130.0)
    assert len(made) == 2


def test_figures_that_stay_against_the_flags_are_believed(cache, measured):
    made = measured(Speeds(90.0, 20.0))

    assert precision.decided(AUTO).compute_dtype == "float32"
    assert len(made) == 3


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"float32": 1}', '{"float32": 0, "bfloat16": 1}', '{"float32": {}}']
)
def test_a_damaged_file_is_measured_again(cache, measured, text):
    made = measured(FIGURES)
    precision.speeds(1)
    (path,) = cache.iterdir()
    path.write_text(text)

    assert precision.speeds(1) == FIGURES
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_is_no_error(cache, measured):
    cache.parent.write_text("a file")
    measured(FIGURES)

    assert precision.speeds(1) == FIGURES


def test_without_torch_the_flags_decide(cache, monkeypatch):
    def missing(threads):
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(precision, "measure", missing)

    assert precision.speeds(1) is None
    assert precision.decided(AUTO).compute_dtype == "bfloat16"


def test_what_the_settings_say_is_neither_measured_nor_overruled(cache, measured):
    made = measured(Speeds(90.0, 20.0))
    node = AUTO.model_copy(update={"compute_dtype": "bfloat16"})

    assert precision.decided(node).compute_dtype == "bfloat16"
    assert made == []


def test_a_plan_measures_nothing_and_takes_what_is_known(cache, measured):
    made = measured(Speeds(90.0, 20.0))

    assert precision.foreseen(AUTO).compute_dtype == "bfloat16"
    assert made == []

    precision.speeds(1)

    assert precision.foreseen(AUTO).compute_dtype == "float32"


def test_a_run_goes_on_in_what_it_began_with(cache, measured, rundir):
    measured(FIGURES)

    assert precision.settle(AUTO, rundir).compute_dtype == "bfloat16"

    (path,) = cache.iterdir()
    path.write_text(json.dumps({"float32": 90.0, "bfloat16": 20.0}))  # as if the machine changed
    again = RunDir(rundir.path)

    assert precision.decided(AUTO).compute_dtype == "float32"
    assert again.manifest["compute_dtype"] == "bfloat16"
    assert precision.settled(AUTO, again).compute_dtype == "bfloat16"


def test_a_run_that_chose_nothing_yet_takes_what_is_fast(cache, measured, rundir):
    measured(FIGURES)

    assert precision.settled(AUTO, rundir).compute_dtype == "bfloat16"
    assert "compute_dtype" not in rundir.manifest


def test_what_is_said_wins_over_what_a_run_began_with(cache, measured, rundir):
    measured(FIGURES)
    precision.settle(AUTO, rundir)
    node = AUTO.model_copy(update={"compute_dtype": "float32"})

    assert precision.settled(node, rundir).compute_dtype == "float32"
