"""Small assignments for tests, made of (kind, source) pairs."""

from fairgrade.assignment import Assignment, Cell


def assignment(*cells, name="small", files=None):
    """Return an assignment; cells are called answer1, test2 …, tests bring 1 point."""
    return Assignment(
        name,
        name,
        tuple(
            Cell(
                kind,
                None if kind == "given" else f"{kind}{number}",
                1.0 if kind == "test" else 0.0,
                source,
                "code",
            )
            for number, (kind, source) in enumerate(cells)
        ),
        files or {},
    )


def reference(assignment):
    """Return the sources of the reference's own answers."""
    return {c.grade_id: c.source for c in assignment.cells if c.is_answer}


def statuses(result):
    """Return {grade id: status} of the cells that did not pass."""
    return {c.grade_id: c.status for c in result.cells if c.status != "passed"}
