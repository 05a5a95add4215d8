"""Workers are killed, appear and vanish; each submission is answered, once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from fairgrade import pool
from fairgrade.assignment import AssignmentError, read_assignment
from fairgrade.grading import Limits
from fairgrade.pool import PoolError, grade_all

from .small_course import CELLS, RIGHT, WRONG, teachers

pytestmark = pytest.mark.xdist_group("fairgrade_pool")

SLOW = f"import time\ntime.sleep(0.2)\n{RIGHT}"


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "twice.ipynb"
    nbformat.write(teachers(), path)
    return read_assignment(path, "twice")


def answer(source):
    """Return a submission as bytes."""
    notebook = teachers()
    notebook.cells[2].source = source
    return nbformat.writes(notebook).encode()


def points_of(result):
    return [cell.points for cell in result.cells if cell.kind == "test"]


def descendants(pid):
    """Return the processes that come from one, children's children included."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def alive(pids):
    """Return those processes that are there and no zombies."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX":
                found.append(pid)
    return found


def wait_for(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def test_everyone_is_answered_once(assignment):
    work = {f"s{n}": RIGHT if n % 2 else WRONG for n in range(7)} | {"bad": None}
    jobs = ((name, answer(code) if code else b"{") for name, code in work.items())
    before = descendants(os.getpid())
    results = list(grade_all(assignment, jobs, jobs=2))
    assert sorted(name for name, _ in results) == sorted(work)
    for name, result in results:
        if name == "bad":
            assert result.status == "unreadable"
        else:
            assert points_of(result) == ([1, 2] if work[name] == RIGHT else [1, 0])
    wait_for(lambda: not helpers(descendants(os.getpid()) - before))


def helpers(pids):
    """Return the processes among some that are not Python's own bookkeeper."""
    return [
        pid
        for pid in alive(pids)
        if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_nothing_to_do_starts_nothing(assignment, monkeypatch):
    monkeypatch.setattr(pool, "Worker", None)
    assert list(grade_all(assignment, [], jobs=2)) == []


def test_submissions_are_read_as_they_are_needed(assignment):
    read = []

    def jobs():
        for number in range(20):
            read.append(number)
            yield number, answer(RIGHT)

    results = grade_all(assignment, jobs(), jobs=1)
    next(results)
    assert len(read) <= 2
    results.close()


def test_a_killed_worker_costs_nothing(assignment, monkeypatch):
    killed = []
    give = pool.Worker.give

    def fatal(worker, job):
        give(worker, job)
        name = job[0]
        if name == "often" or (name == "once" and name not in killed):
            killed.append(name)
            worker.process.kill()

    monkeypatch.setattr(pool.Worker, "give", fatal)
    names = ["a", "once", "b", "often", "c"]
    jobs = [(name, answer(RIGHT)) for name in names]
    results = list(grade_all(assignment, jobs, jobs=2))
    assert sorted(name for name, _ in results) == sorted(names)
    said = dict(results)
    assert said.pop("often").status == "crashed"
    assert {tuple(points_of(result)) for result in said.values()} == {(1, 2)}
    assert killed.count("often") == pool.TRIES


def test_a_reference_that_fails_is_told_before_anything_is_graded(tmp_path):
    cells = [cell for cell in CELLS if cell[1] != {"solution": "double"}]
    path = tmp_path / "twice.ipynb"
    nbformat.write(teachers(cells), path)
    broken = read_assignment(path, "twice")
    with pytest.raises(AssignmentError, match="double"):
        list(grade_all(broken, [("a", answer(RIGHT))], jobs=1))


def test_a_worker_that_cannot_start_says_why(assignment):
    results = grade_all(
        assignment, [("a", answer(RIGHT))], jobs=1, limits=SimpleNamespace(parsecs=3)
    )
    with pytest.raises(PoolError, match="parsecs"):
        next(results)


PROGRAM = """
import sys
from fairgrade.assignment import read_assignment
from fairgrade.pool import grade_all
one = read_assignment(sys.argv[1], "twice")
data = open(sys.argv[2], "rb").read()
if __name__ == "__main__":
    for key, result in grade_all(one, ((n, data) for n in range(99)), jobs=2):
        print(key, flush=True)
"""


def test_no_process_outlives_a_killed_grader(tmp_path):
    path, program = tmp_path / "twice.ipynb", tmp_path / "program.py"
    nbformat.write(teachers(), path)
    program.write_text(PROGRAM)
    work = tmp_path / "work.ipynb"
    work.write_bytes(answer(SLOW))
    with subprocess.Popen(
        [sys.executable, program, path, work], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        ours = descendants(process.pid)
        assert len(ours) >= 6  # two workers with two zygotes each, and children
        process.kill()
    wait_for(lambda: not alive(ours))


# -------------------------------------------------------------------- on a cluster


class Cluster:
    """A real Dask scheduler and its workers, each a process of its own."""

    def __init__(self, folder):
        self.folder, self.file, self.processes = folder, folder / "scheduler.json", []
        self.start("scheduler", "--port=0", "--no-dashboard")
        wait_for(self.file.exists, 60)

    def start(self, kind, *options):
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "dask", kind),
                *(f"--scheduler-file={self.file}", *options),
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / f"{kind}-{len(self.processes)}.log").open("w"),
        )
        self.processes.append(process)
        return process

    def worker(self):
        options = "--nthreads=1", "--no-nanny", "--no-dashboard", "--death-timeout=60"
        return self.start("worker", *options)

    @property
    def address(self):
        return json.loads(self.file.read_text())["address"]

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    running = Cluster(tmp_path)
    yield running
    running.stop()


@pytest.mark.filterwarnings("ignore")  # distributed warns of the machine's memory
def test_workers_of_a_cluster_appear_and_vanish(assignment, cluster):
    first = cluster.worker()
    names = [f"s{number}" for number in range(40)]
    jobs = ((name, answer(SLOW if name < "s2" else WRONG)) for name in names)
    results, processes = [], {}
    for result in grade_all(assignment, jobs, scheduler=cluster.address):
        results.append(result)
        if len(results) == 1:
            # It dies in the middle of a batch, and takes its learners along.
            processes = descendants(first.pid)
            first.send_signal(signal.SIGKILL)
            first.wait()
            cluster.worker()
    assert sorted(name for name, _ in results) == sorted(names)
    for name, result in results:
        assert points_of(result) == ([1, 2] if name < "s2" else [1, 0])
    assert len(processes) >= 2
    wait_for(lambda: not alive(processes))


@pytest.mark.filterwarnings("ignore")
def test_a_lost_scheduler_is_told(assignment, cluster):
    cluster.worker()
    jobs = [(number, answer(SLOW)) for number in range(60)]
    results = grade_all(
        assignment, jobs, scheduler=cluster.address, limits=Limits(seconds_in_all=20)
    )
    next(results)
    cluster.processes[0].kill()
    with pytest.raises(PoolError, match="lost the Dask scheduler"):
        list(results)


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_not_there_is_told(assignment, monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE", 1)
    jobs = [("a", answer(RIGHT))]
    results = grade_all(assignment, jobs, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(PoolError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9"):
        next(results)


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_without_workers_is_told(assignment, cluster, monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE", 1)
    jobs = [("a", answer(RIGHT))]
    results = grade_all(assignment, jobs, scheduler=cluster.address)
    with pytest.raises(PoolError, match="has no workers"):
        next(results)
