"""The judge's process: runs the teacher's notebook, and asks the learner's for answers.

Test cells run here, with the learner's functions as handles; nothing of the learner's
is ever imported, unpickled or evaluated. What arrives counts only as the answer to the
question just asked: it has to carry the number, not to be guessed, of that question.
"""

import ast
import base64
import builtins
import contextlib
import enum
import functools
import io
import os
import random
import re
import signal
import sys
import textwrap
import time
import traceback
import types
import warnings
from collections.abc import Iterator

import numpy as np

from . import known, names
from .assignment import hidden_lines, released
from .learner import (
    IMAGE_LIMIT,
    IMAGES,
    MARK,
    Printed,
    called,
    compile_cell,
    execute,
    is_silent,
    offer_shell,
)
from .patches import MISSING, Patches, candidates, replaces
from .peer import Peer, frame, torch_of, unframe
from .proxies import FAMILY, FUNCTIONS, SPECIALS, HandleClass, is_method
from .wire import Channel, WireError

GRACE = 1.0  # seconds that a learner's process has to say where it was late
SHARE_OF_SLOW = 0.25  # of a cell's time, where the same answer was too slow before
TEXT_LIMIT = 4000
LINE_LIMIT = 500
NO_ANSWER = "the process sent what is no answer"
UNKNOWN_NAME = re.compile(r"name '(\w+)' is not defined")
WORD = re.compile(r"\w+")


class Stop(BaseException):
    """The learner's process is of no more use, or the time is over.

    Not an Exception: what a test catches must not let it go on.
    """

    def __init__(self, status, text, where=None, forged=False):
        super().__init__(text)
        self.status = status
        self.text = text
        self.where = where
        self.forged = forged  # no honest answer looks like what arrived


def handled(value):
    """Say whether a value stands for an object of the learner's."""
    return type(value) is HandleClass or type(type(value)) is HandleClass


def study(assignment):
    """Do once what every submission of an assignment needs: read and compile it."""
    for number, cell in enumerate(assignment.cells):
        if not cell.is_run:
            continue
        tree = names.parse(cell.source)
        names.import_statements(tree)
        for part in (tree, *(tree.body if cell.kind == "given" else ())):
            names.used(part), names.used_at_once(part), names.bound(part)
        names.bound(tree, imports=False), names.bound(tree, in_place=False)
        if cell.kind == "test":
            candidates(tree)
            names.import_statements(names.parse(released(cell)))
            with contextlib.suppress(Exception):
                compile_cell(cell.source, f"{MARK}{cell.grade_id or number}>")


def may_serve_again(assignment):
    """Say whether a process that judged one submission may judge another.

    Not where tests replace something in a library or have modules of their own: what
    became of these would be hard to say.
    """
    trees = [names.parse(cell.source) for cell in assignment.cells if cell.is_run]
    imported = set().union(*(names.bound(names.import_statements(x)) for x in trees))
    modules = any(path.endswith(".py") for path in assignment.files)
    return not modules and not replaces(trees, imported)


# Said between what a test says.
QUIET = ("bind", "seed", "value", "values", "patch", "called")


class Judge(Peer):
    """The judge's end of the channel."""

    def __init__(self, channel, hall):
        super().__init__(channel, first=0)
        self.hall = hall
        self.nonce = b""
        self.stopped = None
        self.ahead = None  # what the last answer brought along: (names, values)

    # ---- messages

    def say(self, verb, value):
        parts = self.outgoing(value)
        del value
        self.nonce = os.urandom(8)
        data = frame(self.nonce, verb, parts)
        with self.guard():
            self.channel.send(data, self.hall.deadline + GRACE)

    def hear(self):
        with self.guard():
            data = self.channel.receive(self.hall.deadline + GRACE)
            nonce, verb, parts, printed, warned = unframe(data)
            if nonce != self.nonce:
                raise WireError("an answer to no question, or to another one")
            body = self.incoming(*parts)
        # A test may be listening: `redirect_stdout`.
        (sys.stdout if self.hall.in_test else self.hall.printed).write(printed)
        if verb == "late":
            self.stop("time-out", "", _place(body))
        if warned and self.hall.in_test:
            _warn(warned)
        elif warned:
            with self.hall.own_output():
                _warn(warned)
        return verb, body

    @contextlib.contextmanager
    def guard(self):
        """Take whatever goes wrong with the channel for the end of the learner's."""
        try:
            yield
        except TimeoutError:
            self.stop("time-out", "")
        except EOFError:
            self.stop("crashed", "the process ended")
        except WireError as error:
            self.stop("crashed", f"{NO_ANSWER}: {error}", forged=True)
        except MemoryError:
            self.stop("out of memory", "the answer is too big")
        except RecursionError:
            self.stop("crashed", "the process sent what is nested too deeply")

    def stop(self, status, text, where=None, forged=False):
        self.stopped = self.stopped or Stop(status, text, where, forged)
        raise self.stopped

    def request(self, operation, number, /, *arguments, **keywords):
        if self.stopped:
            raise self.stopped
        if self.depth == 0 and operation not in QUIET:
            self.hall.before_request(self)
        self.ahead = None
        try:
            return super().request(operation, number, *arguments, **keywords)
        except (StopIteration, StopAsyncIteration) as error:
            # Raised in a `map` or `zip` of the test's, it would end the test's loop.
            ends = operation == "special" and arguments[0] in ("__next__", "__anext__")
            if ends or self.permits("StopIteration"):
                raise
            other = RuntimeError(f"the answer raised {type(error).__name__}")
            other._fairgrade_where = getattr(error, "_fairgrade_where", None)
            raise other from None

    def listen(self):
        try:
            return super().listen()
        except WireError as error:  # a body that is well formed, and nonsense
            self.stop("crashed", f"{NO_ANSWER}: {error}", forged=True)

    def seconds_left(self):
        return max(self.hall.deadline - time.monotonic(), 0.01)

    # ---- what the learner's process may ask for

    def perform(self, operation, number, arguments, keywords):
        if operation == "differentiate":
            return self.differentiate(number, *arguments)
        if type(number) is not int or number not in self.exports:
            raise WireError("no such object")
        value = self.exports[number]
        if operation == "call" and (_is_function(value) or _is_open(value)):
            return value(*arguments, **keywords)
        if operation == "special" and arguments and arguments[0] in SPECIALS:
            name = arguments[0]
            iterates = isinstance(value, Iterator) and name in ("__iter__", "__next__")
            if iterates or _is_open(value):
                method = getattr(type(value), name, None)
                if method is None:
                    return NotImplemented
                return method(value, *arguments[1:], **keywords)
        public = bool(arguments) and type(arguments[0]) is str
        public = public and not arguments[0].startswith("_")
        if public and _is_open(value) and not keywords:
            if operation == "getattr" and len(arguments) == 1:
                return getattr(value, arguments[0])
            if operation == "setattr" and len(arguments) == 2:
                name = arguments[0]
                does = callable(getattr(value, name, None))
                if not self.may_set(value, name, does):
                    raise AttributeError(f"{name!r} is the test's own: not to be set")
                return setattr(value, *arguments)
        if operation == "truth" and _is_open(value) and not arguments:
            return bool(value)
        raise AttributeError(f"a test's object does not offer {operation!r:.20}")

    def may_set(self, value, name, does=False):
        """Say whether a learner may set an attribute: never what an object does.

        Unless the reference solution did so, too.
        """
        does = does or is_method(type(value), name)
        return not does or self.permits(f"set {name}")

    def exportable(self, value):
        return _is_function(value) or isinstance(value, Iterator) or _is_open(value)

    def is_nameable(self, cls):
        return self.name_of(cls) is not None or cls.__module__ == "__main__"

    def name_of(self, value):
        name = super().name_of(value)
        if name is None and not handled(value):
            name = known.library_name(value)
            return None if name is None else f"lib:{name}"
        return name

    # ---- verdicts

    def permits(self, operator):
        return self.hall.permits(operator)

    def permits_call(self, name):
        return self.hall.permits_call(name)


def values_at_once(peer, wanted):
    """Return (value,) of each of a learner's names, () where there is none; or None."""
    try:
        if peer.ahead and peer.ahead[0] == wanted:
            found, peer.ahead = peer.ahead[1], None
        else:
            found = peer.request("values", 0, *wanted) if wanted else ()
    except Exception:
        return None
    fits = type(found) is tuple and len(found) == len(wanted)
    fits = fits and all(type(item) is tuple and len(item) < 2 for item in found)
    return found if fits else None


def value_alone(peer, name):
    """Return (value,) of a learner's name, or ()."""
    try:
        return (peer.request("value", 0, name),)
    except Exception:
        return ()


def _is_function(value):
    return isinstance(value, (*FUNCTIONS, functools.partial, np.ufunc, np.vectorize))


def _is_open(value):
    """Say whether a learner may use the public attributes of a test's object."""
    kind = value if isinstance(value, type) else type(value)
    torch = torch_of()
    if torch is not None and issubclass(kind, torch.nn.Module):
        return not isinstance(value, type)
    return getattr(kind, "__module__", None) == "__main__"


def _warn(warned):
    """Repeat the learner's warnings here: a test may have turned them to errors."""
    for item in warned[:20]:
        fits = type(item) is list and [type(x) for x in item] == [str, str]
        category = getattr(builtins, item[0], None) if fits else None
        if isinstance(category, type) and issubclass(category, Warning):
            # Without a registry each is new; the place would be the judge's.
            warnings.warn_explicit(item[1], category, "the learner's code", 0)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    print(f"{category.__name__}: {message}", file=file or sys.stderr)


def _place(body):
    """Return (cell, line) if that is what arrived, else None."""
    fits = type(body) is tuple and tuple(map(type, body)) == (str, int)
    return body if fits else None


class Hall:
    """One submission before the judge: both namespaces, cell by cell.

    `spawn` starts a learner's process and returns its socket and a function that ends
    it. Cells are plain `Cell`s; `sources` are the learner's by grade id. `lost` has
    (status, reason) of cells that a judge's process before this one was lost in, by
    their place; `report` is called with how many cells are done.
    """

    def __init__(
        self, assignment, sources, limits, spawn, record=False, lost=(), report=None
    ):
        self.assignment = assignment
        self.sources = sources
        self.limits = limits
        self.spawn = spawn
        self.recorded = {} if record else None
        self.lost = dict(lost)
        self.report = report or (lambda outcome: None)
        self.printed = Printed(limits.output)
        self.deadline = time.monotonic() + limits.seconds_in_all
        self.end = self.deadline
        self.peer = None
        self.done = []  # (source, cell, classes) that a new process has to run again
        self.culprits = set()
        self.slow = set()  # names that a cell which was too slow binds
        self.fetched = {}
        self.seeds = {}
        self.cell = self.following = None
        self.in_test = False  # and what is printed goes where the test wants it
        self.filename = ""
        self.allowed = frozenset()
        self.owned = set()  # names whose value the learner's process has
        self.withheld = {}  # what the reference imported, and the answer should have
        self.hiding = {}  # names of builtins that tests bind -> what learners' code has
        self.patches = Patches()
        SEEDED.clear()
        self.spawned, self.in_step = 0, False
        self.touching = {}  # a given function -> names of the learner's that it uses
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.namespace = module.__dict__
        offer_shell(self.namespace)

    # ---- the learner's process

    def learner(self):
        """Return the peer of a process in which all earlier cells have run."""
        while self.peer is None:
            sock, self.kill = self.spawn()
            self.spawned += 1
            self.peer = Judge(Channel(sock, self.limits.message), self)
            self.fetched = {}
            self.hiding = dict.fromkeys(self.hiding, MISSING)
            self.patches.told.clear()
            for source, cell, classes in self.done:
                if cell in self.culprits:
                    continue
                try:
                    self.start_clock(self.limits.seconds_per_cell)
                    with self.alarm():
                        self.run_there(source, cell, classes)
                        # Is it still in step, after what this cell did?
                        self.peer.request(
                            "echo", 0, [np.zeros(2), {"a": np.float64(1)}], study
                        )
                except (Stop, Exception):
                    self.culprits.add(cell)
                    self.discard()
                    break
        return self.peer

    def discard(self):
        """End a learner's process that is of no more use."""
        if self.peer is not None:
            self.kill()
            self.peer.channel.sock.close()
            self.peer = None

    def run_there(self, source, cell, classes=(), wanted=()):
        """Run a cell in the learner's process; return its error and images.

        The values of the names `wanted` come with the answer, which saves a question.
        """
        try:
            report = self.peer.request("run", 0, source, cell, *wanted)
            error, images, *values = report
            error, images = _plain_report(error, images)
            self.peer.ahead = (list(wanted), *values) if len(values) == 1 else None
            if classes:
                mine = [name for name in classes if name in self.namespace]
                plain = [name for name in mine if _is_plain(self.namespace[name])]
                self.peer.request("adopt", 0, tuple(mine), tuple(plain))
                self.peer.adopt(self.namespace, mine, plain)
        except Exception as problem:  # its loop itself was tampered with
            self.peer.stop("crashed", f"the process broke down: {problem}"[:300])
        return error, images

    def before_request(self, peer):
        """Tell the learner's process what the test did to its names and to chance."""
        for there in (self.fetched, self.hiding):
            for name, value in there.items():
                now = self.namespace.get(name, MISSING)
                plain = now is None or now is MISSING
                if now is not value and (plain or handled(now) or _is_function(now)):
                    there[name] = now
                    peer.request("bind", 0, name, *(() if now is MISSING else (now,)))
        for module, name, values in self.patches.changes():
            peer.request("patch", 0, module, name, *values)
        if SEEDED:
            for library in sorted(SEEDED):
                peer.request("seed", 0, library, *_seed_state(library))
            SEEDED.clear()

    def fetch(self, wanted):
        """Take the values of the learner's names into the judge's namespace."""
        peer = self.learner()
        self.fetched = {}
        found = values_at_once(peer, wanted)
        if found is None:  # one that cannot cross must not take the others with it
            found = [value_alone(peer, name) for name in wanted]
        for name, values in zip(wanted, found, strict=True):
            self.namespace.pop(name, None)
            for value in values:
                self.namespace[name] = self.fetched[name] = value

    # ---- cells

    def run(self):
        """Return one outcome per code cell."""
        outcomes = []
        cells = [entry for entry in enumerate(self.assignment.cells) if entry[1].is_run]
        following = [cell for _, cell in cells[1:]] + [None]
        for (number, cell), self.following in zip(cells, following, strict=True):
            start = time.monotonic()
            self.cell, self.printed = cell, Printed(self.limits.output)
            self.filename = f"{MARK}{cell.grade_id or number}>"
            if len(outcomes) in self.lost:
                status, reason = self.lost[len(outcomes)]
                outcome = self.outcome(status, evalue=reason)
            elif start >= self.end:
                outcome = self.outcome("not run", evalue="no time was left")
            elif cell.kind == "test":
                outcome = self.test(cell)
            elif cell.is_answer:
                outcome = self.answer(cell)
            else:
                outcome = self.given(cell)
            outcome["printed"] = self.printed.take()
            outcome["seconds"] = round(time.monotonic() - start, 4)
            outcomes.append(outcome)
            self.report(len(outcomes))
        # Its learner's process is the first one still, and was in step to the end.
        self.in_step = self.spawned == (self.peer is not None) and not self.culprits
        self.discard()
        return outcomes

    def outcome(self, status, points=0.0, ename="", evalue="", where=None, images=()):
        line = self.line(where)
        if where is not None and line:
            evalue = f"{evalue}\n(in {where[0]}, line {where[1]}: {line})".lstrip("\n")
        return {
            "grade_id": self.cell.grade_id,
            "kind": self.cell.kind,
            "status": status,
            "points": points,
            "max_points": self.cell.points,
            "ename": ename,
            "evalue": evalue[:TEXT_LIMIT],
            "line": line,
            "images": list(images),
        }

    def line(self, where):
        """Return the text of a line of a cell that learners see, or nothing."""
        if where is None:
            return ""
        for number, cell in enumerate(self.assignment.cells):
            if where[0] == str(cell.grade_id or number) and cell.kind != "test":
                lines = self.source(cell).splitlines()
                if 0 < where[1] <= len(lines):
                    return lines[where[1] - 1].strip()[:200]
        return ""

    def shown_line(self, error):
        """Return the innermost line of the test on the way to an error that learners
        have in their own notebook, or nothing.

        It is told by its place: a hidden line may read like one that is shown. And all
        that is ever returned stands in the released cell.
        """
        if self.cell.kind != "test":
            return ""
        lines, hidden = self.cell.source.split("\n"), hidden_lines(self.cell.source)
        stack = traceback.walk_tb(error.__traceback__)
        for step, number in reversed(list(stack)):
            if step.f_code.co_filename != self.filename:
                continue
            whole = statement_around(self.cell.source, number)
            if whole and not hidden.intersection(whole):
                text = textwrap.dedent("\n".join(lines[n - 1] for n in whole))
                return text.strip()[:LINE_LIMIT]
        return ""

    def source(self, cell):
        if cell.is_answer:
            return self.sources.get(cell.grade_id, released(cell))
        return cell.source

    def stopped(self, stop, wanted=()):
        """Return the outcome of a cell in which the learner's process was lost."""
        self.discard()
        if stop.forged:
            # Who forges answers does it again: the rest is graded without this answer.
            for cell in self.assignment.cells:
                if (
                    cell.is_run
                    and cell.is_answer
                    and self.bound_by(cell.grade_id).intersection(wanted)
                ):
                    self.culprits.add(cell.grade_id)
        text = stop.text
        if stop.status == "time-out":
            text = f"longer than {self.allowance:g} seconds"
            if stop.where is not None:
                self.slow |= self.bound_by(stop.where[0])
        names_of = {"time-out": "TimeoutError", "out of memory": "MemoryError"}
        ename = names_of.get(stop.status, "Crash")
        return self.outcome(stop.status, 0.0, ename, text, stop.where)

    def bound_by(self, grade_id):
        for cell in self.assignment.cells:
            if cell.grade_id == grade_id and cell.is_answer:
                return names.bound(names.parse(cell.source))
        return set()

    def start_clock(self, seconds):
        self.allowance = seconds
        self.deadline = min(time.monotonic() + seconds, self.end)

    def answer(self, cell):
        self.owned |= names.bound(names.parse(cell.source), imports=False)
        for name in self.owned:
            self.touching.pop(name, None)
        # What the reference imports, tests may use: the judge's own import.
        self.namespace.update(self.withheld)
        tree = names.parse(cell.source)
        imports = names.import_statements(tree)
        with contextlib.suppress(Exception), self.own_output():
            exec(compile(imports, self.filename, "exec"), self.namespace)
        self.owned -= names.bound(imports)
        outcome = self.run_in_learner(self.source(cell))
        only = len(imports.body) == len(tree.body)
        self.withheld = self.not_imported(names.bound(imports)) if only else {}
        for name in self.withheld:
            del self.namespace[name]
        return outcome

    def not_imported(self, wanted):
        """Return what the learner was to import, and did not."""
        missing = {}
        for name in wanted & self.namespace.keys():
            try:
                found = self.peer and self.peer.request("called", 0, name)
            except (Stop, Exception):
                found = None
            if found != called(self.namespace[name]):
                missing[name] = self.namespace[name]
        return missing

    def given(self, cell):
        classes = self.run_here(cell)
        outcome = self.run_in_learner(cell.source, classes)
        if self.recorded is not None and self.error_here is not None:
            return self.failure(self.error_here)
        return outcome

    def run_in_learner(self, source, classes=()):
        cell = self.filename.removeprefix(MARK)[:-1]
        following = self.following
        tested = following is not None and following.kind == "test"
        wanted = self.wanted_by(following) if tested else ()
        try:
            self.start_clock(self.limits.seconds_in_all)
            self.learner()
            self.start_clock(self.limits.seconds_per_cell)
            self.done.append((source, cell, classes))
            step = source, cell, classes, wanted
            with self.alarm():
                error, images = self.run_there(*step)
                handed = set()
                while error is not None and self.hand_on(error, handed):
                    error, images = self.run_there(*step)
        except Stop as stop:
            self.culprits.add(cell)
            return self.stopped(stop)
        if error is None:
            return self.outcome("passed", images=images)
        ename, evalue, where = error
        status = "out of memory" if ename == "MemoryError" else "error"
        return self.outcome(status, 0.0, ename, evalue, where, images)

    def hand_on(self, error, handed):
        """Give the learner's process a name that it lacks, if a test showed it.

        In a notebook, the names that tests bind are there for the next cells. Return
        whether there is such a name. What a hidden test mentions is never handed on.
        """
        found = UNKNOWN_NAME.fullmatch(error[1])
        name, done = found and found[1], False
        if error[0] != "NameError" or name in handed or name not in self.namespace:
            return False
        handed.add(name)
        for cell in self.assignment.cells:
            if cell is self.cell:
                break
            if cell.kind == "test":
                visible = released(cell)
                hidden = WORD.findall(cell.source).count(name)
                if hidden > WORD.findall(visible).count(name):
                    return False
                done |= name in names.bound(names.parse(visible), in_place=False)
        if not done or handled(self.namespace[name]):
            return False
        try:
            self.peer.request("bind", 0, name, self.namespace[name])
        except Exception:  # it is nothing that can cross
            return False
        return True

    def show_imports(self, cell):
        """Let learners' code use what the visible part of a test imports."""
        imports = names.import_statements(names.parse(released(cell)))
        if names.bound(imports) & self.words - self.namespace.keys():
            step = ast.unparse(imports), self.filename.removeprefix(MARK)[:-1], ()
            self.done.append(step)
            self.run_there(*step)

    @functools.cached_property
    def words(self):
        """All words in the cells that the learner's process runs."""
        cells = [c for c in self.assignment.cells if c.is_run and c.kind != "test"]
        return {word for c in cells for word in WORD.findall(self.source(c))}

    def run_here(self, cell):
        """Run of a given cell what does not need the learner's objects.

        Returns the names of the classes that it made.
        """
        tree = names.parse(cell.source)
        trusted, classes = [], []
        for statement in tree.body:
            theirs = self.owned | self.touching.keys()
            bound = names.bound(statement)
            if names.used_at_once(statement) & theirs:
                self.owned |= bound
                for name in bound:
                    self.touching.pop(name, None)
                continue
            used = names.used(statement) & theirs
            self.owned -= bound
            for name in bound:
                self.touching.pop(name, None)
                if used:
                    self.touching[name] = used
            trusted.append(statement)
            if isinstance(statement, ast.ClassDef):
                classes.append(statement.name)
        self.error_here = None
        self.start_clock(self.limits.seconds_per_cell)
        try:
            with self.alarm(), self.own_output(io.StringIO()):
                body = ast.Module(body=trusted, type_ignores=[])
                exec(compile(body, self.filename, "exec"), self.namespace)
        except (Stop, Exception) as error:
            self.error_here = error
        return tuple(
            name for name in classes if isinstance(self.namespace.get(name), type)
        )

    def wanted_by(self, cell):
        """Return the names of the learner's that a test needs, in order."""
        wanted, pending = set(), set(names.used(names.parse(cell.source)))
        while pending:
            name = pending.pop()
            if name in self.owned:
                wanted.add(name)
            else:
                pending |= self.touching.get(name, set()) - wanted
        return sorted(wanted)

    def test(self, cell):
        tree, wanted = names.parse(cell.source), self.wanted_by(cell)
        self.allowed = self.assignment.allowed.get(cell.grade_id, frozenset())
        allowance = self.limits.seconds_per_cell
        if self.slow.intersection(wanted):
            allowance = max(allowance * SHARE_OF_SLOW, min(allowance, 1.0))
        value, error = None, None
        try:
            self.start_clock(self.limits.seconds_in_all)
            self.learner()
            self.start_clock(allowance)
            with self.alarm():
                self.show_imports(cell)
                self.watch(tree)
                self.fetch(wanted)
                with self.own_output():
                    self.in_test = True
                    code, last = compile_cell(cell.source, self.filename)
                    execute(code, self.namespace)
                    if last is not None:
                        value = execute(last, self.namespace)
        except Stop as stop:
            return self.stopped(stop, wanted)
        except BaseException as caught:
            error = caught
        finally:
            self.in_test = False
            # What the test itself bound is the test's from now on.
            self.owned -= names.bound(tree, in_place=False)
        if self.peer is not None and self.peer.stopped:
            return self.stopped(self.peer.stopped, wanted)
        if time.monotonic() > self.deadline:
            return self.stopped(Stop("time-out", ""))
        if error is not None:
            return self.failure(error)
        if value is None or is_silent(cell.source):
            return self.outcome("passed", cell.points)
        return self.partial(value)

    def watch(self, tree):
        """Look out for what a test may replace: of libraries, and by ``sum = None``."""
        for name in names.bound(tree, in_place=False):
            if hasattr(builtins, name):
                self.hiding.setdefault(name, MISSING)
        if candidates(tree):
            imports = names.import_statements(tree)
            with contextlib.suppress(Exception):
                exec(compile(imports, self.filename, "exec"), self.namespace)
            self.patches.watch(tree, self.namespace)

    def failure(self, error):
        """Return the outcome of a test that raised an error."""
        where = _place(getattr(error, "__dict__", {}).get("_fairgrade_where"))
        ename = type(error).__name__
        try:
            self.start_clock(GRACE)
            with self.alarm():
                evalue = str(error)
        except BaseException:
            evalue = ""
        if self.peer is not None and self.peer.stopped:
            self.discard()
        if not evalue and where is None and isinstance(error, AssertionError):
            evalue = self.shown_line(error)
        own = where is not None
        status = "failed" if isinstance(error, AssertionError) and not own else "error"
        if isinstance(error, MemoryError):
            status = "out of memory"
        return self.outcome(status, 0.0, ename, evalue, where)

    def partial(self, value):
        """Return the outcome of a test whose last value, a number, is its points."""
        most = self.cell.points
        number = isinstance(value, int | float | np.number)
        if not number or isinstance(
            value, bool | np.bool_ | complex | np.complexfloating
        ):
            print(type(value).__name__, file=self.printed)
            return self.outcome("passed", most)
        points = float(value)
        if points != points:
            return self.outcome("failed", 0.0, evalue="the points are not a number")
        # nbgrader takes a negative number for no points at all, which is all of them.
        points = most if points < 0 else min(points, most)
        return self.outcome("passed" if points or not most else "failed", points)

    # ---- around a cell

    @contextlib.contextmanager
    def own_output(self, target=None):
        target = self.printed if target is None else target
        with contextlib.redirect_stdout(target), contextlib.redirect_stderr(target):
            yield

    @contextlib.contextmanager
    def alarm(self):
        """Stop the code on this side, too, when the time is over.

        A test's may loop, and an answer can be what takes for ever to be unpacked.
        """

        def late(number, stack):
            if self.peer is not None:
                self.peer.stop("time-out", "")
            raise Stop("time-out", "")

        # Later than the learner's process, which can say where it was.
        left = self.deadline - time.monotonic() + GRACE + 0.2
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.01), 0.2)
        # `sum(range(10**18))` hears no handler: then this one ends the process.
        signal.setitimer(signal.ITIMER_PROF, max(left, 0.01) + GRACE)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)

    def permits(self, operator):
        """Say whether the reference needed this operator at this place of the test."""
        stack = sys._getframe(1)
        while stack is not None and stack.f_code.co_filename != self.filename:
            stack = stack.f_back
        if stack is None:
            return False
        operator = FAMILY.get(operator, operator)
        line, _, column, _ = positions(stack.f_code)[stack.f_lasti // 2]
        line, column = line or 0, column or 0
        if self.recorded is not None:
            found = self.recorded.setdefault(self.cell.grade_id, set())
            found.add((operator, line, column))
            return True
        return (operator, line, column) in self.allowed

    def permits_call(self, name):
        """Say whether the reference's objects had a method here, or one of that name.

        That anywhere in the cell: an assertion's message is only made where it fails.
        """
        site = f"call {name}", 0, 0
        if self.recorded is not None and self.cell.kind == "test":
            self.recorded.setdefault(self.cell.grade_id, set()).add(site)
        return (
            self.permits("getattr") or self.recorded is not None or site in self.allowed
        )

    def recorded_sites(self):
        """Return what `permits` was asked for while recording, as plain lists."""
        found = self.recorded or {}
        return {grade_id: sorted(map(list, sites)) for grade_id, sites in found.items()}


@functools.lru_cache(maxsize=1024)
def positions(code):
    """Return where in the source each instruction of some code comes from."""
    return tuple(code.co_positions())


def run_together(assignment):
    """Run the reference and the tests in this one process, as nbgrader would.

    Returns the ids of the cells that fail even so.
    """
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    offer_shell(module.__dict__)
    failing = []
    for number, cell in enumerate(assignment.cells):
        if not cell.is_run:
            continue
        silent = io.StringIO()
        try:
            with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
                code, last = compile_cell(cell.source, f"{MARK}{number}>")
                execute(code, module.__dict__)
                if last is not None:
                    execute(last, module.__dict__)
        except BaseException:
            failing.append(cell.grade_id)
    return failing


def _plain_report(error, images):
    """Return (error, images) of a cell if they are what they should be."""
    if error is not None:
        ename, evalue, where = error
        if type(ename) is not str or type(evalue) is not str:
            raise WireError("no report of a cell")
        error = ename[:200], evalue[:TEXT_LIMIT], _place(where)
    images = images if type(images) is tuple else ()
    return error, [image for image in images[:IMAGES] if _is_picture(image)]


def statement_around(source, number):
    """Return the lines of the simple statement on a line, as a range; None if none is.

    Of a compound one, such as a loop, these are the lines before its body.
    """
    found = None
    for node in ast.walk(names.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= number <= node.end_lineno:
            last = node.end_lineno
            if hasattr(node, "body"):
                last = max(node.lineno, node.body[0].lineno - 1)
            inner = found is None or node.lineno >= found.start
            if inner and number <= last:
                found = range(node.lineno, last + 1)
    return found


def _is_picture(image):
    """Say whether that is a PNG file in base64, and of no more than bounded size."""
    if type(image) is not str or len(image) > IMAGE_LIMIT * 4 // 3 + 4:
        return False
    try:
        data = base64.b64decode(image.encode("ascii"), validate=True)
    except ValueError:
        return False
    return data.startswith(b"\x89PNG\r\n\x1a\n")


def _is_plain(cls):
    """Say whether instances of a given class can cross with their attributes."""
    return (
        type(cls) is type
        and not issubclass(cls, BaseException)
        and all(
            base is object or (base.__module__ == "__main__" and type(base) is type)
            for base in cls.__mro__
        )
        and not any("__slots__" in vars(base) for base in cls.__mro__[:-1])
        and not issubclass(cls, enum.Enum)
    )


# ---- chance: where a test seeds a global generator, the learner's gets its state

SEEDED = set()


def watch():
    """Note from now on when a library is seeded; show warnings plainly."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("default")
    _watch(np.random, "seed", "numpy")
    _watch(np.random, "set_state", "numpy")
    _watch(random, "seed", "random")
    _watch(random, "setstate", "random")
    if torch_of() is not None:
        _watch(torch_of(), "manual_seed", "torch")
        _watch(torch_of(), "set_rng_state", "torch")


def _watch(module, name, library):
    original = getattr(module, name)

    @functools.wraps(original)
    def seeded(*arguments, **keywords):
        SEEDED.add(library)
        return original(*arguments, **keywords)

    setattr(module, name, seeded)


def _seed_state(library):
    if library == "numpy":
        return np.random.get_state()  # noqa: NPY002
    if library == "random":
        return (random.getstate(),)
    return (torch_of().get_rng_state(),)
