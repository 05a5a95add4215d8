"""Live cells run in the browser, from a plain file server, and say what they do.

Most tests share one page and its Python, which takes seconds to start; each leaves the
page as it found it. LIVE=all compares every chapter with what the build computed.
"""

import _imp
import contextlib
import gzip
import hashlib
import json
import os
import re
import time
import zipfile

import pytest

from tools import pyodide
from tools.book import ROOT, SITE, chapters

from .conftest import SMALL_PHONE, WIDE, Quiet, drawn, overflow, serving, turn
from .test_accessibility import AXE, COLOURS, RUN

START = 180_000  # ms: some seconds on an idle machine, far more on a busy one
# Milliseconds within the page, from the click and from the key to the output.
PROMISES = {"first": 5000, "edit": 50}
MARGIN = 3  # for machines that are slower than the one that the promise names
SUMMARY = json.loads((SITE / "live.json").read_text(encoding="utf-8"))
PAGE = "book/perceptron.html"
SOME = ("book/arrays", "book/perceptron")
COMPARED = sorted(SUMMARY) if os.environ.get("LIVE") == "all" else SOME

pytestmark = pytest.mark.xdist_group("live")


class Plain(Quiet):
    """A server in a sub-folder that knows neither module scripts nor WebAssembly."""

    def guess_type(self, path):
        odd = str(path).endswith((".mjs", ".wasm"))
        return "application/octet-stream" if odd else super().guess_type(path)

    def translate_path(self, path):
        return super().translate_path(path.removeprefix("/some/folder"))


@pytest.fixture(scope="module")
def plain():
    """Return where the site is served by that server."""
    with serving(Plain) as address:
        yield f"{address}/some/folder"


class Cell:
    """A cell of a page, by its place among the live ones."""

    def __init__(self, page, place):
        self.node = page.locator("div.cell.live").nth(place)
        self.code = self.node.locator(".cell_input pre")
        self.editor = self.node.get_by_role("textbox")
        self.status = self.node.get_by_role("status")
        self.live = self.node.locator(".live-output")
        self.baked = self.node.locator(".cell_output:not(.live-output)")

    def button(self, word):
        return self.node.get_by_role("button", name=re.compile(f"^{word} cell"))

    def ends(self):
        """Wait until it has run; return how it ended."""
        self.node.locator(".live-output[data-end]").wait_for(
            state="attached", timeout=START
        )
        return self.live.get_attribute("data-end")

    def write(self, code):
        """Replace the code, as a reader who types."""
        self.button("Edit").click()
        self.editor.press("Control+a")
        self.editor.press_sequentially(code)

    def runs(self, code):
        """Run other code with the keyboard; return how it ended."""
        self.write(code)
        self.editor.press("Shift+Enter")
        return self.ends()


def milliseconds(page):
    """Return what the page measured from the last Run to its output."""
    return page.evaluate("performance.getEntriesByName('live cell').at(-1).duration")


def crowding():
    """Return by what factor other work slows this machine down, at least 1."""
    wall, own = time.perf_counter(), time.process_time()
    while time.process_time() - own < 0.2:
        pass
    return (time.perf_counter() - wall) / (time.process_time() - own)


@pytest.fixture(scope="module")
def open_page(chromium):
    """Return a function that opens a page, and notes what the page asks for."""
    with contextlib.ExitStack() as stack:

        def open_one(url):
            context = chromium.new_context(viewport=WIDE, reduced_motion="reduce")
            stack.callback(context.close)
            page = context.new_page()
            page.asked, page.complaints = [], []
            page.on("request", lambda request: page.asked.append(request.url))
            page.on("worker", lambda _: page.asked.append("worker"))
            page.on("pageerror", lambda error: page.complaints.append(str(error)))
            page.goto(url, wait_until="networkidle")
            return page

        yield open_one


@pytest.fixture(scope="module")
def page(open_page, plain):
    """The page that most tests share."""
    return open_page(f"{plain}/{PAGE}")


@pytest.fixture
def cell(page):
    """The first live cell that prints, as the book has it before and after."""
    printing = Cell(page, 1)
    yield printing
    if printing.button("Reset").is_visible():
        printing.button("Reset").click()


def test_first_nothing_is_loaded_before_it_is_asked_for(page, cell):
    assert [url for url in page.asked if "pyodide" in url or url == "worker"] == []
    assert re.fullmatch(
        r"loads Python first: \d+ to \d+ MB", cell.node.locator("small").inner_text()
    )
    assert not cell.button("Stop").is_visible()
    assert not cell.button("Reset").is_visible()


def test_then_a_click_runs_the_cells_above_and_shows_the_output(page, cell):
    crowded = crowding()
    cell.button("Run").click()
    assert "Loading Python" in cell.status.inner_text()
    assert " MB" in cell.status.inner_text()
    assert cell.ends() == "well", cell.live.inner_text()
    took, crowded = milliseconds(page), max(crowded, crowding())
    print(
        f"click to first output: {took / 1000:.1f} s, slowed down {crowded:.1f} times"
    )
    assert took < PROMISES["first"] * MARGIN * crowded
    assert (
        cell.live.inner_text().split() == cell.baked.locator("pre").inner_text().split()
    )
    assert not cell.baked.is_visible()
    assert page.locator(".live-bar small").count() == 0
    # What is left out for want of a package is said where it stands.
    first = Cell(page, 0)
    first.button("Run").click()
    assert first.ends() == "well"
    assert "Left out here: matplotlib.pyplot.style.use" in first.live.inner_text()
    first.button("Reset").click()


def test_after_an_edit_it_runs_again_at_once(page, cell):
    took = []
    for number in (7, 8, 9):
        assert cell.runs(f"print(6 * {number})\n{number} * 7") == "well"
        took.append(milliseconds(page))
        assert cell.live.inner_text().split() == [str(6 * number), str(7 * number)]
    crowded = crowding()
    print(f"edit to output: {min(took):.0f} to {max(took):.0f} ms")
    assert min(took) < PROMISES["edit"] * MARGIN * crowded, took
    assert cell.status.text_content() == "Done. Output: 54\n63"


def test_old_output_stays_until_there_is_new_one(page, cell):
    assert cell.runs("print('old')") == "well"
    cell.write("while True: pass")
    cell.editor.press("Shift+Enter")
    cell.button("Stop").wait_for()
    assert cell.live.inner_text().strip() == "old"
    cell.button("Reset").click()  # which stops it, too: no place is left for its output
    page.wait_for_timeout(100)
    assert (cell.live.count(), cell.baked.is_visible()) == (0, True)
    cell.button("Run").click()
    assert cell.ends() == "well"


def test_a_stand_in_says_once_that_it_is_one(cell):
    code = "from scipy.special import erf\nprint(erf(0.0), erf(0.0))"
    assert cell.runs(code) == "well"
    notes = cell.live.locator(".live-note").all_inner_texts()
    assert notes == ["Replaced here by a small stand-in: scipy.special.erf"]
    assert cell.live.inner_text().split()[-2:] == ["0.0", "0.0"]
    assert "Replaced here" in cell.status.text_content()  # read aloud
    assert cell.runs("print(1)") == "well"
    assert cell.live.locator(".live-note").count() == 0


def test_python_reads_what_was_compiled(cell):
    code = "import os, ast, numpy\n[ast.__cached__, os.path.exists(numpy.__cached__)]"
    assert cell.runs(code) == "well"
    # From sources alone it would be __pycache__/ast.cpython-313.pyc, which is nowhere.
    shown = cell.live.inner_text().strip()
    assert shown == "['/lib/python313.zip/ast.pyc', True]"


def test_an_error_is_shown_from_the_readers_line_on_and_read_aloud(cell):
    assert cell.runs("a = 1\na / 0") == "error"
    shown = cell.live.inner_text()
    assert re.match(
        r'Traceback.*\n  File "<cell \d+>", line 2, in <module>\n    a / 0', shown
    )
    assert cell.status.text_content() == "Error. ZeroDivisionError: division by zero"
    assert cell.runs("a = (") == "error"
    assert "SyntaxError" in cell.status.text_content()


def test_reset_brings_back_code_and_output(cell):
    before = cell.code.text_content()
    baked = cell.baked.text_content()
    assert cell.runs("print('planted')") == "well"
    assert (cell.baked.is_visible(), cell.live.count()) == (False, 1)
    cell.button("Reset").click()
    assert (cell.code.text_content(), cell.editor.count()) == (before, 0)
    assert cell.code.is_visible()
    assert (cell.baked.text_content(), cell.live.count()) == (baked, 0)
    assert cell.baked.is_visible()
    assert not cell.button("Reset").is_visible()


def test_a_cell_above_that_was_edited_runs_first_and_its_error_stops_the_others(
    page, cell
):
    later = Cell(page, 2)
    cell.write("raise KeyError('planted')")
    later.button("Run").click()
    assert later.ends() == "error"
    assert later.live.inner_text().startswith("A cell above this one raised:")
    assert "KeyError: 'planted'" in later.status.text_content()
    cell.button("Reset").click()
    later.button("Run").click()
    assert later.ends() == "well"
    later.button("Reset").click()


def test_enter_keeps_the_indentation(cell):
    assert cell.runs("for i in range(2):\nprint(i)\nprint(-i)") == "well"
    assert cell.live.inner_text().split() == ["0", "0", "1", "-1"]


def test_what_is_absent_says_so_when_it_is_used(cell):
    assert cell.runs("import matplotlib.pyplot as plt\nplt.plot([1])") == "error"
    assert (
        "needs matplotlib, which is not part of this page" in cell.status.text_content()
    )


def test_endless_output_is_cut(cell):
    assert cell.runs("print('x' * 10**6)\nprint('y' * 10**6)") == "well"
    assert "cut here" in cell.live.inner_text()
    assert len(cell.live.inner_text()) < 1_100_000


def test_axe_finds_nothing_in_what_appears(page, cell):
    assert cell.runs("print('fine')\n1 / 0") == "error"
    page.evaluate(AXE.read_text(encoding="utf-8"))
    every = {
        "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "best-practice"]}
    }
    look = RUN.replace("document,", "document.querySelectorAll('div.cell.live')[1],")
    assert page.evaluate(look, every) == []
    turn(page, "dark")
    drawn(page)
    assert page.evaluate(look, COLOURS) == []
    cell.live.locator("pre").first.evaluate("one => one.style.color = '#777'")
    assert [rule for rule, _ in page.evaluate(look, COLOURS)] == ["color-contrast"]
    page.emulate_media(color_scheme="light")


def test_a_phone_shows_it_all(page, cell):
    assert cell.runs("print('wide ' * 100)") == "well"
    assert overflow(page) <= 0
    for word in ("Run", "Edit", "Reset"):
        box = cell.button(word).bounding_box()
        assert box["height"] >= 24
        assert 0 <= box["x"] <= SMALL_PHONE["width"] - box["width"]
    page.set_viewport_size(WIDE)


def test_on_paper_there_are_no_buttons(page, cell):
    page.emulate_media(media="print")
    assert not cell.button("Run").is_visible()
    page.emulate_media(media="screen")


def test_the_keyboard_alone_will_do(page, cell):
    cell.button("Run").focus()
    for key in ("Tab", "Enter"):  # to Edit, and into the code
        page.keyboard.press(key)
    assert cell.editor.evaluate("code => code === document.activeElement")
    page.keyboard.press("Control+a")
    page.keyboard.type("print('by key')")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")  # on Run
    assert cell.ends() == "well"
    assert cell.live.inner_text().strip() == "by key"
    cell.editor.focus()
    page.keyboard.press("Tab")  # is not caught by the code
    assert not cell.editor.evaluate("code => code === document.activeElement")


def test_stop_ends_an_endless_loop_and_the_page_never_waits(page, cell):
    cell.write("while True: pass")
    cell.editor.press("Shift+Enter")
    cell.button("Stop").wait_for()
    page.wait_for_timeout(300)
    started = time.perf_counter()
    assert page.evaluate("1 + 1") == 2
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert time.perf_counter() - started < 5
    assert cell.status.inner_text() == "Running …"
    cell.button("Stop").click()
    assert cell.ends() == "stopped"
    assert "Stopped" in cell.status.inner_text()
    assert cell.runs("print(corners.shape)") == "error"  # it stood in this very cell
    cell.button("Reset").click()
    cell.button("Run").click()
    assert cell.ends() == "well"


def test_last_no_other_host_was_asked_and_nothing_complained(page, plain):
    assert page.complaints == []
    assert any(url.endswith("pyodide.asm.wasm") for url in page.asked)
    assert {
        url for url in page.asked if not url.startswith((plain, "worker", "data:"))
    } == set()


@pytest.mark.parametrize("name", COMPARED)
def test_live_cells_show_what_the_build_computed(name, open_page, address):
    page = open_page(f"{address}/{name}.html")
    cells = [
        Cell(page, place) for place in range(page.locator("div.cell.live").count())
    ]
    assert len(cells) == SUMMARY[name][0]
    shown = []
    for cell in cells:
        run = cell.node.locator(".live-bar button").first  # in a closed fold, too
        run.evaluate("run => run.click()")
        assert cell.ends() == "well", cell.live.text_content()
        if cell.baked.locator("img, table, .interactive").count():
            continue  # Markdown is shown as text, and drawn anew are figures
        live = "".join(cell.live.locator("pre:not(.live-note)").all_text_contents())
        baked = "".join(cell.baked.locator("pre").all_text_contents())
        shown.append((" ".join(live.split()), " ".join(baked.split())))
    different = [pair for pair in shown if pair[0] != pair[1]]
    print(*different, sep="\n")
    # Times differ, and what rounding decides; the words around them do not.
    assert [pair for pair in different if without_numbers(*pair)] == []
    assert len(different) <= 1 + len(shown) // 4, different


def without_numbers(live, baked):
    """Return whether two outputs differ in more than their numbers."""
    number = re.compile(r"[-+]?\d[\d.,_]*(e[-+]?\d+)?|\s")
    return number.sub("", live) != number.sub("", baked)


def test_the_words_of_outputs_are_compared():
    assert without_numbers("3 wrong", "3 right")
    assert not without_numbers("1e-08 s", "2.5e-09  s")


def test_cells_that_are_not_live_say_what_they_need(open_page, address):
    page = open_page(f"{address}/{PAGE}")
    live, of = SUMMARY[PAGE.removesuffix(".html")]
    notes = page.locator("p.live-note")
    assert notes.count() == of - live > 0
    for note in notes.all_text_contents():
        assert re.fullmatch(r"Not live here: this cell needs [A-Z][\w ]+\.", note)
    assert page.locator(".live-bar").count() == live


def test_pytorch_is_never_live():
    for path in chapters():
        text = (SITE / "book" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "needs PyTorch" in text or "and PyTorch" in text, path
    live, of = SUMMARY["book/deep_networks_in_pytorch"]
    assert live < of / 4


def test_most_cells_of_the_numpy_chapters_are_live():
    shares = [live / of for live, of in SUMMARY.values()]
    assert len(shares) > 15
    assert sum(share > 2 / 3 for share in shares) >= 14, SUMMARY


def test_what_is_served_is_what_was_released():
    folder = SITE / "pyodide"
    packages = json.loads((folder / pyodide.LOCK).read_text(encoding="utf-8"))[
        "packages"
    ]
    digests = {one["file_name"]: one["sha256"] for one in packages.values()}
    digests |= {
        name: digest for name, digest in pyodide.DIGESTS.items() if name != pyodide.LOCK
    }
    found = {path.name for path in folder.iterdir()}
    ours = {"course.zip", "live-worker.js", "python_stdlib.zip", pyodide.LOCK}
    assert found == ours | set(digests) - {"pyodide.mjs"}
    for name in found - ours:
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digests[name], name


def source_of(bytecode):
    """Return the hash of its source in a file of bytecode, and how to take one."""
    magic, flags = (int.from_bytes(bytecode[k : k + 4], "little") for k in (0, 4))
    assert flags == 1  # by the source's hash, and never looked up
    return bytecode[8:16], lambda source: _imp.source_hash(magic, source)


def test_what_was_compiled_was_released():
    released = zipfile.ZipFile(pyodide.FOLDER / "python_stdlib.zip")
    served = zipfile.ZipFile(SITE / "pyodide" / "python_stdlib.zip")
    compiled = 0
    for name in served.namelist():
        content = served.read(name)
        if name.endswith(".pyc"):
            found, expected = source_of(content)
            assert found == expected(released.read(name[:-1])), name
            compiled += 1
        else:
            assert content == released.read(name), name
    assert compiled > 100
    assert len(served.namelist()) == len(released.namelist())


def test_numpy_is_compiled_from_its_wheel():
    (wheel,) = (SITE / "pyodide").glob("numpy-*.whl")
    released, course = map(zipfile.ZipFile, (wheel, SITE / "pyodide" / "course.zip"))
    names = [name for name in course.namelist() if name.startswith("pycache/")]
    assert len(names) > 50
    for name in names:
        inside = name.partition("/site-packages/")[2].replace(".cpython-313.pyc", ".py")
        found, expected = source_of(course.read(name))
        assert found == expected(released.read(inside)), name


def test_the_script_is_small_and_on_pages_with_live_cells_alone():
    assert len(gzip.compress((SITE / "_static" / "live.js").read_bytes())) < 4096
    for path in (ROOT / "book").glob("*.md"):
        text = (SITE / "book" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert ("live.js" in text) == (f"book/{path.stem}" in SUMMARY)
