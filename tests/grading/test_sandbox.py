"""What a learner's code may do, how the sandbox comes and goes, and what is refused."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from fairgrade import landlock, sandbox, scratch

# A zygote that runs {inside} in a sandboxed child and prints what that wrote to `say`.
ZYGOTE = """
import json, os, socket, sys, time, types
from fairgrade import sandbox
limits = types.SimpleNamespace(seconds_in_all=60, memory=2 << 30, processes=64,
                               file_size=16 << 20)
{before}
sandbox.prepare({parts!r})
{imports}
sandbox.seal()
scratch = sandbox.Scratch({files!r}, on_disk=sandbox.needs_disk())
ours, theirs = socket.socketpair()
def say(what):
    theirs.sendall(json.dumps(what, default=sorted).encode())
with scratch:
    child = sandbox.fork()
    if child == 0:
        try:
            walls = sandbox.enter(limits, scratch, {walls!r}, keep=[theirs.fileno()])
            {inside}
        except BaseException as error:
            say([type(error).__name__, str(error)])
        os._exit(0)
    theirs.close()
    {meanwhile}
    said = b"".join(iter(lambda: ours.recv(1 << 16), b""))
    os.waitpid(child, 0)
print(said.decode())
"""


def start(inside, **chosen):
    blanks = {
        "files": {},
        "before": "",
        "parts": sandbox.PARTS,
        "imports": "",
        "walls": None,
        "meanwhile": "",
    }
    program = ZYGOTE.format(inside=inside, **(blanks | chosen))
    environment = sandbox.environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(inside, **chosen):
    out, errors = start(inside, **chosen).communicate(timeout=120)
    assert out, errors
    return json.loads(out)


def test_all_walls_stand_and_say_what_they_stop():
    assert set(run("say(walls)")) == set(sandbox.WALLS)
    assert all(wall.stops.endswith(".") for wall in sandbox.WALLS.values())


def test_entering_takes_a_few_milliseconds():
    program = """
import os, time, types
from fairgrade import sandbox
limits = types.SimpleNamespace(seconds_in_all=60, memory=2 << 30, processes=64,
                               file_size=16 << 20)
sandbox.prepare(); sandbox.seal()
reader, writer = os.pipe()
for _ in range(20):
    child = sandbox.fork()
    if child == 0:
        start = time.perf_counter()
        sandbox.enter(limits, sandbox.Scratch(), keep=[writer])
        os.write(writer, f"{time.perf_counter() - start} ".encode())
        os._exit(0)
    os.waitpid(child, 0)
print(os.read(reader, 4096).decode())
"""
    environment = sandbox.environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    out = subprocess.run(command, env=environment, capture_output=True, check=True)
    seconds = [float(word) for word in out.stdout.split()]
    assert len(seconds) == 20
    assert min(seconds) < 5e-3  # 2 ms on two quiet cores


def test_the_working_folder_is_private_and_holds_the_files(tmp_path):
    inside = """
            open("new.txt", "w").write("mine")
            say([os.getcwd(), open("data/x.csv").read(), sorted(os.listdir()),
                 [os.environ[n] for n in ("HOME", "TMPDIR", "MPLCONFIGDIR")]])
    """
    said = run(inside.strip(), files={"data/x.csv": b"1,2"})
    folder = sandbox.namespaces.SCRATCH
    assert said == [folder, "1,2", ["data", "new.txt"], [folder] * 3]
    assert not pathlib.Path(folder).exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_a_file_for_another_folder_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="must lie in the folder"):
        sandbox.Scratch({name: b""}).fill(tmp_path)


def test_a_folder_on_disk_goes_whatever_was_made_in_it():
    with sandbox.Scratch({"a.txt": b"a"}, on_disk=True) as made:
        folder = made.folder
        assert pathlib.Path(folder, "a.txt").read_bytes() == b"a"
        assert pathlib.Path(folder).stat().st_mode & 0o77 == 0
        deep = os.open(folder, os.O_RDONLY)
        for _ in range(1100):  # deeper than Python can recurse
            os.mkdir("d", dir_fd=deep)
            deeper = os.open("d", os.O_RDONLY, dir_fd=deep)
            os.close(deep)
            deep = deeper
        os.close(deep)
        closed = pathlib.Path(folder, "closed")
        closed.mkdir()
        (closed / "f").touch()
        closed.chmod(0)
        os.symlink("/usr", pathlib.Path(folder, "link"))
    assert not pathlib.Path(folder).exists()
    assert pathlib.Path("/usr").exists()


REFUSED = """
import errno, pyseccomp
no = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
no.add_rule(pyseccomp.ERRNO(errno.EPERM), "unshare")
no.load()
"""
ORDINARY = """
import ctypes, pyseccomp  # before their folder may be closed
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
"""
ORDINARY = ORDINARY if os.geteuid() == 0 else ""
# Root's children are users of their own all the same; an ordinary teacher's are not.
WITHOUT = {"": ["disk"], ORDINARY: ["disk", "threads"]}


@pytest.mark.parametrize("teacher", WITHOUT, ids=len)
def test_where_namespaces_are_refused_the_other_walls_stand(teacher):
    inside = 'open("b", "w").write("b"); say([open("a").read(), os.getcwd(), walls])'
    chosen = {"before": REFUSED + teacher, "files": {"a": b"a"}}
    text, folder, stand = run(inside, walls=(), **chosen)
    assert text == "a"
    assert not pathlib.Path(folder).exists()
    assert [wall for wall in sandbox.WALLS if wall not in stand] == WITHOUT[teacher]
    kind, said = run(inside, **chosen)
    assert kind == "WallMissing"
    assert f"cannot put up: {', '.join(WITHOUT[teacher])} (" in said
    assert "unshare: Operation not permitted" in said


def test_the_channel_works_both_ways():
    inside = "theirs.send(b'hello'); say(theirs.recv(10).decode())"
    meanwhile = 'assert ours.recv(5) == b"hello"; ours.sendall(b"world")'
    assert run(inside, meanwhile=meanwhile) == "world"


LIBRARIES = """
import asyncio, concurrent.futures, ctypes, multiprocessing.pool, zoneinfo
import IPython.core.interactiveshell, matplotlib.pyplot, numpy, scipy.optimize
import sklearn.datasets, sklearn.linear_model, torch
"""
WORK = (
    LIBRARIES.replace("\n", "\n            ")
    + """
            a = numpy.random.default_rng(0).normal(size=(200, 200))
            numpy.linalg.svd(a @ a)
            scipy.optimize.minimize(lambda x: (x**2).sum(), numpy.ones(3))
            x = torch.randn(100, 100, requires_grad=True)
            (x @ x).sum().backward()
            torch.save(x, "x.pt")
            matplotlib.pyplot.plot([1, 2])
            matplotlib.pyplot.title("α $x^2$")
            matplotlib.pyplot.savefig("a.png")
            X, y = sklearn.datasets.load_iris(return_X_y=True)
            sklearn.linear_model.LogisticRegression(max_iter=10).fit(X, y)
            shell = IPython.core.interactiveshell.InteractiveShell.instance()
            assert shell.run_cell("%timeit -n1 -r1 1 + 1\\nx = 3").success
            asyncio.run(asyncio.sleep(0))
            assert list(concurrent.futures.ThreadPoolExecutor(2).map(abs, [-1])) == [1]
            assert multiprocessing.pool.ThreadPool(2).map(abs, [-1]) == [1]
            assert ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 5)() == 5
            zoneinfo.ZoneInfo("Europe/Berlin")
            say("all fine")
"""
)


@pytest.mark.parametrize("imports", ["", LIBRARIES], ids=["late", "early"])
def test_the_usual_libraries_work(imports):
    assert run(WORK.strip(), imports=imports) == "all fine"


@pytest.fixture(params=["as we are", "ordinary"])
def running(request):
    """A zygote started here, its sandboxed child's pidfd, and a socket to both."""
    ours, theirs = socket.socketpair()
    program = f"""
import os, socket, sys, time, types
from fairgrade import sandbox
{ORDINARY if request.param == "ordinary" else ""}
sandbox.prepare(); sandbox.seal()
limits = types.SimpleNamespace(seconds_in_all=60, memory=1 << 30, processes=64,
                               file_size=1 << 20)
ours = socket.socket(fileno={theirs.fileno()})
scratch = sandbox.Scratch(on_disk=sandbox.needs_disk())
child = sandbox.fork()
if child == 0:
    sandbox.enter(limits, scratch, keep=[ours.fileno()])
    ours.send(b"in")
else:
    socket.send_fds(ours, [b"x"], [os.pidfd_open(child)])
    os.waitpid(child, 0)
    ours.send(b"it ended")
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=sandbox.environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    ours.settimeout(20)
    said, handles = b"", []
    while len(said) < 3:
        piece, more, _, _ = socket.recv_fds(ours, 3 - len(said), 1)
        assert piece, "the zygote ended"
        said, handles = said + piece, handles + more
    yield process, handles[0], ours
    os.close(handles[0])
    ours.close()
    process.kill()
    process.wait()


def test_nothing_outlives_the_process_that_was_started(running):
    process, _, ours = running
    process.kill()
    assert process.wait() == -signal.SIGKILL
    start = time.monotonic()
    assert ours.recv(1) == b""  # the last who held the other end has gone
    assert time.monotonic() - start < 5


def test_a_pidfd_ends_a_sandbox_from_outside(running):
    _, handle, ours = running
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    assert ours.recv(8) == b"it ended"


def test_a_missing_library_leaves_the_other_walls():
    before = 'sys.modules["pyseccomp"] = None'
    stand = run("say(walls)", before=before, walls=())
    assert set(sandbox.WALLS) - set(stand) == {"programs", "kernel", "leftovers"}
    kind, said = run("say(walls)", before=before)
    assert kind == "WallMissing"
    assert "cannot put up: programs, kernel, leftovers (libseccomp" in said
    assert "--without programs --without kernel --without leftovers" in said


def test_two_sandboxes_are_two_users():
    users = {scratch.spare_user() for _ in range(20)}
    assert len(users) == 20 if os.geteuid() == 0 else users == {None}


def test_a_second_thread_would_stay_outside_and_is_refused():
    inside = "say(walls)"
    before = """
import threading
enter = sandbox.enter
def with_thread(*given, **named):
    threading.Thread(target=time.sleep, args=[60], daemon=True).start()
    return enter(*given, **named)
sandbox.enter = with_thread
"""
    kind, said = run(inside, before=before)
    assert (kind, said[:39]) == (
        "RuntimeError",
        "enter() needs a process of one thread, ",
    )


def test_misuse_is_named():
    assert run("say(walls)", before="sandbox.seal = lambda: None")[0] == "RuntimeError"
    with pytest.raises(RuntimeError, match=r"call prepare\(\) first"):
        sandbox.fork()
    assert (
        run(
            "say(1)",
            imports="""
try: sandbox.prepare()
except RuntimeError as error: assert "before" in str(error)
else: raise AssertionError
""",
        )
        == 1
    )
    with pytest.raises(ValueError, match="no wall is called 'moat'"):
        sandbox.missing(["moat"])


def test_this_machine_has_every_wall():
    assert sandbox.standing() == (tuple(sandbox.WALLS), {})
    assert sandbox.missing() == ()


GRADED = """
from fairgrade.assignment import Assignment, Cell
from fairgrade.grading import Grader
cells = Cell("answer", "f", 0, "def f(): return 1", "code"), Cell(
    "test", "t", 1, "assert f() == 1", "code"
)
one = Assignment("small", "small", cells)
with Grader([one]) as grader:
    print(grader.run(one, {"f": cells[0].source})[0].score)
"""


def test_relative_paths_of_packages_lead_where_they_did_at_the_start():
    """Some processes start in `/`, and `PYTHONPATH=src:.` would be another place there,
    or open all of it.
    """
    package = pathlib.Path(sandbox.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", GRADED],
        cwd=package.parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([package.name, ".", ""])},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "1.0\n", done.stderr


def test_each_place_is_opened_once(tmp_path):
    for name in ("lib/inner", "outside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("lib")
    (tmp_path / "lib/link").symlink_to(tmp_path / "outside")
    names = ("lib", "lib64", "lib/inner", "lib/link", "none")
    found = landlock.opened([tmp_path / name for name in names])
    places = [os.readlink(f"/proc/self/fd/{handle}") for handle, _ in found]
    for handle, _ in found:
        os.close(handle)
    assert places == [str(tmp_path / "lib"), str(tmp_path / "outside")]
