"""Grade answers one by one with fairgrade, and three learners with nbgrader's own."""

import ast
import copy
import importlib.util
import re
import textwrap
import warnings
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI

from fairgrade.assignment import read_assignment
from fairgrade.bank import answers_with, read_bank
from fairgrade.check import misgraded
from fairgrade.grading import Grader, record_reference
from tools.exercises import (
    ROOT,
    course_config,
    exercise_names,
    generate,
    teacher_notebook,
    write_teacher_notebooks,
)

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

    One learner can give them all, so that plain nbgrader sees many in one run.
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


class ByNbgrader:
    """What plain nbgrader's own autograder gives three learners, cell by cell.

    One hands in the untouched release, one the reference solution, and one a wrong
    answer to each question: `wrong` are the labels of these.
    """

    def __init__(self, name, course):
        bank = load_bank(name)
        wrong = {label: (cell, body) for label, (cell, body, _) in bank.WRONG.items()}
        self.wrong = share_out(wrong, questions(teacher_notebook(name)))[0]
        release = nbformat.read(
            ROOT / "exercises" / name / f"{name}.ipynb", as_version=4
        )
        notebooks = {
            "untouched": release,
            "reference": hand_in(name, {}),
            "wrong": hand_in(name, dict(wrong[label] for label in self.wrong)),
        }
        generate([name], course)
        for learner, notebook in notebooks.items():
            target = course / "submitted" / learner / name / f"{name}.ipynb"
            target.parent.mkdir(parents=True)
            nbformat.write(notebook, target)
        api = NbGraderAPI(config=course_config(course))
        with warnings.catch_warnings(action="ignore"):  # nbgrader's own
            outcome = api.autograde(name, "*", create=True)
        assert outcome["success"], outcome["log"]
        self.scores = {}
        with Gradebook(f"sqlite:///{course}/gradebook.db", "everygrad") as gradebook:
            for learner in notebooks:
                (notebook,) = gradebook.find_submission(name, learner).notebooks
                self.scores[learner] = {
                    grade.name: (grade.score, grade.max_score)
                    for grade in notebook.grades
                    if grade.cell.cell_type == "code"
                }

    def lost(self, learner):
        """Return the autograded cells on which points were lost."""
        scores = self.scores[learner]
        return {cell for cell, (got, most) in scores.items() if got < most}

    def total(self, learner):
        return sum(got for got, _ in self.scores[learner].values())


@pytest.fixture(scope="session")
def by_nbgrader(tmp_path_factory):
    """Return a function from an exercise's name to what plain nbgrader says of it."""
    return cache(lambda name: ByNbgrader(name, tmp_path_factory.mktemp(name)))


class Fair:
    """One exercise and fairgrade's grader, which grades one answer at a time."""

    def __init__(self, name, grader):
        self.bank = read_bank(
            Path(__file__).parent / f"{name}.py", grader.assignments[name]
        )
        self.grader = grader
        self.assignment = record_reference(grader.assignments[name], grader)

    def grade(self, sources):
        result = self.grader.run(self.assignment, sources)[0]
        assert result.status == "graded", result.reason
        return result

    def misgraded(self, label):
        """Return what is wrong with the grades of an answer of the bank, or None."""
        answers = {x.label: x for x in [*self.bank.wrong, *self.bank.right]}
        sources = answers_with(self.assignment, answers[label])
        return misgraded(answers[label], self.grade(sources))


@pytest.fixture(scope="session")
def fair(tmp_path_factory):
    """Return a function from an exercise's name to its fair grader."""
    folder, names = tmp_path_factory.mktemp("source"), exercise_names()
    write_teacher_notebooks(names, folder)
    exercises = [read_assignment(folder / x / f"{x}.ipynb", x) for x in names]
    with Grader(exercises) as grader:
        yield cache(lambda name: Fair(name, grader))
