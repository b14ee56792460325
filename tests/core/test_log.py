"""Who hears which record."""

import logging

import pytest

from srlr.core import log
from srlr.core.errors import ResourceError


@pytest.fixture(autouse=True)
def logging_as_it_was():
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    ("verbosity", "heard"),
    [(-1, ["error"]), (0, ["warning", "error"]), (1, ["debug", "info", "warning", "error"])],
)
def test_stderr_hears_more_the_more_is_asked(capsys, verbosity, heard):
    log.setup(verbosity)
    logger = logging.getLogger("srlr.test")
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)(level)
    lines = capsys.readouterr().err.splitlines()

    assert [line.rsplit(": ", 1)[1] for line in lines] == heard


def test_setting_up_twice_says_nothing_twice(capsys):
    log.setup()
    log.setup()
    logging.getLogger("srlr.test").warning("once")

    assert capsys.readouterr().err.count("once") == 1


def test_libraries_are_quiet(capsys):
    log.setup()
    logging.getLogger("transformers.modeling").warning("a remark")

    assert capsys.readouterr().err == ""


def test_a_runs_log_holds_everything_even_without_set_up(tmp_path):
    with log.into(tmp_path / "log.txt"):
        logging.getLogger("srlr.test").debug("inside")
    logging.getLogger("srlr.test").debug("outside")
    text = (tmp_path / "log.txt").read_text()

    assert "inside" in text
    assert "outside" not in text


def test_a_log_that_cannot_be_opened_is_a_resource_error(tmp_path):
    with pytest.raises(ResourceError), log.into(tmp_path / "no" / "log.txt"):
        pass
