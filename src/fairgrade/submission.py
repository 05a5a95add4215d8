"""Take from a submitted notebook only what is the learner's: the source of answers."""

import json
import os
import re
import stat
from dataclasses import dataclass, field

from . import pictures
from .assignment import released

SIZE_LIMIT = 32 * 2**20  # bytes, outputs included
SOURCE_LIMIT = 2**20  # characters of one cell
DEPTH_LIMIT = 100
NOTES_LIMIT = 20
CELLS_LIMIT = 10_000
BRACKETS_LIMIT = 2_000_000  # small lists take thirty times their room in the file
# Also one that never ends: else each quote in it would be tried as a start.
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
ADDED_CELLS = 100
ADDED_SIZE = 2**20  # characters, outputs included
PNG = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]*={0,2}\s*")
BRACKET = re.compile(r"[\[\]{}]")


class Unreadable(Exception):
    """A submission from which nothing can be taken; `reason` says why."""

    def __init__(self, reason):
        reason = "".join(
            c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in reason
        )
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class HandedIn:
    """A submitted notebook's bytes, and files beside it: {relative path: bytes}."""

    notebook: bytes
    files: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Added:
    """A cell that a learner added, to be read by a person and never run.

    `after` is the place of the teacher's cell before it, -1 at the top. Of the outputs
    that were handed in only texts and pictures are left.
    """

    after: int
    cell_type: str
    source: str
    outputs: tuple = ()
    attachments: dict = field(default_factory=dict)


@dataclass
class Submission:
    """A learner's sources by grade id, and what a teacher may want to know.

    `attachments` are the pictures in answers that are text, by grade id.
    """

    sources: dict
    notes: list = field(default_factory=list)
    added: list = field(default_factory=list)
    attachments: dict = field(default_factory=dict)


def read_bytes(path):
    """Return the bytes of an ordinary file of bounded size.

    Raises
    ------
    Unreadable
        If it is missing, a link, a folder, a pipe, or too big. A pipe is never waited
        for, and a link never followed: it may lead to another learner's work.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        link = os.path.islink(path)
        reason = "a link instead of a file" if link else f"{error.strerror}"
        raise Unreadable(f"{os.path.basename(path)}: {reason}") from None
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        what = "a folder" if stat.S_ISDIR(kind) else "no ordinary file"
        raise Unreadable(f"{os.path.basename(path)}: {what}")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(SIZE_LIMIT + 1)


def parse(data):
    """Return the notebook in some bytes, as plain dicts.

    Raises
    ------
    Unreadable
        If they are no notebook of nbformat 4.
    """
    if len(data) > SIZE_LIMIT:
        raise Unreadable(f"the notebook is bigger than {SIZE_LIMIT >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise Unreadable("the file is empty")
    # Brackets inside strings do not nest; whole strings go first.
    depth = deepest = 0
    brackets = BRACKET.findall(STRING.sub("", text))
    if len(brackets) > BRACKETS_LIMIT:
        raise Unreadable(f"{len(brackets)} brackets: no notebook has so many")
    for bracket in brackets:
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEPTH_LIMIT:
        raise Unreadable(f"nested {deepest} deep: no notebook is")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}"[:200]) from None
    if not isinstance(notebook, dict):
        raise Unreadable("not a notebook: JSON of another kind")
    version = notebook.get("nbformat")
    if version != 4 or isinstance(version, bool):
        raise Unreadable(f"nbformat {str(version)[:20]}: need 4")
    if not isinstance(notebook.get("cells"), list):
        raise Unreadable("not a notebook: no list of cells")
    if len(notebook["cells"]) > CELLS_LIMIT:
        raise Unreadable(f"{len(notebook['cells'])} cells: at most {CELLS_LIMIT}")
    return notebook


def read_submission(path, assignment):
    """Return what counts of a submitted notebook.

    Parameters
    ----------
    path : path-like or bytes
        The notebook's file, or what is in it.
    assignment : Assignment
        The teacher's: only its answer and manual cells are looked for.

    Returns
    -------
    Submission
        Sources of answers by grade id; an answer that is missing is left out. Whatever
        else differs from the release is told in the notes and changes nothing.

    Raises
    ------
    Unreadable
        If nothing can be taken from it; says why.
    """
    data = bytes(path) if isinstance(path, bytes | bytearray) else read_bytes(path)
    notebook = parse(data)
    wanted = {c.grade_id: c for c in assignment.cells if c.is_answer and c.grade_id}
    known = {c.grade_id: c for c in assignment.cells if c.grade_id}
    found, order, notes = {}, [], []
    for number, cell in enumerate(notebook["cells"], start=1):
        note, grade_id, source = _read_cell(cell, number)
        notes += note
        if grade_id is None:
            continue
        if grade_id not in known:
            notes.append(f"a cell with an id that is not the teacher's: {grade_id!r}")
            continue
        order.append(grade_id)
        notes += _changes(cell, known[grade_id], source)
        if grade_id in wanted and source is not None:
            found.setdefault(grade_id, []).append((source, cell))
    sources, attachments = {}, {}
    for grade_id, cell in wanted.items():
        candidates = found.get(grade_id, [])
        if not candidates:
            notes.append(f"{grade_id}: the answer cell is missing")
            continue
        before = released(cell).strip()
        edited = [one for one in candidates if one[0].strip() != before]
        sources[grade_id], cell = (edited or candidates)[0]
        if wanted[grade_id].cell_type == "markdown":
            attachments[grade_id], left_out = pictures.attached(cell)
            notes += [f"{grade_id}: {note}" for note in left_out]
        if len(candidates) > 1:
            notes.append(
                f"{grade_id}: {len(candidates)} cells with this id; "
                "the first that was edited counts"
            )
    first = list(dict.fromkeys(order))
    if first != [grade_id for grade_id in known if grade_id in set(first)]:
        notes.append("cells are in another order than the teacher's")
    for grade_id, cell in known.items():
        if grade_id not in set(first) and grade_id not in wanted:
            notes.append(f"{grade_id}: the {cell.kind} cell is missing")
    added, all_of_them = added_cells(notebook["cells"], assignment)
    if added:
        told = "" if all_of_them else ", the first ones"
        notes.append(f"cells were added: they are shown{told}, and not run")
    if len(notes) > NOTES_LIMIT:
        notes[NOTES_LIMIT:] = [f"and {len(notes) - NOTES_LIMIT} more notes"]
    return Submission(sources, [note[:300] for note in notes], added, attachments)


def added_cells(cells, assignment):
    """Return the cells that are the learner's own, and whether these are all.

    Neither have they an id of the teacher's, nor do they read like one of the
    teacher's cells that have none.
    """
    ids = {c.grade_id: n for n, c in enumerate(assignment.cells) if c.grade_id}
    texts = {c.source.strip(): n for n, c in enumerate(assignment.cells)}
    found, place, size = [], -1, 0
    for number, cell in enumerate(cells, start=1):
        _, grade_id, _ = _read_cell(cell, number)
        if grade_id in ids:
            place = ids[grade_id]
            continue
        source = _text(cell.get("source")) if isinstance(cell, dict) else None
        if not source or not source.strip():
            continue
        if source.strip() in texts and grade_id is None:
            place = max(place, texts[source.strip()])
            continue
        kind = "code" if cell.get("cell_type") == "code" else "markdown"
        outputs = _harmless_outputs(cell.get("outputs")) if kind == "code" else ()
        attachments = pictures.attached(cell)[0] if kind == "markdown" else {}
        kept = [source, *(text for _, text in outputs)]
        kept += [text for one in attachments.values() for text in one.values()]
        size += sum(map(len, kept))
        if len(found) == ADDED_CELLS or size > ADDED_SIZE:
            return found, False
        found.append(Added(place, kind, source, outputs, attachments))
    return found, True


def _text(value):
    """Return a text, given whole or in lines, that can be saved; else None."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        return None
    # A lone surrogate is no character: it can neither be sent nor be saved.
    return value.encode("utf-8", "replace").decode("utf-8")


def _harmless_outputs(outputs):
    """Return (kind, text) of what a learner's notebook says that a cell gave."""
    found = []
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data") if isinstance(output.get("data"), dict) else {}
        data = {"text/plain": output.get("text")} | data
        image = _text(data.get("image/png"))
        if image and PNG.fullmatch(image):
            found.append(("image/png", image))
        elif _text(data["text/plain"]):
            found.append(("text/plain", _text(data["text/plain"])))
    return tuple(found)


def _read_cell(cell, number):
    """Return (notes, grade id or None, source or None) of one raw cell."""
    if not isinstance(cell, dict):
        return [f"cell {number} is no cell"], None, None
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    if not isinstance(grade_id, str):
        return [], None, None
    source = cell.get("source", "")
    source = _text(source)
    if source is None:
        return [f"{grade_id[:80]}: its source is no text"], grade_id, None
    if len(source) > SOURCE_LIMIT:
        note = f"{grade_id[:80]}: longer than {SOURCE_LIMIT} characters, not taken"
        return [note], grade_id, None
    return [], grade_id, source


def _changes(cell, teacher, source):
    """Return notes on what a learner changed and does not count."""
    notes = []
    name = teacher.grade_id
    if cell.get("cell_type") != teacher.cell_type:
        notes.append(f"{name}: made a {str(cell.get('cell_type'))[:20]} cell")
    marks = cell["metadata"]["nbgrader"]
    solution, grade = teacher.is_answer, teacher.kind == "test"
    if teacher.kind == "manual":
        grade, solution = marks.get("grade"), marks.get("solution")
    if (marks.get("solution"), marks.get("grade")) != (solution, grade):
        notes.append(f"{name}: its kind was changed")
    points = marks.get("points", teacher.points)
    if teacher.kind == "test" and points != teacher.points:
        notes.append(f"{name}: says {str(points)[:20]} points")
    if marks.get("schema_version", 3) not in (1, 2, 3):
        notes.append(f"{name}: schema {str(marks['schema_version'])[:20]}")
    if cell["metadata"].get("tags"):
        notes.append(f"{name}: tagged {str(cell['metadata']['tags'])[:60]}")
    edited = source is not None and source.strip() != released(teacher).strip()
    if edited and not teacher.is_answer:
        notes.append(f"{name}: the {teacher.kind} cell was edited")
    return notes
