"""Put a JupyterLite beside the pages: their notebooks, run by the reader's browser.

    python -m tools.lite           # before the book: bring what the kernel loads
    (tools/book.py calls `build`)  # after it: put JupyterLite into the site

Everything is asked of the site itself. Pyodide and its packages are those that
tools/pyodide.py brought; the kernel's own are pinned in tools/lite.txt, by version and
SHA-256; `everygrad` is packed from its source. One lock names them all, so that an
import loads what it needs. Where SciPy and Matplotlib could not be had, each notebook
says so at its top.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path

import nbformat

from tools import pyodide
from tools.book import BUILD, ROOT, SITE

PINS = ROOT / "tools" / "lite.txt"
LITE = BUILD / "lite"
NOTEBOOKS = LITE / "notebooks"  # written by book/_ext/notebooks.py
WHEELS = LITE / "wheels"  # from PyPI, as pinned
KERNEL = LITE / "kernel"  # what the site serves: lock and wheels
LOCK = KERNEL / "pyodide-lock.json"
TARGET = SITE / "lite"
EXTENSION = "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension"
KERNEL_PACKAGE = "@jupyterlite/pyodide-kernel-extension:kernel"
# What the kernel asks for by name when it starts, besides what these need.
STARTS_WITH = ("micropip", "piplite", "sqlite3", "ipykernel", "comm", "pyodide-kernel")
STARTS_WITH += ("jedi", "ipython")
EXPECTED = ("scipy", "matplotlib")
KERNELSPEC = {
    "kernelspec": {
        "display_name": "Python (Pyodide)",
        "language": "python",
        "name": "python",
    },
    "language_info": {"name": "python"},
}


def name_of(package):
    """Return a package's name as Python's index writes it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def pinned():
    """Return {package: version} of tools/lite.txt."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    pins = [line.split()[0].split("==") for line in lines if "==" in line]
    return dict(pins)


def bring_wheels():
    """Fetch the pinned wheels unless they are there; return whether they are now.

    pip refuses a wheel that has another SHA-256 than the pinned one.
    """
    mark = WHEELS / "complete"
    if mark.exists() and mark.read_bytes() == PINS.read_bytes():
        return True
    shutil.rmtree(WHEELS, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version=3.13", "--require-hashes"]
    command += [f"--dest={WHEELS}", f"--requirement={PINS}"]
    if subprocess.run(command, check=False).returncode != 0:
        return False
    shutil.copy(PINS, mark)
    return True


def pack(target, name, version, files):
    """Write a wheel of `files`, {name in the wheel: bytes}; return its path."""
    path = target / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{about}/METADATA": f"Name: {name}\nVersion: {version}\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{about}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for inside, content in sorted(files.items()):
            wheel.writestr(zipfile.ZipInfo(inside), content, zipfile.ZIP_DEFLATED)
    return path


def library():
    """Return {name in a wheel: bytes} of everygrad."""
    source = ROOT / "src"
    paths = (source / "everygrad").rglob("*")
    return {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    }


def entry(path, depends=()):
    """Return what Pyodide's lock says of a wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        (about,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(wheel.read(about).decode("utf-8"))
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    return {
        "name": name_of(metadata["Name"]),
        "version": metadata["Version"],
        "file_name": path.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(top.removesuffix(".py") for top in tops),
        "depends": sorted(depends),
        "unvendored_tests": False,
    }


def lock_of(released, brought, wheels):
    """Return the lock of all that JupyterLite's kernel can load.

    Parameters
    ----------
    released, brought : dict
        Pyodide's lock as released, and the one trimmed to what lies in the site.
    wheels : list of Path
        The kernel's own wheels, and the library's.
    """
    packages = {
        name: {**package, "file_name": f"../../pyodide/{package['file_name']}"}
        for name, package in brought["packages"].items()
    }
    ours = {entry(path)["name"]: entry(path) for path in wheels}
    packages |= ours
    for name in ours:
        needs = released["packages"].get(name, {}).get("depends", [])
        # IPython would draw with Matplotlib, but does without.
        wanted = {name_of(other) for other in needs} & ours.keys()
        packages[name]["depends"] = sorted(wanted)
    return {**released, "packages": packages}


def extension():
    """Return the folder of the kernel's JupyterLab extension, or None."""
    if find_spec("jupyterlite_core") is None:
        return None
    here = Path(find_spec("jupyterlite_pyodide_kernel").origin).parents[1]
    places = [Path(sys.prefix, EXTENSION), here / EXTENSION]
    found = [place for place in places if place.exists()]
    return found[0] if found else None


def prepare():
    """Bring all that the kernel loads; return what is missing, in words, or None."""
    shutil.rmtree(KERNEL, ignore_errors=True)
    if extension() is None:
        return "jupyterlite-core and jupyterlite-pyodide-kernel are not installed"
    if "numpy" not in pyodide.available():
        return "Pyodide and its NumPy are not there"
    if not bring_wheels():
        return "the packages of tools/lite.txt could not be had"
    KERNEL.mkdir(parents=True)
    own = (extension() / "static" / "pypi").glob("*.whl")
    for wheel in [*WHEELS.glob("*.whl"), *own]:
        if not wheel.name.startswith("widgetsnbextension"):
            shutil.copy(wheel, KERNEL)
    pack(KERNEL, "everygrad", "0", library())
    # IPython works without sqlite3, but the kernel wants the name to be known.
    pack(KERNEL, "sqlite3", "0", {})
    released = json.loads(pyodide.WHOLE_LOCK.read_text(encoding="utf-8"))
    brought = json.loads((pyodide.FOLDER / pyodide.LOCK).read_text(encoding="utf-8"))
    lock = lock_of(released, brought, sorted(KERNEL.glob("*.whl")))
    LOCK.write_text(json.dumps(lock), encoding="utf-8")
    return None


def absent():
    """Return which packages that chapters use could not be had."""
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    return [name for name in EXPECTED if name not in packages]


def adapted(notebook, missing=()):
    """Return a notebook for JupyterLite: its kernel, and what is missing there."""
    notebook.metadata = {**notebook.metadata, **KERNELSPEC}
    names = {"scipy": "SciPy", "matplotlib": "Matplotlib"}
    words = "This notebook runs in your browser. PyTorch and scikit-learn are not there"
    if missing:
        words += ", and neither are " + " and ".join(names[name] for name in missing)
    words += ": cells that import them stop with an error that says so. "
    words += "What you change stays in this browser."
    cells = [nbformat.v4.new_markdown_cell(words, id="about-lite")]
    if missing:
        source = "import numpy as np  # the cells below expect it"
        cells.append(nbformat.v4.new_code_cell(source, id="numpy"))
    notebook.cells = cells + notebook.cells
    return notebook


def write_contents(folder):
    """Write the notebooks for JupyterLite."""
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        target = folder / path.relative_to(NOTEBOOKS)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(adapted(nbformat.read(path, as_version=4), absent()), target)


def settings():
    """Return JupyterLite's settings: no other host is asked for anything."""
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "Every Gradient Checked",
            "appUrl": "./tree",
            "faviconUrl": "./static/favicons/favicon.ico",
            "litePluginSettings": {
                KERNEL_PACKAGE: {
                    "pyodideUrl": "./../pyodide/pyodide.js",
                    "disablePyPIFallback": True,
                    "loadPyodideOptions": {
                        "lockFileURL": "./kernel/pyodide-lock.json",
                        "packages": list(STARTS_WITH),
                    },
                }
            },
        },
    }


def configuration():
    """Return how JupyterLite is built: notebooks, their list, and the kernel alone."""
    return {
        "LiteBuildConfig": {
            "apps": ["notebooks", "tree"],
            "contents": ["contents"],
            "federated_extensions": [str(extension())],
            "ignore_sys_prefix": ["federated_extensions"],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            "output_dir": str(TARGET),
        }
    }


def fingerprint():
    """Return a digest of all that JupyterLite is built from."""
    digest = hashlib.sha256()
    files = [Path(__file__), PINS, *NOTEBOOKS.rglob("*.ipynb"), *KERNEL.iterdir()]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def build():
    """Put JupyterLite into the site unless it is there; return the exit status."""
    if not LOCK.exists():
        shutil.rmtree(TARGET, ignore_errors=True)
        return 0
    mark = TARGET / "built-from"
    if mark.exists() and mark.read_text(encoding="utf-8") == fingerprint():
        return 0
    shutil.rmtree(TARGET, ignore_errors=True)
    source = LITE / "source"
    shutil.rmtree(source, ignore_errors=True)
    write_contents(source / "contents")
    for name, content in (
        ("jupyter-lite.json", settings()),
        ("jupyter_lite_config.json", configuration()),
    ):
        (source / name).write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", "."]
    run = subprocess.run(command, cwd=source, capture_output=True, text=True)
    if run.returncode != 0:
        print(f"JupyterLite was not built:\n{run.stdout}{run.stderr}", file=sys.stderr)
        return run.returncode
    shutil.copytree(KERNEL, TARGET / "kernel")
    mark.write_text(fingerprint(), encoding="utf-8")
    return 0


def main():
    """Bring what is needed, and say what is missing; return the exit status."""
    missing = prepare()
    if missing is None:
        return 0
    print(f"No JupyterLite, and no button for it: {missing}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
