"""One line per submission, a summary, and a table for the teacher's own records.

nbgrader's gradebook has no place for "crashed" or "unreadable": to it, these are 0
points. So beside each autograded folder there is a small file that says what became of
the submission: ``autograded/<learner>/.<assignment>.fairgrade.json``. It is replaced in
one step, and nbgrader's patterns pass over names that start with a dot.
"""

import csv
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.plugins import CsvExportPlugin

from fairgrade.files import write_whole

STATUSES = ("graded", "crashed", "unreadable", "refused", "missing", "skipped")
SAID = {
    "graded": "graded",
    "crashed": "crashed: nothing could be graded",
    "unreadable": "unreadable",
    "refused": "refused",
    "missing": "missing",
    "skipped": "graded before, left alone",
    "submitted": "handed in, not graded yet",
}
BROKE_DOWN = {
    "time-out": "took too long, an endless loop?",
    "crashed": "ended the program",
    "out of memory": "used too much memory",
}


@dataclass
class Row:
    """What became of one learner's submission.

    "crashed" with a score: some cell broke down, and no test brought a point.

    `status` is one of a `Result`'s, or "skipped"; "missing" is a submission without the
    notebook, or, where `handed_in` is false, no submission at all.
    """

    student: str
    status: str
    reason: str = ""
    score: float | None = None
    max_score: float | None = None
    notes: list = field(default_factory=list)
    handed_in: bool = True
    seconds: float = 0.0

    @property
    def well(self):
        """Whether nothing is left to do for the teacher."""
        if self.status == "crashed":
            return self.score is not None
        return self.status in ("graded", "skipped") or not self.handed_in

    def clean(self):
        """Make texts that hold names of files, or ids, printable on one line."""
        self.reason = printable(self.reason)
        self.notes = [printable(note) for note in self.notes]

    def line(self):
        """Return the row in plain words, on one line."""
        if self.score is not None:
            what = f"{points(self.score)} of {points(self.max_score)}"
            if self.status != "graded":
                what += f", {self.status}"
        else:
            what = SAID[self.status]
        if self.reason:
            what += f": {self.reason}"
        if self.notes:
            more = f" (and {len(self.notes) - 1} more)" if len(self.notes) > 1 else ""
            what += f"  [{self.notes[0]}{more}]"
        return printable(f"{self.student}: {what}")


def breakdowns(cells):
    """Return in plain words which cells broke down: loops, crashes, memory."""
    said = []
    for cell in cells:
        if cell.status in BROKE_DOWN:
            said.append(f"{cell.grade_id or 'a given cell'}: {BROKE_DOWN[cell.status]}")
    return "; ".join(said[:3] + ["…"] * (len(said) > 3))


def points(number):
    """Return points as people write them: 3, 2.5, 0.33."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def printable(text):
    """Return text on one line, with nothing in it that commands a terminal."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def summary(rows):
    """Return how many became what, in one sentence."""
    counts = {status: 0 for status in STATUSES}
    for row in rows:
        counts[row.status] += 1
    absent = sum(row.status == "missing" and not row.handed_in for row in rows)
    parts = [f"{counts['graded']} graded"]
    parts += [f"{counts[s]} {s}" for s in STATUSES[1:4] if counts[s]]
    if counts["missing"] - absent:
        parts.append(f"{counts['missing'] - absent} without the notebook")
    if absent:
        parts.append(f"{absent} handed in nothing")
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} left alone (graded before; --force)")
    return ", ".join(parts)


def record_path(coursedir, student, assignment):
    """Return where it is written what became of a submission."""
    folder = Path(
        coursedir.format_path(coursedir.autograded_directory, student, assignment)
    )
    return folder.with_name(f".{folder.name}.fairgrade.json")


def write_record(coursedir, assignment, row):
    """Keep what became of a submission, beside its autograded folder."""
    path = record_path(coursedir, row.student, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(row), indent=1))


def read_record(coursedir, student, assignment):
    """Return the Row that was kept of a submission, or None."""
    path = record_path(coursedir, student, assignment)
    try:
        return Row(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        return Row(student, "crashed", f"{path.name} cannot be read: {error}")


def newer(folder, record):
    """Return whether a folder was made after a record, or there is no record."""
    if not record.exists():
        return True
    return folder.stat().st_mtime > record.stat().st_mtime + 1


class FairExport(CsvExportPlugin):
    """nbgrader's table of scores, which also says who could not be graded.

    Two more columns: `status` ("graded", "crashed", "unreadable", "refused", "missing",
    or "submitted" for what waits to be graded) and `reason`. A score that does not
    exist is left empty. ``--to=grades.json`` writes JSON.

        nbgrader export --exporter=fairgrade.report.FairExport
    """

    FIELDS = (
        *("assignment", "duedate", "timestamp", "student_id", "last_name"),
        *("first_name", "email", "raw_score", "late_submission_penalty", "score"),
        *("max_score", "status", "reason"),
    )

    def export(self, gradebook):
        wanted = [str(name) for name in self.assignment]
        learners = [str(name) for name in self.student]
        rows = [
            self.row(gradebook, assignment, student)
            for assignment in gradebook.assignments
            if not wanted or assignment.name in wanted
            for student in gradebook.students
            if not learners or student.id in learners
        ]
        to = Path(self.to or "grades.csv")
        self.log.info("Exporting grades to %s", to)
        if str(to) == "-":
            self.write(sys.stdout, rows, "csv")
            return
        new = to.with_name(f".{to.name}.new")
        with new.open("w", encoding="utf-8", newline="") as file:
            self.write(file, rows, to.suffix.lstrip("."))
        new.replace(to)

    def write(self, file, rows, kind):
        if kind == "json":
            json.dump(rows, file, ensure_ascii=False, indent=1, default=str)
            file.write("\n")
            return
        writer = csv.DictWriter(file, self.FIELDS, lineterminator="\n")
        writer.writeheader()
        # A table program takes a cell that starts so for a formula.
        writer.writerows(
            {
                key: f"'{value}"
                if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t")
                else value
                for key, value in row.items()
            }
            for row in rows
        )

    def row(self, gradebook, assignment, student):
        """Return one line of the table as {column: value}; None is an empty field."""
        row = dict.fromkeys(self.FIELDS)
        row |= {
            "assignment": assignment.name,
            "duedate": assignment.duedate,
            "student_id": student.id,
            "last_name": student.last_name,
            "first_name": student.first_name,
            "email": student.email,
            "max_score": assignment.max_score,
        }
        coursedir = self.parent.coursedir
        record = read_record(coursedir, student.id, assignment.name)
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            submission = None
        row["status"] = self.status(coursedir, record, submission, row)
        row["reason"] = printable(record.reason) if record else None
        if submission:
            row["timestamp"] = submission.timestamp
            if row["status"] == "graded" or (record and record.score is not None):
                penalty = submission.late_submission_penalty
                row["raw_score"] = submission.score
                row["late_submission_penalty"] = penalty
                row["score"] = max(0.0, submission.score - penalty)
        return row

    def status(self, coursedir, record, submission, row):
        names = row["student_id"], row["assignment"]
        graded = Path(coursedir.format_path(coursedir.autograded_directory, *names))
        kept = record_path(coursedir, *names)
        # nbgrader itself may have graded it since, or without us.
        if submission and graded.is_dir() and newer(graded, kept):
            return "graded"
        if record:
            return record.status
        handed_in = coursedir.format_path(coursedir.submitted_directory, *names)
        return "submitted" if Path(handed_in).is_dir() else "missing"
