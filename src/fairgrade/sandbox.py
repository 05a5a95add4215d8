"""The sandbox that a learner's code runs in: its walls, and how they are put up.

In the process that everything is forked from (the zygote), which is trusted::

    prepare()          # first of all, before any import that starts threads
    import numpy ...   # the course's imports
    seal()             # once they are done

and for each submission::

    with Scratch(files, on_disk=needs_disk()) as scratch:
        child = fork()
        if child == 0:
            enter(limits, scratch, keep=[channel.fileno()])
            ...        # only now the learner's code

What the zygote has read, each later child can find in its memory: a submission is read
by its own child, from a channel of its own. Start the zygote with `environment()`.

Each wall is built from parts of the kernel; most are built twice over, so that a hole
in one part is still behind another. `fairgrade doctor` attacks them (`doctor.py`).

Bubblewrap is not used. It builds the same namespaces around a program that it executes,
and a forked child executes nothing: around the zygote it would do what `prepare` and
`seal` do, but leave it no right to give each child a scratch folder, process numbers
and a count of threads of its own. Where the kernel refuses ordinary users these
namespaces, it refuses them to bubblewrap as well.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import signal
import site
import subprocess
import sys
import tempfile

from . import kernel, landlock, namespaces, rlimits, seccomp
from .scratch import Scratch, user_numbers
from .walls import WALLS, WallMissing, known

# How: the parts of the kernel, in the order in which they are put up.
PARTS = (
    "descriptors",
    "mounts",
    "net",
    "ipc",
    "pids",
    "count",
    "user",
    "limits",
    "death",
    "landlock",
    "seccomp",
)
SYSTEM = ("/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/lib32")
SYSTEM += ("/usr/share", "/usr/local/lib", "/nix/store", "/gnu/store")
# What torch chooses its fast paths by: the processor's features, and nothing else.
PROCESSOR = ("/proc/cpuinfo", "/sys/devices/system/cpu")
SETTINGS = ("ld.so.cache", "localtime", "timezone", "alternatives", "mime.types")
_ground = None


def readable_paths(also=()):
    """Return the paths that a learner's code may read: Python and the system's part."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    python = [f"{p}/{part}" for p in sorted(prefixes) for part in ("lib", "lib64")]
    python += [f"{p}/share" for p in sorted(prefixes)]  # not etc: it may hold passwords
    if site.getusersitepackages() in sys.path:
        python.append(site.getusersitepackages())
    own = str(pathlib.Path(__file__).parent)
    settings = [f"/etc/{name}" for name in SETTINGS]
    return [*SYSTEM, *PROCESSOR, *settings, *python, own, *map(os.fspath, also)]


def prepare(parts=PARTS):
    """Move this process into namespaces, and make ready what every child will use.

    Call it once, first of all: before threads are started and the course is imported.
    What this machine refuses is remembered, and told by `enter`. Where process numbers
    can be had, this returns in a child, which is number 1 of its own; the process that
    called it waits for that one, dies with it and passes its exit status on. Nothing
    that descends from it outlives it, and its children's numbers mean nothing outside:
    pass a pidfd (`os.pidfd_open`) to whom should kill them.

    Parameters
    ----------
    parts : collection of str
        The parts of the kernel to use; fewer than `PARTS` only to test the others.
    """
    global _ground
    if _ground is not None:
        raise RuntimeError("prepare() was called in this process before")
    proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
    _ground = ground = Ground(frozenset(parts), proc)
    made, refused, ground.nested = namespaces.separate(proc, parts)
    ground.made |= made - {"mounts", "pids"}
    ground.refused |= refused
    ground.own_mounts = "mounts" in made
    if "pids" in made:
        with ground.trying("pids"):
            namespaces.become_number_one()
            ground.pid_namespace = os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc)
    user_numbers()  # while they can be read
    if "seccomp" in parts:
        try:
            ground.program = seccomp.program()
        except (ImportError, RuntimeError, OSError) as error:
            ground.refused["seccomp"] = f"libseccomp: {error}"


def seal(readable=()):
    """Leave the teacher's files behind: keep only Python, the system and `readable`.

    The environment variables go as well, but for a few harmless ones.

    Call it once, when the course's imports are done.
    """
    ground = _prepared()
    if "descriptors" in ground.parts:
        _forget_environment()
    ground.readable = readable_paths(readable)
    if ground.own_mounts:
        with ground.trying("mounts"):
            namespaces.change_root(ground.readable)
    if "landlock" in ground.parts:
        devices = [f"/dev/{name}" for name in namespaces.DEVICES]
        ground.opened = landlock.opened(ground.readable + devices)


def needs_disk():
    """Return whether a scratch folder must be made on disk: no child can mount one."""
    return "mounts" not in _ground.made if _ground else "disk" in missing()


def fork():
    """Fork as `os.fork` does; where possible, the child sees no other process."""
    ground = _prepared()
    if "pids" in ground.made:
        return namespaces.fork(ground.pid_namespace)
    return os.fork()


def enter(limits, scratch, walls=None, keep=()):
    """Put up the walls around this freshly forked child, for ever.

    Parameters
    ----------
    limits : Limits
        With `seconds_in_all`, `memory`, `processes` and `file_size`.
    scratch : Scratch
        The folder to work in.
    walls : collection of str, optional
        The walls that must stand; all of `WALLS` by default.
    keep : collection of int
        The descriptors to keep open; the standard three lead to `/dev/null`.

    Returns
    -------
    set of str
        The walls that stand.

    Raises
    ------
    WallMissing
        If one of `walls` does not stand.
    """
    ground = _prepared()
    if not ground.readable:
        raise RuntimeError("call seal() first, in the process that was forked from")
    places = {descriptor for descriptor, _ in ground.opened}
    own = {d for d in (ground.proc, ground.pid_namespace) if d is not None}
    if (threads := len(_listed("self/task", ground.proc))) > 1:
        # Landlock, seccomp and namespaces would hold for this one thread only.
        raise RuntimeError(
            f"enter() needs a process of one thread, this one has {threads}"
        )
    _die_first(ground.proc)
    if "descriptors" in ground.parts:
        with ground.trying("descriptors"):
            _close_all_but({*keep, *own, *places})
    # In a user namespace of an ordinary user's there is one number only.
    user = None if ground.nested else scratch.user
    folder = scratch.folder
    if "mounts" in ground.made:
        with ground.trying("mounts"):
            owner = (os.getuid(), os.getgid()) if user is None else (user, user)
            namespaces.own_scratch(scratch.size, *owner)
            folder = namespaces.SCRATCH
    if folder is None:
        raise WallMissing(["disk"], "no folder was made, and none can be mounted")
    if "count" in ground.parts and user is None:
        with ground.trying("count"):
            # The kernel counts threads by user, and anew in each user namespace.
            namespaces.own_user_namespace(ground.proc)
    if "user" in ground.parts:
        with ground.trying("user"):
            _become(user)
            ground.made |= {"count"} & ground.parts if user is not None else set()
    if "limits" in ground.parts:
        with ground.trying("limits"):
            rlimits.limit(limits, ground.proc, threads="count" in ground.made)
    for descriptor in own - set(keep):
        os.close(descriptor)
    os.umask(0o077)
    if folder == namespaces.SCRATCH:
        scratch.fill(folder)
    os.chdir(folder)
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"):
        os.environ[name] = folder
    tempfile.tempdir = None
    if "death" in ground.parts:
        with ground.trying("death"):
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if "landlock" in ground.parts:
        with ground.trying("landlock"):
            writable = landlock.opened([folder, "/dev/null"])
            places |= {descriptor for descriptor, _ in writable}
            landlock.restrict(ground.opened, writable)
    for descriptor in places:
        os.close(descriptor)
    if ground.program is not None:
        with ground.trying("seccomp"):
            seccomp.install(ground.program)
    stand = {name for name, wall in WALLS.items() if wall.stands(ground.made)}
    lacking = [name for name in known(walls) if name not in stand]
    if lacking:
        raise WallMissing(lacking, "; ".join(ground.refused.values()))
    return stand


def _prepared():
    if _ground is None:
        raise RuntimeError("call prepare() first, before the course is imported")
    return _ground


def _close_all_but(keep):
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in {0, 1, 2} - keep:
        os.dup2(nothing, standard)
    last = 2
    for descriptor in sorted({d for d in keep if d > 2}):
        if descriptor > last + 1:
            os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, 2**31 - 1)


def _forget_environment():
    keep = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(keep, USER="learner", LOGNAME="learner")


def _listed(path, proc):
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
    try:
        return os.listdir(handle)
    finally:
        os.close(handle)


def _die_first(proc):
    # When the machine runs out of memory, the kernel ends this process and no other.
    with contextlib.suppress(OSError):
        handle = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=proc)
        os.write(handle, b"1000")
        os.close(handle)


def _become(user):
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    kernel.drop_capabilities()
    if os.geteuid() == 0:
        raise OSError("no user number but root's can be had here")


KEPT_VARIABLES = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "OMP_NUM_THREADS", "MPLBACKEND")
KEPT_VARIABLES += ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED")


def environment():
    """Return the environment variables that a zygote is started with, and no others.

    Variables are copied into a program's memory when it starts and cannot be taken out
    again: a zygote started with the teacher's would hand them on to every learner.
    """
    names = (*KEPT_VARIABLES, "PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return {"MPLBACKEND": "Agg", "HOME": "/nonexistent", **one, **kept}


@functools.cache
def standing():
    """Return the names of the walls that stand on this machine, and why parts do not.

    Returns
    -------
    walls : tuple of str
        In the order of `WALLS`.
    refused : dict of str to str
        What the kernel said to each part that it refused.
    """
    done = subprocess.run(
        [sys.executable, "-m", "fairgrade.sandbox"],
        env=environment(),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode != 0:
        return (), {"start": done.stderr.strip() or f"exit status {done.returncode}"}
    said = json.loads(done.stdout)
    return tuple(said["standing"]), said["refused"]


def missing(walls=None):
    """Return those of `walls` (all by default) that cannot stand on this machine."""
    names, (stand, _) = known(walls), standing()
    return tuple(name for name in names if name not in stand)


def _try_all():
    # Run as a program of its own: puts every wall up once and says which stand.
    prepare()
    seal()
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        try:
            folder = "/" if "mounts" not in _ground.made else None
            scratch = Scratch({}, folder=folder)
            stand = enter(_TrialLimits(), scratch, walls=(), keep=[writer])
            said = {"standing": [n for n in WALLS if n in stand]}
            os.write(writer, json.dumps(said | {"refused": _ground.refused}).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as lines:
        print(lines.read())
    os.waitpid(child, 0)


@dataclasses.dataclass
class Ground:
    """What `prepare` made of this process, for its children to build on.

    Attributes
    ----------
    parts : frozenset of str
        The parts that may be used.
    proc : int
        A descriptor of `/proc`, which is out of sight later.
    made, refused : set of str, dict of str to str
        The parts that hold, and what was said by those that do not.
    readable, opened : list
        Paths that a learner's code may read, and what `landlock.opened` made of them.
    """

    parts: frozenset
    proc: int
    made: set = dataclasses.field(default_factory=set)
    refused: dict = dataclasses.field(default_factory=dict)
    nested: bool = False
    own_mounts: bool = False
    pid_namespace: int | None = None
    program: bytes | None = None
    readable: list = dataclasses.field(default_factory=list)
    opened: list = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def trying(self, part):
        """Count `part` among those that hold, unless what is done here fails."""
        try:
            yield
        except OSError as error:
            self.made.discard(part)
            self.refused[part] = str(error)
        else:
            self.made.add(part)


class _TrialLimits:
    seconds_in_all, memory, processes, file_size = 10, 1 << 30, 64, 1 << 20


if __name__ == "__main__":
    _try_all()
