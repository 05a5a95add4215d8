"""Binder gets what the tests run on, and there a chapter opens as a notebook."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.book import ROOT
from tools.environment import OLDEST, dotted

BINDER = ROOT / "binder"
SECRET = "a-test"
PATIENCE = 120_000  # milliseconds, for a machine that is busy


def includes(name="requirements.txt"):
    """Return the files that binder/requirements.txt names, by option."""
    lines = (BINDER / name).read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"--(requirement|constraint) (\S+)", line) for line in lines]
    return {match[1]: (BINDER / match[2]).resolve() for match in found if match}


def test_binder_installs_the_files_that_made_this_environment():
    assert includes() == {
        "requirement": ROOT / "requirements.txt",
        "constraint": ROOT / "constraints.txt",
    }
    made_from = (ROOT / "tools" / "environment.py").read_text(encoding="utf-8")
    for option, path in includes().items():
        assert f'"--{option}", "{path.name}"' in made_from


def test_no_version_is_written_twice():
    assert "==" not in (BINDER / "requirements.txt").read_text(encoding="utf-8")
    runtime = (BINDER / "runtime.txt").read_text(encoding="utf-8")
    assert runtime == f"python-{dotted(OLDEST)}\n"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return the address of a JupyterLab such as Binder starts after postBuild."""
    home = tmp_path_factory.mktemp("binder")
    folder = home / "project"
    (folder / "book").mkdir(parents=True)
    for name in ("book/perceptron.md", "jupytext.toml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    outside = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    environment = {
        **outside,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    subprocess.run([BINDER / "postBuild"], cwd=folder, env=environment, check=True)
    settings = home / "config" / "labconfig" / "default_setting_overrides.json"
    assert "Jupytext Notebook" in settings.read_text(encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", f"--IdentityProvider.token={SECRET}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.collaborative=False"]
    log = (home / "log").open("w")
    server = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()
    log.close()


@pytest.mark.xdist_group("browser")
def test_a_chapter_opens_as_a_notebook_and_runs(lab, chromium):
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{lab}/lab/tree/book/perceptron.md?token={SECRET}")
    cells = page.locator(".jp-NotebookPanel .jp-CodeCell")
    cells.first.wait_for()
    assert page.locator(".jp-FileEditor").count() == 0
    # Sooner, JupyterLab would ask which kernel is meant.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    cell = cells.first
    cell.locator(".cm-content").fill("print('sum', sum(range(5)))")
    cell.locator(".cm-content").press("Shift+Enter")
    output = cell.locator(".jp-OutputArea-output").first
    output.wait_for()
    assert output.inner_text().strip() == "sum 10"
    page.close()
