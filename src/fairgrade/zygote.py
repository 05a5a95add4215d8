"""Processes with the course's imports done, which fork one process per submission.

A zygote is a freshly started interpreter: it has neither the environment nor the memory
nor the open files of who started it. It does what comes over its control socket, ends
when that closes, and takes its children with it.
"""

import base64
import contextlib
import gc
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from . import kernel, sandbox
from .scratch import Scratch

COMMAND_LIMIT = 64 * 1024
START_SECONDS = 120
BOOT = """\
import sys
sys.path.insert(0, sys.argv[1])
from fairgrade.zygote import main
main(*sys.argv[2:])
"""


class ZygoteError(RuntimeError):
    """A prepared process did not start, or has gone."""


class Zygote:
    """A process that prepares itself (`wait` for it), and then is asked to fork itself.

    Parameters
    ----------
    kind : {"learner", "judge"}
        What its children do.
    imports : iterable of str
        Modules to import once; one that cannot be imported is left out.
    """

    def __init__(self, kind, imports=(), walls=()):
        self.kind = kind
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Libraries write into a home what they find out about the machine.
        self.home = tempfile.mkdtemp(prefix="fairgrade-")
        package = str(Path(__file__).resolve().parent.parent)
        settings = json.dumps({"imports": sorted(imports), "walls": sorted(walls)})
        number = str(theirs.fileno())
        # Not the path of who starts it: the folder of a course holds solutions.
        command = [sys.executable, "-P", "-c", BOOT, package, kind]
        with theirs:
            self.process = subprocess.Popen(
                [*command, number, settings],
                env=sandbox.environment() | {"HOME": self.home},
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

    def wait(self):
        """Wait until it is prepared.

        Raises
        ------
        ZygoteError
            If it did not start; with what it said.
        """
        self.control.settimeout(START_SECONDS)
        try:
            ready = self.control.recv(COMMAND_LIMIT)
        except OSError:
            ready = b""
        finally:
            shutil.rmtree(self.home, ignore_errors=True)
        if ready != b"ready":
            self.process.kill()
            error = self.process.communicate()[1].decode(errors="replace")
            self.control.close()
            raise ZygoteError(
                f"the {self.kind} process did not start:\n{error[-2000:]}"
            )

    def end_children(self):
        """Kill all processes that were forked, and wait for them."""
        ask(self.control, "end")

    def close(self):
        """End the process and all that it forked."""
        with contextlib.suppress(OSError, ZygoteError):
            self.end_children()
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        # A test may have imported what writes there only now.
        shutil.rmtree(self.home, ignore_errors=True)


def ask(control, command, settings=None, descriptors=()):
    """Send a command with file descriptors; return the answer and its descriptor.

    Answers carry the number of their question: who asked may have died since.
    """
    number = os.urandom(8).hex()
    message = json.dumps([number, command, settings or {}]).encode()
    try:
        socket.send_fds(control, [message], list(descriptors))
        while True:
            data, found, _, _ = socket.recv_fds(control, COMMAND_LIMIT, 1)
            if not data:
                raise ZygoteError("a prepared process has gone")
            answer = json.loads(data)
            if answer[0] == number:
                break
            for descriptor in found:
                os.close(descriptor)
    except OSError as error:
        raise ZygoteError(f"a prepared process has gone: {error}") from error
    if answer[1] != "ok":
        raise ZygoteError(answer[1])
    return answer[2], found[0] if found else None


def end(handle):
    """Kill the process of a descriptor."""
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)


# ---- inside the zygote


def main(kind, descriptor, settings):
    """Be a zygote: import, say so, then fork as told."""
    settings = json.loads(settings)
    control = socket.socket(fileno=int(descriptor))
    control.set_inheritable(False)
    if kind == "learner":
        sandbox.prepare()
    prepare(kind, settings)
    # Nobody reads it from now on: a full pipe would stop whoever warns.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    control.send(b"ready")
    Forker(kind, control, settings["walls"]).forever()


def prepare(kind, settings):
    """Do once what all forked processes need."""
    from . import grading, learner, rehearsal

    sys.setrecursionlimit(3000 if kind == "judge" else sys.getrecursionlimit())
    for name in settings["imports"]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
        with contextlib.suppress(RuntimeError):
            sys.modules["torch"].set_num_interop_threads(1)
    rehearsal.rehearse()
    # A process for one submission has little to collect.
    gc.set_threshold(100_000, 20, 50)
    if kind == "judge":
        from . import judge, snapshot

        learner.interactive_shell()
        rehearsal.compare()
        judge.watch()
        grading.SNAPSHOT = snapshot.Snapshot()
    else:
        sandbox.seal([entry for entry in sys.path if os.path.isdir(entry)])
    gc.collect()
    gc.freeze()


class Forker:
    """The loop of a zygote."""

    def __init__(self, kind, control, walls):
        self.kind = kind
        self.control = control
        self.walls = walls
        self.children = {}  # number -> what is left to do once it has ended
        self.data = {}

    def forever(self):
        while True:
            try:
                message, found, _, _ = socket.recv_fds(self.control, COMMAND_LIMIT, 4)
            except OSError:
                message = b""
            if not message:
                break
            number, command, settings = json.loads(message)
            handle = None
            try:
                handle = getattr(self, f"do_{command}")(settings, found)
                answer = [number, "ok", None]
            except OSError as error:
                answer = [number, f"{command}: {error}", None]
            for descriptor in found:
                os.close(descriptor)
            handles = [] if handle is None else [handle]
            with contextlib.suppress(OSError):
                socket.send_fds(self.control, [json.dumps(answer).encode()], handles)
            if handle is not None:
                os.close(handle)
        self.do_end({}, [])
        os._exit(0)

    def do_load(self, settings, found):
        """Keep the assignments, read from a socket to its end, for all children."""
        from .assignment import from_json
        from .judge import study
        from .learner import interactive_shell, needs_shell, prepare_cell

        with (
            socket.socket(fileno=os.dup(found[0])) as source,
            source.makefile("rb") as file,
        ):
            data = json.load(file)
        if self.kind == "learner":
            self.data = {
                name: {
                    path: base64.b64decode(text)
                    for path, text in content["files"].items()
                }
                for name, content in data.items()
            }
            for content in data.values():
                for source, cell in content["given"]:
                    if needs_shell(source):
                        interactive_shell()
                    prepare_cell(source, cell)
        else:
            self.data = {name: from_json(content) for name, content in data.items()}
            for assignment in self.data.values():
                study(assignment)
        gc.freeze()

    def do_spawn(self, settings, found):
        self.reap()
        stack = contextlib.ExitStack()
        if self.kind == "learner":
            if settings.pop("shell"):
                from .learner import interactive_shell

                interactive_shell()
            files = self.data.get(settings["assignment"], {})
            if found[1:]:
                from .grading import files_in

                # Which of the teacher's these may replace was decided before.
                files = files | files_in(found[1])
            scratch = Scratch(files, on_disk=sandbox.needs_disk())
            settings["scratch"] = stack.enter_context(scratch)
            pid = sandbox.fork()
        else:
            pid = os.fork()
        if pid == 0:
            self.child(settings, found)
        self.children[pid] = stack
        return os.pidfd_open(pid)

    def do_end(self, settings, found):
        for pid in self.children:
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(OSError):
                    kill(pid, signal.SIGKILL)
        for pid in self.children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            self.children[pid].close()
        self.children.clear()

    def reap(self):
        """Take note of children that have ended."""
        for pid in list(self.children):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0]
            except ChildProcessError:
                ended = pid
            if ended:
                self.children.pop(pid).close()

    def child(self, settings, found):
        """Be a forked process; never return."""
        try:
            self.control.close()
            os.setsid()
            die_with_parent()
            if self.kind == "judge":
                from .grading import judge_main

                judge_main(settings, found, self.data)
            else:
                learner_main(settings, found, self.walls)
        except BaseException:
            # Seen by who leaves stderr open above, to look for what is wrong.
            with contextlib.suppress(BaseException):
                traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(1)


def learner_main(settings, found, walls):
    """Be the learner's process: behind the walls, with one socket."""
    from . import learner
    from .grading import Limits

    sock = socket.socket(fileno=os.dup(found[0]))
    limits = Limits(**settings["limits"])
    sandbox.enter(limits, settings["scratch"], walls, keep=[sock.fileno()])
    sys.path.insert(0, os.getcwd())  # modules beside the notebook, as in a notebook
    sys.dont_write_bytecode = True
    learner.main(sock, limits.output)


def die_with_parent():
    """Let the kernel end this process when the one that forked it ends."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
