"""Try mutants of the teacher's own solution: each in a process forked for it alone.

These are the teacher's answers with small mistakes, not learners' work: they run with
the teacher's rights as the notebook itself does, with limits on time, memory and the
size of files. That takes milliseconds; those that no test catches are then graded like
any submission (`check`).
"""

import ast
import contextlib
import copy
import functools
import gc
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import types
import warnings
from dataclasses import dataclass

import numpy as np

from . import cheats, names
from .assignment import from_json, hidden_lines
from .grading import write_files
from .learner import compile_cell, interactive_shell, is_silent
from .results import plain, same, short

MEMORY = 4 * 2**30  # bytes
FILE_SIZE = 16 * 2**20
FACTOR = 20  # times the reference's own seconds, after which a mutant loops
LEAST_SECONDS = 0.5
PROBES = 4  # calls of a function in each test that are varied
PROBE_SECONDS = 5
TEXT = 400
MARK = "<cell "


@dataclass(frozen=True)
class Verdict:
    """What the tests say of a mutant.

    `caught` is "visible" if a test fails that learners see, "hidden" if only hidden
    ones do, "" if none does. `apart` is a call that tells the mutant from the
    reference, where one was found.
    """

    caught: str
    by: str = ""
    why: str = ""
    apart: str = ""
    tried: int = 0


class Course:
    """One assignment, ready to be run again and again with other answers."""

    def __init__(self, assignment):
        self.assignment = assignment
        self.cells = [cell for cell in assignment.cells if cell.is_run]
        self.trees = [names.parse(cell.source) for cell in self.cells]
        self.hidden = [hidden_lines(c.source) for c in self.cells]
        self.needs = [self._needed_by(number) for number in range(len(self.cells))]
        self.seconds = 0.0

    def _needed_by(self, number):
        """Return the cells whose names a cell uses without binding them itself."""
        own = names.bound(self.trees[number], in_place=False)
        if self.cells[number].kind != "test":
            own = frozenset()
        used = names.used(self.trees[number]) - own
        return {
            other
            for other in range(number)
            if used & names.bound(self.trees[other], imports=False)
        }

    def tests_of(self, grade_ids):
        """Return the numbers of the test cells that some answers may change."""
        touched = {n for n, c in enumerate(self.cells) if c.grade_id in grade_ids}
        for number, needs in enumerate(self.needs):
            if needs & touched:
                touched.add(number)
        return {n for n in touched if self.cells[n].kind == "test"}

    def partners(self):
        """Return pairs of answer cells that one test cell uses both."""
        found = set()
        for number, cell in enumerate(self.cells):
            if cell.kind == "test":
                used = sorted(
                    n for n in self.needs[number] if self.cells[n].kind == "answer"
                )
                found |= {(a, b) for a in used for b in used if a < b}
        return [(self.cells[a], self.cells[b]) for a, b in sorted(found)]

    def to_run(self, tests):
        """Return the numbers of the cells to run for some tests, in order."""
        wanted, pending = set(), list(tests)
        while pending:
            number = pending.pop()
            if number not in wanted:
                wanted.add(number)
                pending += self.needs[number]
        return [
            number
            for number, cell in enumerate(self.cells)
            if cell.kind != "test" or number in wanted
        ]

    def namespace(self):
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        module.get_ipython = interactive_shell
        return module.__dict__

    def run(self, sources, tests, namespace=None, report=None):
        """Run cells with some answers; return (grade id, is it hidden, why) or None.

        That is the first test which fails where learners see it, or else the first.
        """
        caught = None
        for _, name, found, seconds in self.steps(sources, tests, namespace):
            if report is not None:
                report[name] = seconds
            if found and not found[1]:
                return found
            caught = caught or found
        return caught

    def steps(self, sources, tests, namespace=None):
        """Run cells one by one; yield (number, name, what `run` returns, seconds)."""
        namespace = self.namespace() if namespace is None else namespace
        for number in self.to_run(tests):
            cell = self.cells[number]
            name = cell.grade_id or str(number)
            source = sources.get(cell.grade_id, cell.source)
            start = time.process_time()
            try:
                code, last = compile_cell(source, f"{MARK}{name}>")
                exec(code, namespace)
                value = eval(last, namespace) if last is not None else None
            except BaseException as error:
                if cell.kind != "test":
                    continue  # the tests will miss what it should have made
                found = name, self.is_hidden(number, error), describe(error)
            else:
                lost = cell.kind == "test" and loses(cell, value)
                found = (name, False, f"{value} points") if lost else None
            yield number, name, found, time.process_time() - start

    def believers(self, sources, tests, kept=False):
        """Return the ids of test cells that pass with answers which cheat in them.

        With `kept`, what cheats is a value that was made before the test.
        """
        namespace = self.namespace()
        believing, before = [], 0
        for number, name, found, _ in self.steps(sources, tests, namespace):
            now = len(namespace.get("_TRICKED", ()))
            cheated = now > before or (kept and now > 0)
            if number in tests and cheated and not found:
                believing.append(name)
            before = now
        return believing

    def is_hidden(self, number, error):
        """Return whether a test failed in its hidden part."""
        place = f"{MARK}{self.cells[number].grade_id or number}>"
        lines = [
            line
            for frame, line in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == place
        ]
        return bool(lines) and lines[0] in self.hidden[number]


def loses(cell, value):
    """Return whether a test's last value is points, and not all of them."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and not is_silent(cell.source) and not cell.points <= value


def describe(error):
    try:
        text = str(error)
    except BaseException:
        text = ""
    return f"{type(error).__name__}: {text}"[:TEXT]


# ---- one process per mutant


def in_a_fork(function, seconds):
    """Return what a function returns in a forked process, as JSON; None if it dies.

    Seconds are of processor time, so that a busy machine changes nothing.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            limit(seconds)
            data = json.dumps(function()).encode()
            with open(writer, "wb") as pipe:
                pipe.write(data)
        except BaseException:
            if os.environ.get("FAIRGRADE_DEBUG"):
                traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        # What only waits uses no processor time.
        signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
        signal.alarm(int(20 * seconds) + 10)
        data = pipe.read()
        signal.alarm(0)
    os.waitpid(pid, 0)
    return json.loads(data) if data else None


def limit(seconds):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):  # libraries in C speak there, too
        os.dup2(nowhere, number)
    sys.stdout = sys.stderr = io.StringIO()
    warnings.simplefilter("ignore")


_COURSES = {}


def prepare(data, folder):
    """Make a worker process ready for the mutants of one assignment, given as JSON.

    What it writes stands in a new folder inside `folder`.
    """
    import importlib

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("MPLBACKEND", "Agg")
    course = Course(from_json(json.loads(data)))
    for module in sorted(course.assignment.imports):
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
        warm_torch()
    gc.collect()
    gc.freeze()  # or every forked process copies all pages when it collects
    folder = os.path.join(tempfile.mkdtemp(dir=folder), "files")
    write_files(folder, course.assignment.files)
    os.chdir(folder)
    sys.path.insert(0, folder)  # modules beside the notebook, as in a notebook
    _COURSES["course"] = course
    tests = {n for n, cell in enumerate(course.cells) if cell.kind == "test"}

    def reference():
        seconds = {}
        return [course.run({}, tests, report=seconds), seconds]

    _COURSES["reference"] = in_a_fork(reference, 120)


def warm_torch():
    """Import now what torch imports at first use; no gradient: that starts threads."""
    import torch

    layer = torch.nn.Linear(1, 1)
    torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.zeros(1))


def reference_outcome():
    """Return the first test that the reference solution fails here, or None."""
    answer = _COURSES["reference"]
    return answer[0] if answer else ["the notebook", False, "it did not end"]


def try_mutant(sources):
    """Return the Verdict of some answers in place of the reference's."""
    course = _COURSES["course"]
    tests = course.tests_of(sources)
    allowed = seconds_for(course, tests)
    found = in_a_fork(lambda: course.run(sources, tests) or ["", False, ""], allowed)
    if found is None:
        return Verdict("visible", "", "it did not end, or crashed")
    name, hidden, why = found
    if name:
        return Verdict("hidden" if hidden else "visible", name, why)
    compared = in_a_fork(
        lambda: tell_apart(course, sources, tests), PROBE_SECONDS + 2 * allowed
    )
    if compared is None:
        return Verdict("", apart="a varied call that does not end, or crashes")
    return Verdict("", apart=compared[0], tried=compared[1])


def seconds_for(course, tests):
    """Return how long some answers may take in some tests."""
    seconds = sum(
        _COURSES["reference"][1].get(course.cells[n].grade_id or str(n), 0)
        for n in course.to_run(tests)
    )
    return max(FACTOR * seconds, LEAST_SECONDS)


def try_cheat(cheat):
    """Return the ids of the test cells that a Cheat fools."""
    course = _COURSES["course"]
    tests = {
        number
        for number in course.tests_of(cheat.sources)
        if cheats.asks_for(course.trees[number], cheat.uses)
    }

    def believers(sources):
        run = functools.partial(course.believers, sources, tests, cheat.kept)
        return set(in_a_fork(run, seconds_for(course, tests)) or ())

    fooled = believers(cheat.sources) if tests else set()
    for controls in cheat.excuses:
        if fooled and controls:
            fooled -= set.intersection(*map(believers, controls))
    return sorted(fooled)


# ---- equivalent, or not caught?


def tell_apart(course, sources, tests):
    """Return (a call with another result than the reference's or "", calls tried).

    The calls are those that the tests make, and variations of them.
    """
    calls = recorded_calls(course, sources, tests)
    spaces = []
    for answers in ({}, sources):
        space = course.namespace()
        course.run(answers, set(), space)
        spaces.append((sys.modules["__main__"], space))
    tried = 0
    end = time.process_time() + PROBE_SECONDS
    for name, arguments, keywords in calls:
        for varied in [arguments, *variations(arguments)]:
            if time.process_time() > end:
                return "", tried
            outcomes = [
                outcome(module, space.get(name), varied, keywords)
                for module, space in spaces
            ]
            (expected, strained), (got, _) = outcomes
            if expected is None or strained:
                continue  # not what the answer is made for
            tried += 1
            if not same(expected, got):
                return said(name, varied, keywords, expected, got), tried
    return "", tried


def recorded_calls(course, sources, tests):
    """Return the calls (name, arguments, keywords) that tests make of some answers."""
    space, calls, counts = course.namespace(), [], {}
    bound = set()
    for number, cell in enumerate(course.cells):
        if cell.grade_id in sources:
            bound |= names.bound(course.trees[number], imports=False)

    def recording(name, function):
        def recorder(*arguments, **keywords):
            if counts.setdefault(name, 0) < PROBES:
                with contextlib.suppress(Exception):
                    calls.append((name, *copy.deepcopy((arguments, keywords))))
                    counts[name] += 1
            return function(*arguments, **keywords)

        return recorder

    for number in course.to_run(tests):
        cell = course.cells[number]
        with contextlib.suppress(Exception):
            code, _ = compile_cell(cell.source, f"{MARK}{cell.grade_id or number}>")
            counts.clear()  # each test cell may be about something else
            exec(code, space)
        for name in bound & names.bound(course.trees[number], imports=False):
            if isinstance(space.get(name), types.FunctionType):
                space[name] = recording(name, space[name])
    return calls


def variations(arguments):
    """Yield other arguments of the same kinds: other signs, sizes, ties, one row."""
    rng = np.random.default_rng(1)
    for number, value in enumerate(arguments):
        for new in others(value, rng):
            yield (*arguments[:number], new, *arguments[number + 1 :])
    floats = [isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in arguments]
    if sum(floats) > 1:
        for scale in (0.1, 1.0):
            yield tuple(
                value + scale * rng.normal(size=value.shape) if is_float else value
                for value, is_float in zip(arguments, floats, strict=True)
            )
    lengths = {len(x) for x in arguments if isinstance(x, np.ndarray) and x.ndim}
    for length in lengths:
        for part in (slice(1), slice(None, None, -1), slice(2)):
            yield tuple(
                value[part].copy()
                if isinstance(value, np.ndarray) and value.ndim and len(value) == length
                else value
                for value in arguments
            )


def others(value, rng):
    """Return other values of an argument's kind."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value + 2, value - 1] if value > 1 else [value + 1]
    if isinstance(value, float):
        return [2 * value, value / 2, -value, 0.0]
    if not isinstance(value, np.ndarray) or not value.size:
        return []
    if value.dtype.kind == "f":
        return [
            value + 0.3 * rng.normal(size=value.shape),
            -value,
            10 * value,
            value / 10,
            np.round(value),
            np.zeros_like(value),
            last_zero(value),
        ]
    if value.dtype.kind in "iu":
        return [rng.permuted(value.ravel()).reshape(value.shape), value[::-1].copy()]
    return []


def last_zero(value):
    """Return an array with its last row, and column, at zero."""
    value = value.copy()
    value[..., -1:] = 0
    if value.ndim > 1:
        value[-1] = 0
    return value


def outcome(module, function, arguments, keywords):
    """Return ([result, arguments afterwards], has it warned) of a call, as plain data.

    Instead of the first it returns None where there is an error that the answer does
    not raise itself: that says nothing.
    """
    sys.modules["__main__"] = module
    np.random.seed(0)  # noqa: NPY002 - the answers may use it
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    try:
        arguments, keywords = copy.deepcopy((arguments, keywords))
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = function(*arguments, **keywords)
        strained = any(issubclass(w.category, RuntimeWarning) for w in warned)
        return [plain(result), [plain(x) for x in arguments]], strained
    except Exception as error:
        if is_raised_by_hand(error):
            return [f"raises {type(error).__name__}", []], False
        return None, False


def is_raised_by_hand(error):
    frames = list(traceback.walk_tb(error.__traceback__))
    frame, number = frames[-1]
    name = frame.f_code.co_filename
    if not name.startswith(MARK):
        return False
    cell = name.removeprefix(MARK)[:-1]
    source = next(
        (c.source for c in _COURSES["course"].cells if c.grade_id == cell), ""
    )
    raises = {
        x.lineno for x in ast.walk(names.parse(source)) if isinstance(x, ast.Raise)
    }
    return number in raises


def said(name, arguments, keywords, expected, got):
    """Return a call and both its results in a line."""
    parts = [short(x) for x in arguments]
    parts += [f"{key}={short(value)}" for key, value in keywords.items()]
    line = f"{name}({', '.join(parts)}) "
    if got is None:
        return f"{line}fails, instead of {short(expected[0])}"[:TEXT]
    if same(expected[0], got[0]):
        return f"{line}changes its arguments otherwise"[:TEXT]
    return f"{line}is {short(got[0])}, not {short(expected[0])}"[:TEXT]
