"""Grade many submissions at once: in processes of this machine, or on a Dask cluster.

A job is a key and a notebook's bytes; an answer is a key and a `Result`. Whichever
process dies, its job is given to another one, and each key is answered once.
"""

import base64
import contextlib
import ctypes
import itertools
import json
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait

from fairgrade import misconceptions
from fairgrade.assignment import AssignmentError, from_json
from fairgrade.errors import Refusal
from fairgrade.grading import (
    Grader,
    Limits,
    ReferenceFails,
    Result,
    record_reference,
)
from fairgrade.submission import HandedIn

TRIES = 3  # of one submission whose worker dies
BATCH = 8  # submissions in one task of a cluster
PATIENCE = 10  # seconds for a scheduler to answer, and for its first worker
AHEAD = 2  # tasks that wait in the cluster for each worker thread


class PoolError(Refusal):
    """The workers cannot work at all; what was graded so far is kept."""


def grade_all(
    assignment,
    submissions,
    jobs=None,
    scheduler=None,
    limits=None,
    walls=None,
    known=None,
):
    """Yield (key, Result) for each of some submissions, in the order they are done.

    Parameters
    ----------
    assignment : Assignment, or dict of str to Assignment
        With a dict, the last part of each key says which.
    submissions : iterable of (key, bytes or HandedIn)
        Read as workers become free, never all at once.
    jobs : int, optional
        Processes on this machine; as many as there are cores if None.
    scheduler : str, optional
        The address of a Dask scheduler, whose workers then do the work.
    limits, walls
        As for `Grader`.
    known : dict of str to misconceptions.Index, optional
        Known misconceptions, for assignments that come in a dict: who made one of
        them is told its name.

    Raises
    ------
    AssignmentError
        If the reference solution itself does not pass.
    PoolError
        If no worker can start, or the scheduler is lost.
    """
    several = assignment if isinstance(assignment, dict) else {None: assignment}
    setup = {
        "assignments": [[name, one.to_json()] for name, one in several.items()],
        "limits": vars(limits) if limits else None,
        "walls": sorted(walls) if walls is not None else None,
        "known": {name: one.to_json() for name, one in (known or {}).items() if one},
    }
    todo = (
        (key, None if None in several else key[-1], data) for key, data in submissions
    )
    if scheduler:
        yield from on_cluster(scheduler, setup, todo)
    else:
        yield from on_this_machine(jobs or cores(), setup, todo)


def cores():
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def gave_up(reason="the grader itself was killed on it, several times"):
    return Result("crashed", reason)


class Bench:
    """What one worker process holds: its assignments, and one `Grader` for them."""

    def __init__(self, setup):
        self.assignments = dict(loaded(setup["assignments"]))
        self.known, self.indexes = setup["known"], {}
        self.learned = None
        limits = Limits(**setup["limits"]) if setup["limits"] else None
        walls = setup["walls"]
        self.grader = Grader(list(self.assignments.values()), limits, walls)
        self.grader.__enter__()

    def reference(self):
        """Run the reference solutions; return the assignments as JSON, with the marks
        of what they needed.
        """
        return [
            [name, record_reference(one, self.grader).to_json()]
            for name, one in self.assignments.items()
        ]

    def learn(self, assignments):
        """Take assignments as JSON: again, when the reference run has marked them."""
        # The grader studies each object once: equal ones must stay the same.
        if self.learned != assignments:
            self.assignments, self.learned = dict(loaded(assignments)), assignments
            self.indexes = {
                name: misconceptions.from_json(index, self.assignments[name])
                for name, index in self.known.items()
            }

    def grade(self, name, data):
        assignment, index = self.assignments[name], self.indexes.get(name)
        result = self.grader.grade(assignment, data)
        result = misconceptions.explain(self.grader, assignment, index, data, result)
        return result.to_json()

    def close(self):
        self.grader.__exit__(None, None, None)


def loaded(assignments):
    return ((name, from_json(one)) for name, one in assignments)


# ------------------------------------------------------------------ on this machine


def work(connection, setup, parent, core):
    """Answer jobs from a connection until it is closed: the life of a worker.

    All its processes share a core: one of them works while the others wait for it, and
    what learners start there takes no time from the other workers' submissions.
    """
    # Whoever started us may be killed: then nobody reads the answers.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != parent:
        return
    with contextlib.suppress(OSError):  # it may have been taken away since
        os.sched_setaffinity(0, {core})
    try:
        bench = Bench(setup)
    except Exception as error:
        with contextlib.suppress(OSError):
            connection.send_bytes(packed("broken", f"{type(error).__name__}: {error}"))
        return
    try:
        with contextlib.suppress(EOFError, OSError):
            while True:
                order, *rest = json.loads(connection.recv_bytes())
                if order == "reference":
                    answer = try_reference(bench)
                elif order == "learn":
                    bench.learn(*rest)
                    continue
                else:
                    name, files = rest
                    files = {path: base64.b64decode(x) for path, x in files.items()}
                    data = HandedIn(connection.recv_bytes(), files)
                    answer = packed("done", bench.grade(name, data))
                connection.send_bytes(answer)
    finally:
        bench.close()


def packed(*message):
    return json.dumps(message).encode()


def try_reference(bench):
    try:
        return packed("reference", bench.reference())
    except (AssignmentError, ReferenceFails) as error:
        return packed("unfit", str(error))


class Worker:
    """One worker process, seen from outside, and the job it holds."""

    context = multiprocessing.get_context("spawn")

    def __init__(self, setup, core):
        self.connection, theirs = self.context.Pipe()
        self.core = core
        self.process = self.context.Process(
            target=work, args=(theirs, setup, os.getpid(), core), daemon=True
        )
        self.process.start()
        theirs.close()
        self.job = None
        self.served = 0

    def send(self, *message):
        with contextlib.suppress(OSError):  # that it is dead is seen by `receive`
            self.connection.send_bytes(packed(*message))

    def give(self, job):
        self.job = job
        _, name, data = job
        files = getattr(data, "files", {})
        files = {path: base64.b64encode(x).decode() for path, x in files.items()}
        self.send("grade", name, files)
        with contextlib.suppress(OSError):
            self.connection.send_bytes(getattr(data, "notebook", data))

    def receive(self):
        """Return the next message, or None if the worker is dead."""
        try:
            return json.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            return None

    def stop(self):
        self.connection.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def on_this_machine(jobs, setup, todo):
    """Grade on `jobs` processes; see `grade_all`."""
    todo = iter(todo)
    first = next(todo, None)
    if first is None:
        return
    todo = itertools.chain([first], todo)
    again, deaths = [], {}
    own = itertools.cycle(sorted(os.sched_getaffinity(0)))
    workers = [Worker(setup, core) for core in itertools.islice(own, jobs)]
    try:
        setup = setup | {"assignments": reference_of(workers[0])}
        for worker in workers:
            worker.send("learn", setup["assignments"])
        busy = [worker for worker in workers if give_next(worker, again, todo)]
        while busy:
            ready = wait([worker.connection for worker in busy])
            for worker in [one for one in busy if one.connection in ready]:
                message = worker.receive()
                if message and message[0] == "broken":
                    raise PoolError(message[1])
                busy.remove(worker)
                key = worker.job[0]
                if message is None:
                    again, answer = after_death(worker, again, deaths)
                    workers.remove(worker)
                    if answer:
                        yield key, answer
                    worker = Worker(setup, worker.core)
                    workers.append(worker)
                else:
                    worker.served += 1
                    yield key, Result.from_json(message[1])
                if give_next(worker, again, todo):
                    busy.append(worker)
    finally:
        for worker in workers:
            worker.stop()


def reference_of(worker):
    """Let a worker run the reference solution; return the assignments it sends back."""
    worker.send("reference")
    message = worker.receive()
    if message is None:
        raise PoolError("a worker ended before its first submission")
    if message[0] == "unfit":
        raise AssignmentError(message[1])
    if message[0] == "broken":
        raise PoolError(message[1])
    return message[1]


def give_next(worker, again, todo):
    """Give a worker its next job; return whether there was one."""
    job = again.pop() if again else next(todo, None)
    if job:
        worker.give(job)
    return job is not None


def after_death(worker, again, deaths):
    """Return the jobs to do again, and an answer if the last job has killed too often.

    A worker is the teacher's own process, out of a submission's reach: if it dies, the
    machine is short of memory, or somebody killed it.
    """
    worker.stop()
    key = worker.job[0]
    deaths[key] = deaths.get(key, 0) + 1
    if deaths[key] < TRIES:
        return [*again, worker.job], None
    return again, gave_up()


# -------------------------------------------------------------------- on a cluster

# A worker's tasks run in changing threads; its processes must outlive each of them.
_thread = ThreadPoolExecutor(1, thread_name_prefix="fairgrade")
_benches = {}
_lock = threading.Lock()


def bench_for(text):
    """Return this process's `Bench` for a set-up, which is made once."""
    if text not in _benches:
        for bench in _benches.values():
            bench.close()
        _benches.clear()
        _benches[text] = Bench(json.loads(text))
    return _benches[text]


def reference_task(text):
    """Run the reference solutions in a worker of a cluster."""
    return _thread.submit(lambda: try_reference(bench_for(text))).result()


def batch_task(text, assignments, batch):
    """Grade some (number, name, bytes) in a worker of a cluster; plain data out."""

    def run():
        bench = bench_for(text)
        bench.learn(json.loads(assignments))
        return [
            (number, json.dumps(bench.grade(name, data)))
            for number, name, data in batch
        ]

    return _thread.submit(run).result()


def on_cluster(address, setup, todo):
    """Grade on the workers of a Dask scheduler; see `grade_all`."""
    try:
        from distributed import Client
    except ImportError:
        raise PoolError("a cluster needs `pip install distributed`") from None
    first = next(todo := iter(todo), None)
    if first is None:
        return
    todo = itertools.chain([first], todo)
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise PoolError(f"no Dask scheduler at {address}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, PATIENCE)
        except TimeoutError:
            raise PoolError(f"the scheduler at {address} has no workers") from None
        try:
            yield from serve(client, json.dumps(setup), todo)
        except OSError as error:
            raise PoolError(f"lost the Dask scheduler at {address}: {error}") from error


def serve(client, text, todo):
    """Keep the cluster busy; yield (key, Result) once for each job."""
    from distributed import as_completed

    kind, answer = json.loads(asked(client, reference_task, text))
    if kind == "unfit":
        raise AssignmentError(answer)
    assignments = json.dumps(answer)
    jobs, deaths = {}, {}
    numbers = itertools.count()

    def submit(batch):
        for number, job in batch:
            jobs[number] = job
        payload = [(number, name, data) for number, (_, name, data) in batch]
        # A batch that was under way when a worker vanished starts anew by itself.
        future = client.submit(
            batch_task, text, assignments, payload, pure=False, retries=0
        )
        future.batch = [number for number, _ in batch]
        return future

    def fresh():
        return [(next(numbers), job) for job in itertools.islice(todo, BATCH)]

    # New workers may appear at any time: enough waits for them, but not everything.
    waiting = as_completed(loop=client.loop)
    waiting.update([submit(batch) for _ in range(width(client)) if (batch := fresh())])
    for future in waiting:
        if future.status == "finished":
            for number, result in future.result():
                if number in jobs:
                    yield jobs.pop(number)[0], Result.from_json(json.loads(result))
        else:
            error = future.exception()
            if not vanished(error):
                raise PoolError(f"{type(error).__name__}: {error}")
            for number in [n for n in future.batch if n in jobs]:
                # One by one, to find out which of them it is.
                deaths[number] = deaths.get(number, 0) + 1
                if deaths[number] > TRIES:
                    yield jobs.pop(number)[0], gave_up()
                else:
                    waiting.add(submit([(number, jobs[number])]))
        while waiting.count() < width(client) and (batch := fresh()):
            waiting.add(submit(batch))


def width(client):
    """Return how many tasks to keep in the cluster."""
    threads = sum(client.nthreads().values())
    return AHEAD * max(threads, 1)


def asked(client, function, *arguments):
    """Return what a function says in some worker, asked again if that one vanishes."""
    for _ in range(TRIES):
        future = client.submit(function, *arguments, pure=False)
        error = future.exception()
        if error is None:
            return future.result()
        if not vanished(error):
            break
    raise PoolError(f"{type(error).__name__}: {error}")


def vanished(error):
    """Return whether an error says that workers went away, not that a task failed."""
    return type(error).__name__ in ("KilledWorker", "CancelledError", "FutureCancelled")
