"""nbgrader's autograding, with the execution taken out of its hands.

What nbgrader does to one submission after the other happens here in three steps:

1. Which submissions are there, and which are to be graded? Files are only read.
2. All learners' code runs, in other processes: `fairgrade.pool`.
3. As results come in, this process alone writes. Each submission is one transaction in
   the gradebook, and one folder that is swapped in when it is complete.

Killed at any moment, the next run finishes the rest. A folder that was being prepared
(`.NAME.staged`) is only removed when everything is in its place; if it is still there,
its submission is graded anew, which writes the same grades to the same rows.
"""

import fnmatch
import glob
import os
import re
import shutil
import time
from functools import cached_property
from pathlib import Path

from nbconvert.writers import FilesWriter
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.exchange.default.exchange import Exchange
from nbgrader.preprocessors import CheckCellMetadata
from rapidfuzz import process
from traitlets import Any, Bool, Dict, Enum, Float, Integer, List, Unicode

from fairgrade import files
from fairgrade.errors import Misuse, Refusal
from fairgrade.gradebook import Gradebook
from fairgrade.misconceptions import read_index
from fairgrade.owner import is_erased, records, wrong_owner
from fairgrade.pool import grade_all
from fairgrade.preprocessors import RebuildCells, fair, limits_of, walls_but
from fairgrade.report import (
    Row,
    breakdowns,
    points,
    read_record,
    summary,
    write_record,
)
from fairgrade.skeleton import Skeleton
from fairgrade.submission import HandedIn, Unreadable, read_bytes, read_submission

# The skeleton is built from the teacher's notebook, and was checked with it.
DONE = RebuildCells, CheckCellMetadata
UNSAFE_NAME = re.compile(r"[<>\"'&\\\x00-\x1f\x7f]")


class Missing(Exception):
    """A submission has not got the notebook."""


class FairAutograde(Autograde):
    """Autograde that never runs learners' code by itself.

    `start` grades, and leaves one `Row` for each submission in `rows`.
    """

    jobs = Integer(
        0, help="Processes that grade at once; 0 for as many as there are cores."
    ).tag(config=True)
    scheduler = Unicode(
        "", help="Address of a Dask scheduler whose workers run the learners' code."
    ).tag(config=True)
    limits = Dict(
        {},
        help=(
            "What a submission may use: the fields of fairgrade.grading.Limits. "
            "Where it says nothing, ExecutePreprocessor.timeout is the time of a cell."
        ),
    ).tag(config=True)
    without = List(
        help="Walls of the sandbox to grade without, where this machine lacks them."
    ).tag(config=True)
    owner_check = Enum(
        ("auto", "strict", "off"),
        "auto",
        help=(
            "Whether a submission that belongs to somebody else is refused. 'auto' "
            "refuses what is known to be another's, or what was deleted from an "
            "exchange that still has others' work; 'strict' also what nobody knows "
            "the owner of; 'off' asks nobody: for courses where accounts say nothing."
        ),
    ).tag(config=True)
    learner_files = List(
        Unicode(),
        help=(
            "Patterns, such as '*.py', of files that learners hand in beside the "
            "notebook and that their own code may import or read. Tests never see "
            "them; what the teacher has by the same name is the teacher's."
        ),
    ).tag(config=True)
    patience = Float(
        30.0, help="Seconds to wait for another program that writes to the gradebook."
    ).tag(config=True)
    optimistic = Bool(True, help="Check a notebook's form once, not after each step.")
    on_row = Any(None, help="Called with each Row as soon as there is one.")

    # ---------------------------------------------------------------- what there is

    def start(self):
        self.rows = []
        self.writer = FilesWriter(parent=self, config=self.config)
        self.exporter = self.exporter_class(
            parent=self, config=self.config, optimistic_validation=self.optimistic
        )
        here = os.getcwd()
        os.chdir(self.coursedir.root)
        try:
            self.gradebook = Gradebook(
                self.coursedir.db_url, self.coursedir.course_id, self.patience
            )
            try:
                self.convert_notebooks()
            finally:
                self.gradebook.close()
        finally:
            os.chdir(here)

    def init_notebooks(self):
        """Find the skeletons, the learners and their folders."""
        name = self.coursedir.assignment_id
        with self.gradebook.transaction() as book:
            known = [assignment.name for assignment in book.assignments]
            if name not in known:
                raise Misuse(no_such_assignment(name, known))
            self.learners = {student.id for student in book.students}
            chosen = [
                notebook.name
                for notebook in book.find_assignment(name).notebooks
                if fnmatch.fnmatchcase(notebook.name, self.coursedir.notebook_id)
            ]
            if not chosen:
                raise Misuse(
                    f"{name} has no notebook that is called "
                    f"{self.coursedir.notebook_id}: see --notebook"
                )
            self.skeletons = {
                notebook: Skeleton(self, book, name, notebook) for notebook in chosen
            }
        excluded = (self.coursedir.student_id_exclude or "").split(",")
        pattern = self._format_source(name, "(?P<student_id>.*)", escape=True)
        found = {}
        for path in sorted(glob.glob(self._format_source(name, self.chosen_learners))):
            match = re.fullmatch(pattern, path, re.DOTALL)
            if match and match["student_id"] not in excluded:
                found[match["student_id"]] = Path(path)
        self.folders = found
        if not found:
            where = self._format_source(name, self.chosen_learners)
            raise Misuse(f"no submissions of {name}: nothing at {where}")

    @property
    def chosen_learners(self):
        return self.coursedir.student_id or "*"

    @property
    def _input_directory(self):
        return self.coursedir.submitted_directory

    @cached_property
    def inbound(self):
        """What the exchange keeps of all that was handed in."""
        root = Exchange(coursedir=self.coursedir, parent=self).root
        folder = Path(root, self.coursedir.course_id, "inbound")
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def place(self, student):
        """Return the learner's autograded folder."""
        path = self._format_dest(self.coursedir.assignment_id, student)
        return Path(os.path.normpath(path))

    def is_due(self, student):
        """Return whether a submission is to be graded.

        By nbgrader's rule: what is new, was collected anew, or what `force` says. And
        what was being written when a run was stopped, or could not be graded before.
        """
        place = self.place(student)
        wanted = [place / f"{name}.ipynb" for name in self.skeletons]
        if self.force or not place.exists() or files.staged(place).exists():
            return True
        if self.coursedir.notebook_id != "*" and not all(p.exists() for p in wanted):
            return True
        before = read_record(self.coursedir, student, self.coursedir.assignment_id)
        if before and not before.well:
            return True
        new = self.timestamp(self.folders[student])
        old = self.timestamp(place)
        return bool(new and old and new > old)

    def timestamp(self, folder):
        """Return when a submission was handed in, in UTC, or None."""
        path = folder / "timestamp.txt"
        if path.is_symlink() or not path.is_file() or path.stat().st_size > 1000:
            return None
        try:
            return self.coursedir.get_existing_timestamp(str(folder))
        except (ValueError, OverflowError, SystemExit):
            return None

    # -------------------------------------------------------------------- the batch

    def convert_notebooks(self):
        self.init_notebooks()
        self.pending = {}
        assignments = {name: s.assignment for name, s in self.skeletons.items()}
        root = Path(self.coursedir.root)
        known = {name: read_index(root, one) for name, one in assignments.items()}
        results = grade_all(
            assignments, self.to_grade(), known=known, **self.settings()
        )
        for (student, notebook), result in results:
            pending = self.pending[student]
            pending["results"][notebook] = result
            if len(pending["results"]) == len(pending["found"]):
                self.finish(student)
        self.find_absent()
        self.log.info("%s: %s", self.coursedir.assignment_id, summary(self.rows))

    def settings(self):
        """Return how learners' code is to be run, as `grade_all` takes it."""
        try:
            limits = limits_of(self.config, self.limits)
        except TypeError as error:
            raise Misuse(f"FairAutograde.limits: {error}") from None
        return {
            "jobs": self.jobs or None,
            "scheduler": self.scheduler or None,
            "limits": limits,
            "walls": walls_but(self.without, here=not self.scheduler),
        }

    def to_grade(self):
        """Yield ((learner, notebook), bytes); say at once of whom there is nothing."""
        for student, folder in self.folders.items():
            if not self.is_due(student):
                self.say(Row(student, "skipped"), keep=False)
                continue
            found, failed, notes, beside = {}, {}, [], {}
            try:
                self.check(student, folder)
                for name in self.skeletons:
                    try:
                        found[name] = self.notebook(folder, name)
                    except Missing as error:
                        failed[name] = "missing", str(error)
                    except Unreadable as error:
                        failed[name] = "unreadable", error.reason
                notes += self.strangers(folder)
                beside, unused = self.files_of(folder)
                notes += unused
            except PermissionError as error:
                failed = {None: ("refused", str(error))}
                found = {}
            except OSError as error:
                failed, found = {None: ("unreadable", str(error))}, {}
            self.pending[student] = {
                "found": found,
                "failed": failed,
                "notes": notes,
                "results": {},
            }
            if not found:
                self.finish(student)
                continue
            self.notebooks = [str(folder / f"{name}.ipynb") for name in found]
            self.run_pre_convert_hook()
            for name, data in found.items():
                yield (student, name), HandedIn(data, beside)

    def check(self, student, folder):
        """Refuse what is not to be graded at all, with a PermissionError."""
        if UNSAFE_NAME.search(student) or not student.isprintable():
            raise PermissionError(f"a learner cannot be called {student!r}")
        link = files.link_above(folder, self.coursedir.root)
        if link:
            raise PermissionError(f"{link.name} is a link")
        if not folder.is_dir():
            raise PermissionError("not a folder")
        if not self.create_student and student not in self.learners:
            raise PermissionError("not in the gradebook, and --create=False")
        if self.owner_check == "off":
            return
        name = self.coursedir.assignment_id
        when = self.timestamp(folder)
        handed_in = records(self.inbound, student, name, when)
        if is_erased(self.inbound, name, when, handed_in):
            raise PermissionError(
                "the exchange has no record of this hand-in any more, though it has "
                f"others': ask {student}, then see FairAutograde.owner_check"
            )
        first = next((p for p in sorted(folder.glob("*.ipynb"))), folder)
        others = self.learners | set(self.folders)
        strict = self.owner_check == "strict"
        reason = wrong_owner(student, first, handed_in, others, strict)
        if reason:
            raise PermissionError(reason)

    def notebook(self, folder, name):
        """Return the bytes of one notebook of a submission."""
        path = folder / f"{name}.ipynb"
        if not os.path.lexists(path):
            others = [p.stem for p in folder.glob("*.ipynb")]
            others = sorted(set(others) - set(self.known_notebooks))
            if not others:
                raise Missing(f"no {name}.ipynb")
            nearest = process.extractOne(name, others)[0]
            raise Missing(f"no {name}.ipynb; is it {nearest}.ipynb? Then rename it")
        kind = files.kind_of(path.lstat().st_mode)
        if kind:
            raise Unreadable(f"{path.name} is {kind}, not a file")
        return read_bytes(path)

    @cached_property
    def known_notebooks(self):
        with self.gradebook.transaction() as book:
            assignment = book.find_assignment(self.coursedir.assignment_id)
            return {notebook.name for notebook in assignment.notebooks}

    def files_of(self, folder):
        """Return what a learner's code may find beside the notebook, and notes."""
        return files.read_some(folder, self.learner_files, self.teachers_files)

    @cached_property
    def teachers_files(self):
        """Paths of the teacher's files that learners' never replace, and nbgrader's."""
        name = self.coursedir.assignment_id
        folder = self.coursedir.format_path(self.coursedir.source_directory, ".", name)
        keep = {Path(path) for path in self.exclude_overwriting.get(name, [])}
        return {Path("timestamp.txt"), *files.extra_files(Path(folder))[0]} - keep

    def strangers(self, folder):
        """Return notes on notebooks that the assignment does not have."""
        names = sorted(p.stem for p in folder.glob("*.ipynb"))
        return [
            f"{name}.ipynb is not part of the assignment"
            for name in names
            if name not in self.known_notebooks
        ][:5]

    def finish(self, student):
        """Write what became of a submission; nothing but `say` can be seen before."""
        begun = time.perf_counter()
        pending = self.pending.pop(student)
        graded, failed = {}, pending["failed"]
        notes = list(pending["notes"])
        for name, result in pending["results"].items():
            several = len(self.skeletons) > 1
            notes += [f"{name}: {n}" if several else n for n in result.notes]
            if result.status == "graded":
                graded[name] = result
            else:
                failed[name] = result.status, result.reason
        row = Row(student, "graded", notes=notes)
        cells = [cell for result in graded.values() for cell in result.cells]
        row.reason = breakdowns(cells)
        if row.reason and not any(cell.points for cell in cells):
            row.status = "crashed"
        if failed:
            order = ("refused", "crashed", "unreadable", "missing")
            row.status = min((status for status, _ in failed.values()), key=order.index)
            reasons = [reason for _, reason in failed.values()]
            row.reason = "; ".join([*reasons, *filter(None, [row.reason])])
        try:
            if graded:
                self.save(student, pending, graded, row)
            elif self.place(student).exists():
                row.reason += " (the grade of an earlier version stands)"
            row.seconds = time.perf_counter() - begun
            self.say(row)
        except OSError as error:
            # What is half-written stays marked as such: see `is_due`.
            raise Refusal(
                f"stopped at {student}: {error.strerror or error} ({error.filename}). "
                "What was graded is safe; a second run does the rest"
            ) from error
        except Refusal:
            raise
        except Exception as error:
            # One bad submission never stops the others.
            self.log.info("%s", student, exc_info=True)
            shutil.rmtree(files.staged(self.place(student)), ignore_errors=True)
            reason = f"could not be written: {type(error).__name__}: {error}"
            self.say(Row(student, "crashed", reason, notes=notes))

    def say(self, row, keep=True):
        """Add a row to the report; keep it beside the autograded folder."""
        row.clean()
        if keep and row.handed_in and not graded_only(row):
            write_record(self.coursedir, self.coursedir.assignment_id, row)
        self.rows.append(row)
        if self.on_row:
            self.on_row(row)

    def find_absent(self):
        """Say of whom in the gradebook there is no folder at all."""
        if self.chosen_learners == "*":
            for student in sorted(self.learners - set(self.folders)):
                reason = "nothing was handed in"
                row = Row(student, "missing", reason, handed_in=False)
                self.say(row, keep=False)

    # ------------------------------------------------------------------- one of them

    def save(self, student, pending, graded, row):
        """Write a submission's grades and its folder, and complete its row."""
        place = self.place(student)
        new = files.staged(place)
        shutil.rmtree(new, ignore_errors=True)
        if self.coursedir.notebook_id != "*" and place.exists():
            shutil.copytree(place, new, symlinks=True)
        new.mkdir(parents=True, exist_ok=True)
        notes = self.copy_files(student, new)
        with self.gradebook.transaction() as book:
            submission = self.enter(book, student)
            for name, result in graded.items():
                data, assignment = (
                    pending["found"][name],
                    self.skeletons[name].assignment,
                )
                handed_in = read_submission(data, assignment)
                self.write_notebook(student, name, result, handed_in, new)
            for name in pending["failed"]:
                self.without_notebook(book, submission, name, pending["failed"][name])
            self.set_modes(new)
            book.db.flush()
            book.db.refresh(submission)
            row.score, row.max_score = submission.score, submission.max_score
            if submission.late_submission_penalty:
                row.score -= submission.late_submission_penalty
                notes.append(f"late: −{points(submission.late_submission_penalty)}")
            row.notes += notes
        row.clean()
        write_record(self.coursedir, self.coursedir.assignment_id, row)
        files.swap(new, place)
        self.run_post_convert_hook()

    def enter(self, book, student):
        """Return the submission's row in the gradebook, made if need be."""
        name = self.coursedir.assignment_id
        timestamp = self.timestamp(self.folders[student])
        given = {"timestamp": timestamp} if timestamp else {}
        with book.db.no_autoflush:
            book.update_or_create_student(student)
            return book.update_or_create_submission(name, student, **given)

    def copy_files(self, student, new):
        """Copy the learner's other files, then the teacher's."""
        folder, ignore = self.folders[student], self.coursedir.ignore
        most = 1000 * self.coursedir.max_file_size
        extra, notes = files.extra_files(folder, ignore, most)
        for path in extra:
            notes += files.copy_if_possible(folder / path, new / path)
        name = self.coursedir.assignment_id
        source = Path(
            self.coursedir.format_path(self.coursedir.source_directory, ".", name)
        )
        keep = {Path(path) for path in self.exclude_overwriting.get(name, [])}
        for path in files.extra_files(source, ignore)[0]:
            if path not in keep or not (new / path).exists():
                files.make_way(new / path, new)
                files.copy_plain(source / path, new / path)
        return notes

    def write_notebook(self, student, name, result, handed_in, new):
        """Save one notebook's grades, and write it into the staged folder."""
        resources = {
            "unique_key": name,
            "output_files_dir": f"{name}_files",
            "nbgrader": {
                "student": student,
                "assignment": self.coursedir.assignment_id,
                "notebook": name,
                "db_url": self.coursedir.db_url,
            },
        }
        self.result = result
        self.exporter._preprocessors = self.steps
        notebook = self.skeletons[name].with_answers(handed_in)
        output, resources = self.exporter.from_notebook_node(notebook, resources)
        self.writer.build_directory = str(new)
        path = new / f"{name}{self.exporter.file_extension}"
        path.unlink(missing_ok=True)
        self.writer.write(output, resources, notebook_name=name)

    @cached_property
    def steps(self):
        """A course's own preprocessors, and ours in the place of nbgrader's."""
        self.exporter._preprocessors = []
        both = [*self.sanitize_preprocessors, *self.autograde_preprocessors]
        for step in fair(both):
            if step not in DONE:
                self.exporter.register_preprocessor(step)
        return self.exporter._preprocessors

    def without_notebook(self, book, submission, name, why):
        """Enter a notebook of which there is no result, while others have one.

        A missing one gets 0 points, as with nbgrader; of another one a person decides.
        """
        status, _ = why
        student = submission.student.id
        try:
            row = book.find_submission_notebook(
                name, self.coursedir.assignment_id, student
            )
        except MissingEntry:
            return
        for grade in row.grades:
            grade.auto_score = 0 if status == "missing" else None
            grade.needs_manual_grade = status != "missing"

    def set_modes(self, folder):
        """Give a staged folder the permissions that nbgrader gives."""
        mode = int(str(self.permissions), 8)
        shared = self.coursedir.groupshared
        for where, _, names in os.walk(folder):
            for name in names:
                os.chmod(os.path.join(where, name), mode)
            if shared:
                os.chmod(where, (os.stat(where).st_mode | 0o2770) & 0o2777)


def graded_only(row):
    """Return whether a row was written by `save` already, before the swap."""
    return row.score is not None


def no_such_assignment(name, known):
    """Return what to say where an assignment is not in the gradebook."""
    if not known:
        return f"no assignment {name!r}: the gradebook has none; generate it first"
    nearest = process.extractOne(name, known)[0]
    return f"no assignment {name!r} in the gradebook: did you mean {nearest!r}?"
