"""What the commands of ``fairgrade`` do; `app` reads the command line."""

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.exchange import ExchangeError
from rapidfuzz import process
from tqdm import tqdm
from traitlets import default

from fairgrade.assignment import AssignmentError
from fairgrade.converter import FairAutograde, no_such_assignment
from fairgrade.errors import Misuse, Refusal
from fairgrade.gradebook import Gradebook
from fairgrade.pool import grade_all
from fairgrade.preprocessors import configure
from fairgrade.report import FairExport, points, printable, summary
from fairgrade.skeleton import Skeleton
from fairgrade.submission import Unreadable, read_bytes

SLOW = 1 / 3  # of the time that a cell may take
REFUSED = (AssignmentError, ExchangeError, NbGraderException)


class Course(NbGrader):
    """The course that a command is about, with its nbgrader_config.py."""

    name = "fairgrade"
    description = "Grade an nbgrader course fairly"
    # nbgrader goes on as if there were no configuration.
    raise_config_file_errors = True

    @default("log_level")
    def _quiet(self):
        return logging.ERROR

    @default("classes")
    def _all_classes(self):
        ours = [BaseConverter, Autograde, FairAutograde, GenerateFeedback, FairExport]
        return [*super()._classes_default(), GenerateAssignment, *ours]


def open_course(rest=(), **course):
    """Return the course in this folder, or where `rest` (nbgrader's options) says.

    Raises
    ------
    Misuse
        If there is none.
    """
    app = Course()
    # The configuration of the course that was named counts, not of where we stand.
    app.load_cwd_config = not any(one.startswith("--course-dir") for one in rest)
    try:
        app.initialize([*rest])
    except SystemExit:
        raise Misuse("a setting was not understood, see above") from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise Misuse(f"nbgrader_config.py does not work: {what}") from error
    configure(app.config)
    app.start()
    directory = app.coursedir
    for name, value in course.items():
        if value is not None:
            setattr(directory, name, value)
    root = Path(directory.root)
    signs = ("nbgrader_config.py", "gradebook.db", directory.source_directory)
    if not any((root / sign).exists() for sign in signs):
        raise Misuse(
            f"{root} is no nbgrader course: no {', no '.join(signs)}. Change to the "
            "course's folder, or name it with --course-dir"
        )
    return app


# --------------------------------------------------------------------- the commands


def autograde(options, rest):
    """Grade; print one line for each submission."""
    app = open_course(
        rest,
        assignment_id=options.assignment,
        student_id=options.student,
        notebook_id=options.notebook,
    )
    return grade(app, options)


def grade(app, options):
    converter = FairAutograde(coursedir=app.coursedir, parent=app)
    converter.force = options.force
    told(converter, options)
    if options.owner_check is not None:
        converter.owner_check = options.owner_check
    if options.create is not None:
        converter.create_student = options.create
    with progress(converter, quiet=options.json):
        converter.start()
    rows = converter.rows
    code = int(not all(row.well for row in rows))
    if options.json:
        report = {
            "assignment": app.coursedir.assignment_id,
            "summary": summary(rows),
            "submissions": [asdict(row) for row in rows],
        }
        print(json.dumps(report, indent=1))
    else:
        print(f"{app.coursedir.assignment_id}: {summary(rows)}")
    return code


def told(converter, options):
    """Let the command line have the last word on how learners' code is run."""
    for name in ("jobs", "scheduler"):
        if getattr(options, name, None) is not None:
            setattr(converter, name, getattr(options, name))
    converter.without = [*converter.without, *options.without]
    return converter


@contextlib.contextmanager
def progress(converter, quiet=False):
    """Print each row as it is done; show a bar where somebody watches."""
    with tqdm(
        unit=" submissions",
        disable=not sys.stderr.isatty(),
        leave=False,
        file=sys.stderr,
    ) as bar:

        def on_row(row):
            bar.total = max(len(converter.folders), bar.n + 1)
            if not quiet and row.status != "skipped" and row.handed_in:
                with bar.external_write_mode(file=sys.stdout):
                    print(row.line(), flush=True)
            if row.handed_in:
                bar.update()

        converter.on_row = on_row
        yield


def feedback(options, rest):
    """Write feedback, and release it if asked to."""
    app = open_course(
        rest,
        assignment_id=options.assignment,
        student_id=options.student,
        notebook_id=options.notebook,
    )
    known_assignment(app)
    return give(app, options.force, options.release)


def give(app, force, release):
    converter = GenerateFeedback(coursedir=app.coursedir, parent=app)
    converter.force = force
    name = app.coursedir.assignment_id
    if not list(Path(app.coursedir.root).glob(pattern(app, "autograded", name))):
        raise Misuse(f"nothing of {name} is graded yet: fairgrade autograde {name}")
    converter.start()
    written = len(list(Path(app.coursedir.root).glob(pattern(app, "feedback", name))))
    print(f"{name}: feedback for {written}")
    if release:
        app.exchange.ReleaseFeedback(
            coursedir=app.coursedir, authenticator=app.authenticator, parent=app
        ).start()
        print(f"{name}: feedback released")
    return 0


def pattern(app, step, assignment):
    """Return the pattern of a step's folders, relative to the course's folder."""
    directory = getattr(app.coursedir, f"{step}_directory")
    student = app.coursedir.student_id or "*"
    path = app.coursedir.format_path(directory, student, assignment)
    return os.path.relpath(path, app.coursedir.root)


def whole_round(options, rest):
    """Collect, grade, write feedback, release it."""
    app = open_course(
        rest,
        assignment_id=options.assignment,
        student_id=options.student,
        notebook_id=options.notebook,
    )
    known_assignment(app)
    if not options.no_collect:
        collect = app.exchange.Collect(
            coursedir=app.coursedir, authenticator=app.authenticator, parent=app
        )
        collect.update = True
        # nbgrader warns of each wrong owner; they are refused, one line each.
        collect.check_owner = False
        collect.start()
        app.coursedir.student_id = options.student or "*"
    code = grade(app, options)
    with contextlib.redirect_stdout(sys.stderr if options.json else sys.stdout):
        give(app, force=True, release=not options.no_release)
    return code


def known_assignment(app):
    """Refuse an assignment that the gradebook does not know."""
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as book:
        known = [assignment.name for assignment in book.assignments]
    if app.coursedir.assignment_id not in known:
        raise Misuse(no_such_assignment(app.coursedir.assignment_id, known))


def generate(options, rest):
    """Run generate_assignment, then the reference solution as submissions run."""
    app = open_course(
        rest, assignment_id=options.assignment, notebook_id=options.notebook
    )
    name, course = options.assignment, app.coursedir
    source = Path(course.format_path(course.source_directory, ".", name))
    if not list(source.glob("*.ipynb")):
        known = sorted(p.name for p in source.parent.glob("*") if p.is_dir())
        near = process.extractOne(name, known)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise Misuse(f"no notebook in {source}{hint}")
    converter = GenerateAssignment(coursedir=course, parent=app)
    converter.force = options.force
    with kept(
        Path(os.path.normpath(course.format_path(course.release_directory, ".", name)))
    ):
        converter.start()
    skeletons = {}
    with Gradebook(course.db_url, course.course_id) as book:
        for notebook in book.find_assignment(name).notebooks:
            skeletons[notebook.name] = Skeleton(converter, book, name, notebook.name)
    solutions = [
        ((name, stem), (source / f"{stem}.ipynb").read_bytes()) for stem in skeletons
    ]
    assignments = {stem: one.assignment for stem, one in skeletons.items()}
    failed = False
    grader = told(FairAutograde(coursedir=course, parent=app), options)
    settings = grader.settings() | {"jobs": 1}
    for (_, stem), result in grade_all(assignments, solutions, **settings):
        for cell in result.cells:
            if cell.status != "passed" or cell.points < cell.max_points * is_test(cell):
                failed = True
                print(printable(f"{stem}: {said(cell)}"))
            elif cell.seconds > SLOW * settings["limits"].seconds_per_cell:
                print(printable(f"{stem}: {slow(cell, settings['limits'])}"))
    if failed:
        raise Refusal(
            f"{name}: the reference solution does not pass its own tests as graded"
        )
    print(f"{name}: generated; the reference solution passes all its tests as graded")
    return 0


def slow(cell, limits):
    """Return a warning: others' machines and answers are slower."""
    name = cell.grade_id or "a cell without a name"
    return (
        f"{name}: the reference takes {cell.seconds:.1f} of the "
        f"{limits.seconds_per_cell:g} seconds that a cell may take: "
        "see FairAutograde.limits"
    )


def is_test(cell):
    return cell.kind == "test"


def said(cell):
    """Return what became of a cell, in plain words."""
    what = ": ".join(part for part in (cell.ename, cell.evalue) if part)
    name = cell.grade_id or "a cell without a name"
    if cell.status == "passed":
        return f"{name}: {points(cell.points)} of {points(cell.max_points)}"
    return f"{name}: {cell.status}{', ' + what if what else ''}"


@contextlib.contextmanager
def kept(folder):
    """Put a folder back if what happens inside fails: nbgrader deletes it then."""
    if not folder.is_dir():
        yield
        return
    with tempfile.TemporaryDirectory() as safe:
        shutil.copytree(folder, Path(safe, "copy"), symlinks=True)
        try:
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(Path(safe, "copy"), folder, symlinks=True)
            raise


def validate(options, rest):
    """Grade files and write nothing."""
    files = [path.resolve() for path in options.files]
    app = open_course(rest)
    data = {}
    for given, path in zip(options.files, files, strict=True):
        try:
            data[str(given)] = path.stem, read_bytes(path)
        except Unreadable as error:
            raise Misuse(f"{given}: {error.reason}") from None
    converter = FairAutograde(coursedir=app.coursedir, parent=app)
    skeletons = {}
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as book:
        for stem, _ in data.values():
            found = [
                (assignment.name, notebook.name)
                for assignment in book.assignments
                for notebook in assignment.notebooks
                if options.assignment in (None, assignment.name)
                and (notebook.name == stem or len(assignment.notebooks) == 1)
                and (options.assignment or notebook.name == stem)
            ]
            if len(found) != 1:
                names = ", ".join(name for name, _ in found) or "none"
                raise Misuse(
                    f"{stem}.ipynb: which assignment is it? ({names} has such a "
                    "notebook.) Say --assignment NAME"
                )
            if stem not in skeletons:
                skeletons[stem] = Skeleton(converter, book, *found[0]).assignment
    jobs = [((given, stem), content) for given, (stem, content) in data.items()]
    code, report = 0, {}
    settings = told(converter, options).settings()
    for (given, _), result in grade_all(skeletons, jobs, **settings):
        bad = [c for c in result.cells if c.status != "passed"]
        less = [c for c in result.cells if is_test(c) and c.points < c.max_points]
        passed = result.status == "graded" and not bad and not less
        code = code or int(not passed)
        report[given] = result.to_json()
        if options.json:
            continue
        tests = [c for c in result.cells if is_test(c)]
        total = f"{points(sum(c.points for c in tests))} of "
        total += points(sum(c.max_points for c in tests))
        reason = f"{result.status}: {result.reason}" if not tests else total
        print(printable(f"{given}: {'passes' if passed else 'FAILS'}, {reason}"))
        for cell in bad or less:
            print(printable(f"  {said(cell)}"))
    if options.json:
        print(json.dumps(report, indent=1))
    return code


def export(options, rest):
    """Write the table of scores."""
    app = open_course(rest)
    plugin = FairExport(parent=app)
    plugin.to = options.to
    plugin.assignment, plugin.student = options.assignment, options.student
    with Gradebook(app.coursedir.db_url, app.coursedir.course_id) as book:
        known = {
            "assignment": [one.name for one in book.assignments],
            "student": [one.id for one in book.students],
        }
        for kind in known:
            for name in getattr(options, kind):
                if name not in known[kind]:
                    raise Misuse(f"no {kind} {name!r} in the gradebook")
        plugin.export(book)
    return 0


COMMANDS = {
    "autograde": autograde,
    "feedback": feedback,
    "round": whole_round,
    "generate": generate,
    "validate": validate,
    "export": export,
}
