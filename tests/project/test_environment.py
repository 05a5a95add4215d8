"""`tools/environment.py` makes the environment whole, or says clearly why it cannot."""

import ast
import ensurepip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.book import ROOT

pytestmark = pytest.mark.xdist_group("environment")

SCRIPT = ROOT / "tools" / "environment.py"


def small_project(folder):
    """Return a project that needs pip alone, so that it is made in seconds, offline."""
    (folder / "tools").mkdir()
    shutil.copy(SCRIPT, folder / "tools")
    for name in ("constraints.txt", "pyproject.toml"):
        (folder / name).write_text("")
    (folder / "requirements.txt").write_text(f"pip=={ensurepip.version()}\n")
    return folder


@pytest.fixture
def project(tmp_path):
    """A project without an environment."""
    return small_project(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with an environment, and what its making printed."""
    folder = small_project(tmp_path_factory.mktemp("made"))
    return folder, run(folder)


def run(project, before="", **variables):
    """Run the script in `project`, after the Python code `before`."""
    code = "import runpy, sys; " + before
    code += "; runpy.run_path('tools/environment.py', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code.replace("; ;", ";")],
        cwd=project,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def test_it_is_made_once_and_then_left_alone(made):
    folder, first = made
    assert first.returncode == 0
    assert "Creating .venv" in first.stdout
    second = run(folder)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_an_old_python_hears_what_to_do(project):
    outcome = run(project, "sys.version_info = (3, 9, 2, 'final', 0)")
    assert outcome.returncode == 2
    assert "needs Python 3.11 or newer" in outcome.stderr
    assert "is Python 3.9.2" in outcome.stderr
    assert "PYTHON=python3.11" in outcome.stderr
    assert not (project / ".venv").exists()


def test_an_old_python_can_read_the_script():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_no_network_is_said_in_words_and_leaves_nothing_half_built(project):
    (project / "requirements.txt").write_text("no-such-package-here==1.0\n")
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
    }
    outcome = run(project, **nowhere)
    assert outcome.returncode == 1
    assert "No network" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (project / ".venv").exists()


def test_a_python_newer_than_the_pins_is_named_when_they_cannot_be_installed(project):
    (project / "requirements.txt").write_text("./gone.whl\n")
    outcome = run(project, "sys.version_info = (3, 99, 0, 'final', 0)")
    assert outcome.returncode == 1
    assert "Python 3.99 may be too new for the pinned packages" in outcome.stderr


def spoil_by_interruption(project):
    (project / ".venv" / "complete").unlink()


def spoil_by_other_requirements(project):
    (project / "constraints.txt").write_text("# another\n")


def spoil_by_a_missing_file(project):
    (next((project / ".venv").rglob("pip/__init__.py"))).unlink()


def spoil_by_a_python_that_went_away(project):
    for link in Path(project / ".venv" / "bin").glob("python*"):
        link.unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_by_interruption,
        spoil_by_other_requirements,
        spoil_by_a_missing_file,
        spoil_by_a_python_that_went_away,
    ],
)
def test_what_is_half_built_or_out_of_date_is_made_anew(made, spoil):
    folder, _ = made
    (folder / ".venv" / "left-over").touch()
    spoil(folder)
    outcome = run(folder)
    assert outcome.returncode == 0
    assert "making it anew" in outcome.stdout
    assert not (folder / ".venv" / "left-over").exists()
    assert run(folder).stdout == ""


def test_an_environment_that_was_moved_is_not_trusted(made, tmp_path):
    moved = tmp_path / "course"
    shutil.copytree(made[0], moved, symlinks=True)
    assert "making it anew" in run(moved).stdout


def test_a_machine_without_venv_hears_what_to_install(project):
    outcome = run(project, "sys.executable = '/bin/false'")
    assert outcome.returncode == 1
    assert "could not create a virtual environment" in outcome.stderr
    assert "python3-venv" in outcome.stderr
