"""``fairgrade benchmark``: the speed of plain nbgrader and of fairgrade, side by side.

Both grade the same submissions, one after the other, on the same cores, each into a
gradebook of its own, and have to come to the same scores. The course is a copy in a
temporary folder: of one of yours, or a small one that is made for this.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fairgrade.assignment import SOLUTION, read_assignment, released, replace_regions
from fairgrade.errors import Misuse, Refusal

NAME = "benchmark"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "benchmark"\n'
# As many learners' mistakes as there are answers, and full marks in between.
SMALL = [
    (None, "import numpy as np\n\nrng = np.random.default_rng(0)"),
    (
        "softmax",
        "def softmax(z):\n    e = np.exp(z - z.max(axis=1)[:, None])\n"
        "    return e / e.sum(axis=1)[:, None]",
    ),
    (
        2,
        "p = softmax(rng.normal(size=(64, 10)))\nassert p.shape == (64, 10)\n"
        "np.testing.assert_allclose(p.sum(axis=1), 1)",
    ),
    (
        "Layer",
        "class Layer:\n    def __init__(self, W, b):\n        self.W, self.b = W, b\n\n"
        "    def forward(self, x):\n        self.x = x\n"
        "        return x @ self.W + self.b\n\n"
        "    def backward(self, d):\n        self.dW = self.x.T @ d\n"
        "        self.db = d.sum(axis=0)\n        return d @ self.W.T",
    ),
    (
        3,
        "x, W = rng.normal(size=(64, 20)), rng.normal(size=(20, 10))\n"
        "b = np.zeros(10)\n"
        "layer = Layer(W, b)\nnp.testing.assert_allclose(layer.forward(x), x @ W)\n"
        "assert layer.backward(np.ones((64, 10))).shape == x.shape\n"
        "assert layer.dW.shape == W.shape and layer.db.shape == b.shape",
    ),
    (
        "loss",
        "def loss(p, y):\n    return -np.log(p[np.arange(len(y)), y]).mean()",
    ),
    (
        2,
        "p = np.full((4, 10), 0.1)\ngot = loss(p, np.arange(4))\n"
        "assert abs(got - np.log(10)) < 1e-9, f'the loss is {got}'\n"
        "### BEGIN HIDDEN TESTS\nassert loss(np.eye(3), np.arange(3)) == 0\n"
        "### END HIDDEN TESTS",
    ),
]


def main(arguments=None):
    """Run the benchmark; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return benchmark(options)
    except Misuse as error:
        print(f"fairgrade: {error}", file=sys.stderr)
        return 2
    except Refusal as error:
        print(f"fairgrade: {error}", file=sys.stderr)
        return 3


def parser():
    """Return the parser of the command's own options."""
    reader = argparse.ArgumentParser(
        prog="fairgrade benchmark", description=__doc__.replace("``", "")
    )
    add = reader.add_argument
    add("assignment", nargs="?", help="one of your assignments; default: a small one")
    add("--course-dir", metavar="FOLDER", help="your course; default: this folder")
    add("--submissions", type=int, default=60, metavar="N", help="default: 60")
    add("--jobs", type=int, default=2, metavar="N", help="cores for both; default: 2")
    add("--json", action="store_true", help="one JSON object instead of a table")
    return reader


def benchmark(options):
    available = sorted(os.sched_getaffinity(0))
    if not 1 <= options.jobs <= len(available):
        raise Misuse(f"--jobs={options.jobs}: this machine has {len(available)} cores")
    if options.submissions < 2:
        raise Misuse(f"--submissions={options.submissions}: need at least 2")
    cores = available[: options.jobs]
    with tempfile.TemporaryDirectory(prefix="fairgrade-benchmark-") as folder:
        course = Path(folder, "course")
        make_course(course, options)
        name = options.assignment or NAME
        run(course, cores, "fairgrade", "generate", name)
        hand_in(course, name, options.submissions)
        measured = compare(course, name, cores, options.submissions)
    if options.json:
        print(json.dumps(measured, indent=1))
    else:
        print(table(measured))
    return 0


# -------------------------------------------------------------------- course and class


def make_course(course, options):
    """Make a course folder with one assignment in `source/`."""
    name = options.assignment or NAME
    source = course / "source" / name
    if options.assignment:
        from fairgrade.commands import open_course

        rest = [f"--course-dir={options.course_dir}"] if options.course_dir else []
        theirs = open_course(rest).coursedir
        found = Path(theirs.format_path(theirs.source_directory, ".", name))
        if not list(found.glob("*.ipynb")):
            raise Misuse(f"no notebook in {found}")
        shutil.copytree(found, source)
    else:
        source.mkdir(parents=True)
        nbformat.write(small_notebook(), source / f"{name}.ipynb")
    (course / "nbgrader_config.py").write_text(CONFIG)


def small_notebook():
    """Return the teacher's notebook of the course that is made for this."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(metadata={"kernelspec": kernel})
    notebook.cells.append(new_markdown_cell("# Benchmark", id="title"))
    for number, (what, source) in enumerate(SMALL):
        cell = new_code_cell(source, id=f"cell-{number}")
        if what is not None:
            test = type(what) is int
            cell.metadata["nbgrader"] = {
                "schema_version": 3,
                "grade_id": f"test-{number}" if test else what,
                "grade": test,
                "solution": not test,
                "locked": test,
                "task": False,
                **({"points": what} if test else {}),
            }
            if not test:
                begin, end = SOLUTION
                cell.source = f"### {begin}\n{source}\n### {end}"
        notebook.cells.append(cell)
    return notebook


def hand_in(course, name, number):
    """Put as many submissions into `submitted/`: every answer is missing in some."""
    for path in sorted((course / "source" / name).glob("*.ipynb")):
        answers = [c for c in read_assignment(path, name).cells if c.is_answer]
        release = course / "release" / name / path.name
        for learner in range(number):
            notebook = nbformat.read(release, as_version=4)
            cells = {
                cell.metadata.nbgrader.grade_id: cell
                for cell in notebook.cells
                if "nbgrader" in cell.metadata
            }
            missing = learner % (len(answers) + 1)
            for place, answer in enumerate(answers, start=1):
                if answer.grade_id in cells:
                    text = released(answer) if place == missing else solved(answer)
                    cells[answer.grade_id].source = text
            folder = course / "submitted" / f"learner-{learner:04}" / name
            folder.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, folder / path.name)


def solved(cell):
    """Return an answer of the reference, without the marker lines."""
    lines = cell.source.split("\n")
    if not any(mark in cell.source for mark in SOLUTION):
        return cell.source
    replace_regions(cell.source, SOLUTION)
    return "\n".join(x for x in lines if not any(mark in x for mark in SOLUTION))


# --------------------------------------------------------------------------- measuring


def run(course, cores, module, *arguments):
    """Run a command of a package in a course; return (seconds, seconds of CPU)."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    package = str(Path(__file__).resolve().parent.parent)
    places = [package, os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(filter(None, places)),
    }
    start, busy = time.perf_counter(), cpu()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=course,
        env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        capture_output=True,
        text=True,
    )
    seconds, busy = time.perf_counter() - start, cpu() - busy
    if done.returncode:
        command = " ".join([module, *arguments])
        raise Refusal(f"{command} failed:\n{done.stdout}{done.stderr}")
    return seconds, busy


def cpu():
    """Return the seconds of CPU that all commands have used that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(course, name, cores, number):
    """Return what was measured, as plain data."""
    jobs = f"--jobs={len(cores)}"
    commands = {
        "nbgrader": ("nbgrader", "autograde", name),
        "fairgrade": ("fairgrade", "autograde", name, jobs),
    }
    whole, busy, scores = {}, {}, {}
    for grader, command in commands.items():
        own = course.with_name(grader)
        shutil.copytree(course, own)
        whole[grader], busy[grader] = run(own, cores, *command)
        scores[grader] = scores_in(own, name)
    if scores["nbgrader"] != scores["fairgrade"]:
        different = {
            learner: (score, scores["fairgrade"].get(learner))
            for learner, score in scores["nbgrader"].items()
            if scores["fairgrade"].get(learner) != score
        }
        raise Refusal(f"different scores, nbgrader's and fairgrade's: {different}")
    return {
        "submissions": number,
        "cores": len(cores),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "different scores": len(set(scores["fairgrade"].values())),
        "seconds": {grader: round(one, 2) for grader, one in whole.items()},
        "CPU seconds": {grader: round(one, 2) for grader, one in busy.items()},
        "times": round(whole["nbgrader"] / whole["fairgrade"], 1),
        "executing": round(executing(course, name, cores), 1),
    }


def scores_in(course, name):
    """Return {learner: score} of a gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db", "benchmark") as book:
        return {one.student.id: one.score for one in book.assignment_submissions(name)}


@contextmanager
def on_cores(cores):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def executing(course, name, cores):
    """Return how many submissions a second run: sandbox and tests, no files, no book.

    From when each worker has answered once, so that their start does not count.
    """
    from fairgrade.pool import grade_all

    notebooks = sorted((course / "source" / name).glob("*.ipynb"))
    assignments = {path.stem: read_assignment(path, name) for path in notebooks}
    jobs = [
        ((path.parent.parent.name, path.stem), path.read_bytes())
        for path in sorted(course.glob(f"submitted/*/{name}/*.ipynb"))
    ]
    enough = jobs * max(1, min(20, -(-240 // len(jobs))))
    with on_cores(cores):
        answers = grade_all(assignments, enough, jobs=len(cores))
        for _ in range(2 * len(cores)):
            next(answers)
        start = time.perf_counter()
        rest = sum(1 for _ in answers)
        seconds = time.perf_counter() - start
    return rest / seconds / len(notebooks)


def table(measured):
    """Return what was measured as a table in Markdown."""
    number, seconds = measured["submissions"], measured["seconds"]
    lines = [
        f"{number} submissions, {measured['cores']} cores ({measured['machine']}), "
        f"load average {measured['load']}; both graders gave the same scores.",
        "",
        "| | seconds | submissions a second | seconds of CPU each |",
        "|---|---|---|---|",
    ]
    for grader, said in {
        "nbgrader": "`nbgrader autograde`",
        "fairgrade": "`fairgrade autograde`, in the sandbox",
    }.items():
        rate = number / seconds[grader]
        each = measured["CPU seconds"][grader] / number
        lines.append(f"| {said} | {seconds[grader]:.1f} | {rate:.1f} | {each:.3f} |")
    lines += [
        f"| the executing part of it alone | | {measured['executing']:.0f} | |",
        "",
        f"The whole command, from its start to the last grade: {measured['times']:.1f} "
        "times as fast.",
    ]
    return "\n".join(lines)
