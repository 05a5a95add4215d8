"""`fairgrade check NAME`: does an exercise's grader catch what is wrong, and only that?

First the answer bank: every wrong answer has to lose its points on its cells and on no
other, every right one gets full marks, the notebook as released nothing. Then mutants
of the reference solution, small mistakes that some test should notice, and cheats,
answers that solve nothing: no test cell should give points for one.
"""

import argparse
import contextlib
import functools
import json
import multiprocessing
import os
import queue
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from tqdm import tqdm
from traitlets import List, Unicode
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from . import cheats, misconceptions, mutation, trial
from .assignment import AssignmentError, read_assignment, to_json
from .bank import Bank, answers_with, no_answers, read_bank, reference_answers
from .errors import Misuse, Refusal
from .grading import Grader, ReferenceFails, record_reference

EPILOG = """\
examples:
  fairgrade check perceptron
  fairgrade check perceptron --bank tests/exercises/perceptron.py
  fairgrade check perceptron --only bank       no mutants; or: --only mutants
  fairgrade check perceptron losses --json

A bank is a Python file with WRONG = {label: (answer cell, body, {test cells})} and
RIGHT = {label: (answer cell, body)}; see the module fairgrade.bank. It is looked for in
tests/exercises/NAME.py and banks/NAME.py; c.FairCheck.banks in nbgrader_config.py names
other places.

exit codes: 0 all is well; 1 an answer is graded wrongly, or a mutant or a cheat that is
not in the bank's ACCEPTED gets by the tests; 2 misuse; 3 the grader cannot work here.
"""
SHOWN = 200  # characters of a mutant


class FairCheck(Configurable):
    """Where a course keeps its banks."""

    banks = List(
        Unicode(),
        ["tests/exercises/{name}.py", "banks/{name}.py"],
        help="Places of a notebook's answer bank, below the course's folder.",
    ).tag(config=True)


# ---- what is found out


@dataclass
class Report:
    """What one notebook's check found.

    `failures` are sentences on the bank; `survivors` are mutants that no test catches
    and that are neither accepted nor, as far as calls with varied arguments can tell,
    the same function as the reference (`same`). `fooled` are the test cells that
    believe an answer which solves nothing (`fairgrade.cheats`).
    """

    name: str
    answers: int = 0
    failures: list = field(default_factory=list)
    mutants: int = 0
    visible: int = 0
    hidden: int = 0
    survivors: list = field(default_factory=list)
    same: list = field(default_factory=list)
    accepted: list = field(default_factory=list)
    stale: list = field(default_factory=list)
    cheats: int = 0
    fooled: list = field(default_factory=list)
    named: int = 0
    unnamed: dict = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_well(self):
        return not (self.failures or self.survivors or self.fooled)

    def to_json(self):
        return vars(self) | {"is_well": self.is_well}

    def lines(self, everything=False):
        """Yield what a teacher reads."""
        bad = len(self.failures)
        yield f"{self.name}: {self.answers} answers, {bad} graded wrongly"
        for text in self.failures:
            yield f"  {text}"
        if self.unnamed and everything:
            yield f"  {self.named} misconceptions can be told by their results; not:"
            for label, why in self.unnamed.items():
                yield f"    {label!r}: {why}"
        if not self.mutants:
            return
        different = max(1, self.mutants - len(self.same))
        yield (
            f"  {self.mutants} mutants, {len(self.same)} of them no different: "
            f"{self.visible / different:.0%} caught by visible tests, "
            f"{(self.visible + self.hidden) / different:.0%} by all"
        )
        for one in self.survivors:
            yield from told(one, "not caught")
        for one in self.fooled:
            tests = ", ".join(one["tests"])
            yield f"  {tests}: fooled by {one['name']} giving {one['what']}"
        for one in [*self.same, *self.accepted] if everything else ():
            yield from told(one, one.get("reason", "no different"))
        for cell, key in self.stale:
            yield f"  ACCEPTED is out of date: {cell}: {key}"


def told(one, verdict):
    place = f"line {one['line']}: " if one["line"] else ""
    yield f"  {one['cell']}, {place}{one['what']}: {verdict}"
    yield f"    {one['mutant'][:SHOWN]}"
    if one["apart"]:
        yield f"    {one['apart']}"


# ---- the bank


class Bench:
    """Some graders, each in a thread of its own."""

    def __init__(self, assignments, size, walls=None):
        self.free = queue.SimpleQueue()
        self.stack = contextlib.ExitStack()
        self.pool = ThreadPoolExecutor(size)

        def start(_):
            return Grader(assignments, walls=walls).__enter__()

        try:
            for grader in self.pool.map(start, range(size)):
                self.stack.push(grader)
                self.free.put(grader)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.pool.shutdown()
        self.stack.close()

    def borrow(self, function):
        """Return what a function of a grader returns."""
        grader = self.free.get()
        try:
            return function(grader)
        finally:
            self.free.put(grader)

    def grade(self, assignment, sources):
        return self.borrow(lambda grader: grader.run(assignment, sources)[0])

    def each(self, function, items):
        """Return the results of a function of (item), several at once, in order."""
        return self.pool.map(function, items)


def lost(result):
    """Return the test cells on which points are lost."""
    return {
        c.grade_id
        for c in result.cells
        if c.kind == "test" and (c.points < c.max_points or c.status != "passed")
    }


def misgraded(entry, result):
    """Return what is wrong with the grades of a bank's answer, or None."""
    expected = set(getattr(entry, "fails", ()))
    got = lost(result)
    if result.status != "graded":
        return f"{entry.label!r}: {result.status}: {result.reason}"
    if got == expected:
        return None
    parts = []
    if expected - got:
        parts.append(f"passes {', '.join(sorted(expected - got))}")
    for cell in result.cells:
        if cell.grade_id in got - expected:
            why = f"{cell.ename}: {cell.evalue}".strip(": ")[:300]
            parts.append(f"fails {cell.grade_id}: {cell.status}: {why}")
    kind = "wrong" if expected else "right"
    return f"{kind} answer {entry.label!r} to {entry.cell}: {'; '.join(parts)}"


def check_bank(bench, assignment, bank, bar):
    """Return what is wrong with the grades of a bank's answers, as sentences."""
    failures = []
    untouched = bench.grade(assignment, no_answers(assignment))
    bar.update()
    if untouched.score:
        cells = [c.grade_id for c in untouched.cells if c.points]
        failures.append(f"the notebook as released gets points on {', '.join(cells)}")

    def grade(entry):
        result = bench.grade(assignment, answers_with(assignment, entry))
        bar.update()
        return misgraded(entry, result)

    failures += filter(None, bench.each(grade, [*bank.wrong, *bank.right]))
    return failures


def index_of(bench, assignment, bank, bar):
    """Return the index of the bank's misconceptions."""
    probes, reference = bench.borrow(
        lambda grader: misconceptions.recorded_probes(assignment, grader)
    )

    def note(wrong):
        notes = bench.borrow(lambda g: misconceptions.run_wrong(probes, g, wrong))
        bar.update()
        return wrong, notes

    noted = list(bench.each(note, bank.wrong))
    return misconceptions.make_index(assignment, probes, reference, noted)


# ---- the mutants


def all_mutants(assignment, without=()):
    """Return the mutants of all answers but some, joint ones last."""
    answers = [
        cell
        for cell in assignment.cells
        if cell.kind == "answer" and cell.grade_id not in without
    ]
    found = [one for cell in answers for one in mutation.mutants(cell)]
    for one, other in trial.Course(assignment).partners():
        if not {one.grade_id, other.grade_id} & set(without):
            found += mutation.joint_mutants(one, other)
    return found


def all_cheats(assignment, without=()):
    """Return the cheats of all answers but some, joint ones last."""
    answers = [
        cell
        for cell in assignment.cells
        if cell.kind == "answer" and cell.grade_id not in without
    ]
    found = [one for cell in answers for one in cheats.cheats(cell)]
    for one, other in trial.Course(assignment).partners():
        if not {one.grade_id, other.grade_id} & set(without):
            found += cheats.joint_cheats(one, other)
    return found


@contextlib.contextmanager
def trials(assignment, jobs):
    """Yield a function that maps a function of `trial` over what it is to try, in
    worker processes of this machine.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    data = json.dumps(to_json(assignment))
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="fairgrade-check-") as folder,
        ProcessPoolExecutor(jobs, context, trial.prepare, (data, folder)) as pool,
    ):
        fails = pool.submit(trial.reference_outcome).result()
        if fails:
            raise Refusal(
                f"{assignment.name}: the reference solution fails {fails[0]} when "
                f"run in one process with the tests: {fails[2]}"
            )
        yield functools.partial(pool.map, chunksize=4)


def check_mutants(grade, assignment, bank, jobs, report, bar=None):
    """Try all mutants; write into the report what became of them.

    `grade` returns the Result of some answers, by a fair grader.
    """
    left_out = {cell for cell, reasons in bank.accepted.items() if "*" in reasons}
    ones, tricks = all_mutants(assignment, left_out), all_cheats(assignment, left_out)
    bar = tqdm(disable=True, total=0) if bar is None else bar
    bar.total += len(ones) + len(tricks)
    bar.refresh()
    accepted = {
        (cell, key): why
        for cell, reasons in bank.accepted.items()
        for key, why in reasons.items()
        if cell not in left_out
    }
    report.mutants, used = len(ones), set()
    open_ones, fooled = [], []
    with trials(assignment, jobs) as try_all:
        for one, tests in zip(tricks, try_all(trial.try_cheat, tricks), strict=True):
            bar.update()
            if tests:
                fooled.append((one, tests))
        verdicts = try_all(trial.try_mutant, [one.sources for one in ones])
        for one, verdict in zip(ones, verdicts, strict=True):
            bar.update()
            if verdict.caught == "visible":
                report.visible += 1
            elif verdict.caught:
                report.hidden += 1
            else:
                open_ones.append((one, verdict))
    answers = reference_answers(assignment)
    for one, verdict in open_ones:
        found = {
            "cell": one.cell,
            "line": one.line if one.before else 0,
            "what": one.what,
            "mutant": one.key,
            "apart": verdict.apart,
            "tried": verdict.tried,
        }
        place = next((x for x in accepted if fits(one, *x)), None)
        if place is not None:
            used.add(place)
            report.accepted.append(found | {"reason": accepted[place]})
        elif not verdict.apart:
            report.same.append(found)
        elif lost(grade(answers | one.sources)):
            report.hidden += 1  # only across the boundary, which is what counts
        else:
            report.survivors.append(found)
    for one, tests in fooled:
        place = next((x for x in accepted if fits(one, *x)), None)
        if place is not None:
            used.add(place)
            continue
        # Across the boundary, which is what counts, a test may see more.
        tests = sorted(set(tests) - lost(grade(answers | one.sources)))
        if tests:
            report.fooled.append(
                {"cell": one.cell, "name": one.name, "what": one.what, "tests": tests}
            )
    report.cheats = len(tricks)
    report.stale = sorted(set(accepted) - used)


def fits(mutant, cell, text):
    """Return whether an entry of ACCEPTED means a mutant."""
    return cell in (mutant.cell, "*") and (text == mutant.what or text in mutant.key)


# ---- one notebook


def check(assignment, bank=None, only=None, jobs=None, walls=None, quiet=True):
    """Return (report, index of misconceptions or None) of one notebook.

    Parameters
    ----------
    assignment : Assignment
    bank : Bank, optional
    only : {"bank", "mutants"}, optional
        Do only one half.
    jobs : int, optional
        Processes at once; as many as there are cores if None.
    walls : iterable of str, optional
        As for `Grader`.
    quiet : bool
        Whether to show no progress.

    Raises
    ------
    Refusal
        If the reference solution itself does not get full marks.
    """
    start = time.monotonic()
    jobs = jobs or len(os.sched_getaffinity(0))
    bank = bank or Bank()
    answers = len(bank.wrong) + len(bank.right)
    report, index = Report(assignment.name), None
    with contextlib.ExitStack() as stack:
        size = min(jobs, 1 + answers // 20) if only != "mutants" else 1
        bench = stack.enter_context(Bench([assignment], size, walls))
        bar = stack.enter_context(
            tqdm(total=0, desc=assignment.name, unit="", disable=quiet, leave=False)
        )
        try:
            assignment = bench.borrow(lambda g: record_reference(assignment, g))
        except ReferenceFails as error:
            raise Refusal(
                f"{assignment.name}: the reference solution does not get full marks:\n"
                f"{error}"
            ) from None
        if only != "mutants":
            bar.total = answers + len(bank.wrong) + 1
            report.answers = answers + 2
            report.failures = check_bank(bench, assignment, bank, bar)
            index = index_of(bench, assignment, bank, bar)
            report.unnamed = index.unnamed
            report.named = len(index.known) - len(
                {one.label for one in index.known} & set(index.unnamed)
            )
        if only != "bank":
            check_mutants(
                lambda sources: bench.grade(assignment, sources),
                assignment,
                bank,
                jobs,
                report,
                bar,
            )
    report.seconds = round(time.monotonic() - start, 2)
    return report, index


# ---- the command


def open_course(folder):
    """Return (CourseDirectory, FairCheck) as a course's configuration says."""
    folder = Path(folder or ".").resolve()
    try:
        config = PyFileConfigLoader(
            "nbgrader_config.py", path=str(folder)
        ).load_config()
    except ConfigFileNotFound:
        config = Config()
    if not folder.is_dir():
        raise Misuse(f"there is no folder {folder}")
    if "root" not in config.CourseDirectory:
        config.CourseDirectory.root = str(folder)
    return CourseDirectory(config=config), FairCheck(config=config)


def notebooks_of(course, name):
    """Return the paths of an assignment's source notebooks."""
    folder = Path(course.format_path(course.source_directory, ".", name))
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        above = folder.parent
        known = sorted(p.parent.name for p in above.glob("*/*.ipynb"))
        there = f"there is {', '.join(known)}" if known else f"{above} holds none"
        raise Misuse(f"no assignment {name!r}: {there}")
    return found


def bank_path(root, places, name):
    """Return the path of a notebook's bank, or None if it has none."""
    for place in places:
        path = Path(root) / place.format(name=name)
        if path.is_file():
            return path
    return None


def parser():
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(
        prog="fairgrade check",
        description="Try an exercise's answer bank, and mutants of its solution.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    found.add_argument("assignment", metavar="NAME", nargs="+")
    found.add_argument("--bank", metavar="PATH", help="the file with the answers")
    found.add_argument("--only", choices=("bank", "mutants"), help="only one half")
    found.add_argument("--all", action="store_true", help="also list harmless mutants")
    found.add_argument("--jobs", type=int, metavar="N", help="default: all cores")
    found.add_argument("--json", action="store_true", help="one JSON object")
    found.add_argument(
        "--without", metavar="WALL", action="append", default=[], help="see doctor"
    )
    found.add_argument("--course-dir", metavar="FOLDER", help="default: this one")
    return found


def main(arguments=None):
    """Run the command; return its exit code."""
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stop:
        return stop.code
    try:
        reports = run(options)
    except (AssignmentError, Misuse) as error:
        print(f"fairgrade check: {error}", file=sys.stderr)
        return 2
    except Refusal as error:
        print(f"fairgrade check: {error}", file=sys.stderr)
        return 3
    if options.json:
        reports = [report.to_json() for report in reports]
        print(json.dumps({"reports": reports}, indent=1, ensure_ascii=False))
        return 0 if all(report["is_well"] for report in reports) else 1
    return 0 if all(report.is_well for report in reports) else 1


def run(options):
    """Check what the options say; return the reports, printed if not for JSON."""
    if options.jobs is not None and options.jobs < 1:
        raise Misuse(f"--jobs needs a number from 1 up, got {options.jobs}")
    course, settings = open_course(options.course_dir)
    walls = None
    if options.without:
        from .sandbox import WALLS

        unknown = set(options.without) - set(WALLS)
        if unknown:
            raise Misuse(f"no wall {unknown.pop()!r}: there is {', '.join(WALLS)}")
        walls = [wall for wall in WALLS if wall not in options.without]
    todo = []
    for name in options.assignment:
        for path in notebooks_of(course, name):
            assignment = read_assignment(path, name)
            places = [options.bank] if options.bank else settings.banks
            file = bank_path(course.root, places, path.stem)
            if file is None and (options.bank or options.only == "bank"):
                raise Misuse(
                    f"no bank for {path.stem}: "
                    + " or ".join(place.format(name=path.stem) for place in places)
                    + "; a module with WRONG and RIGHT, see fairgrade check --help"
                )
            todo.append((assignment, read_bank(file, assignment) if file else None))
    reports = []
    for assignment, bank in todo:
        only = options.only or (None if bank else "mutants")
        quiet = options.json or not sys.stderr.isatty()
        report, index = check(assignment, bank, only, options.jobs, walls, quiet)
        if index is not None:
            misconceptions.write_index(Path(course.root), assignment, index)
        reports.append(report)
        if not options.json:
            print(*report.lines(options.all), sep="\n", flush=True)
    return reports
