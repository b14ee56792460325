"""The wheel carries all that the product needs: installed alone it composes and finds its pages."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def call(*command, cwd):
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SRLR_", "PYTHONPATH"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    place = tmp_path_factory.mktemp("dist")
    command = ("-m", "build", "--wheel", "--no-isolation", "--outdir", place, ROOT)
    call(sys.executable, *command, cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def srlr(wheel, tmp_path_factory):
    """`srlr("config", "groups")` of the wheel, in an empty venv and a folder of its own.

    What srlr depends on comes from this environment, so that no network is needed.
    """
    place = tmp_path_factory.mktemp("installed")
    call(sys.executable, "-m", "venv", place / "venv", cwd=place)
    python = place / "venv" / "bin" / "python"
    call(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=place)
    (site,) = (place / "venv" / "lib").glob("python*/site-packages")
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(ours)) + "\n")
    (place / "elsewhere").mkdir()

    def run(*words, program=(place / "venv" / "bin" / "srlr",)):
        return call(*program, *words, cwd=place / "elsewhere")

    run.python, run.site = python, site
    return run


def test_the_wheel_holds_code_config_recipes_and_pages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    shipped = {"conf": ROOT / "conf", "recipes": ROOT / "recipes"}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"srlr"}
    assert "srlr/evaluation/templates/report.html.j2" in names
    assert not [name for name in names if "__pycache__" in name]
    for name, folder in shipped.items():
        for path in folder.rglob("*.yaml"):
            assert f"srlr/{name}/{path.relative_to(folder)}" in names


def test_the_installed_package_is_the_one_that_runs(srlr):
    where = srlr("-c", "import srlr; print(srlr.__file__)", program=(srlr.python,))

    assert Path(where.strip()).is_relative_to(srlr.site)


def test_the_installed_package_composes(srlr):
    shown = json.loads(srlr("config", "show", "role=sentiment", "--json"))
    groups = srlr("config", "groups")
    plan = json.loads(srlr("train", "recipe=sentiment_quick", "--dry-run", "--json"))["data"]

    assert shown["kind"] == "config"
    assert "smollm2-135m-instruct" in groups
    assert "sentiment_quick" in groups
    assert plan["config"]["srl"]["max_steps"] == 3


def test_the_installed_package_draws_its_report_from_its_own_template(srlr):
    code = (
        "from importlib.resources import files;"
        "print(files('srlr.evaluation').joinpath('templates/report.css').is_file())"
    )

    assert srlr("-c", code, program=(srlr.python,)) == "True\n"
