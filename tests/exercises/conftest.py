"""Grade a class full of answers with nbgrader's own autograder, once per exercise."""

import copy
import importlib.util
import re
import shutil
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from tools.exercises import ROOT, teacher_notebook, write_teacher_notebooks

SOLUTION = re.compile(
    r"^(?P<indent> *)### BEGIN SOLUTION\n(?P<body>.*?)^ *### END SOLUTION\n?",
    re.DOTALL | re.MULTILINE,
)


@cache
def load_bank(name):
    """Return tests/exercises/<name>.py as a module."""
    path = Path(__file__).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bank_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells_of(notebook, **wanted):
    """Return {grade_id: cell} of the cells whose nbgrader metadata hold `wanted`."""
    return {
        cell.metadata["nbgrader"]["grade_id"]: cell
        for cell in notebook.cells
        if wanted.items() <= cell.metadata.get("nbgrader", {}).items()
    }


def hand_in(name, cell_id=None, body=None):
    """Return the release with every solution filled in, one of them by `body`."""
    release = nbformat.read(ROOT / "exercises" / name / f"{name}.ipynb", as_version=4)
    reference = cells_of(teacher_notebook(name), solution=True, grade=False)
    notebook = copy.deepcopy(release)
    for grade_id, cell in cells_of(notebook, solution=True, grade=False).items():
        source = reference[grade_id].source
        if grade_id == cell_id:
            region = SOLUTION.search(source)
            new = textwrap.indent(body, region["indent"])
            source = source[: region.start()] + new + source[region.end() :]
        cell.source = source
    return notebook


def run_nbgrader(course, *arguments):
    """Run one nbgrader command in the folder `course`; fail loudly when it does."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    run = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr


class Graded:
    """The scores of a class: who got how many points on which cell."""

    def __init__(self, name, course):
        self.release = ROOT / "exercises" / name / f"{name}.ipynb"
        bank = load_bank(name)
        answers = {label: (cell, body) for label, (cell, body, _) in bank.WRONG.items()}
        self.students = {
            "untouched": nbformat.read(self.release, as_version=4),
            "reference": hand_in(name),
            **{
                label: hand_in(name, *one)
                for label, one in (answers | bank.RIGHT).items()
            },
        }
        ids = {label: f"student-{n}" for n, label in enumerate(self.students)}
        shutil.copy(ROOT / "nbgrader_config.py", course)
        write_teacher_notebooks([name], course / "_build" / "source")
        run_nbgrader(course, "generate_assignment", name, "--create")
        for label, notebook in self.students.items():
            target = course / "submitted" / ids[label] / name / f"{name}.ipynb"
            target.parent.mkdir(parents=True)
            nbformat.write(notebook, target)
        run_nbgrader(course, "autograde", name, "--create")
        self.scores = {}
        with Gradebook(f"sqlite:///{course}/gradebook.db", "everygrad") as gradebook:
            for label, student in ids.items():
                (notebook,) = gradebook.find_submission(name, student).notebooks
                self.scores[label] = {
                    grade.name: (grade.score, grade.max_score)
                    for grade in notebook.grades
                    if grade.cell.cell_type == "code"
                }

    def lost(self, label):
        """Return the autograded cells on which this answer does not get full marks."""
        return {cell for cell, (got, most) in self.scores[label].items() if got < most}

    def total(self, label):
        return sum(got for got, _ in self.scores[label].values())


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    """Return a function from an exercise's name to its graded class."""
    return cache(lambda name: Graded(name, tmp_path_factory.mktemp(name)))
