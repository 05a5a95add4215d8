"""What a test replaces in a library, the learner's process finds replaced, too.

``np.linalg.inv = None`` forbids a function, ``mock.patch("builtins.input")`` answers in
a person's place. Which attributes these may be is read off the test; no others count.
"""

import ast
import sys
import types
from functools import lru_cache

from .known import LIBRARIES

ALSO = frozenset(["time"])
MISSING = object()


@lru_cache(maxsize=4096)
def candidates(tree):
    """Return the (dotted name of a module, attribute) that a tree may set.

    A name starts with a dot where it is the whole name of a module, not the tree's.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add((dotted(node.value), node.attr))
        elif isinstance(node, ast.Call) and node.args:
            first, *rest = node.args[:2]
            if isinstance(first, ast.Constant) and "." in str(first.value):
                module, _, name = str(first.value).rpartition(".")
                found.add((f".{module}", name))
            elif rest and isinstance(rest[0], ast.Constant):
                found.add((dotted(first), rest[0].value))
    return frozenset((path, name) for path, name in found if path and type(name) is str)


def dotted(node):
    """Return ``"a.b.c"`` if a node is that, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (start := dotted(node.value)):
        return f"{start}.{node.attr}"
    return None


def replaces(trees, imported):
    """Say whether any of some trees may replace something in a library.

    `imported` are the names that are bound by imports.
    """
    for path, _ in set().union(*map(candidates, trees)):
        root = path.removeprefix(".").split(".")[0]
        if root in (LIBRARIES | ALSO if path.startswith(".") else imported):
            return True
    return False


def module_of(path, namespace):
    """Return the library's module that a candidate's path names, or None."""
    if path.startswith("."):
        found = sys.modules.get(path[1:])
    else:
        root, *rest = path.split(".")
        found = namespace.get(root)
        for part in rest:
            found = vars(found).get(part) if type(found) is types.ModuleType else None
    if type(found) is not types.ModuleType:
        return None
    return found if found.__name__.split(".")[0] in LIBRARIES | ALSO else None


class Patches:
    """The attributes of libraries that tests may replace, and their own values."""

    def __init__(self):
        self.own = {}  # (module, attribute) -> value
        self.told = {}  # the same -> the value that the learner's process has

    def watch(self, tree, namespace):
        """Remember what a test may replace, before it is run."""
        for path, name in candidates(tree):
            module = module_of(path, namespace)
            if module is not None:
                own = vars(module).get(name, MISSING)
                self.own.setdefault((module.__name__, name), own)

    def changes(self):
        """Yield (module, attribute, values) that are news: no value if it is back."""
        for (module, name), own in self.own.items():
            now = vars(sys.modules[module]).get(name, MISSING)
            if now is not self.told.get((module, name), own):
                self.told[module, name] = now
                yield module, name, () if now is own else (sendable(now),)


def sendable(value):
    """Return a value that can cross: a mock does as the function that calls it."""
    if value is MISSING:
        return None
    if not callable(value) or isinstance(value, type | types.FunctionType):
        return value

    def replacement(*arguments, **keywords):
        return value(*arguments, **keywords)

    return replacement
