"""What a choice costs, in the record: by hand, and where a price or a measurement is missing."""

import pytest
from measurements import PAID, measured

from srlr.core.compose import compose
from srlr.core.rundir import RunDir
from srlr.stages import select_costs

TIED = ("role=sentiment", "tier=gold", "model=smollm2-135m-instruct")


@pytest.fixture
def rundir(tmp_path):
    return RunDir.create(tmp_path / "run", config_yaml="", command="srlr", facts={})


@pytest.fixture
def settings(tmp_path):
    def made(*words):
        folder = tmp_path / "own"
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / "model" / "bought.yaml").write_text(PAID)
        return compose((*TIED, *words), config_dir=folder, environ={}).settings

    return made


def offered(found, name="bought"):
    return next(one for one in found["break_even"] if one["name"] == name)


def test_costs_by_hand(rundir, settings):
    """20 answers a second of 90 + 10 tokens at $0.73 an hour; 1,000,000 requests a month."""
    found = select_costs.summary(settings("hardware.price_usd_per_hour=0.73"), rundir, measured())

    assert found["usd_per_request"] == pytest.approx(0.73 / 72_000)
    assert found["usd_per_1m_tokens"] == pytest.approx(0.73 / 7.2)
    assert found["at_volume"] == {
        "machines": 1,
        "usd_per_month": pytest.approx(532.9),
        "usd_per_1m_tokens": pytest.approx(5.329),
    }
    assert offered(found)["requests_per_month"] == pytest.approx(532.9 / 0.00011)
    assert offered(found)["monthly_usd"] == pytest.approx(110)
    assert found["training"]["basis"] == "what this run is planned to take"
    assert found["training"]["usd"] == pytest.approx(found["training"]["hours"] * 0.73)
    assert (rundir.path / select_costs.PLOT).read_text().startswith("<svg ")
    said = "\n".join(select_costs.lines(found))
    assert "- 1,000,000 requests a month: $533 for 1 machine, $5.33 per 1M tokens" in said
    assert "| bought | $0.00011 | 4,844,545 |  |" in said


def test_training_costs_the_hours_that_the_run_took(rundir, settings):
    for name, seconds in (("srl", 1800.0), ("rlvr", 5400.0)):
        rundir.record(name, status="done", seconds=seconds)
    found = select_costs.training(settings("hardware.price_usd_per_hour=3"), rundir)

    assert found == {"usd": 6.0, "hours": 2.0, "basis": "what this run took"}


def test_without_a_price_the_tier_says_what_training_costs(rundir, settings):
    found = select_costs.summary(settings(), rundir, measured())

    assert found["training"]["usd"] == 75
    assert found["why"] == "hardware.price_usd_per_hour is not stated"
    assert "usd_per_request" not in found
    assert "- not computed: hardware.price_usd_per_hour" in "\n".join(select_costs.lines(found))


def test_hardware_that_costs_nothing_is_cheaper_from_the_first_request(rundir, settings):
    found = select_costs.summary(settings("hardware.price_usd_per_hour=0"), rundir, measured())

    assert (found["usd_per_request"], found["usd_per_1m_tokens"]) == (0, 0)
    assert offered(found)["requests_per_month"] == 0
    assert found["training"]["usd"] == 0


def test_without_a_measurement_an_earlier_plot_goes(rundir, settings):
    asked = settings("hardware.price_usd_per_hour=1")
    select_costs.summary(asked, rundir, measured())
    found = select_costs.summary(asked, rundir, None)

    assert found["why"] == "nothing is measured"
    assert not (rundir.path / select_costs.PLOT).exists()


def test_without_a_volume_machines_are_always_busy(rundir, settings):
    words = ("hardware.price_usd_per_hour=1", "role.requirements.expected_requests_per_month=null")
    found = select_costs.summary(settings(*words), rundir, measured())

    assert found["at_volume"] is None
    assert offered(found)["monthly_usd"] is None


def test_several_machines_and_offers_that_are_never_dearer_are_told(rundir, settings):
    words = (
        "hardware.price_usd_per_hour=100",
        "role.requirements.expected_requests_per_month=100000000",
    )
    said = "\n".join(select_costs.lines(select_costs.summary(settings(*words), rundir, measured())))

    assert "for 2 machines" in said
    assert "| bought | $0.00011 | never: a machine that is always busy pays $0.00139" in said
