"""The house is in order: one word opens every room, and nothing leads out of it."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tools.book import ROOT, chapters

ROOMS = (".ci", ".github", "binder", "book", "exercises", "hub")
ROOMS += ("solutions", "src", "tests", "tools")
BUILT = {
    "__pycache__",
    ".ipynb_checkpoints",
    "everygrad.egg-info",
    "fairgrade.egg-info",
}
FILES = [path for path in ROOT.iterdir() if path.is_file()]
FILES += [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
NAMES = sorted(
    path.relative_to(ROOT).as_posix() for path in FILES if not BUILT & set(path.parts)
)
TEXTS = [
    name
    for name in NAMES
    if Path(name).suffix
    in {".cff", ".css", ".ipynb", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}
    or name in {"Makefile", ".ci/run"}
]
# Folders of one machine, and hosts of packages: whoever builds has their own.
ELSEWHERE = re.compile(
    r"/(home|Users)/\w|(?<!/self)/root\b|pypi\.org|pythonhosted|npmjs\.org|debian\.org"
)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_one_word_opens_every_room(path):
    name = path.stem
    rooms = [
        f"book/{name}.md",
        f"src/everygrad/{name}.py",
        f"solutions/{name}/{name}.md",
        f"exercises/{name}/{name}.ipynb",
        f"tests/exercises/{name}.py",
        f"tests/library/test_{name}.py",
    ]
    assert [room for room in rooms if room not in NAMES] == []


def test_every_chapter_and_exercise_is_in_the_table_of_contents():
    listed = text("_toc.yml")
    pages = [n for n in NAMES if n.startswith("book/") and n.endswith(".md")]
    pages += [n for n in NAMES if n.startswith("exercises/")]
    assert [n for n in pages if f": {Path(n).with_suffix('')}\n" not in listed] == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_file_names_a_folder_of_one_machine_or_a_host_of_packages(name):
    if name != "tests/project/test_house.py":
        assert not ELSEWHERE.search(text(name))


def test_no_number_in_a_file_name():
    assert [name for name in NAMES if re.search(r"\d", Path(name).name)] == []


def test_links_of_the_readme_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "hub/README.md"):
        links = re.findall(r"\]\(([^)]+)\)", text(name))
        room = (ROOT / name).parent
        assert [x for x in links if "://" not in x and not (room / x).exists()] == []


def test_the_readme_names_files_that_exist():
    named = re.findall(
        r"`((?:book|src|exercises|solutions|tests)/[\w./]+)`", text("README.md")
    )
    assert len(named) >= 6
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_make_help_lists_every_command():
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text("Makefile"), re.M)
    assert set(phony.split()) - {"environment"} == {
        x.split()[0] for x in listed.splitlines()
    }


def test_ci_runs_the_test_command_of_the_readme():
    assert text(".ci/run").rstrip().endswith("\nmake test")
    assert "make test " in text("README.md")
    assert "bash .ci/run" in text(".github/workflows/pull-request.yml")


@pytest.mark.parametrize("name", [n for n in NAMES if n.endswith((".yml", ".cff"))])
def test_yaml_reads(name):
    assert yaml.safe_load(text(name))


def test_licences_are_said_once_and_there():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    cited = yaml.safe_load(text("CITATION.cff"))
    assert project["license"] == "BSD-3-Clause"
    assert cited["license"] == ["BSD-3-Clause", "CC-BY-4.0"]
    assert cited["version"] == project["version"]
    assert "BSD 3-Clause" in text("LICENSE")
    assert "Attribution 4.0 International" in (ROOT / "LICENSE-text").read_text()
