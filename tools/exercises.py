"""Generate exercises/<name>/<name>.ipynb from solutions/<name>/<name>.md.

    python -m tools.exercises             all of them
    python -m tools.exercises perceptron  one

Two steps. The Markdown becomes the teacher's notebook in `_build/source/`, with
nbgrader's metadata written out in full; then `nbgrader generate_assignment` strips the
solutions and the hidden tests. The same source gives the same bytes.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
EXERCISES = ROOT / "exercises"
TEACHER = ROOT / "_build" / "source"

# What each short word in a solution's Markdown means to nbgrader.
KINDS = {
    "solution": {"grade": False, "solution": True, "locked": False},
    "test": {"grade": True, "solution": False, "locked": True},
    "manual": {"grade": True, "solution": True, "locked": False},
    "locked": {"grade": False, "solution": False, "locked": True},
}


class ExerciseError(Exception):
    """Something that the author of an exercise, or who generates it, can mend."""


def exercise_names():
    """Return the names of all exercises, sorted."""
    return sorted(path.parent.name for path in SOLUTIONS.glob("*/*.md"))


def full_metadata(short, where):
    """Return nbgrader's metadata for a short form such as ``{test: name, points: 1}``.

    Raises
    ------
    ExerciseError
        If the short form has no kind or two, or points where none belong.
    """
    kinds = [kind for kind in KINDS if kind in short]
    if len(kinds) != 1:
        raise ExerciseError(f"{where}: need one of {', '.join(KINDS)}, got {short}")
    kind = kinds[0]
    expected = {kind, "points"} if KINDS[kind]["grade"] else {kind}
    if set(short) != expected:
        raise ExerciseError(f"{where}: need {sorted(expected)}, got {sorted(short)}")
    points = {"points": short["points"]} if "points" in short else {}
    full = {"grade_id": short[kind], "schema_version": 3, "task": False}
    return full | KINDS[kind] | points


def teacher_notebook(name):
    """Return the notebook of one exercise, solutions and hidden tests included."""
    source = SOLUTIONS / name / f"{name}.md"
    notebook = jupytext.read(source)
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        short = cell.metadata.get("nbgrader")
        cell.metadata = {}
        if short:
            full = full_metadata(short, f"{source.relative_to(ROOT)}, cell {number}")
            cell.metadata["nbgrader"] = full
            cell.id = full["grade_id"]
    nbformat.validate(notebook)
    return notebook


def write_teacher_notebooks(names, folder=TEACHER):
    """Write ``folder/<name>/<name>.ipynb`` for each exercise."""
    for name in names:
        target = Path(folder) / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(teacher_notebook(name), target)


def course_config(course, **directories):
    """Return the course's own nbgrader configuration, moved to another folder."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    config.CourseDirectory = Config(
        course_id=config.CourseDirectory.course_id, root=str(course), **directories
    )
    return config


def generate(names, course):
    """Run nbgrader's generate_assignment in the folder `course`; return its release.

    It works on a gradebook of its own, so that the teacher's is never at risk.
    """
    write_teacher_notebooks(names, Path(course) / "source")
    api = NbGraderAPI(config=course_config(course))
    for name in names:
        outcome = api.generate_assignment(name, force=True, create=True)
        if not outcome["success"]:
            raise ExerciseError(
                f"nbgrader could not generate {name}:\n{outcome['log']}"
            )
    return Path(course) / "release"


def main(arguments=None):
    """Generate the exercises named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.exercises")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    names, known = parser.parse_args(arguments).names, exercise_names()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(
            f"no exercise {unknown[0]!r}: there is {', '.join(known)}", file=sys.stderr
        )
        return 2
    names = names or known
    try:
        with tempfile.TemporaryDirectory() as course:
            release = generate(names, course)
            for name in names:
                shutil.copytree(release / name, EXERCISES / name, dirs_exist_ok=True)
        write_teacher_notebooks(names)
    except ExerciseError as error:
        print(error, file=sys.stderr)
        return 1
    for name in names:
        print(f"exercises/{name}/{name}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
