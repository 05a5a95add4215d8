"""What the judge's process is like before a submission, and whether it is so again.

A process that found everything as the first one did may judge the next submission, too,
which saves a fork. What notebooks set by design (how numbers are printed, generators of
random numbers) is put back. Whatever else has changed ends the process: a test may have
replaced a library's function and failed before it put that back.
"""

import decimal
import gc
import itertools
import logging
import operator
import os
import random
import sys
import threading
import types
import warnings

import numpy as np

from .known import LIBRARIES
from .patches import ALSO

WATCHED = LIBRARIES | ALSO | {"warnings", "unittest", "io", "os"}
ROOM = 64 * 2**20  # bytes that a process may grow by until another takes its place


class Snapshot:
    """The state of this process.

    Take it once the course's imports are done. Comparing dictionaries writes to what
    they hold, for references are counted: take and compare it in few processes.
    """

    def __init__(self):
        self.modules = {
            name: module
            for name, module in list(sys.modules.items())
            if name.split(".")[0] in WATCHED and type(module) is types.ModuleType
        }
        self.spaces = [vars(module) for module in self.modules.values()]
        forget_shown(self.spaces)
        self.copies = [dict(space) for space in self.spaces]
        self.names, self.values = flat(self.spaces)
        self.settings = settings()
        self.loaded = set(sys.modules)
        self.filters = list(warnings.filters)
        self.numpy = np.random.get_state()  # noqa: NPY002
        torch = sys.modules.get("torch")
        self.torch = torch.get_rng_state() if torch else None

    def start(self):
        """Note what each process has of its own, in the one that is to be compared."""
        self.size = size()
        self.threads = threading.active_count()
        self.files = len(os.listdir("/proc/self/fd"))
        self.environment = dict(os.environ)

    def restore(self):
        """Put back what tests use up; return what else has changed, or nothing.

        Returns
        -------
        str
            What is not as it was, in a few words; empty if all is.
        """
        self._put_back()
        gc.collect()
        if more := sys.modules.keys() - self.loaded:
            return f"the module {min(more)}"
        if changed := self._changed():
            return changed
        for name, value in settings().items():
            if value != self.settings.get(name):
                return name
        if dict(os.environ) != self.environment:
            return "the environment"
        if threading.active_count() != self.threads:
            return "the number of threads"
        if len(os.listdir("/proc/self/fd")) > self.files:
            return "the number of open files"
        if size() > self.size + ROOM:
            return "the size of the process"
        return ""

    def _changed(self):
        """Return what changed in the modules, or nothing; all at once: it is fast."""
        modules = map(sys.modules.get, self.modules)
        same = not any(map(operator.is_not, modules, self.modules.values()))
        names, values = flat(self.spaces)
        same = same and names == self.names
        if same and not any(map(operator.is_not, values, self.values)):
            return ""
        for (name, module), before in zip(
            self.modules.items(), self.copies, strict=True
        ):
            if sys.modules.get(name) is not module:
                return f"another module {name}"
            if changed := difference(before, vars(module)):
                return f"{name}.{changed}"
        return "names, in another order"

    def _put_back(self):
        os.chdir("/")
        sys.path[:] = self.settings["sys.path"]
        warnings.filters[:] = self.filters
        warnings._filters_mutated()
        forget_shown(self.spaces)
        sys.setrecursionlimit(self.settings["the recursion limit"])
        random.seed()
        np.random.set_state(self.numpy)  # noqa: NPY002
        np.seterr(**self.settings["numpy's errors"])
        np.set_printoptions(**self.settings["numpy's print options"])
        if found := self.settings.get("torch's settings"):
            torch, (dtype, grad, *_) = sys.modules["torch"], found
            torch.set_rng_state(self.torch)
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad)
        if found := self.settings.get("matplotlib's settings"):
            pyplot = sys.modules["matplotlib.pyplot"]
            pyplot.close("all")
            # As matplotlib's own rc_context does: they were checked when they were set.
            dict.update(pyplot.rcParams, found)


def forget_shown(spaces):
    """Forget what was warned of; other modules do so by `_filters_mutated`."""
    for space in spaces:
        space.pop("__warningregistry__", None)


def flat(spaces):
    """Return the names in some namespaces and their values, as two lists."""
    chain = itertools.chain.from_iterable
    return list(chain(spaces)), list(chain(map(dict.values, spaces)))


def difference(before, now):
    """Return a name that changed in a namespace, or nothing."""
    changed = (
        name
        for name in before.keys() | now.keys()
        if name not in now or name not in before or now[name] is not before[name]
    )
    return next(changed, "")


def settings():
    """Return how Python and the libraries are set, by name."""
    torch = sys.modules.get("torch")
    pyplot = sys.modules.get("matplotlib.pyplot")
    found = {
        "sys.path": list(sys.path),
        "sys.argv": list(sys.argv),
        "sys.meta_path": list(sys.meta_path),
        "sys.streams": (sys.stdin, sys.stdout, sys.stderr),
        "the recursion limit": sys.getrecursionlimit(),
        "a trace": (sys.gettrace(), sys.getprofile()),
        "the garbage collector": (gc.isenabled(), gc.get_threshold()),
        "numpy's errors": np.geterr(),
        "numpy's print options": np.get_printoptions(),
        "decimal's context": repr(decimal.getcontext()),
        "the log": (logging.root.level, list(logging.root.handlers)),
    }
    if torch is not None:
        found["torch's settings"] = (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.get_num_threads(),
            str(torch.get_default_device()),
        )
    if pyplot is not None:
        found["matplotlib's settings"] = dict(pyplot.rcParams)
    return found


def size():
    """Return the bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
