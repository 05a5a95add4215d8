"""The teacher's notebook decides which cells there are: learners' answers are put in.

nbgrader keeps the learner's notebook and mends it; here the notebook as it was released
is built anew from the teacher's, and nothing but the source of answer cells changes.
"""

import copy
import dataclasses
import json
import os
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbgrader import utils
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    IncludeHeaderFooter,
    InstantiateTests,
    SaveCells,
)

from fairgrade.assignment import HIDDEN_TESTS, read_assignment
from fairgrade.errors import Refusal
from fairgrade.feedback import printable

# What generate_assignment does to the learners' copy alone, or to the gradebook.
# Tests that a template makes (InstantiateTests) are in the gradebook, ready.
NOT_NOW = (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    InstantiateTests,
    SaveCells,
)


ADDED = "added-by-the-learner"
NOT_RUN = "(added by the learner: not run; below, if anything, what was handed in)\n"


class SkeletonError(Refusal):
    """The teacher's notebook and the gradebook do not fit together."""


class Skeleton:
    """One notebook of an assignment, as trusted as its teacher.

    Parameters
    ----------
    converter : nbgrader.converters.BaseConverter
        For its course folder and configuration.
    gradebook : nbgrader.api.Gradebook
    assignment, notebook : str
        Their names.

    Attributes
    ----------
    assignment : fairgrade.assignment.Assignment
        What the grader runs.
    released : NotebookNode
        The notebook with hidden tests and empty answers.
    """

    def __init__(self, converter, gradebook, assignment, notebook):
        self.name = name = notebook
        course = converter.coursedir
        folder = Path(course.format_path(course.source_directory, ".", assignment))
        source = folder / f"{notebook}.ipynb"
        if not source.is_file():
            raise SkeletonError(f"no teacher's notebook at {source}")
        try:
            written = nbformat.read(source, as_version=4)
        except (OSError, ValueError) as error:
            raise SkeletonError(f"{source} cannot be read: {error}") from None
        try:
            stored = gradebook.find_notebook(notebook, assignment)
        except MissingEntry:
            raise SkeletonError(
                f"the gradebook does not know {assignment}/{notebook}: "
                f"generate the assignment first"
            ) from None
        resources = {"nbgrader": {"assignment": assignment, "notebook": notebook}}
        parent = GenerateAssignment(coursedir=course, parent=converter)
        chain = [step for step in parent.preprocessors if step not in NOT_NOW]
        teachers = copy.deepcopy(written)
        if IncludeHeaderFooter in chain:
            teachers, _ = IncludeHeaderFooter(parent=parent)(teachers, resources)
        released = copy.deepcopy(written)
        for step in chain:
            released, _ = step(parent=parent)(released, resources)
        cells = {cell.name: cell for cell in stored.source_cells}
        points = {cell.name: cell.max_score for cell in graded_cells(stored)}
        overlay(teachers, cells, points, source, locked_only=True)
        overlay(released, cells, points, source)
        for notebook in (teachers, released):
            mark_usually(notebook, ClearHiddenTests(parent=parent))
        if stored.kernelspec and json.loads(stored.kernelspec):
            released.metadata["kernelspec"] = json.loads(stored.kernelspec)
        self.released = released
        self.assignment = read_from(source, written, teachers, f"{assignment}/{name}")

    def with_answers(self, submission):
        """Return the notebook with a Submission's answers put in, and added cells.

        The latter are for a person to read: see `is_added`.
        """
        sources, added = submission.sources, submission.added
        notebook = copy.deepcopy(self.released)
        for cell in notebook.cells:
            if utils.is_solution(cell):
                name = cell.metadata["nbgrader"]["grade_id"]
                cell.source = sources.get(name, cell.source)
                pictures = submission.attachments.get(name)
                if pictures and cell.cell_type == "markdown":
                    cell.attachments = {**cell.get("attachments", {}), **pictures}
        last_first = sorted(enumerate(added), key=lambda x: (x[1].after, x[0]))[::-1]
        for number, one in last_first:
            notebook.cells.insert(one.after + 1, shown(one, f"{ADDED}-{number}"))
        return notebook


def shown(added, name):
    """Return a cell that a learner added as one of the notebook's."""
    make = new_code_cell if added.cell_type == "code" else new_markdown_cell
    cell = make(added.source, id=name, metadata={"fairgrade": ADDED})
    if added.cell_type == "code":
        said = new_output("stream", name="stdout", text=NOT_RUN)
        cell.outputs = [said, *(output_of(*one) for one in added.outputs)]
    elif added.attachments:
        cell.attachments = added.attachments
    return cell


def output_of(kind, text):
    if kind == "text/plain":
        return new_output("stream", name="stdout", text=printable(text))
    return new_output("display_data", {kind: text})


def is_added(cell):
    """Return whether a cell is a learner's own: it is not run, and has no grade."""
    return cell.metadata.get("fairgrade") == ADDED


def graded_cells(stored):
    """Return all cells of a stored notebook that points are given for."""
    return [*stored.grade_cells, *stored.task_cells]


def overlay(notebook, cells, points, where, locked_only=False):
    """Make a notebook say what the gradebook does, which is what nbgrader goes by.

    Raises
    ------
    SkeletonError
        If they do not have the same cells.
    """
    found = []
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if not any(meta.get(mark) for mark in ("grade", "solution", "locked", "task")):
            continue
        name = meta["grade_id"]
        found.append(name)
        if name not in cells:
            continue
        if cells[name].locked or not locked_only:
            cell.source = cells[name].source
        if cells[name].checksum:  # tasks have none
            meta["checksum"] = cells[name].checksum
        meta.setdefault("cell_type", cell.cell_type)
        if name in points:
            meta["points"] = points[name]
    if sorted(found) != sorted(cells):
        changed = sorted(set(found) ^ set(cells)) or found
        raise SkeletonError(
            f"{where} and the gradebook do not have the same cells "
            f"({', '.join(changed)}): generate the assignment again"
        )


def mark_usually(notebook, theirs):
    """Mark hidden tests by nbgrader's usual words, where a course has words of its own.

    All that keeps hidden tests hidden afterwards looks for these.
    """
    words = theirs.begin_test_delimeter, theirs.end_test_delimeter
    for cell in notebook.cells:
        if utils.is_grade(cell) and not utils.is_solution(cell):
            for own, usual in zip(words, HIDDEN_TESTS, strict=True):
                cell.source = cell.source.replace(own, usual)


def read_from(source, written, teachers, name):
    """Return the Assignment of `teachers`, which came from the file `source`."""
    if [cell.source for cell in written.cells] == [c.source for c in teachers.cells]:
        return read_assignment(source, name)
    # Beside the original, so that the assignment's files are found.
    descriptor, path = tempfile.mkstemp(".ipynb", ".fairgrade-", source.parent)
    os.close(descriptor)
    try:
        nbformat.write(teachers, path)
        assignment = read_assignment(path, name)
    finally:
        os.unlink(path)
    return dataclasses.replace(assignment, notebook=Path(source).stem)
