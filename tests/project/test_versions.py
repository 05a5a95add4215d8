"""One set of versions: pip's pins, conda's and the library's ranges agree."""

import re
import sys
import tomllib
from importlib.metadata import distributions, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools.book import ROOT
from tools.environment import OLDEST


def pins(name):
    """Return {package: exact version} of a requirements file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [line.split("==") for line in lines if "==" in line and line[0] != "#"]
    return {canonicalize_name(package): exact for package, exact in found}


def ranges():
    """Return what the library asks for, as {package: Requirement}."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    asked = [Requirement(one) for one in project["dependencies"]]
    return {canonicalize_name(one.name): one for one in asked}


REQUIRED, CONSTRAINED = pins("requirements.txt"), pins("constraints.txt")


def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_every_requirement_is_an_exact_pin():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    loose = [
        x
        for x in lines
        if x and x[0] != "#" and "==" not in x and not x.startswith("--editable .")
    ]
    assert loose == []
    assert REQUIRED["torch"] == "2.13.0"


def test_the_constraints_hold_the_same_pins_and_every_package_that_they_bring():
    assert {name: CONSTRAINED.get(name) for name in REQUIRED} == REQUIRED
    assert len(CONSTRAINED) > 4 * len(REQUIRED)


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_what_is_installed_is_what_is_pinned(name):
    assert version(name).split("+")[0] == REQUIRED[name]


def test_every_pinned_package_runs_on_the_oldest_python():
    first = f"{'.'.join(map(str, OLDEST))}.0"
    installed = {canonicalize_name(one.name): one.metadata for one in distributions()}
    asked = {
        name: installed[name].get("Requires-Python", "")
        for name in CONSTRAINED.keys() & installed
    }
    assert len(asked) > 100
    assert [name for name, ask in asked.items() if first not in SpecifierSet(ask)] == []


def test_conda_installs_the_same_versions():
    conda_names = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
    named = [one.split("=") for one in conda()["dependencies"] if "=" in one]
    versions = {conda_names.get(name, name): exact for name, exact in named}
    python = versions.pop("python")
    assert versions == {name: REQUIRED[name] for name in versions}
    assert versions.keys() == {"torch", "numpy", "scipy", "matplotlib"}
    assert tuple(int(part) for part in python.split(".")) >= OLDEST


def test_conda_takes_the_rest_from_the_same_files():
    (rest,) = [one["pip"] for one in conda()["dependencies"] if isinstance(one, dict)]
    assert rest == ["-c constraints.txt", "-r requirements.txt"]
    assert conda()["channels"] == ["conda-forge"]


@pytest.mark.parametrize("name", sorted(ranges()))
def test_the_pins_lie_in_the_ranges_of_the_library(name):
    asked = ranges()[name]
    assert REQUIRED[name] in asked.specifier
    assert not re.search("==", str(asked.specifier)), "the library asks for ranges"


def test_the_library_needs_no_more_than_numpy_scipy_matplotlib():
    assert ranges().keys() == {"numpy", "scipy", "matplotlib"}


def test_one_oldest_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    assert project["requires-python"] == ">=" + ".".join(map(str, OLDEST))
    assert sys.version_info[:2] >= OLDEST
