"""The command ``fairgrade``: what a teacher types.

Exit codes: 0 all is well; 1 some submissions could not be graded (or, for `validate`,
do not pass); 2 misuse; 3 refused: a wall of the sandbox is missing, the reference
solution itself fails, the gradebook is locked, the disk is full.
"""

import argparse
import difflib
import importlib
import sys
from pathlib import Path

from fairgrade.errors import Misuse, Refusal

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
    for name in ("autograde", "round", "validate", "generate"):
        sub[name].add_argument(
            "--without",
            metavar="WALL",
            action="append",
            default=[],
            help="do without this wall of the sandbox (see fairgrade doctor)",
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
        near = difflib.get_close_matches(arguments[0], HELP, 1, 0)[0]
        return fail(f"no command {arguments[0]!r}: did you mean {near!r}?", 2)
    try:
        options, rest = parser().parse_known_args(arguments)
    except SystemExit as stop:
        return stop.code
    stray = [one for one in rest if not (one.startswith("--") and "." in one)]
    if stray:
        return fail(f"what is {stray[0]!r}? See fairgrade {options.command} --help", 2)
    if options.course_dir:
        rest.append(f"--course-dir={options.course_dir}")
    if options.debug:
        rest.append("--debug")
    # jsonschema compiles a grammar for a check that nbgrader never asks for: half the
    # time of each command. It does without where this import fails.
    sys.modules.setdefault("rfc3987_syntax", None)
    from fairgrade import commands

    try:
        return commands.COMMANDS[options.command](options, rest)
    except Misuse as error:
        return fail(error, 2)
    except (Refusal, *commands.REFUSED, OSError) as error:
        return fail(error, 3)
    except KeyboardInterrupt:
        return fail("stopped; what was graded is safe, run it again for the rest", 130)


def fail(error, code):
    print(f"fairgrade: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
