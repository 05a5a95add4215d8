"""How nbgrader runs this course: which rooms it reads, and what learners get to see.

nbgrader executes this file when one of its commands starts in this folder.
"""

import os
import re
import secrets
import sys
from pathlib import Path

from nbconvert.filters import strip_ansi
from nbconvert.preprocessors import (
    ClearMetadataPreprocessor,
    CSSHTMLHeaderPreprocessor,
    Preprocessor,
)
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    Execute,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from nbgrader.utils import is_grade
from traitlets import Bool

HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)
FRAME = re.compile(r"Cell In\[(\d+)\], line (\d+)")


class AllowWarnings(NbGraderPreprocessor):
    """Let a right answer warn: nbgrader gives 0 where a test cell writes to stderr.

    The warning stays in the record, as ordinary output.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if is_grade(cell):
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.name = "stdout"
        return cell, resources


class HideTests(Preprocessor):
    """Keep hidden tests out of feedback: their source, and every output that quotes it.

    What failed and why stays: the type of the error, its message, and the innermost
    line on the way to it that the learner may see.
    """

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb, resources):
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        # By number of the cell, with each hidden line left blank.
        shown = {cell.execution_count: HIDDEN.sub(blank, cell.source) for cell in code}
        self.shown = {number: text.splitlines() for number, text in shown.items()}
        # What is as short as `)`, or is shown elsewhere too, tells nothing.
        self.hidden = {
            line.strip()
            for cell in code
            for region in HIDDEN.findall(cell.source)
            for line in region.splitlines()
            if len(line.strip()) > 8
            and not any(line.strip() in text for text in shown.values())
        }
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type != "code":
            return cell, resources
        secret = HIDDEN.search(cell.source)
        cell.source = HIDDEN.sub("# (hidden tests)", cell.source)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = self.unquoted(output.text)
            elif output.output_type == "error":
                output.evalue = self.unquoted(output.evalue)
                traceback = strip_ansi("\n".join(output.traceback))
                if self.quotes(traceback) or (secret and FRAME.search(traceback)):
                    message = f"{output.ename}: {output.evalue}".removesuffix(": ")
                    output.traceback = [message, *self.shown_line(traceback)]
            elif self.quotes("\n".join(map(str, output.data.values()))):
                output.data = {"text/plain": "(hidden tests)"}
        return cell, resources

    def quotes(self, text):
        return any(line in text for line in self.hidden)

    def unquoted(self, text):
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if not self.quotes(strip_ansi(line)))

    def shown_line(self, traceback):
        """Return a list of the innermost line that may be shown, or an empty list."""
        for cell, number in reversed(FRAME.findall(traceback)):
            lines = [None, *self.shown.get(int(cell), [])]
            if int(number) < len(lines) and lines[int(number)]:
                return [f"In [{cell}], line {number}: {lines[int(number)].strip()}"]
        return []


def blank(region):
    """Return as many line ends as a match of HIDDEN has."""
    return "\n" * region.group().count("\n")


c = get_config()  # noqa: F821

# nbgrader starts `alembic` by name, also where the environment was not activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

c.CourseDirectory.course_id = "everygrad"
# `make exercises` writes the teacher's notebooks there from solutions/<name>/<name>.md.
c.CourseDirectory.source_directory = "_build/source"
c.CourseDirectory.release_directory = "exercises"

# nbgrader's own list, and AllowWarnings.
c.Autograde.autograde_preprocessors = [
    Execute,
    AllowWarnings,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]

# Notebooks that came by mail: ada--perceptron.ipynb, or ada--perceptron.zip with a
# perceptron.ipynb somewhere inside. The rule is matched from the start of the path.
c.FileNameCollectorPlugin.named_regexp = (
    r".*/(?P<student_id>[^/]+)--(?P<file_id>\w+)(/(.*/)?(?P=file_id))?\.ipynb$"
)

# Kernels warn of connections that never leave this machine: once per submission.
c.Execute.extra_arguments = ["--IPKernelApp.log_level=ERROR"]

# A submission cannot take its test cells out of the run: the tag that skips a cell is a
# word that nobody knows, and a test cell that was deleted is put back.
c.Execute.skip_cells_with_tag = secrets.token_hex()
c.OverwriteCells.add_missing_cells = True
