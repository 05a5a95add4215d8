"""Execute the chapters that changed, in parallel, and build the site.

    python -m tools.book

Chapters run through jupyter-cache, whose results Jupyter Book then finds: one changed
chapter executes alone. A change of the library or of a package's version executes all.
"""

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import yaml
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
SITE = BUILD / "html"
CELL_SECONDS = 60
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# What all chapters depend on, and what all pages depend on besides.
CODE = ("src/everygrad", "constraints.txt", "_toc.yml")
LOOKS = ("_config.yml", "book/_ext", "book/_static", "book/references.bib")
# Which cells run in a browser, and how soon.
LOOKS += ("_build/pyodide/pyodide-lock.json", "_build/pyodide-bytecode.zip")


def pages(root=ROOT):
    """Return the paths of all pages of the book, in reading order."""
    documents = parse_toc_yaml(root / "_toc.yml").keys()
    found = [
        root / f"{document}{end}" for document in documents for end in (".md", ".ipynb")
    ]
    return [path for path in found if path.exists()]


def chapters(root=ROOT):
    """Return the paths of the numbered pages that teach, in reading order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in toc["parts"] if part.get("numbered")]
    return [root / f"{page['file']}.md" for part in parts for page in part["chapters"]]


def notebooks(root=ROOT):
    """Return the paths of the pages that execute, in reading order."""
    texts = [path for path in pages(root) if path.suffix == ".md"]
    return [path for path in texts if "{code-cell}" in path.read_text(encoding="utf-8")]


def fingerprint(names):
    """Return a digest of files and folders, given relative to the project."""
    digest = hashlib.sha256()
    for name in names:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


def forget_if_changed(mark, names, folders):
    """Delete `folders` unless the file `mark` says that they were made from `names`."""
    now = fingerprint(names)
    if not mark.exists() or mark.read_text(encoding="utf-8") != now:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(now, encoding="utf-8")


def explain(path, traceback):
    """Return which cell of a chapter raised, its code and the error, in plain text."""
    text = ESCAPES.sub("", traceback)
    after = re.split(r"executing the following cell:\n-+\n", text, maxsplit=1)
    if len(after) == 1:  # no cell raised: a time-out, a kernel that died
        return f"{path.relative_to(ROOT)} did not execute:\n{text}"
    code, _, error = after[1].partition("\n------------------\n")
    cells = [
        cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"
    ]
    same = [n for n, source in enumerate(cells, 1) if source.strip() == code.strip()]
    where = f"{path.relative_to(ROOT)}: code cell {same[0] if same else '?'} raised"
    return f"{where}\n\n{code}\n\n{error.strip()}"


def ignore_own_profile():
    """Let kernels start from a profile of the course, not from the reader's own.

    They also keep quiet about connections that never leave this machine.
    """
    profile = BUILD / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    quiet = "get_config().IPKernelApp.log_level = 40\n"
    (profile / "ipython_kernel_config.py").write_text(quiet, encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(profile.parent)


def execute(paths, cache_folder=CACHE):
    """Execute those notebooks that have no result yet; return what went wrong."""
    cache = get_cache(cache_folder)
    for record in cache.list_project_records():
        cache.remove_nb_from_project(record.pk)
    for path in paths:
        cache.add_nb_to_project(
            path, read_data={"name": "myst_nb_md", "type": "plugin"}
        )
    todo = [Path(record.uri) for record in cache.list_unexecuted()]
    for path in todo:
        print(f"executing {path.relative_to(ROOT)}", flush=True)
    # Chapters run side by side: several threads in each would only get in the way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.ERROR)
    outcome = load_executor("local-parallel", cache, logger=logger).run_and_cache(
        filter_uris=[str(path) for path in todo], timeout=CELL_SECONDS
    )
    failed = [Path(uri) for uri in outcome.excepted + outcome.errored]
    records = {path: cache.get_project_record(str(path)) for path in failed}
    return [explain(path, record.traceback or "") for path, record in records.items()]


def build():
    """Build the site; return the exit status of Jupyter Book.

    A page with a warning is read again by the next build: Sphinx would take it as done.
    """
    jupyter_book = shutil.which("jupyter-book", path=Path(sys.executable).parent)
    command = [jupyter_book, "build", ".", "-W", "--keep-going", "-n"]
    unfinished = BUILD / "unfinished"
    if unfinished.exists():
        shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
        shutil.rmtree(SITE, ignore_errors=True)
    unfinished.touch()
    status = subprocess.run(command, cwd=ROOT).returncode
    if status == 0:
        unfinished.unlink()
    return status


def main():
    """Execute and build; return the exit status."""
    forget_if_changed(BUILD / "executed-from", CODE, [CACHE, BUILD / ".doctrees"])
    pages_of_it = [BUILD / ".doctrees", SITE, BUILD / "lite" / "notebooks"]
    forget_if_changed(BUILD / "built-from", CODE + LOOKS, pages_of_it)
    ignore_own_profile()
    failures = execute(notebooks())
    if failures:
        print("\n\n".join(failures), file=sys.stderr)
        return 1
    from tools import lite  # it needs this module

    status = build() or lite.build()
    if status == 0:
        print(f"\nThe book: {SITE / 'index.html'}\nTo read it in a browser: make serve")
    return status


if __name__ == "__main__":
    sys.exit(main())
