"""A course with one small exercise, "twice", for the tests of what nbgrader keeps."""

import copy
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader

from fairgrade.app import main
from fairgrade.grading import Outcome, Result
from fairgrade.submission import Unreadable, read_submission
from tools.exercises import full_metadata

VISIBLE = "assert double(2) == 4, 'twice two is four'"
HIDDEN = "assert double(-3) == -6, 'minus three'"
RIGHT = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x + abs(x)"
CRASHES = "import os\nos.abort()"
CELLS = [
    (new_markdown_cell, None, "# Twice"),
    (new_code_cell, None, "factor = 2"),
    (
        new_code_cell,
        {"solution": "double"},
        f"### BEGIN SOLUTION\n{RIGHT}\n### END SOLUTION",
    ),
    (new_code_cell, {"test": "visible", "points": 1}, VISIBLE),
    (
        new_code_cell,
        {"test": "hidden", "points": 2},
        f"### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS",
    ),
    (new_markdown_cell, {"manual": "why", "points": 2}, "Because."),
]
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "small"\n'


def teachers(cells=CELLS):
    """Return the teacher's notebook."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(metadata={"kernelspec": kernel})
    for number, (new, short, source) in enumerate(cells):
        meta = {"nbgrader": full_metadata(short, "small_course.py")} if short else {}
        notebook.cells.append(new(source, metadata=meta, id=f"cell-{number}"))
    return notebook


class Course:
    """A course folder in which "twice" is generated, and its gradebook."""

    def __init__(self, folder, cells=CELLS, config=CONFIG, notebooks=("twice",)):
        self.folder = Path(folder)
        self.db_url = f"sqlite:///{self.folder}/gradebook.db"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "nbgrader_config.py").write_text(config)
        source = self.folder / "source" / "twice"
        source.mkdir(parents=True)
        for name in notebooks:
            nbformat.write(teachers(cells), source / f"{name}.ipynb")

    def copy(self, folder):
        """Return the same course in another folder: quicker than to make it anew."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, symlinks=True)
        other = copy.copy(self)
        other.folder = Path(folder)
        other.db_url = f"sqlite:///{folder}/gradebook.db"
        return other

    def released(self, name="twice"):
        return nbformat.read(self.folder / f"release/twice/{name}.ipynb", as_version=4)

    def hand_in(self, student, answer=RIGHT, why="Because it is.", name="twice"):
        """Put a submission into `submitted/`; return its path."""
        notebook = self.released(name)
        notebook.cells[2].source = answer
        if why:
            notebook.cells[5].source = why
        return self.hand_in_text(student, nbformat.writes(notebook), name)

    def hand_in_text(self, student, text, name="twice"):
        target = self.folder / "submitted" / student / "twice" / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def time(self, student, text):
        """Say when a submission was handed in."""
        folder = self.folder / "submitted" / student / "twice"
        (folder / "timestamp.txt").write_text(text)

    def fairgrade(self, *arguments):
        """Run a command of fairgrade in this process; return its exit code."""
        command, *rest = arguments
        return main([command, f"--course-dir={self.folder}", *rest])

    def run(self, module, *arguments, code=0, **options):
        """Run a command in the course's folder; return the finished process."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            **options,
        )
        assert code in (None, done.returncode), f"{done.stdout}\n{done.stderr}"
        return done

    def gradebook(self):
        return Gradebook(self.db_url, "small")

    def autograded(self, student, name="twice"):
        path = self.folder / "autograded" / student / "twice" / f"{name}.ipynb"
        return nbformat.read(path, as_version=4)

    def grades(self, student, name="twice"):
        """Return {cell: (automatic points, by hand, needs a person)}."""
        with self.gradebook() as book:
            notebook = book.find_submission_notebook(name, "twice", student)
            return {
                grade.name: (
                    grade.auto_score,
                    grade.manual_score,
                    grade.needs_manual_grade,
                )
                for grade in notebook.grades
            }

    def comments(self, student, name="twice"):
        with self.gradebook() as book:
            notebook = book.find_submission_notebook(name, "twice", student)
            return {one.name: one.auto_comment for one in notebook.comments}


def nbgrader(course):
    """Return nbgrader's own commands for a course, as formgrader's buttons use them."""
    loader = PyFileConfigLoader("nbgrader_config.py", path=str(course.folder))
    config = loader.load_config()
    config.CourseDirectory.root = str(course.folder)
    return NbGraderAPI(config=config)


def graded_by_reading(assignment, submissions, **settings):
    """Stand for `fairgrade.pool.grade_all` where running the code is not the point."""
    for key, data in submissions:
        one = assignment[key[-1]]
        try:
            submission = read_submission(getattr(data, "notebook", data), one)
        except Unreadable as error:
            yield key, Result("unreadable", error.reason)
            continue
        answer = submission.sources.get("double", "")
        if "abort" in answer:
            yield key, Result("crashed", "it ended itself")
            continue
        right = {"visible": "x" in answer, "hidden": "2 * x" in answer}
        outcomes = [
            outcome_of(cell, right.get(cell.grade_id, True))
            for cell in one.cells
            if cell.is_run
        ]
        score = sum(outcome.points for outcome in outcomes)
        result = Result("graded", "", score, one.max_score, outcomes, submission.notes)
        yield key, result


def outcome_of(cell, right):
    if right:
        return Outcome(cell.grade_id, cell.kind, "passed", cell.points, cell.points)
    outcome = Outcome(cell.grade_id, cell.kind, "failed", 0.0, cell.points)
    outcome.ename, outcome.evalue = "AssertionError", "minus three"
    return outcome
