"""Namespaces: a process sees its own small world instead of the teacher's machine.

As root they are simply made; an ordinary user first makes a user namespace, in which
the kernel lets them make the others. A child gets its own process numbers (it is number
1 and sees nobody), its own mounts (a root folder that holds Python and the system's
libraries, read-only, and one small writable folder) and no network.
"""

import contextlib
import os
import signal

from . import kernel

SCRATCH = "/scratch"
DEVICES = ("null", "zero", "full", "random", "urandom")
KINDS = {"mounts": kernel.NEWNS, "net": kernel.NEWNET, "ipc": kernel.NEWIPC}
KINDS |= {"pids": kernel.NEWPID}


def separate(proc, wanted):
    """Move this process into namespaces of its own: mounts, network, IPC, numbers.

    The last holds from the next child on: `become_number_one`.

    Call it while the process has one thread: the kernel gives a user namespace, which
    everybody but root needs, only to those.

    Parameters
    ----------
    proc : int
        An open descriptor of `/proc`.
    wanted : collection of str
        Which of `KINDS` to make.

    Returns
    -------
    made : set of str
        Those of `wanted` that were made.
    refused : dict of str to str
        Why the others were not.
    nested : bool
        Whether a user namespace was made first.
    """
    made, refused, nested = set(), {}, False
    for name in [name for name in KINDS if name in wanted]:
        try:
            try:
                kernel.unshare(KINDS[name])
            except PermissionError:
                if nested:
                    raise
                own_user_namespace(proc)
                nested = True
                kernel.unshare(KINDS[name])
            made.add(name)
        except OSError as error:
            refused[name] = str(error)
    return made, refused, nested


def own_user_namespace(proc):
    """Move this single-threaded process into a user namespace where it is itself."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.NEWUSER)
    maps = (("setgroups", "deny"), ("uid_map", user), ("gid_map", group))
    for name, number in maps:
        text = number if number == "deny" else f"{number} {number} 1"
        handle = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)


def change_root(readable):
    """Make a root folder that holds only `readable`, read-only, and live in it.

    What lies below a folder that others cannot enter (a Python in a home with mode
    0700) can be read all the same: the folders on the way to it are new ones.
    """
    sources = _where_they_really_are(readable)
    # Nothing mounted here shows outside. On a kernel too old this fails before anything
    # is changed.
    kernel.set_mounts("/", propagation=kernel.MS_PRIVATE)
    fixed = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", "/tmp", "tmpfs", flags, "mode=0755,size=1m")
    os.mkdir("/tmp/old")
    os.chdir("/tmp")
    kernel.call("pivot_root", b".", b"old")
    os.chdir("/")
    os.umask(0o022)
    for path, source in sources.items():
        with contextlib.suppress(OSError):  # a path may be closed, even to root
            _bind("/old" + source, path)
            kernel.set_mounts(path, fixed | kernel.ATTR_NODEV)
    for name in DEVICES:
        with contextlib.suppress(OSError):
            _bind(f"/old/dev/{name}", f"/dev/{name}")
    os.mkdir(SCRATCH)
    os.symlink(SCRATCH, "/dev/shm")  # where C libraries make their semaphores
    kernel.call("umount2", b"/old", kernel.MNT_DETACH)
    os.rmdir("/old")
    kernel.set_mounts("/", fixed)


def _where_they_really_are(paths):
    # Links are followed now: their absolute targets mean something else afterwards. A
    # path is asked for under the name it goes by and under its real one.
    wanted = {}
    for path in paths:
        if os.path.exists(path):
            real = os.path.realpath(path)
            wanted |= {os.path.abspath(path): real, real: real}
    outermost = {}
    for path in sorted(wanted, key=len):
        if not any(path.startswith(f"{other}/") for other in outermost):
            outermost[path] = wanted[path]
    return outermost


def _bind(source, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    kernel.mount(source, path, None, kernel.MS_BIND | kernel.MS_REC)


def own_scratch(size, user, group):
    """Give this process, and nobody else, `size` bytes to write in, at `SCRATCH`.

    They are memory of a mount that no other process has: it goes when the process goes.
    """
    kernel.unshare(kernel.NEWNS)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    options = f"size={size},nr_inodes=4096,mode=0700,uid={user},gid={group}"
    kernel.mount("tmpfs", SCRATCH, "tmpfs", flags, options)


def become_number_one():
    """Go on as process number 1 of the pid namespace just made, in a child.

    The kernel puts children, never the caller itself, into a new pid namespace. When
    number 1 ends, the kernel ends everything in its namespace.
    """
    child = os.fork()
    if child == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for number 1 to judge
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def fork(own_pid_namespace):
    """Fork a child that is process number 1 of a pid namespace of its own.

    Parameters
    ----------
    own_pid_namespace : int
        An open descriptor of `/proc/self/ns/pid`, to come back to.
    """
    kernel.unshare(kernel.NEWPID)
    child = None
    try:
        child = os.fork()
        return child
    finally:
        if child != 0:  # this process can make threads and further children again
            kernel.call("setns", own_pid_namespace, kernel.NEWPID)
