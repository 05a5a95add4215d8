"""Tell a wrong answer's name: which known mistake gives the same results?

The tests' own calls are the probes. Each test cell is rewritten so that it goes on
where a check fails, and notes what every call of the learner's functions returned, and
how it left its arguments. `make_index` does that with the wrong answers of a bank;
`explain` with a submission that failed, in the same sandbox as it was graded in. Only
where all results are those of one single known mistake, its label is added to what the
learner reads. Points never change, and nothing but the label is told.
"""

import ast
import contextlib
import hashlib
import json
from dataclasses import dataclass, field, replace

from .bank import answers_with, reference_answers
from .grading import record_reference
from .results import digest
from .submission import Unreadable, read_submission

MARK = "\x00fairgrade notes "
SAYS = "This gives the same results as: "
CALLS = 200  # that are noted per test cell
BLIND = {"super", "locals", "globals", "vars", "dir"}  # know who calls them
NOTES = "_fairgrade_notes"
VERSION = 1


# ---- in the judge's process


class Notes:
    """Notes what the learner's functions return, in one test cell."""

    def __init__(self):
        self.found = []
        self.values = 0

    def call(self, function, /, *arguments, **keywords):
        """Call a function, and note the result if it is the learner's."""
        if not is_learners(function) or len(self.found) >= CALLS:
            return function(*arguments, **keywords)
        try:
            result = function(*arguments, **keywords)
        except Exception as error:
            self.found.append(f"raises {type(error).__name__}")
            raise
        self.values += result is not None
        after = [*arguments, *keywords.values()]
        self.found += map(digest_of, (result, after))
        return result

    def tell(self):
        """Print the notes, in a way that `read_notes` finds."""
        text = hashlib.sha256(json.dumps(self.found).encode()).hexdigest()[:32]
        print(f"{MARK}{text} {self.values}")


def is_learners(value):
    from .judge import handled

    return handled(value)


def digest_of(value):
    """Return the digest of plain data; of anything else, that it is an object."""
    if isinstance(value, list | tuple):
        return (
            [digest_of(item) for item in value] if has_object(value) else digest(value)
        )
    if has_object(value) or callable(value):
        return "an object"
    try:
        return digest(value)
    except Exception:
        return "an object"


def has_object(value):
    if isinstance(value, list | tuple):
        return any(map(has_object, value))
    if isinstance(value, dict):
        return any(map(has_object, value.values()))
    return is_learners(value) or callable(value)


# ---- the tests as probes


def probing(assignment):
    """Return an assignment whose tests note results instead of checking them."""
    cells = tuple(
        replace(cell, source=probing_source(cell.source))
        if cell.kind == "test"
        else cell
        for cell in assignment.cells
    )
    name = f"{assignment.name} (probes)"
    return replace(assignment, name=name, cells=cells, allowed={})


def probing_source(source):
    """Return a test's source that goes on after failures and notes all results."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return "pass"  # a test with magics: not a probe
    tree = GoOn().visit(tree)
    tree.body = [
        tried([x]) if not isinstance(x, ast.Import | ast.ImportFrom) else x
        for x in tree.body
    ]
    start = f"from fairgrade.misconceptions import Notes\n{NOTES} = Notes()\n"
    end = f"\n{NOTES}.tell()"
    return start + ast.unparse(ast.fix_missing_locations(tree)) + end


def tried(statements):
    """Return statements that let no error out."""
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return ast.Try(statements, [handler], [], [])


class GoOn(ast.NodeTransformer):
    """Takes the checks out of a test, not what they look at, and notes every call."""

    def visit_Assert(self, node):
        self.generic_visit(node)
        return tried([ast.Expr(node.test)])

    def visit_Expr(self, node):
        self.generic_visit(node)
        return tried([node])

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in BLIND:
            return node
        note = ast.Attribute(ast.Name(NOTES, ast.Load()), "call", ast.Load())
        return ast.Call(note, [node.func, *node.args], node.keywords)


def read_notes(result):
    """Return {test cell: (digest, number of values)} of a probing run."""
    found = {}
    for cell in result.cells:
        _, mark, text = cell.printed.rpartition(MARK)
        parts = text.split()
        if cell.kind == "test" and mark and len(parts) == 2 and parts[1].isdecimal():
            found[cell.grade_id] = (parts[0], int(parts[1]))
    return found


# ---- the index


@dataclass(frozen=True)
class Misconception:
    """A label, its answer cell, and the digests of the tests that its answer changes.

    `apart` are the tests whose results are not the reference's.
    """

    label: str
    cell: str
    digests: dict
    apart: tuple


@dataclass(frozen=True)
class Index:
    """The known misconceptions of one notebook.

    `probes` is the assignment that `probing` made, with what its reference needed.
    `unnamed` are labels that never count, each with the reason.
    """

    fingerprint: str
    probes: object
    known: tuple = ()
    unnamed: dict = field(default_factory=dict)

    def matching(self, notes):
        """Return {answer cell: the misconception} whose results some notes equal."""
        found = {}
        for one in self.known:
            if all(notes.get(t, [None])[0] == d for t, d in one.digests.items()):
                found.setdefault(one.cell, []).append(one)
        return {cell: those[0] for cell, those in found.items() if len(those) == 1}

    def to_json(self):
        return {
            "version": VERSION,
            "fingerprint": self.fingerprint,
            "allowed": {
                grade_id: sorted(map(list, sites))
                for grade_id, sites in self.probes.allowed.items()
            },
            "known": [[m.label, m.cell, m.digests, list(m.apart)] for m in self.known],
            "unnamed": self.unnamed,
        }


def from_json(data, assignment):
    """Return the index that was kept, or None if the notebook is another one by now."""
    if data.get("version") != VERSION or data["fingerprint"] != fingerprint(assignment):
        return None
    allowed = {
        grade_id: frozenset(tuple(site) for site in sites)
        for grade_id, sites in data["allowed"].items()
    }
    probes = replace(probing(assignment), allowed=allowed)
    known = tuple(Misconception(*one[:3], tuple(one[3])) for one in data["known"])
    return Index(data["fingerprint"], probes, known, data["unnamed"])


def fingerprint(assignment):
    """Return a text that changes with any cell of the teacher's notebook."""
    cells = [[c.kind, c.grade_id, c.source] for c in assignment.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def index_path(course, assignment):
    """Return where the index of a notebook is kept.

    Not beside the notebook: nbgrader gives what lies there to learners.
    """
    name = assignment.name.partition("/")[0]
    return course / ".fairgrade" / name / f"{assignment.notebook}.json"


def read_index(course, assignment):
    """Return the index of a notebook, or None if there is none that fits."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        text = index_path(course, assignment).read_text(encoding="utf-8")
        return from_json(json.loads(text), assignment)
    return None


def write_index(course, assignment, index):
    """Keep an index where `read_index` finds it; return the path."""
    path = index_path(course, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(index.to_json(), indent=1) + "\n", encoding="utf-8")
    return path


def recorded_probes(assignment, grader):
    """Return the probing assignment, and what its reference solution's results are."""
    probes = record_reference(probing(assignment), grader)
    return probes, read_notes(grader.run(probes, reference_answers(probes))[0])


def make_index(assignment, probes, reference, noted):
    """Return the index of a bank's wrong answers.

    Parameters
    ----------
    assignment, probes : Assignment
    reference : dict
        The notes on the reference solution, as of `read_notes`.
    noted : list of (Wrong, dict)
        Wrong answers with the notes on each.
    """
    known, unnamed = [], {}
    for wrong, notes in noted:
        apart = tuple(
            t for t in reference if notes.get(t, reference[t]) != reference[t]
        )
        if set(notes) != set(reference):
            unnamed[wrong.label] = "its tests do not end"
        elif not apart:
            unnamed[wrong.label] = "no call gives another result than the reference's"
        elif not any(notes[t][1] for t in apart):
            unnamed[wrong.label] = "it only raises errors"
        else:
            digests = {t: notes[t][0] for t in tests_using(assignment, wrong.cell)}
            known.append(Misconception(wrong.label, wrong.cell, digests, apart))
    for one in known:
        twins = [
            other.label
            for other in known
            if other.digests == one.digests and other.cell == one.cell
        ]
        if len(twins) > 1:
            others = ", ".join(repr(x) for x in twins if x != one.label)
            unnamed[one.label] = f"the tests' calls do not tell it from {others}"
    return Index(fingerprint(assignment), probes, tuple(known), unnamed)


def tests_using(assignment, cell):
    """Return the tests whose outcome an answer cell may change."""
    from .trial import Course

    course = Course(assignment)
    return sorted(course.cells[n].grade_id for n in course.tests_of({cell}))


def run_wrong(probes, grader, wrong):
    """Return the notes on one wrong answer."""
    return read_notes(grader.run(probes, answers_with(probes, wrong))[0])


# ---- at grading time


def explain(grader, assignment, index, submission, result):
    """Return a result in which failed tests name the misconception behind them.

    Parameters
    ----------
    grader : Grader
        Runs the submission once more, if it failed at all.
    assignment : Assignment
    index : Index or None
    submission : bytes, path or HandedIn
    result : Result
        Of grading that submission.
    """
    lost = {
        cell.grade_id
        for cell in result.cells
        if cell.kind == "test" and cell.status == "failed"
    }
    if index is None or not lost or not index.known:
        return result
    if any(c.status in ("time-out", "crashed", "out of memory") for c in result.cells):
        return result  # once is enough
    files = getattr(submission, "files", None)
    try:
        notebook = getattr(submission, "notebook", submission)
        sources = read_submission(notebook, assignment).sources
    except Unreadable:
        return result
    notes = read_notes(grader.run(index.probes, sources, files=files)[0])
    names = {}
    for one in index.matching(notes).values():
        for test in lost.intersection(one.apart):
            names.setdefault(test, []).append(one.label)
    cells = [
        replace(cell, evalue=with_name(cell.evalue, names[cell.grade_id][0]))
        if len(names.get(cell.grade_id, ())) == 1
        else cell
        for cell in result.cells
    ]
    return replace(result, cells=cells)


def with_name(text, label):
    return f"{text.rstrip()}\n{SAYS}{label}".lstrip()
