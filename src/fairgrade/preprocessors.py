"""nbgrader's two lists of preprocessors, with only what has to change changed.

Sanitising builds the notebook anew from the teacher's, and autograding runs the
learner's code beyond a wall. `configure` puts both lists into a course's configuration,
so that `nbgrader autograde` and the buttons of formgrader grade safely, too.
"""

import atexit
import dataclasses
import os
import sys
import weakref
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import (
    AssignLatePenalties,
    ClearOutput,
    DeduplicateIds,
    Execute,
    GetGrades,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets import Dict, List

from fairgrade.errors import Refusal
from fairgrade.feedback import AllowWarnings, HideTests, printable
from fairgrade.files import read_some
from fairgrade.gradebook import Gradebook
from fairgrade.grading import Grader, Limits, ReferenceFails, record_reference
from fairgrade.skeleton import Skeleton, is_added
from fairgrade.submission import HandedIn, Unreadable, read_submission

# What each status is called where an exception's name is expected.
NAMES = {
    "failed": "AssertionError",
    "error": "Error",
    "time-out": "TimeoutError",
    "crashed": "Crashed",
    "out of memory": "MemoryError",
    "not run": "NotRun",
}

FEEDBACK = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]


def outputs_of(outcome, number):
    """Return what became of a cell as the outputs of a notebook's cell."""
    outputs = []
    if outcome.printed:
        text = printable(outcome.printed)
        # Never the error stream: nbgrader takes all points for that, even for warnings.
        outputs.append(new_output("stream", name="stdout", text=text))
    for image in outcome.images:
        outputs.append(new_output("display_data", data={"image/png": image}))
    if outcome.status != "passed":
        ename = outcome.ename or NAMES[outcome.status]
        said = printable(ename), printable(outcome.evalue)
        trace = [": ".join(said).removesuffix(": ")]
        if outcome.line and outcome.line not in outcome.evalue:
            trace.append(printable(outcome.line))
        outputs.append(
            new_output("error", ename=said[0], evalue=said[1], traceback=trace)
        )
    elif outcome.kind == "test" and outcome.points != outcome.max_points:
        data = {"text/plain": repr(float(outcome.points))}
        outputs.append(new_output("execute_result", data, execution_count=number))
    return outputs


def inject(notebook, result):
    """Put a result into its notebook, as if a kernel had run it there."""
    code = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and not is_added(cell)
    ]
    for number, (cell, outcome) in enumerate(
        zip(code, result.cells, strict=True), start=1
    ):
        cell.outputs = outputs_of(outcome, number)
        cell.execution_count = None if outcome.status == "not run" else number


class RebuildCells(NbGraderPreprocessor):
    """Start from the teacher's notebook; take only the source of answers.

    It stands for ClearOutput, DeduplicateIds, OverwriteKernelspec and OverwriteCells.
    """

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        skeleton = skeleton_for(self, names)
        data = nbformat.writes(nb).encode()
        try:
            submission = read_submission(data, skeleton.assignment)
        except Unreadable as error:
            raise NbGraderException(f"unreadable: {error.reason}") from None
        for note in submission.notes:
            self.log.warning("%s/%s: %s", names["student"], names["notebook"], note)
        return skeleton.with_answers(submission), resources


def limits_of(config, chosen):
    """Return the limits of a course: those chosen, and nbgrader's own time-out.

    Raises
    ------
    TypeError
        If `chosen` has a field that `Limits` has not.
    """
    own = {}
    for name in ("ExecutePreprocessor", "Execute"):
        seconds = config[name].get("timeout") if name in config else None
        if isinstance(seconds, int | float) and seconds > 0:
            most = max(Limits.seconds_in_all, 4.0 * seconds)
            own = {"seconds_per_cell": float(seconds), "seconds_in_all": most}
    return Limits(**{**own, **chosen})


class RunFairly(NbGraderPreprocessor):
    """Run learners' code behind a wall, and the tests on this side of it.

    It stands for Execute. `FairAutograde` has run everything already.
    """

    without = List(
        help="Walls of the sandbox to grade without, where this machine lacks them."
    ).tag(config=True)
    limits = Dict(
        help="What a submission may use: the fields of fairgrade.grading.Limits."
    ).tag(config=True)
    learner_files = List(
        help="Patterns of learners' files for their code: see FairAutograde."
    ).tag(config=True)

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        result = getattr(self.parent.parent, "result", None)
        if result is None:
            assignment, grader = grader_for(
                skeleton_for(self, names).assignment,
                limits_of(self.config, self.limits),
                walls_but(self.without),
            )
            # By now the teacher's files stand in the place of learners' like them.
            beside, _ = read_some(resources["metadata"]["path"], self.learner_files)
            handed_in = HandedIn(nbformat.writes(nb).encode(), beside)
            result = grader.grade(assignment, handed_in)
        if result.status != "graded":
            raise NbGraderException(f"{result.status}: {result.reason}")
        inject(nb, result)
        return nb, resources


class SharedGradebook(NbGraderPreprocessor):
    """Use the gradebook that `FairAutograde` has open, or open it as nbgrader does."""

    def preprocess(self, nb, resources):
        names = resources["nbgrader"]
        self.notebook_id = names["notebook"]
        self.assignment_id = names["assignment"]
        self.student_id = names["student"]
        book = getattr(self.parent.parent, "gradebook", None)
        if book:
            self.save(book, nb, resources)
        else:
            with Gradebook(names["db_url"]) as book, book.transaction():
                self.save(book, nb, resources)
        return nb, resources

    def submitted(self, gradebook):
        return gradebook.find_submission_notebook(
            self.notebook_id, self.assignment_id, self.student_id
        )


class SaveGrades(SharedGradebook, SaveAutoGrades):
    """Save all grades of a notebook at once; as SaveAutoGrades, cell by cell."""

    def save(self, gradebook, nb, resources):
        grades, comments = gradebook.rows_of(self.submitted(gradebook))
        for cell in nb.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if utils.is_grade(cell):
                grade = grades[name]
                grade.auto_score, _ = utils.determine_grade(cell, self.log)
                # A person's points stay, and wait for a second look.
                grade.needs_manual_grade = (
                    grade.manual_score is not None or grade.auto_score is None
                )
            if utils.is_solution(cell) or utils.is_task(cell):
                same = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(
                    cell
                )
                untouched = same and not utils.is_task(cell)
                comments[name].auto_comment = "No response." if untouched else None
        gradebook.db.flush()


class LatePenalties(SharedGradebook, AssignLatePenalties):
    """As AssignLatePenalties, with the course's own plug-in; in our transaction."""

    def save(self, gradebook, nb, resources):
        self.init_plugin()
        notebook = self.submitted(gradebook)
        # Sums are worked out by the database, from what was just saved.
        gradebook.db.refresh(notebook)
        notebook.late_submission_penalty = None
        late = notebook.assignment.total_seconds_late
        if late > 0:
            penalty = self.plugin_inst.late_submission_penalty(
                self.student_id, notebook.score, late
            )
            if penalty is not None:
                penalty = self._check_late_penalty(notebook, penalty)
            notebook.late_submission_penalty = penalty
        gradebook.db.flush()


INSTEAD = {
    ClearOutput: RebuildCells,
    DeduplicateIds: None,
    OverwriteKernelspec: None,
    OverwriteCells: None,
    Execute: RunFairly,
    AllowWarnings: None,
    SaveAutoGrades: SaveGrades,
    AssignLatePenalties: LatePenalties,
}


def fair(preprocessors):
    """Return a list of preprocessors with ours instead of nbgrader's.

    A course's own ones stay where they are.
    """
    chosen = [INSTEAD.get(one, one) for one in preprocessors]
    return [one for one in chosen if one is not None]


# One for each converter: it lives as long as one run of autograding.
_skeletons = weakref.WeakKeyDictionary()
_grader = {}


def skeleton_for(preprocessor, names):
    """Return the skeleton of a notebook, built once in a run."""
    converter = preprocessor.parent.parent
    known = _skeletons.setdefault(converter, {})
    key = names["assignment"], names["notebook"]
    if key not in known:
        course = converter.coursedir
        with Gradebook(course.db_url, course.course_id) as book:
            known[key] = Skeleton(converter, book, *key)
    return known[key]


def walls_but(without, here=True):
    """Return the names of all walls but some; refuse where another one is missing.

    Parameters
    ----------
    without : iterable of str
        The walls that the teacher agreed to do without.
    here : bool
        Whether learners' code will run on this machine.
    """
    from fairgrade.doctor import require
    from fairgrade.walls import WALLS, WallMissing

    try:
        if here:
            require(accepted=without)
    except WallMissing as error:
        raise Refusal(str(error)) from None
    return [name for name in WALLS if name not in without]


def grader_for(assignment, limits=None, walls=None):
    """Return the assignment, with its reference run recorded, and a Grader for it.

    One is kept, for the next submission of the same assignment.
    """
    plain = dataclasses.replace(assignment, allowed={})
    if _grader.get("for") != plain:
        close_grader()
        grader = Grader([plain], limits, walls).__enter__()
        _grader.update({"grader": grader, "for": plain})
        try:
            _grader["assignment"] = record_reference(plain, grader)
        except ReferenceFails as error:
            _grader["fails"] = str(error)
    if "fails" in _grader:
        raise NbGraderException(f"the reference solution fails: {_grader['fails']}")
    return _grader["assignment"], _grader["grader"]


@atexit.register
def close_grader():
    """End the processes that `grader_for` keeps ready."""
    if "grader" in _grader:
        _grader["grader"].__exit__(None, None, None)
    _grader.clear()


def configure(c):
    """Make nbgrader itself grade fairly: for the end of a course's nbgrader_config.py.

        import fairgrade
        fairgrade.configure(c)

    `nbgrader autograde` and formgrader's buttons then run learners' code behind a wall,
    feedback and formgrader show nothing that could run in a reader's browser, hidden
    tests stay hidden, and `nbgrader export` says who could not be graded.
    """
    from nbgrader.converters import Autograde

    # nbgrader starts `alembic` by name, also where no environment was activated.
    here = str(Path(sys.executable).parent)
    if here not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    for name in ("sanitize_preprocessors", "autograde_preprocessors"):
        theirs = c.Autograde.get(name) or Autograde.class_traits()[name].default()
        c.Autograde[name] = fair(theirs)
    theirs = c.GenerateFeedback.get("preprocessors", FEEDBACK)
    others = [one for one in theirs if one not in (GetGrades, HideTests)]
    c.GenerateFeedback.preprocessors = [GetGrades, HideTests, *others]
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {"markdown2html": "fairgrade.feedback.safe_markdown"}
    c.HTMLExporter.preprocessors = ["fairgrade.feedback.Harmless"]
    c.ExportApp.plugin_class = "fairgrade.report.FairExport"
