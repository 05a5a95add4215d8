"""How nbgrader runs this course: which rooms it reads, and what learners get to see.

nbgrader executes this file when one of its commands starts in this folder.
"""

import os
import re
import secrets
import sys
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from nbgrader.utils import is_grade

HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)


class HideTests(NbGraderPreprocessor):
    """Keep hidden tests out of feedback: their source, and tracebacks quoting it.

    What failed and why stays: the message of the failing assert.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if is_grade(cell) and cell.cell_type == "code":
            cell.source = HIDDEN.sub("# (hidden tests)", cell.source)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


c = get_config()  # noqa: F821

# nbgrader starts `alembic` by name, also where the environment was not activated.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

c.CourseDirectory.course_id = "everygrad"
# `make exercises` writes the teacher's notebooks there from solutions/<name>/<name>.md.
c.CourseDirectory.source_directory = "_build/source"
c.CourseDirectory.release_directory = "exercises"

c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]

# A submission cannot take its test cells out of the run: the tag that skips a cell is a
# word that nobody knows, and a test cell that was deleted is put back.
c.Execute.skip_cells_with_tag = secrets.token_hex()
c.OverwriteCells.add_missing_cells = True
