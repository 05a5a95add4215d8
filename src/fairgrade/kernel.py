"""The few calls of the Linux kernel that Python's `os` does not offer, by ctypes.

Landlock, `unshare`, `mount` and `prctl` are each one or two plain system calls. The
packages that wrap them on PyPI are either unmaintained or do less than a dozen lines
do, so these lines are here, where a reader can check them; seccomp, whose programs are
hard to write by hand, comes from libseccomp (`seccomp.py`).
"""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

# Numbers of <sched.h>, <sys/mount.h> and <sys/prctl.h>, the same on every machine.
NEWNS, NEWUTS, NEWIPC = 0x00020000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC = 2, 4, 8, 4096, 16384
MS_PRIVATE, MNT_DETACH = 1 << 18, 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, AT_RECURSIVE = 1, 2, 4, 0x8000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
# Added to Linux after the tables of all machines were unified: one number everywhere.
SYS_MOUNT_SETATTR = 442
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446
CAPABILITY_VERSION_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
NO_CAPABILITIES = (ctypes.c_uint32 * 6)()


def call(name, *arguments):
    """Call function `name` of the C library, and raise OSError where it fails."""
    return _checked(getattr(libc, name), name, arguments)


def syscall(number, *arguments):
    """Make system call `number`, and raise OSError where it fails."""
    return _checked(libc.syscall, f"system call {number}", (number, *arguments))


def _checked(function, name, arguments):
    # The kernel reads whole registers; ctypes would pass a plain int as 32 bits.
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    result = function(*wide)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option, value):
    """Set `option` of this process to `value`."""
    call("prctl", option, value, 0, 0, 0)


def unshare(flags):
    """Move this process (or, for NEWPID, its next child) into new namespaces."""
    call("unshare", flags)


def mount(source, target, kind=None, flags=0, options=None):
    """Mount `source` at `target`, as the system call does."""
    encoded = [None if s is None else os.fsencode(s) for s in (source, target, kind)]
    call("mount", *encoded, flags, None if options is None else options.encode())


def set_mounts(path, attributes=0, propagation=0):
    """Set attributes or propagation of all that is mounted at or below `path`.

    `mount_setattr` (Linux 5.12) only ever adds attributes here; a classic remount would
    have to repeat what each mount has already, or be refused.
    """
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, propagation, 0)
    here = ctypes.c_ulong(-100 & (2**64 - 1))  # AT_FDCWD
    name, size = os.fsencode(path), ctypes.sizeof(wanted)
    syscall(SYS_MOUNT_SETATTR, here, name, AT_RECURSIVE, wanted, size)


def drop_capabilities():
    """Give up every capability, for good where no program is executed."""
    call("capset", CAPABILITY_VERSION_3, NO_CAPABILITIES)
