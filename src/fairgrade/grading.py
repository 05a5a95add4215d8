"""Grade one submission, or record what the reference solution needs: the whole path."""

import base64
import contextlib
import fcntl
import functools
import json
import mmap
import os
import resource
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field, replace

from .submission import Unreadable, read_submission
from .wire import Channel, WireError
from .zygote import Zygote, ask

MIB = 2**20
PATIENCE = 10  # seconds for a judge's process to put back what a submission changed


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Bytes, seconds, numbers."""

    seconds_per_cell: float = 10.0
    seconds_in_all: float = 120.0
    memory: int = 2048 * MIB
    processes: int = 64
    file_size: int = 16 * MIB
    output: int = 64 * 1024
    message: int = 64 * MIB


@dataclass
class Outcome:
    """What became of one code cell.

    `status` is "passed", "failed" (an assertion), "error", "time-out", "crashed",
    "out of memory" or "not run". `line` is the text of the learner's line where it
    happened, with its cell in `evalue`; `images` are PNG files as base64.
    """

    grade_id: str | None
    kind: str
    status: str
    points: float = 0.0
    max_points: float = 0.0
    ename: str = ""
    evalue: str = ""
    line: str = ""
    printed: str = ""
    images: list = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, data):
        return cls(**data)


@dataclass
class Result:
    """What became of one submission.

    `status` is "graded", "unreadable", "missing", "refused" or "crashed"; `reason` says
    why it is not "graded", in plain words. `cells` has one outcome per code cell of the
    teacher's notebook, in its order.
    """

    status: str
    reason: str = ""
    score: float = 0.0
    max_score: float = 0.0
    cells: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, data):
        cells = [Outcome.from_json(cell) for cell in data["cells"]]
        return cls(**{**data, "cells": cells})


class Grader:
    """Grades submissions of some assignments; holds the prepared processes.

    Use it as a context manager, in one thread.

    Parameters
    ----------
    assignments : iterable of Assignment
    limits : Limits, optional
    walls : iterable of str, optional
        Names of the walls to stand around learners' code; default: all of them.
    imports : iterable of str, optional
        Modules to import once for all, beside those that the assignments import.
    """

    def __init__(self, assignments, limits=None, walls=None, imports=()):
        self.assignments = {assignment.name: assignment for assignment in assignments}
        self.limits = limits or Limits()
        self.walls = _all_walls() if walls is None else list(walls)
        self.imports = {"numpy", *imports}
        for assignment in self.assignments.values():
            self.imports |= assignment.imports
        self.folder = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="fairgrade-")
        os.chmod(self.folder, 0o711)
        self.judges = self.learners = self.judge = None
        try:
            self.learners = Zygote("learner", self.imports, self.walls)
            self.judges = Zygote("judge", self.imports)
            self.learners.wait()
            self.judges.wait()
            self.load()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        if self.judge is not None:
            self.judge.sock.close()
        for zygote in (self.judges, self.learners):
            if zygote is not None:
                zygote.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self):
        """Give the prepared processes what they need.

        The learners' are only given files and cells that every learner has.
        """
        self._end_judge()
        whole = {name: a.to_json() for name, a in self.assignments.items()}
        handed_out = {
            name: {
                "files": content["files"],
                "given": [
                    [cell.source, str(cell.grade_id or number)]
                    for number, cell in enumerate(self.assignments[name].cells)
                    if cell.is_run and cell.kind == "given"
                ],
            }
            for name, content in whole.items()
        }
        self._load(self.judges, whole)
        self._load(self.learners, handed_out)

    def _load(self, zygote, data):
        ours, theirs = socket.socketpair()
        text = json.dumps(data).encode()

        def send():
            with ours:
                ours.sendall(text)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        with theirs:
            ask(zygote.control, "load", {}, [theirs.fileno()])
        sender.join()

    def grade(self, assignment, submission):
        """Return the Result of one submission: bytes, a path, or a `HandedIn`."""
        start = time.monotonic()
        files = getattr(submission, "files", None)
        submission = getattr(submission, "notebook", submission)
        try:
            read = read_submission(submission, assignment)
        except Unreadable as error:
            missing = not isinstance(submission, bytes) and not os.path.lexists(
                submission
            )
            status = "missing" if missing else "unreadable"
            reason = "no notebook" if missing else error.reason
            most = assignment.max_score
            return Result(status, reason, max_score=most, cells=_not_run(assignment))
        result, _ = self.run(assignment, read.sources, files=files)
        result.notes = read.notes + result.notes
        result.seconds = round(time.monotonic() - start, 4)
        return result

    def run(self, assignment, sources, record=False, together=False, files=None):
        """Return the Result of some answers, and what the judge recorded.

        With `together`, the judge runs the reference and the tests in one process, and
        what it recorded are the ids of the cells that fail; never for learners' code.
        `files` are a learner's own: only the learner's process has them.
        """
        if self.assignments.get(assignment.name) is not assignment:
            self.assignments[assignment.name] = assignment
            self.load()
        job = {
            "assignment": assignment.name,
            "sources": sources,
            "limits": asdict(self.limits),
            "record": record,
            "together": together,
            "lost": [],
        }
        run = [cell for cell in assignment.cells if cell.is_run]
        deadline = time.monotonic() + self.limits.seconds_in_all + 15
        while True:
            answer, done = self._ask_judge(job, deadline, files)
            last = done.cells >= len(run) or time.monotonic() > deadline
            if answer is not None or record or together or last:
                break
            # Its process was lost in a cell: the others are graded without that one.
            job["lost"].append([done.cells, done.lost(self.limits)])
        if answer is None or "error" in answer:
            reason = "the tests did not end, or the process that runs them broke down"
            if answer is not None:
                reason += f": {answer['error'][-2000:]}"
            cells = _not_run(assignment)
            return Result("crashed", reason, 0.0, assignment.max_score, cells), {}
        cells = [Outcome.from_json(cell) for cell in answer["cells"]]
        score = sum(cell.points for cell in cells)
        result = Result("graded", "", score, assignment.max_score, cells)
        return result, answer["recorded"]

    def _ask_judge(self, job, deadline, files=None):
        """Return what a judge's process says of one job, None if nothing; and how far
        it came.
        """
        fresh = files or job["record"] or job["together"] or job["lost"]
        if fresh or not self._may_judge_again():
            self._end_judge()
        used, start = self.judge is not None, time.monotonic()
        answer, done = self._heard(job, deadline, files)
        if used and (answer is None or "error" in answer):
            # That may be due to what it judged before: another's word counts.
            deadline += time.monotonic() - start
            answer, done = self._heard(job, deadline, files)
        if fresh:
            self._end_judge()
        return answer, done

    def _heard(self, job, deadline, files):
        job = {**job, "seconds": deadline - 15 - time.monotonic()}
        if self.judge is None:
            self._start_judge(files)
        progress, answer = self.progress, None
        progress.note(0)
        try:
            self.judge.send(json.dumps(job).encode(), deadline)
            answer = json.loads(self.judge.receive(deadline))
        except (EOFError, TimeoutError, WireError, ValueError):
            answer = None
        finally:
            self.learners.end_children()
            if answer is None or "error" in answer:
                self._end_judge()
        return answer, progress

    def _start_judge(self, files):
        settings = {"folder": tempfile.mkdtemp(dir=self.folder)}
        ours, theirs = socket.socketpair()
        with theirs, kept_in_memory(files) as handed:
            shared = os.memfd_create("progress")
            os.truncate(shared, Progress.form.size)
            self.progress = Progress(shared)
            descriptors = [theirs.fileno(), self.learners.control.fileno(), shared]
            command = self.judges.control, "spawn", settings
            _, handle = ask(*command, [*descriptors, *handed])
        os.close(handle)
        os.close(shared)
        self.judge = Channel(ours, 2**30)

    def _may_judge_again(self):
        """Say whether the process that judged last is as it was before."""
        deadline = time.monotonic() + PATIENCE
        try:
            return self.judge is None or json.loads(self.judge.receive(deadline))
        except (EOFError, TimeoutError, WireError, ValueError):
            return False

    def _end_judge(self):
        if self.judge is not None:
            self.judge.sock.close()
            self.judge = None
            self.judges.end_children()
            for name in os.listdir(self.folder):
                shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)


class Progress:
    """How many cells a judge's process has done, and since when: in memory of both."""

    form = struct.Struct("qd")

    def __init__(self, descriptor):
        self.memory = mmap.mmap(descriptor, self.form.size)

    def note(self, cells):
        self.form.pack_into(self.memory, 0, cells, time.monotonic())

    @property
    def cells(self):
        return self.form.unpack_from(self.memory)[0]

    @property
    def since(self):
        return self.form.unpack_from(self.memory)[1]

    def lost(self, limits):
        """Return (status, reason) of the cell in which the process was lost."""
        if time.monotonic() - self.since >= limits.seconds_per_cell:
            return "time-out", "the test did not end with what the answer gave it"
        return "crashed", "the test broke down with what the answer gave it"


def _all_walls():
    from .sandbox import WALLS

    return list(WALLS)


def _not_run(assignment):
    return [
        Outcome(cell.grade_id, cell.kind, "not run", max_points=cell.points)
        for cell in assignment.cells
        if cell.is_run
    ]


SNAPSHOT = None  # of what a judge's process is like at first: set where it is forked


def judge_main(settings, found, assignments):
    """Be the judge's process: for one submission, and on while it stays as it was."""
    channel = Channel(socket.socket(fileno=os.dup(found[0])), 2**30)
    control = socket.socket(fileno=os.dup(found[1]))
    progress = Progress(found[2])
    handed = list(map(os.dup, found[3:]))
    SNAPSHOT.start()
    folders = {}  # of each assignment: its path, and what lies in it
    again = True
    while again:
        job = json.loads(channel.receive())
        assignment = assignments[job["assignment"]]
        if assignment.name not in folders:
            own = os.path.join(settings["folder"], str(len(folders)))
            write_files(own, assignment.files)
            os.chmod(own, 0o700)
            folders[assignment.name] = own, listing(own)
        own, before = folders[assignment.name]
        os.chdir(own)
        sys.path.insert(0, own)  # the teacher's modules, as in a notebook
        again = judge_one(job, assignment, channel, control, handed, progress)
        again = again and not SNAPSHOT.restore() and listing(own) == before
        channel.send(json.dumps(again).encode())


def judge_one(job, assignment, channel, control, handed, progress):
    """Judge one submission; return whether this process may judge another."""
    from .judge import Hall, may_serve_again, run_together

    limits = Limits(**job["limits"])
    control.settimeout(limits.seconds_in_all)  # its other owner waits, too
    limit_memory(limits.memory)
    again = False
    try:
        if job["together"]:
            answer = {"cells": [], "recorded": run_together(assignment)}
        else:
            limits = replace(limits, seconds_in_all=max(job["seconds"], 0.1))
            spawn = functools.partial(start_learner, job, control, handed)
            options = job["record"], job["lost"], progress.note
            hall = Hall(assignment, job["sources"], limits, spawn, *options)
            answer = {"cells": hall.run(), "recorded": hall.recorded_sites()}
            again = hall.in_step and may_serve_again(assignment)
    except BaseException:
        answer, again = {"error": traceback.format_exc()}, False
    channel.send(json.dumps(answer).encode())
    return again


def start_learner(job, control, handed):
    """Return the socket to a new learner's process, and a function that ends it."""
    from .learner import needs_shell
    from .zygote import end

    ours, theirs = socket.socketpair()
    settings = {"limits": job["limits"], "assignment": job["assignment"]}
    settings["shell"] = any(map(needs_shell, job["sources"].values()))
    with theirs:
        _, handle = ask(control, "spawn", settings, [theirs.fileno(), *handed])

    def finish():
        end(handle)
        os.close(handle)

    return ours, finish


@contextlib.contextmanager
def kept_in_memory(files):
    """Yield a list with a descriptor of a file in memory that holds some files, if any.

    It passes through the judge's process, which does not look into it.
    """
    if not files:
        yield []
        return
    text = {name: base64.b64encode(data).decode() for name, data in files.items()}
    with os.fdopen(os.memfd_create("files", os.MFD_ALLOW_SEALING), "wb") as file:
        file.write(json.dumps(text).encode())
        file.flush()
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals | fcntl.F_SEAL_SEAL)
        yield [file.fileno()]


def files_in(descriptor):
    """Return the files that `kept_in_memory` put behind a descriptor."""
    text = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    return {name: base64.b64decode(data) for name, data in text.items()}


def limit_memory(most):
    """Let this process take so many bytes more: `list(range(10**10))` is an answer."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    value = now + most if hard == resource.RLIM_INFINITY else min(now + most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (value, hard))


def listing(folder):
    """Return {path: (size, time of the last change)} of all below a folder."""
    found = {}
    for where, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(where, name)
            known = os.lstat(path)
            found[path] = known.st_size, known.st_mtime_ns, known.st_mode
    return found


def write_files(folder, files):
    """Write an assignment's files into a new folder."""
    os.mkdir(folder)
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


class ReferenceFails(Exception):
    """The teacher's own solution does not get full marks; says where and why."""

    def __init__(self, text, cells=()):
        super().__init__(text)
        self.cells = list(cells)


def record_reference(assignment, grader):
    """Return the assignment with `allowed` filled from a run of its own solution.

    Raises
    ------
    ReferenceFails
        If a cell of the reference does not work; says which, and whether it would with
        learners' code and tests in one process.
    """
    sources = {c.grade_id: c.source for c in assignment.cells if c.is_answer}
    bare = replace(assignment, allowed={})
    result, recorded = grader.run(bare, sources, record=True)
    if result.status != "graded":
        raise ReferenceFails(result.reason, result.cells)
    failing = [cell for cell in result.cells if not _is_right(cell)]
    if failing:
        _, also = grader.run(bare, {}, together=True)
        raise ReferenceFails(
            "\n".join(_describe(cell, also) for cell in failing), failing
        )
    allowed = {
        grade_id: frozenset(tuple(site) for site in sites)
        for grade_id, sites in recorded.items()
    }
    return replace(assignment, allowed=allowed)


def _is_right(cell):
    return cell.status == "passed" and (
        cell.kind != "test" or cell.points >= cell.max_points
    )


def _describe(cell, failing_together):
    """Return what a teacher needs to know of a cell of the reference that fails."""
    name = cell.grade_id or "a given cell"
    where = (
        "it fails in one process, too: the solution or the test is wrong"
        if cell.grade_id in failing_together
        else "it works in one process, but not where learners' code has its own"
    )
    return f"{name}: {cell.status}: {cell.ename}: {cell.evalue} ({where})"
