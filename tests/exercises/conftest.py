"""Grade a class full of answers with nbgrader's own autograder, once per exercise."""

import ast
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


def defined(cell):
    """Return the names of the functions and classes that a cell defines."""
    return {x.name for x in ast.walk(ast.parse(cell.source)) if hasattr(x, "name")}


def used(cell):
    """Return every name that stands in a cell's code."""
    return {x.id for x in ast.walk(ast.parse(cell.source)) if isinstance(x, ast.Name)}


def questions(notebook):
    """Return {answer cell: question}: answers that some cell uses together share one.

    Answers to different questions cannot touch each other's points.
    """
    answers = cells_of(notebook, solution=True, grade=False)
    tests = cells_of(notebook, grade=True, solution=False)
    names = {grade_id: defined(cell) for grade_id, cell in answers.items()}
    question = {grade_id: grade_id for grade_id in answers}
    for grade_id, cell in [*answers.items(), *tests.items()]:
        together = {
            one for one in answers if names[one] & used(cell) or one == grade_id
        }
        merged = {question[one] for one in together}
        question = {
            one: min(merged) if q in merged else q for one, q in question.items()
        }
    return question


def share_out(answers, question):
    """Return lists of labels, each with at most one answer to a question.

    One learner can give them all, so that a bank needs few runs of the autograder.
    """
    learners = []
    for label, (cell_id, _) in answers.items():
        for labels in learners:
            if question[cell_id] not in {question[answers[x][0]] for x in labels}:
                labels.append(label)
                break
        else:
            learners.append([label])
    return learners


def hand_in(name, bodies):
    """Return the release with every solution filled in, some of them by `bodies`."""
    release = nbformat.read(ROOT / "exercises" / name / f"{name}.ipynb", as_version=4)
    reference = cells_of(teacher_notebook(name), solution=True, grade=False)
    notebook = copy.deepcopy(release)
    for grade_id, cell in cells_of(notebook, solution=True, grade=False).items():
        source = reference[grade_id].source
        if grade_id in bodies:
            region = SOLUTION.search(source)
            new = textwrap.indent(bodies[grade_id], region["indent"])
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
        wrong = {label: (cell, body) for label, (cell, body, _) in bank.WRONG.items()}
        question = questions(teacher_notebook(name))
        self.learner = {"untouched": 0, "reference": 1}
        notebooks = [nbformat.read(self.release, as_version=4), hand_in(name, {})]
        for answers in (wrong, bank.RIGHT):
            for labels in share_out(answers, question):
                self.learner |= dict.fromkeys(labels, len(notebooks))
                notebooks.append(hand_in(name, dict(answers[x] for x in labels)))
        shutil.copy(ROOT / "nbgrader_config.py", course)
        write_teacher_notebooks([name], course / "_build" / "source")
        run_nbgrader(course, "generate_assignment", name, "--create")
        for learner, notebook in enumerate(notebooks):
            target = (
                course / "submitted" / f"learner-{learner}" / name / f"{name}.ipynb"
            )
            target.parent.mkdir(parents=True)
            nbformat.write(notebook, target)
        run_nbgrader(course, "autograde", name, "--create")
        self.scores = []
        with Gradebook(f"sqlite:///{course}/gradebook.db", "everygrad") as gradebook:
            for learner in range(len(notebooks)):
                submission = gradebook.find_submission(name, f"learner-{learner}")
                (notebook,) = submission.notebooks
                self.scores.append(
                    {
                        grade.name: (grade.score, grade.max_score)
                        for grade in notebook.grades
                        if grade.cell.cell_type == "code"
                    }
                )

    def lost(self, label):
        """Return the autograded cells on which points were lost."""
        scores = self.scores[self.learner[label]]
        return {cell for cell, (got, most) in scores.items() if got < most}

    def others(self, label):
        """Return the other answers that the same learner gives."""
        learner = self.learner[label]
        return [x for x, n in self.learner.items() if n == learner and x != label]

    def total(self, label):
        return sum(got for got, _ in self.scores[self.learner[label]].values())


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    """Return a function from an exercise's name to its graded class."""
    return cache(lambda name: Graded(name, tmp_path_factory.mktemp(name)))
