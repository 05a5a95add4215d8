"""Grade one submission, or record what the reference solution needs: the whole path."""

from dataclasses import asdict, dataclass, field

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Bytes, seconds, numbers."""

    seconds_per_cell: float = 10.0
    seconds_in_all: float = 120.0
    memory: int = 2048 * MIB
    processes: int = 64
    file_size: int = 16 * MIB
    output: int = 64 * 1024
    message: int = 64 * MIB


@dataclass
class Outcome:
    """What became of one code cell.

    `status` is "passed", "failed" (an assertion), "error", "time-out", "crashed",
    "out of memory" or "not run". `line` is the text of the learner's line where it
    happened, with its cell in `evalue`; `images` are PNG files as base64.
    """

    grade_id: str | None
    kind: str
    status: str
    points: float = 0.0
    max_points: float = 0.0
    ename: str = ""
    evalue: str = ""
    line: str = ""
    printed: str = ""
    images: list = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, data):
        return cls(**data)


@dataclass
class Result:
    """What became of one submission.

    `status` is "graded", "unreadable", "missing", "refused" or "crashed"; `reason` says
    why it is not "graded", in plain words. `cells` has one outcome per code cell of the
    teacher's notebook, in its order.
    """

    status: str
    reason: str = ""
    score: float = 0.0
    max_score: float = 0.0
    cells: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self):
        return asdict(self)

    @classmethod
    def from_json(cls, data):
        cells = [Outcome.from_json(cell) for cell in data["cells"]]
        return cls(**{**data, "cells": cells})


class Grader:
    """Grades submissions of some assignments; holds the prepared processes.

    Use it as a context manager, in one thread.
    """

    def __init__(self, assignments, limits=None, walls=None):
        self.assignments = list(assignments)
        self.limits = limits or Limits()
        self.walls = walls

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def grade(self, assignment, submission):
        """Return the Result of one submission, given as bytes or as a path."""
        raise NotImplementedError


def record_reference(assignment, grader):
    """Return the assignment with `allowed` filled from a run of its own solution."""
    raise NotImplementedError
