"""A host with a class on it: started once, stopped with all that it started.

Where the tests run as root on Linux, teacher and learners get accounts of their own:
in a mount namespace, which alone sees the longer /etc/passwd and our folder as /srv, so
that nothing is left behind. Elsewhere one account plays everybody, as on a laptop, and
what only accounts protect cannot be tested.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import jupyterhub
import pytest

from hub.__main__ import install_proxy, write_course
from hub.classroom import ROOT

NAME = "perceptron"
TEACHERS, LEARNERS = ["tess", "tim"], ["ada", "ben"]
IDS = {name: 61001 + number for number, name in enumerate(TEACHERS + LEARNERS)}
INSIDE = Path("/srv")
READABLE = "import everygrad, sys; [open(path).close() for path in sys.argv[1:]]"


def closed(path):
    """Return the outermost folder on the way to a path that others cannot enter."""
    folders = [path, *path.parents][::-1]
    return next((folder for folder in folders if not folder.stat().st_mode & 1), None)


def namespace(place):
    """Return the start of a command that sees a folder as /srv, with its accounts.

    A Python in root's own home could not be run by others. So such homes are covered,
    with an empty folder that shows Python and the course again and nothing else.
    """
    needed = {Path(sys.base_prefix), Path(sys.prefix), ROOT}
    hidden = [str(path) for path in sorted(needed) if closed(path)]
    asides = [f"{INSIDE}/aside/{number}" for number in range(len(hidden))]
    lines = [("mount", "--bind", str(place), str(INSIDE))]
    for path, aside in zip(hidden, asides, strict=True):
        lines += [("mkdir", "-p", aside), ("mount", "--bind", path, aside)]
    for folder in {str(closed(Path(path))) for path in hidden}:
        lines.append(("mount", "-t", "tmpfs", "-o", "mode=0755", "none", folder))
    for path, aside in zip(hidden, asides, strict=True):
        lines += [("mkdir", "-p", path), ("mount", "--bind", aside, path)]
    for name in ("passwd", "group"):
        lines.append(("mount", "--bind", f"{INSIDE}/{name}", f"/etc/{name}"))
    script = "".join(f"{shlex.join(line)}\n" for line in lines) + 'exec "$@"'
    unshare = ["unshare", "--mount", "--propagation", "private"]
    return [*unshare, "sh", "-euc", script, "sh"]


def as_user(number):
    """Return the start of a command that runs under an account's number."""
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]


def free_ports(number):
    with ExitStack() as stack:
        doors = [stack.enter_context(socket.socket()) for _ in range(number)]
        for door in doors:
            door.bind(("127.0.0.1", 0))
        return [door.getsockname()[1] for door in doors]


class Host:
    """One machine with a hub, in a folder of its own."""

    def __init__(self, place):
        self.place = place
        place.chmod(0o755)  # pytest closes its folders, and this one becomes /srv
        start = self.add_accounts()
        self.accounts = "real" if start else "one"
        inside = INSIDE if start else place
        public, private, proxy = free_ports(3)
        self.address = f"http://127.0.0.1:{public}"
        self.exchange = place / "nbgrader" / "exchange"
        (place / "class.toml").write_text(
            f"course = 'everygrad'\nteachers = {TEACHERS}\nlearners = {LEARNERS}\n"
            f"sign_in = 'try'\naccounts = '{self.accounts}'\n"
            f"address = '{self.address}'\nhub_port = {private}\nproxy_port = {proxy}\n"
            f"folder = '{inside}/everygrad'\nexchange = '{inside}/nbgrader/exchange'\n"
        )
        course = self.home("tess") / "course"
        write_course(course, [NAME])
        if start:
            for path in [course, *course.rglob("*")]:
                os.chown(path, IDS["tess"], IDS["tess"])
        install_proxy()
        self.log = (place / "log").open("w+")
        self.process = subprocess.Popen(
            [*start, sys.executable, "-m", "hub", f"{inside}/class.toml"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(inside), "LANG": "C.UTF-8"},
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def add_accounts(self):
        """Make accounts and their homes; return how to start a command among them.

        Where there can be none, the answer is empty.
        """
        if sys.platform != "linux" or os.geteuid() != 0:
            return []
        if not shutil.which("unshare") or not shutil.which("setpriv"):
            return []
        lists = {"passwd": "{0}:x:{1}:{1}::/srv/people/{0}:/bin/bash\n"}
        lists["group"] = "{0}:x:{1}:\n"
        for kind, line in lists.items():
            text = Path("/etc", kind).read_text()
            text += "".join(line.format(*account) for account in IDS.items())
            (self.place / kind).write_text(text)
        start = namespace(self.place)
        needed = [ROOT / "hub" / "__init__.py", jupyterhub.__file__]
        read = [*as_user(IDS["ada"]), sys.executable, "-c", READABLE, *map(str, needed)]
        run = subprocess.run([*start, *read], cwd="/", capture_output=True, text=True)
        if run.returncode != 0:
            return []
        for name, number in IDS.items():
            home = self.place / "people" / name
            home.mkdir(parents=True)
            home.chmod(0o700)
            os.chown(home, number, number)
        return start

    def home(self, name):
        """Return where an account's folder is, seen from here."""
        homes = "people" if self.accounts == "real" else "everygrad/homes"
        return self.place / homes / name

    def __enter__(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/hub/health", timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return self
        self.__exit__()
        raise AssertionError((self.place / "log").read_text())

    def __exit__(self, *error):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        deadline = time.monotonic() + 20
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.left = self.running()
        for process in self.left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.log.close()

    def running(self):
        """Return the numbers of the processes that this host started and that run."""
        mark, found = f"{self.place}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                ours = mark in (folder / "environ").read_bytes() or (
                    mark in (folder / "mountinfo").read_bytes()
                )
            except OSError:  # gone meanwhile, or somebody else's
                continue
            if ours and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        return found


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, name, host, chromium):
        self.name, self.host = name, host
        self.context = chromium.new_context(viewport={"width": 1300, "height": 900})
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()

    def sign_in(self, then):
        """Sign in, and go to some page without waiting for it."""
        self.page.goto(f"{self.host.address}/hub/login?next={then}")
        self.page.fill("#username_input", self.name)
        self.page.fill("#password_input", "any")
        self.page.click("#login_submit", no_wait_after=True)

    def visit(self, address, owner=None):
        """Open a page of one's own server, or of someone else's; return its status."""
        owner = owner or self.name
        answer = self.page.goto(f"{self.host.address}/user/{owner}/{address}")
        allow = self.page.get_by_role("button", name="Authorize")
        if allow.count():
            with self.page.expect_navigation() as following:
                allow.click()
            answer = following.value
        return answer.status

    @property
    def home(self):
        return self.host.home(self.name)

    def types(self, command):
        """Run a command in a terminal of one's own server; return (status, output)."""
        out, done = self.home / "out.txt", self.home / "done.txt"
        done.unlink(missing_ok=True)
        server = f"{self.host.address}/user/{self.name}/"
        (token,) = [
            one["value"]
            for one in self.context.cookies(server)
            if one["name"] == "_xsrf" and one["path"] != "/hub/"
        ]
        terminal = self.context.request.post(
            f"{server}api/terminals", headers={"X-XSRFToken": token}
        )
        self.visit(f"terminals/{terminal.json()['name']}")
        self.page.locator(".xterm-helper-textarea").wait_for(state="attached")
        self.page.locator(".xterm").click()
        self.page.keyboard.type(f"({command}) > ~/out.txt 2>&1; echo $? > ~/done.txt\n")
        deadline = time.monotonic() + 120
        while not (done.exists() and done.read_text().endswith("\n")):
            assert time.monotonic() < deadline, f"{self.name}: {command} does not end"
            self.page.wait_for_timeout(100)
        return int(done.read_text()), out.read_text()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with Host(tmp_path_factory.mktemp("host")) as host:
        yield host
    assert host.left == [], "the hub ended, and left something running"
