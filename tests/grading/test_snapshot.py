"""A judge's process serves several submissions, if each finds what the first found."""

import pytest

from fairgrade.grading import Grader, Limits

from .assignments import assignment

# What a test looks at, how it then changes that, and whether its process may go on.
LEFT = {
    "nothing": ("0", "pass", True),
    "numpy's chance": ("np.random.rand()", "np.random.rand()", True),
    "numpy's seed": ("np.random.rand()", "np.random.seed(1)", True),
    "filters": ("warnings.filters[0]", "warnings.simplefilter('error')", True),
    "a path": ("'/odd' in sys.path", "sys.path.append('/odd')", True),
    "a folder": ("os.getcwd() == '/'", "os.chdir('/')", True),
    "a file": ("os.path.exists('left')", "open('left', 'w').close()", False),
    "a global": ("'mine' in globals()", "mine = 1", True),
    "a submodule": ("hasattr(np, 'fft')", "import numpy.fft", False),
    "numpy's errors": ("np.geterr()", "np.seterr(all='raise')", True),
    "print options": ("np.pi * np.ones(1)", "np.set_printoptions(precision=2)", True),
    "a function": ("np.sum is None", "vars(np)['sum'] = None", False),
    "a new name": ("hasattr(np, 'odd')", "vars(np)['odd'] = len", False),
    "an attribute": ("np.sum is None", "np.sum = None", False),
    "a lost one": ("hasattr(np, 'sum')", "del vars(np)['sum']", False),
    "a built-in": ("vars(builtins).get('odd')", "vars(builtins)['odd'] = 1", False),
    "environment": ("os.environ.get('odd')", "os.environ['odd'] = '1'", False),
    "recursion": ("sys.getrecursionlimit()", "sys.setrecursionlimit(999)", True),
    "precision": ("decimal.getcontext().prec", "decimal.getcontext().prec = 3", False),
    "a thread": (
        "threading.active_count()",
        "threading.Thread(target=time.sleep, args=[30], daemon=True).start()",
        False,
    ),
    "memory": ("0", "vars(np).setdefault('__big__', bytearray(2**27))", False),
    "a library": ("'scipy' in sys.modules", "import scipy.special", False),
    "pyplot": ("'matplotlib' in sys.modules", "import matplotlib.pyplot", False),
    "a module": ("'odd' in sys.modules", "sys.modules['math'] = sys", False),
}
LIBRARIES = [
    "builtins",
    "decimal",
    "os",
    "sys",
    "threading",
    "time",
    "warnings",
    "numpy",
]


def leaving(look, change):
    """Return an assignment whose test says what it found, and in which process."""
    libraries = [*LIBRARIES, *(["torch"] if "torch" in look else [])]
    names = [f"import {name}\n" for name in libraries]
    names += ["import matplotlib.pyplot as plt\n"] if "plt" in look else []
    source = "".join([*names, "np = numpy\n"])
    source += f"seen = str({look})\n{change}\nassert f() == 1\n"
    return assignment(
        ("answer", "def f():\n    return 1"),
        ("test", f"{source}assert False, f'{{os.getpid()}}: {{seen}}'"),
    )


@pytest.fixture(scope="module")
def grader():
    with Grader([], Limits(seconds_per_cell=5), imports=LIBRARIES) as grader:
        yield grader


def found(grader, one, answer="def f():\n    return 1"):
    result, _ = grader.run(one, {"answer0": answer})
    return result.cells[1].evalue.split(": ", 1)


@pytest.mark.parametrize("name", LEFT)
def test_each_submission_finds_what_the_first_found(grader, name):
    look, change, goes_on = LEFT[name]
    one = leaving(look, change)
    (first, seen), (second, seen_then) = found(grader, one), found(grader, one)
    assert seen_then == seen
    assert (first == second) == goes_on


def test_files_of_the_assignment_are_as_they_were(grader):
    read = "import os\nfrom pathlib import Path\nseen = Path('data').read_text()\n"
    say = "assert False, f'{os.getpid()}: {seen}{x}'"
    changes = {"pass": True, "Path('data').write_text('22')": False}
    for change, goes_on in changes.items():
        cells = ("answer", "x = 1"), ("test", f"{read}{change}\n{say}")
        one = assignment(*cells, files={"data": b"11"})
        (first, seen), (second, seen_then) = (
            found(grader, one, "x = 1"),
            found(grader, one, "x = 1"),
        )
        assert (seen, seen_then) == ("111", "111")
        assert (first == second) == goes_on


def test_two_assignments_take_turns_in_one_process():
    one, two = (
        assignment(
            ("answer", "x = 1"),
            ("test", f"import os\nmine = {name!r}\nassert False, f'{{os.getpid()}}: '"),
            name=name,
        )
        for name in "ab"
    )
    with Grader([one, two]) as grader:
        pids = [found(grader, x, "x = 1")[0] for x in (one, two, one, two)]
    assert len(set(pids)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "def f():\n    while True:\n        pass",
        "import os\n\n\ndef f():\n    os._exit(0)",
    ],
    ids=["endless", "crash"],
)
def test_after_a_lost_answer_comes_another_process(grader, answer):
    one = leaving("0", "pass")
    first, _ = found(grader, one)
    assert found(grader, one)[0] == first
    found(grader, one, answer)
    assert found(grader, one)[0] != first


def test_what_a_used_process_breaks_down_on_is_judged_by_a_fresh_one(grader):
    """It may have broken down because of what it judged before."""
    kill = "import os, sys\ncount = vars(sys).setdefault('count', [])\n"
    kill += "count.append(1)\nif len(count) > 1:\n    os._exit(1)\n"
    one = assignment(("answer", "x = 1"), ("test", f"{kill}assert x == 1"))
    results = [grader.run(one, {"answer0": "x = 1"})[0] for _ in range(3)]
    assert [result.score for result in results] == [1, 1, 1]


def test_torch_is_as_it_was():
    with Grader([], imports=["torch", *LIBRARIES]) as grader:
        for name, change in {
            "torch.rand(1)": "torch.manual_seed(1)",
            "torch.ones(1).dtype": "torch.set_default_dtype(torch.float64)",
            "torch.is_grad_enabled()": "torch.set_grad_enabled(False)",
            "torch.get_num_threads()": "torch.set_num_threads(2)",
        }.items():
            one = leaving(f"{name}", change)
            (first, seen), (second, seen_then) = found(grader, one), found(grader, one)
            assert seen_then == seen
            assert (first == second) == ("threads" not in change)


def test_figures_are_closed_and_styles_forgotten():
    look = "(plt.get_fignums(), plt.rcParams['lines.linewidth'])"
    change = "plt.figure()\nplt.rcParams['lines.linewidth'] = 9"
    used = ["matplotlib.pyplot", "matplotlib.backends.backend_agg"]
    with Grader([], imports=[*used, *LIBRARIES]) as grader:
        one = leaving(look, change)
        (first, seen), (second, seen_then) = found(grader, one), found(grader, one)
        assert (first, seen) == (second, seen_then)
        assert seen == "([], 1.5)"


def test_warnings_are_shown_to_each(grader):
    warn = "import numpy as np\nnp.log(np.zeros(1))\nassert x == 1"
    one = assignment(("answer", "x = 1"), ("test", warn))
    for _ in range(2):
        result, _ = grader.run(one, {"answer0": "x = 1"})
        assert "divide by zero" in result.cells[1].printed


def test_learners_own_files_and_new_assignments_get_a_fresh_process(grader):
    one, other = leaving("0", "pass"), leaving("1", "pass")
    pids = [found(grader, one)[0], found(grader, one)[0], found(grader, other)[0]]
    assert pids[0] == pids[1] != pids[2]
    grader.run(other, {"answer0": "x = 1"}, files={"mine.py": b"x = 1"})
    assert found(grader, other)[0] not in pids
