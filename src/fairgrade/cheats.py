"""Answers that solve nothing, and that careless tests take for right.

A test that computes what it expects from an argument *after* the call believes an
answer which empties that argument; a loop over an empty result checks nothing, and NaN
is neither too big nor too small. `cheats` makes such answers of a reference solution.
Each still knows the right result: it notes whether what it returned is another one,
so that nobody is blamed for what was right by chance.
"""

import ast
import itertools
from dataclasses import dataclass
from pathlib import Path

from . import names
from .mutation import Scope, solution_lines

PRELUDE = Path(__file__).with_name("trickery.py").read_text(encoding="utf-8")
KEPT = "_swapped("
IN_PLACE = {
    f"what is right for {x}, with its arguments set to {x} in place": (f"{x}, unseen",)
    for x in ("zeros", "ones")
}
# What a cheat gives -> other wrong answers. A test that believes these as well does
# not look at the values at all, as one of shapes does not: then it is not fooled.
KINDS = {
    "nothing": (),
    "an empty array": ("a word",),
    "an array without rows": ("rows far too big", "rows far too small"),
    "an empty list": ("blank items",),
    "NaN": ("far too much", "far too little"),
    **IN_PLACE,
}
JOINT = {"an empty array": (), "NaN": KINDS["NaN"]}
CALLED_BY_CLASS = {"forward", "__call__"}  # methods that tests need not name


@dataclass(frozen=True)
class Cheat:
    """One or two answer cells which give something else than is right.

    `uses` are the names by which a test asks for it: other tests are not judged by it.
    A test is not fooled that passes with all other wrong answers of one of `excuses`.
    What is `kept` was made before the test, and cheats in each.
    """

    cell: str
    name: str
    what: str
    sources: dict
    uses: frozenset
    excuses: tuple = ()
    kept: bool = False

    @property
    def key(self):
        """What names this cheat in a list of accepted ones."""
        return f"{self.name}: {self.what}"


def cheats(cell):
    """Return the cheats of one answer cell's reference solution."""
    found = []
    for name, uses, line in targets(cell):
        kept = KEPT in line
        for what, controls in KINDS.items():
            if kept and what in (*IN_PLACE, "nothing"):
                continue  # a value is not called
            sources = {cell.grade_id: cheating(cell, line, what)}
            excuse = [{cell.grade_id: cheating(cell, line, one)} for one in controls]
            found.append(
                Cheat(cell.grade_id, name, what, sources, uses, (excuse,), kept)
            )
    return found


def joint_cheats(one, other):
    """Return cheats of two answers at once, which a test may compare."""
    found = []
    ids = one.grade_id, other.grade_id
    for (name, uses, line), (second, also, other_line) in itertools.product(
        targets(one), targets(other)
    ):

        def both(what, line=line, other_line=other_line):
            sources = cheating(one, line, what), cheating(other, other_line, what)
            return dict(zip(ids, sources, strict=True))

        for what, controls in JOINT.items():
            # Who believes the first one alone is told already.
            alone = [both(what) | {other.grade_id: other.source}]
            found.append(
                Cheat(
                    " and ".join(ids),
                    f"{name} and {second}",
                    what,
                    both(what),
                    uses | also,
                    (alone, [both(x) for x in controls]),
                    KEPT in line + other_line,
                )
            )
    return found


def cheating(cell, line, what):
    """Return the source of an answer that cheats in one way."""
    return f"{PRELUDE}{cell.source}\n\n{line.format(repr(what))}\n"


def targets(cell):
    """Return (name, names that tests use, line that cheats) of what an answer binds."""
    tree = names.parse(cell.source)
    scope = Scope(tree, solution_lines(cell.source))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and is_solved(node, scope):
            found[node.name] = {node.name}, "_cheat"
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if is_method(method) and is_solved(method, scope):
                    uses = {method.name}
                    if method.name in CALLED_BY_CLASS:
                        uses.add(node.name)
                    found[f"{node.name}.{method.name}"] = uses, "_cheat"
        elif isinstance(node, ast.Assign) and scope.is_own(node):
            plain = [x.id for x in node.targets if isinstance(x, ast.Name)]
            found |= {name: ({name}, "_swapped") for name in plain}
    return [
        (name, frozenset(uses), f"{name} = {how}({name}, {{}})")
        for name, (uses, how) in found.items()
    ]


def is_method(node):
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return not node.name.startswith("__") or node.name in CALLED_BY_CLASS


def is_solved(function, scope):
    """Return whether some of a function is the learner's to write."""
    return any(scope.is_own(x) for x in function.body)


def asks_for(test, uses):
    """Return whether a test cell's tree names something, itself or as an attribute."""
    attributes = {x.attr for x in ast.walk(test) if isinstance(x, ast.Attribute)}
    return bool(uses & (names.used(test) | attributes))
