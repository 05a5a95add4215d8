"""Limits on memory, CPU time, threads, files: the kernel's oldest wall."""

import math
import os
import resource

OPEN_FILES = 128


def limit(limits, proc, threads):
    """Limit this process, for ever.

    Parameters
    ----------
    limits : Limits
        With `seconds_in_all`, `memory`, `processes` and `file_size`.
    proc : int
        An open descriptor of `/proc`.
    threads : bool
        Whether to limit threads. The kernel counts them by user: where the teacher's
        own processes would count, too, the limit would mean nothing.
    """
    values = {
        "CPU": math.ceil(limits.seconds_in_all),
        # What the imports took is not the learner's; what comes on top is.
        "AS": _address_space(proc) + limits.memory,
        "FSIZE": limits.file_size,
        "NOFILE": OPEN_FILES,
        "MEMLOCK": 1 << 16,
        **dict.fromkeys(("CORE", "MSGQUEUE", "RTPRIO"), 0),
    }
    if threads:
        values["NPROC"] = limits.processes
    for name, value in values.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(kind)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))


def _address_space(proc):
    handle = os.open("self/statm", os.O_RDONLY, dir_fd=proc)
    pages = int(os.read(handle, 100).split()[0])
    os.close(handle)
    return pages * resource.getpagesize()
