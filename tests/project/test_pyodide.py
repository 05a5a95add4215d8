"""Pyodide is brought whole or not at all: every byte is the one that was released."""

import hashlib
import json
import zipfile

import pytest

from tools import pyodide
from tools.book import BUILD
from tools.pyodide import available

WHEEL = b"a wheel"
SMALL = {
    "info": {"python": "3.13.2"},
    "packages": {
        "numpy": {"file_name": "numpy.whl", "depends": []},
        "numpy-tests": {"file_name": "numpy-tests.whl", "depends": ["numpy"]},
        "scipy": {"file_name": "scipy.whl", "depends": ["numpy", "libopenblas"]},
        "libopenblas": {"file_name": "openblas.zip", "depends": []},
        "matplotlib": {"file_name": "matplotlib.whl", "depends": ["numpy"]},
        "odd": {"file_name": "odd.whl", "depends": ["not_in_the_lock"]},
    },
}
for entry in SMALL["packages"].values():
    entry["sha256"] = hashlib.sha256(WHEEL).hexdigest()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A release of a few bytes; returns what each source is asked for."""
    interpreter = {name: name.encode() for name in pyodide.DIGESTS}
    interpreter[pyodide.LOCK] = json.dumps(SMALL).encode()
    digests = {n: hashlib.sha256(one).hexdigest() for n, one in interpreter.items()}
    asked = {"release": [], "carrier": []}

    def source(name, holds):
        def bring(files):
            asked[name].append(sorted(files))
            return {one: WHEEL for one in files if one in holds}

        return bring

    monkeypatch.setattr(pyodide, "FOLDER", tmp_path / "pyodide")
    monkeypatch.setattr(pyodide, "WHOLE_LOCK", tmp_path / "lock.json")
    monkeypatch.setattr(pyodide, "GAPS", tmp_path / "gaps.json")
    monkeypatch.setattr(pyodide, "DIGESTS", digests)
    monkeypatch.setattr(pyodide, "BYTECODE", tmp_path / "bytecode.zip")
    monkeypatch.setattr(pyodide, "bytecode", lambda: {"/lib/a.py": b"compiled"})
    monkeypatch.setattr(pyodide, "interpreter", lambda: dict(interpreter))
    monkeypatch.setattr(pyodide, "from_release", source("release", []))
    monkeypatch.setattr(pyodide, "from_carrier", source("carrier", ["numpy.whl"]))
    return asked


def names():
    return {path.name for path in pyodide.FOLDER.iterdir()}


def test_what_can_be_had_is_kept_and_the_lock_names_nothing_else(small):
    assert pyodide.fetch() == available() == ["numpy"]
    assert names() == {*pyodide.DIGESTS, "numpy.whl"}
    kept = json.loads((pyodide.FOLDER / pyodide.LOCK).read_text())
    assert list(kept["packages"]) == ["numpy"]
    assert kept["info"] == SMALL["info"]


def test_a_package_without_what_it_needs_is_left_out(small, monkeypatch):
    def most(files):
        return {name: WHEEL for name in files if name != "openblas.zip"}

    monkeypatch.setattr(pyodide, "from_release", most)
    assert pyodide.fetch() == ["matplotlib", "numpy"]
    assert "scipy.whl" not in names()


def test_the_release_is_asked_first_and_again_the_carrier_once(small):
    for _ in range(2):
        pyodide.fetch()
    assert small["release"][0] == small["carrier"][0]
    assert len(small["release"]) == 2
    assert len(small["carrier"]) == 1
    (pyodide.FOLDER / "numpy.whl").unlink()
    assert pyodide.fetch() == ["numpy"]
    assert len(small["carrier"]) == 2


def test_a_damaged_file_is_brought_again(small):
    pyodide.fetch()
    for name in ("numpy.whl", "pyodide.js"):
        (pyodide.FOLDER / name).write_bytes(b"damaged")
        with pytest.raises(pyodide.WrongDigest, match=name):
            available()
        assert pyodide.fetch() == ["numpy"]


@pytest.mark.parametrize("source", ["from_release", "from_carrier"])
def test_a_wheel_with_another_digest_is_refused(small, source, monkeypatch, capsys):
    monkeypatch.setattr(pyodide, source, lambda files: {"numpy.whl": b"planted"})
    assert pyodide.main() == 1
    assert "numpy.whl has SHA-256" in capsys.readouterr().err
    assert "numpy.whl" not in names()
    assert available() == []


def test_an_interpreter_with_another_digest_is_refused(small, monkeypatch, capsys):
    planted = {name: b"planted" for name in pyodide.DIGESTS}
    monkeypatch.setattr(pyodide, "interpreter", lambda: planted)
    assert pyodide.main() == 1
    assert "pyodide.mjs has SHA-256" in capsys.readouterr().err
    assert not pyodide.FOLDER.exists()


def test_bytecode_is_written_once_for_the_same_sources(small, monkeypatch):
    pyodide.fetch()
    with zipfile.ZipFile(pyodide.BYTECODE) as archive:
        assert archive.read("/lib/a.py") == b"compiled"
    monkeypatch.setattr(pyodide, "bytecode", dict)
    pyodide.fetch()
    assert pyodide.BYTECODE.exists()
    lock = pyodide.FOLDER / pyodide.LOCK
    lock.write_bytes(lock.read_bytes() + b" ")
    pyodide.compile_sources()  # of other sources, and in vain
    assert not pyodide.BYTECODE.exists()


def test_without_bytecode_it_goes_on_and_says_why(small, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(pyodide, "FOLDER", BUILD / "nowhere")
    assert pyodide.bytecode() == {}
    assert "first cells wait longer" in capsys.readouterr().err
    monkeypatch.setattr(pyodide, "program", lambda name: None)
    assert pyodide.bytecode() == {}


def test_without_npm_it_says_that_no_cell_runs(small, monkeypatch, capsys):
    monkeypatch.setattr(pyodide, "interpreter", dict)
    assert pyodide.main() == 1
    assert "no cell of the book runs" in capsys.readouterr().err
    assert available() == []


def test_a_release_that_cannot_be_reached_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(pyodide, "RELEASE", "http://127.0.0.1:9")
    assert pyodide.from_release(["numpy.whl", "scipy.whl"]) == {}


def test_what_was_brought_for_this_book_is_whole():
    assert "numpy" in available(), "bring it: python -m tools.pyodide"
    lock = json.loads((BUILD / "pyodide-lock.json").read_text(encoding="utf-8"))
    assert len(lock["packages"]) > 300
    assert pyodide.needed(lock, ["numpy"]) == ["numpy"]
    assert {"numpy", "libopenblas", "pillow"} <= set(pyodide.needed(lock))
