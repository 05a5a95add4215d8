"""An exercise's answer bank: what learners hand in, wrong and right, in a Python file.

Any nbgrader course can have one per notebook::

    WRONG = {
        # name of the misconception: (answer cell, body, test cells that must fail)
        "the mean forgotten": ("loss", "return np.sum(d**2)", {"loss_by_hand"}),
    }
    RIGHT = {
        "a loop": ("loss", "return sum(x**2 for x in d) / len(d)"),
    }

Cells are called by their grade ids. A body replaces what stands between BEGIN SOLUTION
and END SOLUTION, at the depth of these lines; where there are none, the whole cell.
Learners may be told the names of misconceptions: write them for their eyes.

Optional: ``ACCEPTED = {answer cell: {mutant: reason}}``, mutants that no test needs to
catch: the kind of mistake, or a part of ``before -> after``, as `fairgrade check`
prints them. The cell ``"*"`` is any cell; the mutant ``"*"`` leaves the cell out.
"""

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from .assignment import SOLUTION, released
from .errors import Misuse


class BankError(Misuse):
    """A bank that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Wrong:
    """A wrong answer: a body for a cell, and the tests that must fail."""

    label: str
    cell: str
    body: str
    fails: frozenset


@dataclass(frozen=True)
class Right:
    """A right answer in another style."""

    label: str
    cell: str
    body: str


@dataclass(frozen=True)
class Bank:
    """All answers of one exercise."""

    wrong: tuple = ()
    right: tuple = ()
    accepted: dict = field(default_factory=dict)


def read_bank(path, assignment):
    """Return the bank in a Python file.

    Raises
    ------
    BankError
        If the file does not work, or names cells that the assignment has not.
    """
    names = {}
    try:
        exec(compile(Path(path).read_text(encoding="utf-8"), str(path), "exec"), names)
    except OSError as error:
        raise BankError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:
        raise BankError(f"{path}: {type(error).__name__}: {error}") from error
    answers = {cell.grade_id for cell in assignment.cells if cell.kind == "answer"}
    tests = {cell.grade_id for cell in assignment.cells if cell.kind == "test"}
    wrong, right = [], []
    for kind, length, found in (("WRONG", 3, wrong), ("RIGHT", 2, right)):
        entries = names.get(kind, {})
        if not isinstance(entries, dict):
            raise BankError(f"{path}: {kind} must be a dict, not {entries!r:.60}")
        for label, entry in entries.items():
            where = f"{path}: {kind}[{label!r}]"
            if not isinstance(entry, tuple) or len(entry) != length:
                raise BankError(f"{where}: need {length} things, got {entry!r:.60}")
            if entry[0] not in answers:
                raise BankError(
                    f"{where}: {entry[0]!r} is not one of {sorted(answers)}"
                )
            if length == 2:
                found.append(Right(label, *entry))
                continue
            fails = frozenset(entry[2])
            if not fails or not fails <= tests:
                raise BankError(
                    f"{where}: need some of {sorted(tests)}, got {sorted(fails)}"
                )
            found.append(Wrong(label, entry[0], entry[1], fails))
    if not wrong and not right:
        raise BankError(f"{path}: neither WRONG nor RIGHT has an answer")
    accepted = names.get("ACCEPTED", {})
    if not all(isinstance(reasons, dict) for reasons in accepted.values()):
        raise BankError(f"{path}: need ACCEPTED = {{answer cell: {{mutant: reason}}}}")
    return Bank(tuple(wrong), tuple(right), accepted)


def filled(cell, body):
    """Return an answer cell's source with a body for its first solution."""
    begin, end = SOLUTION
    if begin not in cell.source:
        return body
    before, inside, after = [], [], []
    lines = iter(cell.source.split("\n"))
    for line in lines:
        if begin in line:
            indent = line[: len(line) - len(line.lstrip())]
            inside = [textwrap.indent(body.rstrip("\n"), indent)]
            break
        before.append(line)
    for line in lines:
        if end in line:
            after = list(lines)
            break
    return "\n".join([*before, *inside, *after])


def reference_answers(assignment):
    """Return {grade id: source} of the teacher's own solution."""
    return {c.grade_id: c.source for c in assignment.cells if c.is_answer}


def no_answers(assignment):
    """Return {grade id: source} of the notebook as learners get it."""
    return {c.grade_id: released(c) for c in assignment.cells if c.is_answer}


def answers_with(assignment, entry):
    """Return the reference answers, with one from the bank among them."""
    body = filled(assignment.cell(entry.cell), entry.body)
    return reference_answers(assignment) | {entry.cell: body}
