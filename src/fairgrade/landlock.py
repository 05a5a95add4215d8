"""Landlock: a process gives up, for ever, every file but those it names."""

import os
import pathlib
import stat
import struct

from . import kernel

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 2, 4, 8, 1 << 14
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO = 1 << 6, 1 << 9, 1 << 10
MAKE_BLOCK, MAKE_SYM, REFER, IOCTL_DEV = 1 << 11, 1 << 12, 1 << 13, 1 << 15
ON_FILES = WRITE_FILE | READ_FILE | TRUNCATE
NO_WORK_NEEDS = EXECUTE | MAKE_CHAR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM
# What each version of Landlock can handle: (version, file access bits it adds).
FILE_ACCESS = ((1, (1 << 13) - 1), (2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
TCP, SCOPES = 3, 3  # bind and connect; abstract sockets and signals


def version():
    """Return the version of Landlock that this kernel speaks, 0 for none."""
    try:
        return kernel.syscall(kernel.SYS_LANDLOCK_CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(readable, writable=()):
    """Leave this process `readable` to read and `writable` to write, and no more.

    No file can be executed, no TCP port bound or connected to (Linux 6.7), no process
    outside signalled and no abstract socket of theirs reached (6.12), as far as this
    kernel's Landlock goes.

    Parameters
    ----------
    readable, writable : list of (int, bool)
        What `opened` returned.
    """
    known = version()
    if known < 1:
        raise OSError("this kernel has no Landlock (Linux 5.13, and not switched off)")
    files = sum(bits for since, bits in FILE_ACCESS if since <= known)
    handled = [files]
    if known >= 4:
        handled.append(TCP)
    if known >= 6:
        handled.append(SCOPES)
    rules = struct.pack(f"{len(handled)}Q", *handled)
    ruleset = kernel.syscall(kernel.SYS_LANDLOCK_CREATE, rules, len(rules), 0)
    try:
        for place in readable:
            _allow(ruleset, *place, files & (READ_FILE | READ_DIR))
        for place in writable:
            _allow(ruleset, *place, files & ~NO_WORK_NEEDS)
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.syscall(kernel.SYS_LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def opened(paths):
    """Return (descriptor, whether it is a folder) of each path that exists.

    Places within another, and those that have two names, come once: each costs every
    child a system call.
    """
    real = {path: os.path.realpath(path) for path in paths}
    places, found, seen = set(real.values()), [], set()
    for path in paths:
        if not places.isdisjoint(map(str, pathlib.PurePath(real[path]).parents)):
            continue
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # what is not there needs no permission
            continue
        known = os.fstat(handle)
        if (known.st_dev, known.st_ino) in seen:
            os.close(handle)
            continue
        seen.add((known.st_dev, known.st_ino))
        found.append((handle, stat.S_ISDIR(known.st_mode)))
    return found


def _allow(ruleset, handle, folder, access):
    rule = struct.pack("=Qi", access if folder else access & ON_FILES, handle)
    kernel.syscall(kernel.SYS_LANDLOCK_ADD, ruleset, 1, rule, 0)
