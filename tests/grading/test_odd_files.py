"""What learners put beside a notebook harms nobody, and stops no batch."""

import json
import os

import pytest

from fairgrade import converter

from .small_course import Course, graded_by_reading

pytestmark = pytest.mark.xdist_group("fairgrade_converter")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"))
    (course.folder / "source/twice/data").mkdir()
    (course.folder / "source/twice/data/table.csv").write_text("1,2\n")
    assert course.fairgrade("generate", "twice") == 0
    return course


def sparse(folder):
    with open(folder / "big.bin", "wb") as file:
        file.truncate(2**40)


def deep(folder):
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(50):
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
    finally:
        os.chdir(here)


def folder_for_file(folder):
    (folder / "data/table.csv").mkdir(parents=True)
    (folder / "data/table.csv/mine.txt").write_text("mine")


def file_for_folder(folder):
    (folder / "data").write_text("mine")


def not_utf_8(folder):
    place = os.fsencode(folder)
    os.mkfifo(place + b"/\xff\xfe")
    open(place + b"/\xff.ipynb", "w").close()


def pipes(folder):
    for number in range(200):
        os.mkfifo(folder / f"pipe{number}")


ODD = {
    "sparse": (sparse, "too big"),
    "deep": (deep, ""),
    "folder-for-file": (folder_for_file, ""),
    "file-for-folder": (file_for_folder, ""),
    "not-utf-8": (not_utf_8, "not part of the assignment"),
    "pipes": (pipes, "is a pipe"),
}


@pytest.mark.filterwarnings("ignore")  # of nbgrader's own code
def test_odd_files_are_left_out_and_everybody_is_graded(course, monkeypatch, capsys):
    monkeypatch.setattr(converter, "grade_all", graded_by_reading)
    for name, (make, _) in ODD.items():
        make(course.hand_in(name).parent)
    bytes_name = os.fsencode(course.folder / "submitted") + b"/\xffname/twice"
    os.makedirs(bytes_name)
    course.hand_in("two\nlines")
    capsys.readouterr()
    assert course.fairgrade("autograde", "twice", "--json") == 1
    rows = json.loads(capsys.readouterr().out)["submissions"]
    refused = {row["student"] for row in rows if row["status"] == "refused"}
    assert refused == {"two\nlines", "\udcffname"}
    graded = {row["student"]: row for row in rows if row["status"] == "graded"}
    assert graded.keys() == ODD.keys()
    for name, (_, note) in ODD.items():
        assert note in "".join(graded[name]["notes"])
        assert len(graded[name]["notes"]) < 10
        table = course.folder / "autograded" / name / "twice/data/table.csv"
        assert table.read_text() == "1,2\n"


@pytest.mark.filterwarnings("ignore")
def test_a_full_disk_still_stops_the_batch(course, monkeypatch, capsys):
    def full(source, target, **_):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(converter, "grade_all", graded_by_reading)
    (course.hand_in("full").parent / "notes.txt").write_text("mine")
    monkeypatch.setattr("shutil.copy2", full)
    assert course.fairgrade("autograde", "twice", "--student=full") != 0
    assert "No space left" in capsys.readouterr().err
