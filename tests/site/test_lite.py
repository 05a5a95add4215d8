"""The site's JupyterLite opens a chapter and runs it, and asks no other host."""

import json
from pathlib import Path

import nbformat
import pytest

from tools import lite
from tools.book import ROOT, SITE, notebooks

PATIENCE = 180_000  # milliseconds, for a machine that is busy


@pytest.fixture(scope="module")
def site():
    assert lite.LOCK.exists(), "bring it first: python -m tools.lite"
    return SITE / "lite"


def test_every_chapter_is_there_with_its_kernel(site):
    for path in notebooks():
        page = path.relative_to(ROOT).with_suffix(".ipynb")
        notebook = nbformat.read(site / "files" / page, as_version=4)
        assert notebook.metadata.kernelspec.name == "python"
        assert "runs in your browser" in notebook.cells[0].source


def test_what_is_missing_is_said_at_the_top():
    notebook = nbformat.v4.new_notebook()
    words = lite.adapted(notebook, ["scipy", "matplotlib"]).cells[0].source
    assert "neither are SciPy and Matplotlib" in words
    notebook = nbformat.v4.new_notebook()
    assert "SciPy" not in lite.adapted(notebook).cells[0].source


def test_no_address_of_another_host_is_configured(site):
    written = (site / "jupyter-lite.json").read_text(encoding="utf-8")
    assert "//" not in written
    kernel = json.loads(written)["jupyter-config-data"]["litePluginSettings"]
    assert kernel[lite.KERNEL_PACKAGE]["disablePyPIFallback"] is True


def test_the_lock_names_what_lies_in_the_site(site):
    lock = json.loads((site / "kernel" / lite.LOCK.name).read_text(encoding="utf-8"))
    packages = lock["packages"]
    assert {"everygrad", "ipython", "micropip", "numpy"} <= packages.keys()
    for package in packages.values():
        assert Path(site, "kernel", package["file_name"]).exists()
        assert set(package["depends"]) <= packages.keys()


def test_a_wheel_of_the_library_can_be_unpacked(tmp_path):
    path = lite.pack(tmp_path, "everygrad", "0", lite.library())
    entry = lite.entry(path)
    assert entry["imports"] == ["everygrad"]
    assert entry["name"] == "everygrad"


def test_a_wheel_that_was_changed_is_refused(tmp_path, monkeypatch, capfd):
    pin = next(
        line
        for line in lite.PINS.read_text(encoding="utf-8").splitlines()
        if line.startswith("six==")
    )
    wrong = tmp_path / "pins.txt"
    wrong.write_text(pin[:-4] + "0000\n")
    monkeypatch.setattr(lite, "PINS", wrong)
    monkeypatch.setattr(lite, "WHEELS", tmp_path / "wheels")
    assert lite.bring_wheels() is False
    assert not (tmp_path / "wheels" / "complete").exists()


def test_without_pyodide_it_is_left_out_and_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(lite, "KERNEL", tmp_path / "kernel")
    monkeypatch.setattr(lite.pyodide, "available", lambda: [])
    assert lite.main() == 1
    assert "No JupyterLite" in capsys.readouterr().err


@pytest.mark.xdist_group("browser")
def test_a_chapter_opens_and_runs_and_no_other_host_is_asked(site, chromium, address):
    context = chromium.new_context()
    hosts = set()
    context.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/book/perceptron.html")
    page.get_by_role("button", name="Open as a notebook").click()
    with context.expect_page() as opened:
        page.get_by_role("link", name="JupyterLite").click()
    notebook = opened.value
    notebook.set_default_timeout(PATIENCE)
    cell = notebook.locator(".jp-CodeCell").first
    cell.locator(".cm-content").click()
    notebook.keyboard.press("ControlOrMeta+a")
    notebook.keyboard.insert_text(
        "import numpy as np\n"
        "from everygrad.perceptron import predict\n"
        "print('classes', predict(np.array([[2.0], [-3.0]]), np.array([1.0])))"
    )
    notebook.keyboard.press("Shift+Enter")
    output = cell.locator(".jp-OutputArea-output").filter(has_text="classes")
    output.wait_for()
    assert output.inner_text().strip() == "classes [ 1 -1]"
    assert hosts <= {address.split("/")[2], ""}
    context.close()


@pytest.mark.xdist_group("browser")
def test_it_starts_with_a_list_of_what_there_is(site, visiting, address):
    with visiting() as visit:
        visit.page.set_default_timeout(PATIENCE)
        visit.page.goto(f"{address}/lite/")
        visit.page.locator(".jp-DirListing").get_by_text("book", exact=True).dblclick()
        visit.page.get_by_text("perceptron.ipynb", exact=True).wait_for()
        assert visit.page.url.startswith(f"{address}/lite/tree/")
        assert [text for text in visit.complaints if text.startswith("http")] == []
        assert visit.hosts <= {address.split("/")[2]}
