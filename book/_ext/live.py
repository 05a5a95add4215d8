"""Let readers run NumPy cells on the page itself, with Pyodide, and say which ones.

A page gets a list of its cells: which are live, and which lines of the others run
quietly before later ones. Nothing else is loaded until a reader asks. tools/pyodide.py
brings Pyodide; without it no cell is live.
"""

import functools
import gzip
import io
import json
import shutil
import zipfile
from pathlib import Path

import liveness
import numpy as np
from docutils import nodes
from live_assets.python import stand_ins

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYODIDE = ROOT / "_build" / "pyodide"
BYTECODE = ROOT / "_build" / "pyodide-bytecode.zip"
LIBRARY = ROOT / "src" / "everygrad"
ASSETS = HERE / "live_assets"
SUMMARY = "live.json"  # in the folder of pages: how many cells of which page are live
SLOW = "tag_slow-in-browser"
INTERPRETER = ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm")
INTERPRETER += ("pyodide-lock.json",)
STDLIB = "python_stdlib.zip"
STDLIB_PATH = "/lib/python313.zip/"  # where Pyodide puts it
SCRIPT = '<script type="application/json" id="live-cells">'


def lock():
    """Return what Pyodide can load here, as {package: its entry in the lock}."""
    path = PYODIDE / "pyodide-lock.json"
    if not path.exists():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))["packages"]


def start(app, config):
    """Offer the script and the style sheet to those pages that ask for them."""
    config.html_static_path.append(str(ASSETS / "page"))
    if "numpy" not in lock():
        print("Pyodide is missing: no cell will run in the reader's browser.")


def mark(app, doctree, docname):
    """Mark the live cells of a page, and say beside the others what they need."""
    packages = lock()
    is_page = docname.startswith("book/")  # exercises are for JupyterLab
    if app.builder.name != "html" or not is_page or "numpy" not in packages:
        return
    cells = [node for node in doctree.findall(nodes.container) if is_cell(node)]
    page = liveness.Page(packages)
    verdicts = [page.cell(code_of(cell), SLOW in cell["classes"]) for cell in cells]
    if not any(verdict.is_live and not verdict.only_imports for verdict in verdicts):
        return
    for cell, verdict in zip(cells, verdicts, strict=True):
        if verdict.is_live:
            cell["classes"].append("live")
        elif verdict.lacks:
            words = f"Not live here: this cell needs {' and '.join(verdict.lacks)}."
            note = nodes.paragraph(words, words, classes=["live-note"])
            next(part for part in cell.findall() if is_input(part)).append(note)
    wanted = sorted(page.imports & set(packages))
    about = {
        "packages": wanted,
        "absent": sorted(page.absent()),
        "setUp": sorted(liveness.SET_UP),
        "size": words_for(size(wanted)),
        "cells": [one.for_page() for one in verdicts],
    }
    text = json.dumps(about, separators=(",", ":")).replace("<", "\\u003c")
    doctree.append(nodes.raw("", f"{SCRIPT}{text}</script>", format="html"))


def is_cell(node):
    """Return whether a node is a code cell with its output."""
    return "cell" in node["classes"]


def is_input(node):
    """Return whether a node holds the code of a cell."""
    return isinstance(node, nodes.container) and "cell_input" in node["classes"]


def code_of(cell):
    """Return the code of a cell, as the page shows it, or "" where it does not."""
    for part in cell.findall(is_input):
        return next(part.findall(nodes.literal_block)).astext()
    return ""


def files(packages):
    """Return {name: content} of the files that Python and these packages consist of."""
    entries, todo, found = lock(), list(packages), set()
    while todo:
        entry = entries[todo.pop()]
        if entry["file_name"] not in found:
            found.add(entry["file_name"])
            todo += entry["depends"]
    released = {
        name: (PYODIDE / name).read_bytes() for name in [*INTERPRETER, *sorted(found)]
    }
    return {**released, STDLIB: stdlib()}


def bytecode():
    """Return {path in Pyodide: bytecode} of what it reads before a first cell."""
    if not BYTECODE.exists():
        return {}
    with zipfile.ZipFile(BYTECODE) as archive:
        return {
            f"/{name.lstrip('/')}": archive.read(name) for name in archive.namelist()
        }


def packed(contents):
    """Return {name: bytes} as the bytes of an archive, the same every time."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stored.getvalue()


@functools.cache
def stdlib():
    """Return Python's library, with bytecode in place of the sources it reads first."""
    compiled, contents = bytecode(), {}
    with zipfile.ZipFile(PYODIDE / STDLIB) as released:
        for name in released.namelist():
            found = compiled.get(STDLIB_PATH + name)
            contents[f"{name}c" if found else name] = found or released.read(name)
    return packed(contents)


def size(packages):
    """Return how many bytes a reader loads: as they are, and where servers compress."""
    contents = [*files(packages).values(), course()]
    return (
        sum(map(len, contents)),
        sum(min(len(one), len(gzip.compress(one, 6))) for one in contents),
    )


def words_for(sizes):
    """Return sizes in words; which one it is depends on the server."""
    plain, compressed = (round(one / 1e6) for one in sizes)
    return f"{compressed} to {plain} MB"


def data():
    """Return the bundled data sets of scikit-learn as one small file."""
    from sklearn import datasets

    arrays = {}
    for name in stand_ins.SETS:
        bunch = getattr(datasets, f"load_{name}")()
        arrays[f"{name}_data"] = bunch.data
        arrays[f"{name}_target"] = bunch.target
        arrays[f"{name}_names"] = np.array(bunch.feature_names)
        if "target_names" in bunch:
            arrays[f"{name}_classes"] = bunch.target_names
    arrays["diabetes_unscaled"] = datasets.load_diabetes(scaled=False).data
    arrays["digits_data"] = arrays["digits_data"].astype(np.uint8)
    stored = io.BytesIO()
    np.savez_compressed(stored, **arrays)
    return stored.getvalue()


@functools.cache
def course():
    """Return an archive of the library, what runs cells, and bytecode of packages."""
    paths = {f"everygrad/{path.name}": path for path in LIBRARY.glob("*.*")}
    paths |= {path.name: path for path in (ASSETS / "python").glob("*.py")}
    contents = {name: path.read_bytes() for name, path in paths.items()}
    for path, code in bytecode().items():
        if not path.startswith(STDLIB_PATH):
            name = path.removesuffix(".py")
            folder, _, name = name.rpartition("/")
            contents[f"pycache{folder}/{name}.cpython-313.pyc"] = code
    return packed({**contents, "data.npz": data()})


def add_script(app, pagename, templatename, context, doctree):
    """Let a page load the script and the style sheet if it has live cells."""
    if SCRIPT in context.get("body", ""):
        app.add_js_file("live.js", loading_method="defer")
        app.add_css_file("live.css")


def finish(app, exception):
    """Put beside the pages what their live cells load, and count them."""
    target = Path(app.outdir, "pyodide")
    if exception or app.builder.name != "html":
        return
    shutil.rmtree(target, ignore_errors=True)
    found = dict(sorted(count(Path(app.outdir)).items()))
    summary = json.dumps(found, indent=1)
    Path(app.outdir, SUMMARY).write_text(summary, encoding="utf-8")
    if not found:
        return
    target.mkdir()
    for name, content in files(lock()).items():
        (target / name).write_bytes(content)
    shutil.copy(ASSETS / "python" / "live-worker.js", target)
    (target / "course.zip").write_bytes(course())
    print("Cells that run in the reader's browser:")
    for name, (live, of) in found.items():
        print(f"  {name}: {live} of {of}")


def count(folder):
    """Return {page: (live cells, all cells)} of the pages that have live cells."""
    found = {}
    for path in folder.rglob("*.html"):
        _, start, rest = path.read_text(encoding="utf-8").partition(SCRIPT)
        if start:
            cells = json.loads(rest.partition("</script>")[0])["cells"]
            name = path.relative_to(folder).with_suffix("").as_posix()
            found[name] = (sum(cell["live"] for cell in cells), len(cells))
    return found


def setup(app):
    """Register the hooks."""
    app.connect("config-inited", start, priority=900)
    app.connect("doctree-resolved", mark)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
