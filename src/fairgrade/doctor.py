"""Prove each wall of the sandbox by attacking it: `fairgrade doctor`.

Every attack of `attacks.py` is made twice, from a child inside the sandbox and, as a
control, from one outside: an attack that fails outside as well proves nothing, and is
reported so. What is attacked belongs to the doctor: servers, files, a process.
"""

import argparse
import codecs
import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types

from . import attacks, kernel, sandbox
from .scratch import Scratch, remove
from .walls import WALLS, Wall, WallMissing, known

SECONDS = 20  # for all attacks together; each takes far less
# Small, so that attacks on them are quick.
LIMITS = {"seconds": 1, "memory": 256 << 20, "file_size": 1 << 20, "threads": 16}
LIMITS |= {"scratch": 2 << 20, "seconds_in_all": 1, "processes": 16}
OUTSIDE = ()  # the parts of the sandbox that the control is made with
UNTESTED = "could not be tested here, as it fails outside the sandbox, too"


def examine(walls=None):
    """Attack the walls of the sandbox on this machine.

    Parameters
    ----------
    walls : collection of str, optional
        Which of `WALLS` to attack; all by default.

    Returns
    -------
    list of Finding
        One per attack, in the order of the walls; the last says whether Python itself
        can still be read inside.
    """
    wanted = list(WALLS if walls is None else walls)
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(_things_to_attack())
        running = [_start(parts, wanted, at) for parts in (OUTSIDE, sandbox.PARTS)]
        outside, inside = (_finish(process) for process in running)
    findings = []
    tried = [(w, name_of(function)) for w in wanted for function in attacks.ATTACKS[w]]
    for wall, name in tried:
        got, proven = inside[name].get("got"), "got" in outside[name]
        if got is not None:
            said = f"got through: {got}"
        elif proven:
            said = f"stopped: {inside[name]['stopped']}"
        else:
            said = f"{UNTESTED}: {outside[name]['stopped']}"
        findings.append(Finding(wall, got is None, name, said, proven))
    late = inside["import"]
    said = late.get("got") or late["stopped"]
    findings.append(
        Finding("python", "got" in late, "import a module late", said, True)
    )
    return findings


def attack(parts, walls, user=None):
    """Attack `walls` in a sandbox of only these `parts`.

    Parameters
    ----------
    parts : collection of str
        Of `sandbox.PARTS`; none for an attack outside the sandbox.
    walls : collection of str
        Of `WALLS`.
    user : int, optional
        The number of an ordinary user to be the teacher; only root can choose.

    Returns
    -------
    dict of str to dict
        By attack, `{"got": what}` or `{"stopped": why}`.
    """
    with _things_to_attack(user) as at:
        return _finish(_start(parts, walls, at))


def require(walls=None, accepted=()):
    """Refuse to go on where a wall is missing on this machine.

    Parameters
    ----------
    walls : collection of str, optional
        The walls that must stand; all by default.
    accepted : collection of str
        Those that the teacher agreed, by name, to do without.

    Raises
    ------
    WallMissing
        Naming the walls, what each would stop, and the words that accept their absence.
    """
    accepted = set(known(accepted))
    lacking = [name for name in sandbox.missing(walls) if name not in accepted]
    if lacking:
        _, refused = sandbox.standing()
        raise WallMissing(lacking, "; ".join(refused.values()))


def report(findings):
    """Return the findings as text: a line per wall, and what to do about each hole."""
    lines = []
    for wall, about in [*WALLS.items(), ("python", PYTHON)]:
        here = [finding for finding in findings if finding.wall == wall]
        if not here:
            continue
        holes = [finding for finding in here if not finding.stands]
        proven = sum(finding.proven for finding in here)
        mark = "MISSING" if holes else "stands" if proven else "untested"
        count = f"{proven - len(holes)} of {len(here)} attacks stopped"
        lines.append(f"{wall:<10} {mark:<9} {about.stops} ({count})")
        lines += [f"{'':<10} - {hole.attack}: {hole.said}" for hole in holes]
        if holes:
            lines.append(f"{'':<10} To get it: {about.remedy}.")
            if wall in WALLS:
                lines.append(f"{'':<10} To grade without it: --without {wall}")
        else:
            lines += [
                f"{'':<10} - {finding.attack}: {finding.said}"
                for finding in here
                if not finding.proven
            ]
    return "\n".join(lines)


def name_of(function):
    """Return the name of an attack."""
    return function.__name__.replace("_", " ")


def main(arguments=None):
    """Examine this machine, print what was found, return 1 if a wall is missing."""
    parser = argparse.ArgumentParser("fairgrade doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print each attack as JSON")
    chosen = parser.parse_args(arguments)
    findings = examine()
    if chosen.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings]))
    else:
        print(report(findings))
    return int(not all(finding.stands for finding in findings))


@contextlib.contextmanager
def _things_to_attack(user=None):
    # Everything that a learner might reach for, as a teacher's machine would have it.
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="fairgrade-doctor-")
        stack.callback(remove, folder)
        at = types.SimpleNamespace(folder=folder, user=user, **LIMITS)
        for name in ("secret", "spare"):
            setattr(at, name, f"{folder}/{name}")
            with open(getattr(at, name), "w") as file:
                file.write("the expected answers")
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, socket.SOCK_STREAM, f"{folder}/socket"),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{folder}"),
            ("datagram", socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{folder}/datagram"),
        ):
            server = stack.enter_context(socket.socket(family, kind))
            server.bind(address)
            if kind == socket.SOCK_STREAM:
                server.listen(100)
            internet = family == socket.AF_INET
            setattr(
                at, name, server.getsockname()[1] if internet else address.strip("\0")
            )
        if user is not None:
            for name in ("secret", "spare", "socket", ""):
                os.chown(f"{folder}/{name}", user, user)
        victim = subprocess.Popen(["sleep", "60"], user=user)
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        at.shared_memory = os.stat("/dev/shm").st_dev
        at.victim, at.variable = victim.pid, "FAIRGRADE_DOCTOR"
        yield at


def _start(parts, walls, at):
    variables = sandbox.environment() if "descriptors" in parts else dict(os.environ)
    if "descriptors" not in parts:
        variables[at.variable] = "a password"
    order = {"parts": list(parts), "walls": list(walls), "at": vars(at)}
    command = [sys.executable, "-m", "fairgrade.doctor", "--attack"]
    with open(at.secret) as inherited:
        order["at"]["inherited"] = inherited.fileno()
        process = subprocess.Popen(
            command,
            env=variables,
            cwd="/",
            pass_fds=[inherited.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    process.stdin.write(json.dumps(order).encode())
    process.stdin.close()
    process.stdin = None  # so that `communicate` only waits
    return process


def _finish(process):
    try:
        said, errors = process.communicate(timeout=SECONDS + 10)
    except subprocess.TimeoutExpired:
        process.kill()
        said, errors = process.communicate()
    if not said:
        raise RuntimeError(f"the attackers did not start: {errors.decode().strip()}")
    return json.loads(said)


def _attack_all():
    # The attackers' zygote, a program of its own: reads its order, prints outcomes.
    order = json.load(sys.stdin)
    at = types.SimpleNamespace(**order["at"])
    if at.user is not None:
        _become(at.user)
    functions = [f for wall in order["walls"] for f in attacks.ATTACKS[wall]]
    todo = {name_of(function): function for function in functions}
    todo["import"] = _import_late
    base = tempfile.mkdtemp(prefix="scratch-", dir=at.folder)
    places = {}
    for i, name in enumerate(["sibling", *todo]):
        places[name] = Scratch(size=at.scratch, folder=f"{base}/{i}")
        os.mkdir(places[name].folder)
        if places[name].user is not None and "user" in order["parts"]:
            os.chown(places[name].folder, *[places[name].user] * 2)
    if "user" in order["parts"]:
        os.chmod(at.folder, 0o711)
        os.chmod(base, 0o711)
    sandbox.prepare(order["parts"])
    sandbox.seal()
    at.sibling, _ = _child(places["sibling"], lambda at: time.sleep(60), at)
    children = {
        name: _child(places[name], function, at) for name, function in todo.items()
    }
    deadline = time.monotonic() + SECONDS
    outcomes = {n: _outcome(*child, deadline) for n, child in children.items()}
    os.kill(at.sibling, signal.SIGKILL)
    os.waitpid(at.sibling, 0)
    shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(outcomes))


def _become(user):
    # What is imported late must be imported now: its folder may be closed to this user.
    codecs.lookup("idna")
    with contextlib.suppress(ImportError, RuntimeError):
        import pyseccomp  # noqa: F401
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # Changing the user closed this process's entries in /proc to itself.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def _child(scratch, function, at):
    reader, writer = os.pipe()
    pid = sandbox.fork()
    if pid:
        os.close(writer)
        return pid, reader
    limits = types.SimpleNamespace(**LIMITS)
    try:
        at.channel = writer
        try:
            sandbox.enter(limits, scratch, walls=(), keep=[writer])
            outcome = {"got": function(at)}
        except BaseException as error:
            outcome = {"stopped": f"{type(error).__name__}: {error}"}
        os.write(writer, json.dumps(outcome).encode())
    finally:
        os._exit(0)


def _outcome(pid, reader, deadline):
    said = b""
    while select.select([reader], [], [], max(0, deadline - time.monotonic()))[0]:
        piece = os.read(reader, 4096)
        said += piece
        if not piece:
            break
    os.close(reader)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if said:
        return json.loads(said)
    code = os.waitstatus_to_exitcode(status)
    return {"stopped": f"ended by {signal.Signals(-code).name}" if code < 0 else code}


def _import_late(at):
    import colorsys  # a module that nothing else imports

    return f"imported {colorsys.__name__}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What became of one attack.

    Attributes
    ----------
    wall : str
        The wall that it was made on.
    stands : bool
        Whether it was stopped.
    attack, said : str
        What was tried, and what happened.
    proven : bool
        Whether the same attack gets through outside the sandbox.
    """

    wall: str
    stands: bool
    attack: str
    said: str
    proven: bool = True


UNREADABLE = (
    "Python lies where only its owner may read, and no root folder can be made; move"
    " Python and its packages out of the home folder, or import everything beforehand"
)
PYTHON = Wall("Modules can be imported inside.", (), UNREADABLE)


if __name__ == "__main__":
    if sys.argv[1:] == ["--attack"]:
        _attack_all()
    else:
        sys.exit(main())
