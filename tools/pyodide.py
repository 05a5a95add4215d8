"""Bring Pyodide, the Python that runs in a reader's browser, and the wheels it loads.

    python -m tools.pyodide

The interpreter comes from npm. A wheel comes from Pyodide's own release where that can
be reached, and else from a package on PyPI that carries some of them. No byte is kept
whose SHA-256 is not the expected one: DIGESTS has the interpreter's and the lock's, and
the lock has those of all wheels. The book is built without a wheel that cannot be had,
and says so beside the cells that need it.

Released are sources, which a browser takes seconds to compile before a first cell runs.
What is read every time is therefore compiled here, by Pyodide itself.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

from tools.book import BUILD, ROOT
from tools.node import program

VERSION = "0.29.0"
WANTED = ("numpy", "scipy", "matplotlib")
LOCK = "pyodide-lock.json"
DIGESTS = {
    name: digest
    for digest, name in (
        line.split()
        for line in f"""
31afa960fdf68333de6f3f0513bad154495c8fc635a66b7e58ab9cf356a76501 pyodide.mjs
4b189b200cd62705bded5c3982e8ea9edfb4757aae03308f13f7431009992554 pyodide.js
f1e70077bd701757b2798fc57f540fe39cf23d36ee5cd7c1a9b3a6f35cf500a7 pyodide.asm.js
615172c6b2f5efe53e41d0201a98eb37c1f3aa7675d11cb06b6079b3a6b2bef5 pyodide.asm.wasm
e389fbdc394a00d31ff0624386c9e3e52e04727130ac73597a99c477afe4f1ca python_stdlib.zip
701557726114e9a968d2088153414b2f126b8631aa734ed98eaf1797d4e4d087 {LOCK}
""".strip().splitlines()
    )
}
RELEASE = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full"
CARRIER = "gbdraw==0.14.2"  # on PyPI; holds NumPy's wheel of this release
PATIENCE = 4  # seconds for the release to answer

FOLDER = BUILD / "pyodide"  # what a site serves
WHOLE_LOCK = BUILD / "pyodide-lock.json"  # as released; FOLDER has one trimmed to fit
BYTECODE = BUILD / "pyodide-bytecode.zip"  # {path in Pyodide: bytecode}, for live.py
COMPILER = ROOT / "tools" / "bytecode.cjs"
# What cannot be had: the carrier is too large to be brought in vain a second time.
GAPS = BUILD / "pyodide-gaps.json"


class WrongDigest(Exception):
    """A file that is not the one that was released."""


def check(name, content, expected):
    """Refuse a file whose SHA-256 is not the expected one."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise WrongDigest(
            f"{name} has SHA-256 {found}, not {expected}: it was changed on its way, "
            f"or is not of Pyodide {VERSION}. Nothing of it is kept."
        )
    return content


def is_intact(path, expected):
    """Return whether a file is there, with the expected SHA-256."""
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == expected


def needed(lock, names=WANTED):
    """Return the packages that these need, themselves included, sorted."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += lock["packages"][name]["depends"]
    return sorted(found)


def trim(lock, present):
    """Return the lock with those wanted packages that are present with all they need.

    Pyodide picks packages by the modules they hold. From the whole lock it would look
    for `numpy` in a package of tests as well, which is not here.
    """
    whole = [name for name in WANTED if set(needed(lock, [name])) <= set(present)]
    kept = {name: lock["packages"][name] for name in needed(lock, whole)}
    return {**lock, "packages": kept}


def interpreter():
    """Return {name: bytes} of the interpreter and the lock from npm, or {}."""
    npm = program("npm")
    if npm is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        quiet = ["--no-update-notifier", "--loglevel=error", "--silent"]
        command = [npm, "pack", f"pyodide@{VERSION}", *quiet]
        if subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, check=False
        ).returncode:
            return {}
        (archive,) = Path(folder).glob("*.tgz")
        shutil.unpack_archive(archive, folder, filter="data")
        return {
            name: (Path(folder) / "package" / name).read_bytes() for name in DIGESTS
        }


def from_release(files):
    """Return {name: bytes} of those files that Pyodide's own release hands out."""
    found = {}
    for name in files:
        try:
            with urllib.request.urlopen(f"{RELEASE}/{name}", timeout=PATIENCE) as reply:
                found[name] = reply.read()
        except (OSError, HTTPException):  # not reached: nor are the others then
            break
    return found


def from_carrier(files):
    """Return {name: bytes} of those files that the package on PyPI carries."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps"]
        command += ["--only-binary=:all:", f"--dest={folder}", CARRIER]
        if subprocess.run(command, check=False).returncode != 0:
            return {}
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            inside = {Path(name).name: name for name in archive.namelist()}
            return {
                name: archive.read(inside[name]) for name in files if name in inside
            }


def bring_interpreter():
    """Fetch the interpreter unless it is there; return whether it is now."""
    places = {name: FOLDER / name for name in DIGESTS} | {LOCK: WHOLE_LOCK}
    if all(is_intact(path, DIGESTS[name]) for name, path in places.items()):
        return True
    files = interpreter()
    for name, content in files.items():
        check(name, content, DIGESTS[name])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        places[name].write_bytes(content)
    return bool(files)


def bring_wheels(lock):
    """Fetch the wheels that are not there; return the names of those that are now."""
    packages = [lock["packages"][name] for name in needed(lock)]
    digests = {package["file_name"]: package["sha256"] for package in packages}

    def missing():
        return [n for n, digest in digests.items() if not is_intact(FOLDER / n, digest)]

    def keep(files):
        for name, content in files.items():
            check(name, content, digests[name])
        for name, content in files.items():
            (FOLDER / name).write_bytes(content)

    if missing():
        keep(from_release(missing()))
    if not set(missing()) <= set(known_gaps()):
        keep(from_carrier(missing()))
    return digests.keys() - missing()


def known_gaps():
    """Return which files the carrier was asked for without need or in vain."""
    if not GAPS.exists():
        return []
    gaps = json.loads(GAPS.read_text(encoding="utf-8"))
    return gaps["files"] if gaps["carrier"] == CARRIER else []


def settle(lock, files):
    """Write the trimmed lock, and delete what it does not name."""
    packages = lock["packages"]
    trimmed = trim(lock, [n for n in packages if packages[n]["file_name"] in files])
    (FOLDER / LOCK).write_text(json.dumps(trimmed), encoding="utf-8")
    named = {package["file_name"] for package in trimmed["packages"].values()}
    for path in FOLDER.iterdir():
        if path.name not in named | set(DIGESTS):
            path.unlink()
    wanted = {packages[name]["file_name"] for name in needed(lock)}
    gaps = {"carrier": CARRIER, "files": sorted(wanted - named)}
    GAPS.write_text(json.dumps(gaps), encoding="utf-8")


def bytecode():
    """Return {path in Pyodide: bytecode} of what is read before a first cell.

    Returns {} where it cannot be compiled: all works without, but starts later.
    """
    node = program("node")
    if node is None:
        return {}
    run = subprocess.run([node, COMPILER, FOLDER], capture_output=True, text=True)
    if run.returncode != 0:
        print(
            f"No bytecode, so first cells wait longer:\n{run.stderr}", file=sys.stderr
        )
        return {}
    return {path: base64.b64decode(x) for path, x in json.loads(run.stdout).items()}


def compile_sources():
    """Write that bytecode, unless it is there; a comment says what it is made from."""
    sources = hashlib.sha256()
    for path in (COMPILER, FOLDER / LOCK, FOLDER / "python_stdlib.zip"):
        sources.update(path.read_bytes())
    mark = sources.hexdigest().encode()
    if BYTECODE.exists():
        with zipfile.ZipFile(BYTECODE) as archive:
            if archive.comment == mark:
                return
        BYTECODE.unlink()
    compiled = bytecode()
    if compiled:
        unfinished = BYTECODE.with_suffix(".new")
        with zipfile.ZipFile(unfinished, "w") as archive:
            for path, content in compiled.items():
                archive.writestr(zipfile.ZipInfo(path), content)
            archive.comment = mark
        unfinished.replace(BYTECODE)


def fetch():
    """Bring all that can be had; return which packages are there, sorted."""
    if not bring_interpreter():
        return []
    lock = json.loads(WHOLE_LOCK.read_text(encoding="utf-8"))
    settle(lock, bring_wheels(lock))
    found = available()
    if "numpy" in found:
        compile_sources()
    return found


def available():
    """Return which packages Pyodide can load there, sorted; [] where it is not.

    Raises WrongDigest for a file that is not the one that the lock names.
    """
    if not (FOLDER / LOCK).exists():
        return []
    packages = json.loads((FOLDER / LOCK).read_text(encoding="utf-8"))["packages"]
    for name, digest in DIGESTS.items():
        if name != LOCK:
            check(name, (FOLDER / name).read_bytes(), digest)
    for package in packages.values():
        content = (FOLDER / package["file_name"]).read_bytes()
        check(package["file_name"], content, package["sha256"])
    return sorted(packages)


def main():
    """Fetch, and say what is there and what is not; return the exit status."""
    try:
        found = fetch()
    except WrongDigest as error:
        print(error, file=sys.stderr)
        return 1
    if "numpy" not in found:
        print(
            "Pyodide or its NumPy could not be had: no cell of the book runs in the "
            "reader's browser. Is there a network?",
            file=sys.stderr,
        )
        return 1
    missing = [name for name in WANTED if name not in found]
    if missing:
        print(f"Pyodide {VERSION}: could not be had: {', '.join(missing)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
