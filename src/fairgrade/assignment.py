"""The teacher's notebook decides: which cells there are, their order, points, tests."""

import base64
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from . import names

KINDS = ("given", "answer", "test", "manual", "text")
SOLUTION = ("BEGIN SOLUTION", "END SOLUTION")
HIDDEN_TESTS = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
CODE_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
FILES_LIMIT = 64 * 2**20  # bytes, of all files beside the notebook together


class AssignmentError(Exception):
    """The teacher's notebook cannot be graded as it is; the message says what to do."""


def replace_regions(source, markers, stub=""):
    """Return a source with every region between two marker lines, and these, replaced.

    Raises
    ------
    AssignmentError
        If a region is opened twice, or never closed.
    """
    begin, end = markers
    lines, inside = [], False
    for line in source.split("\n"):
        if begin in line:
            if inside:
                raise AssignmentError(f"{begin} stands inside another one: {source!r}")
            inside = True
            indent = re.match(r"\s*", line).group()
            lines += [indent + one for one in stub.split("\n")] if stub else []
        elif end in line:
            inside = False
        elif not inside:
            lines.append(line)
    if inside:
        raise AssignmentError(f"{begin} without {end}: {source!r}")
    return "\n".join(lines)


def hidden_lines(source):
    """Return the numbers of the lines of a test that learners do not get."""
    begin, end = HIDDEN_TESTS
    inside, found = False, set()
    for number, line in enumerate(source.split("\n"), start=1):
        inside = inside or begin in line
        if inside or end in line:
            found.add(number)
        inside = inside and end not in line
    return found


@lru_cache(maxsize=1024)
def released(cell):
    """Return the source of a cell as learners get it by nbgrader's own settings."""
    if cell.kind == "test":
        return replace_regions(cell.source, HIDDEN_TESTS)
    if cell.kind not in ("answer", "manual"):
        return cell.source
    stub = CODE_STUB if cell.cell_type == "code" else TEXT_STUB
    if SOLUTION[0] in cell.source:
        return replace_regions(cell.source, SOLUTION, stub)
    return stub


def read_assignment(path, name):
    """Return the assignment `name` that a teacher's notebook describes.

    Parameters
    ----------
    path : path-like
        The notebook with solutions and hidden tests. Other files in its folder, but no
        notebooks, are what learners' code finds in its working folder.
    name : str
        The assignment's name in nbgrader.

    Raises
    ------
    AssignmentError
        If the notebook cannot be read, holds no test, or repeats a grade id.
    """
    import nbformat

    path = Path(path)
    try:
        notebook = nbformat.read(path, as_version=4)
    except OSError as error:
        raise AssignmentError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:
        raise AssignmentError(f"{path} is no notebook: {error}") from error
    cells = tuple(_cell(cell, path) for cell in notebook.cells)
    for cell in cells:
        released(cell)  # complains of markers that do not match
    ids = [cell.grade_id for cell in cells if cell.grade_id]
    for grade_id in ids:
        if ids.count(grade_id) > 1:
            raise AssignmentError(
                f"{path}: two cells have the id {grade_id!r}: rename one"
            )
    return Assignment(name, path.stem, cells, _files(path.parent))


def _cell(cell, path):
    marks = cell.metadata.get("nbgrader") or {}
    solution, grade, task = (marks.get(x, False) for x in ("solution", "grade", "task"))
    code = cell.cell_type == "code"
    if task or (grade and (solution or not code)):
        kind = "manual"
    elif solution:
        kind = "answer" if code else "manual"
    elif grade:
        kind = "test"
    else:
        kind = "given" if code else "text"
    try:
        points = float(marks.get("points") or 0) if grade or task else 0.0
    except (TypeError, ValueError):
        raise AssignmentError(
            f"{path}: {marks.get('grade_id')!r} has {marks['points']!r} points: "
            "give it a number"
        ) from None
    return Cell(kind, marks.get("grade_id"), points, cell.source, cell.cell_type)


def _files(folder):
    """Return {relative path: bytes} of what lies beside the notebook."""
    files, size = {}, 0
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pycache__")) for part in relative.parts)
        if hidden or path.suffix == ".ipynb" or path.is_symlink() or not path.is_file():
            continue
        size += path.stat().st_size
        if size > FILES_LIMIT:
            raise AssignmentError(
                f"the files in {folder} are more than {FILES_LIMIT >> 20} MiB: "
                "move aside what the tests and the learners do not read"
            )
        files[relative.as_posix()] = path.read_bytes()
    return files


def from_json(data):
    """Return the assignment that `to_json` made into plain dicts."""
    cells = tuple(Cell(**cell) for cell in data["cells"])
    files = {name: base64.b64decode(text) for name, text in data["files"].items()}
    allowed = {
        grade_id: frozenset(tuple(site) for site in sites)
        for grade_id, sites in data["allowed"].items()
    }
    return Assignment(data["name"], data["notebook"], cells, files, allowed)


def to_json(assignment):
    """Return an assignment as plain dicts, lists and strings."""
    return {
        "name": assignment.name,
        "notebook": assignment.notebook,
        "cells": [asdict(cell) for cell in assignment.cells],
        "files": {
            name: base64.b64encode(data).decode()
            for name, data in assignment.files.items()
        },
        "allowed": {
            grade_id: sorted(list(site) for site in sites)
            for grade_id, sites in assignment.allowed.items()
        },
    }


@dataclass(frozen=True)
class Cell:
    """One cell of the teacher's notebook.

    Parameters
    ----------
    kind : {"given", "answer", "test", "manual", "text"}
        "given" is code that learners are not meant to change, "manual" what a person
        grades: text, or code, which is run like an answer; "text" all the rest.
    grade_id : str or None
        nbgrader's id; None for a cell that nbgrader does not know.
    points : float
        The most that the cell can bring.
    source : str
        As in the teacher's notebook, with solutions, hidden tests and marker lines.
    cell_type : {"code", "markdown", "raw"}
    """

    kind: str
    grade_id: str | None
    points: float
    source: str
    cell_type: str

    @property
    def is_run(self):
        return self.cell_type == "code"

    @property
    def is_answer(self):
        """Whether its source comes from the learner."""
        return self.kind in ("answer", "manual")


@dataclass(frozen=True)
class Assignment:
    """What the teacher decided; everything that grading needs but the submission.

    Parameters
    ----------
    name, notebook : str
        nbgrader's names for the assignment, and for the notebook in it.
    cells : tuple of Cell
        All cells, in the teacher's order.
    files : dict of str to bytes
        What lies beside the notebook, by relative path.
    allowed : dict of str to frozenset of tuples
        Per test cell, the operators of the learner's objects that the reference
        solution needed there: (operator, line, column). No other may decide anything.
    """

    name: str
    notebook: str
    cells: tuple
    files: dict = field(default_factory=dict)
    allowed: dict = field(default_factory=dict)

    @property
    def max_score(self):
        """The points of all cells together, by hand or by tests."""
        return sum(cell.points for cell in self.cells)

    def cell(self, grade_id):
        """Return the cell of that id; KeyError if there is none."""
        for cell in self.cells:
            if cell.grade_id == grade_id:
                return cell
        raise KeyError(grade_id)

    @cached_property
    def answer_names(self):
        """The names that the reference answers bind."""
        trees = [names.parse(c.source) for c in self.cells if c.is_run and c.is_answer]
        return frozenset().union(*(names.bound(tree, imports=False) for tree in trees))

    @cached_property
    def imports(self):
        """The modules that any cell imports, to be imported once for all."""
        sources = [cell.source for cell in self.cells if cell.is_run]
        magic = any("%matplotlib" in source for source in sources)
        inline = ["matplotlib.pyplot", "matplotlib_inline.backend_inline"]
        trees = map(names.parse, sources)
        return frozenset(inline if magic else ()).union(*map(names.imported, trees))

    to_json = to_json
