"""The command ``fairgrade``: what a teacher types.

Exit codes: 0 all is well; 1 some submissions could not be graded (or, for `validate`,
do not pass); 2 misuse; 3 refused: a wall of the sandbox is missing, the reference
solution itself fails, the gradebook is locked, the disk is full.
"""

import argparse
import contextlib
import importlib
import json
import logging
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import (
    Autograde,
    GenerateAssignment,
    GenerateFeedback,
)
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.exchange import ExchangeError
from rapidfuzz import process
from tqdm import tqdm
from traitlets import default

from fairgrade.assignment import AssignmentError
from fairgrade.converter import FairAutograde, Misuse, Refusal, no_such_assignment
from fairgrade.gradebook import Gradebook, GradebookError, NoGradebook
from fairgrade.pool import PoolError, grade_all
from fairgrade.preprocessors import configure
from fairgrade.report import FairExport, points, printable, summary
from fairgrade.skeleton import Skeleton, SkeletonError
from fairgrade.submission import Unreadable, read_bytes

EPILOG = """\
a term, in four commands:

  fairgrade generate perceptron     make the learners' notebook; test it as graded
  nbgrader release_assignment perceptron
  fairgrade round perceptron        collect, grade, give feedback, as often as you like
  fairgrade export --to grades.csv

exit codes: 0 all is well, 1 some could not be graded, 2 misuse, 3 refused (a wall of
the sandbox is missing, the reference solution fails, the gradebook is locked, …)
"""

HELP = {
    "autograde": (
        "grade what was collected",
        """\
examples:
  fairgrade autograde perceptron                  all that is new
  fairgrade autograde perceptron --student ada    one learner
  fairgrade autograde perceptron --force          all again; marks by hand are kept
  fairgrade autograde perceptron --jobs 8
  fairgrade autograde perceptron --scheduler tcp://10.0.0.1:8786
""",
    ),
    "feedback": (
        "write a page of feedback for each learner",
        """\
examples:
  fairgrade feedback perceptron             write the pages
  fairgrade feedback perceptron --release   and give them to the learners
""",
    ),
    "round": (
        "collect, autograde, write feedback and release it, in one go",
        """\
examples:
  fairgrade round perceptron
  fairgrade round perceptron --no-collect --no-release   for work that came by mail
""",
    ),
    "generate": (
        "make the learners' notebook, and see whether its tests work as graded",
        """\
The reference solution runs exactly as submissions will: in one process, the tests in
another. What cannot work that way is told here, and not when you grade.

examples:
  fairgrade generate perceptron
  fairgrade generate perceptron --force     over what is there
""",
    ),
    "validate": (
        "grade notebooks without writing anything; exit with 1 if one fails",
        """\
The tests are the teacher's, hidden ones included, whatever the file says.

examples:
  fairgrade validate submitted/ada/perceptron/perceptron.ipynb
  fairgrade validate answer.ipynb --assignment perceptron
""",
    ),
    "export": (
        "write a table of all scores, in which crashed is not 0 points",
        """\
examples:
  fairgrade export --to grades.csv
  fairgrade export --to grades.json --assignment perceptron
  fairgrade export --to -           to the screen
""",
    ),
    "doctor": ("attack each wall of the sandbox on this machine", ""),
    "check": ("try an exercise's answer bank, and mutants of its solution", ""),
    "benchmark": ("measure the speed beside plain nbgrader's", ""),
}
ELSEWHERE = ("doctor", "check", "benchmark")


class Course(NbGrader):
    """The course that a command is about, with its nbgrader_config.py."""

    name = "fairgrade"
    description = "Grade an nbgrader course fairly"

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
    app.initialize([*rest])
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


def parser():
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="fairgrade",
        description="Grade an nbgrader course fairly, safely and fast.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    sub = {}
    for name, (short, examples) in HELP.items():
        sub[name] = commands.add_parser(
            name,
            help=short,
            description=short[0].upper() + short[1:] + ".",
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=name not in ELSEWHERE,
        )
    for name in ("autograde", "feedback", "round", "generate"):
        sub[name].add_argument("assignment", metavar="NAME", help="the assignment")
        sub[name].add_argument(
            "--force", action="store_true", help="also what is there already"
        )
        sub[name].add_argument("--notebook", metavar="NAME", help="only this notebook")
    for name in ("autograde", "feedback", "round"):
        sub[name].add_argument("--student", metavar="ID", help="only this learner")
    for name in ("autograde", "round", "validate"):
        sub[name].add_argument(
            "--jobs", type=positive, metavar="N", help="processes; default: all cores"
        )
        sub[name].add_argument(
            "--scheduler", metavar="ADDRESS", help="grade on this Dask cluster"
        )
        sub[name].add_argument(
            "--json", action="store_true", help="one JSON object instead of lines"
        )
        sub[name].add_argument(
            "--walls",
            metavar="NAMES",
            help="insist on these walls of the sandbox only, by name, with commas; "
            "without it: on all (see fairgrade doctor)",
        )
    for name in ("autograde", "round"):
        sub[name].add_argument(
            "--owner-check",
            choices=("auto", "strict", "off"),
            help="refuse what is known to be another's (auto), or of unknown owners",
        )
        sub[name].add_argument(
            "--create",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="enter learners whom the gradebook does not know",
        )
    sub["feedback"].add_argument(
        "--release", action="store_true", help="give it to the learners, too"
    )
    sub["round"].add_argument(
        "--no-collect", action="store_true", help="take what is in submitted/"
    )
    sub["round"].add_argument(
        "--no-release", action="store_true", help="keep the feedback here"
    )
    sub["validate"].add_argument("files", nargs="+", metavar="FILE", type=Path)
    sub["validate"].add_argument(
        "--assignment", metavar="NAME", help="if the file's name does not tell"
    )
    sub["export"].add_argument("--to", metavar="FILE", default="grades.csv")
    sub["export"].add_argument("--assignment", action="append", default=[])
    sub["export"].add_argument("--student", action="append", default=[])
    for name in sub:
        if name not in ELSEWHERE:
            sub[name].add_argument(
                "--course-dir", metavar="FOLDER", help="the course; default: this one"
            )
            sub[name].add_argument("--debug", action="store_true", help="show it all")
    return top


def positive(text):
    """Return a whole number above 0, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"need a number from 1 up, got {text!r}")
    return int(text)


def main(arguments=None):
    """Run one command; return its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] in ELSEWHERE:
        module = importlib.import_module(f"fairgrade.{arguments[0]}")
        return module.main(arguments[1:])
    if arguments and not arguments[0].startswith("-") and arguments[0] not in HELP:
        nearest = process.extractOne(arguments[0], list(HELP))[0]
        print(
            f"fairgrade: no command {arguments[0]!r}: did you mean {nearest!r}?",
            file=sys.stderr,
        )
        return 2
    try:
        options, rest = parser().parse_known_args(arguments)
    except SystemExit as stop:
        return stop.code
    stray = [one for one in rest if not (one.startswith("--") and "." in one)]
    if stray:
        print(f"fairgrade: what is {stray[0]!r}? See --help", file=sys.stderr)
        return 2
    if options.course_dir:
        rest.append(f"--course-dir={options.course_dir}")
    if options.debug:
        rest.append("--debug")
    try:
        return COMMANDS[options.command](options, rest)
    except (Misuse, NoGradebook) as error:
        return fail(error, 2)
    except (
        AssignmentError,
        GradebookError,
        PoolError,
        Refusal,
        SkeletonError,
        ExchangeError,
        NbGraderException,
        OSError,
    ) as error:
        return fail(error, 3)
    except KeyboardInterrupt:
        return fail("stopped; what was graded is safe, run it again for the rest", 130)


def fail(error, code):
    print(f"fairgrade: {error}", file=sys.stderr)
    return code


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
    for name in ("jobs", "scheduler", "owner_check"):
        if getattr(options, name) is not None:
            setattr(converter, name, getattr(options, name))
    if options.create is not None:
        converter.create_student = options.create
    if options.walls is not None:
        converter.walls = walls(options)
    with progress(converter, quiet=options.json):
        converter.start()
    rows = converter.rows
    code = int(any(not row.well for row in rows))
    if options.json:
        report = {
            "assignment": app.coursedir.assignment_id,
            "summary": summary(rows),
            "submissions": [asdict(row) for row in rows],
        }
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        print(f"{app.coursedir.assignment_id}: {summary(rows)}")
    return code


def walls(options):
    """Return the names of the walls to insist on, or None for all."""
    if options.walls is None:
        return None
    return {name.strip() for name in options.walls.split(",") if name.strip()}


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
    for (_, stem), result in grade_all(assignments, solutions, jobs=1):
        for cell in result.cells:
            if cell.status != "passed" or cell.points < cell.max_points * is_test(cell):
                failed = True
                print(printable(f"{stem}: {said(cell)}"))
    if failed:
        raise Refusal(
            f"{name}: the reference solution does not pass its own tests as graded"
        )
    print(f"{name}: generated; the reference solution passes all its tests as graded")
    return 0


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
    for (given, _), result in grade_all(
        skeletons, jobs, options.jobs, options.scheduler, walls=walls(options)
    ):
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
        print(json.dumps(report, ensure_ascii=False, indent=1))
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


if __name__ == "__main__":
    sys.exit(main())
