"""What may be shown: hidden tests to nobody but the teacher, and no learner's script.

Learners write Markdown, and their programs print; teachers read both in formgrader, and
learners in their feedback. None of it may run in a reader's browser.
"""

import contextlib
import html
import re
import signal
import threading
from collections import Counter
from urllib.parse import unquote

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool

HIDDEN = re.compile(
    r"(?m)^[^\n]*BEGIN HIDDEN TESTS.*?(?:END HIDDEN TESTS[^\n]*|\Z)", re.DOTALL
)
FRAME = re.compile(r"Cell In\[(\d+)\], line (\d+)")
# Of one cell of Markdown; what has or takes more is shown as it was typed.
LONGEST = 100_000
OPENERS, OPENERS_MOST = re.compile(r"\\\\[(\[]|\\begin"), 500
RENDER_SECONDS = 5.0
SHOWN_MOST = 3  # times that one picture is on a page
SHOWN_INSTEAD = "# (hidden tests)"

# What Markdown makes, and what teachers write into it by hand.
TAGS = bleach.ALLOWED_TAGS | {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "pre", "span", "div"),
    *("img", "sub", "sup", "del", "ins", "kbd", "mark", "u", "s", "small", "var"),
    *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "colgroup"),
    *("col", "dl", "dt", "dd", "details", "summary", "figure", "figcaption", "samp"),
    *("cite", "q"),
}
ATTRIBUTES = {
    "*": ["class", "id", "title", "lang", "dir", "style", "align"],
    "a": ["href", "name", "rel"],
    "img": ["src", "alt", "width", "height"],
    "th": ["colspan", "rowspan", "scope"],
    "td": ["colspan", "rowspan"],
    "ol": ["start", "type"],
    "details": ["open"],
}
STYLES = CSSSanitizer(
    allowed_css_properties=[
        *("color", "background-color", "text-align", "vertical-align"),
        *("font-weight", "font-style", "text-decoration", "width", "height"),
    ]
)
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$")
LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
# Control characters; colours are the one command that may pass.
COMMAND = re.compile("(\x1b\\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
PLAIN_OUTPUT = {"text/plain", "text/latex", "image/png", "image/jpeg"}
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*$")


def printable(text):
    """Return text that can be saved, and commands no terminal; colours stay."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return COMMAND.sub(lambda found: found[1] or "\N{REPLACEMENT CHARACTER}", text)


def harmless_source(tag, name, value):
    """Return whether an attribute may stay: addresses go to the web, or are images."""
    if name in ATTRIBUTES["*"] or name not in ("src", "href"):
        return name in [*ATTRIBUTES["*"], *ATTRIBUTES.get(tag, ())]
    if name == "src":
        # An image from elsewhere would tell its owner who reads this, and when.
        return tag == "img" and bool(IMAGE.match(value) or is_relative(value))
    return tag == "a" and bool(LINK.match(value) or is_relative(value))


def is_relative(address):
    """Return whether an address stays on this site: no scheme, no other host."""
    return not re.match(r"\s*([^/?#]*:|[/\\]{2})", address)


def harmless_html(text):
    """Return HTML with all that could run, load or overlay anything escaped."""
    return bleach.clean(
        text,
        tags=TAGS,
        attributes=harmless_source,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=STYLES,
    )


@pass_context
def safe_markdown(context, source):
    """Return Markdown as harmless HTML: nbconvert's filter, and a wash."""
    cell = context.get("cell", {})
    attachments = cell.get("attachments") or {}
    renderer = Renderer(escape=False, attachments=attachments, embed_images=False)
    try:
        if len(source) > LONGEST or len(OPENERS.findall(source)) > OPENERS_MOST:
            raise TimeoutError  # in a regular expression, where no alarm is heard
        with seconds(RENDER_SECONDS):
            return harmless_html(MarkdownWithMath(renderer=renderer).render(source))
    except (TimeoutError, RecursionError):
        return f"<pre>{html.escape(source)}</pre>"


@contextlib.contextmanager
def seconds(most):
    """Raise TimeoutError in what takes longer: some texts would take minutes.

    Not in a thread, where no alarm can be set. Another alarm comes that much later.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number, stack):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    others = signal.setitimer(signal.ITIMER_REAL, most)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *others)


class Renderer(IPythonRenderer):
    """Shows the pictures that are attached to a cell; one that is not stops nothing."""

    def __init__(self, **options):
        super().__init__(**options)
        self.shown = Counter()

    def _embed_image_or_attachment(self, src):
        if not src.startswith("attachment:"):
            return super()._embed_image_or_attachment(src)
        name = unquote(src.removeprefix("attachment:"))
        self.shown[name] += 1
        bundle = self.attachments.get(name)
        # A thousand times, it would fill the reader's memory.
        if isinstance(bundle, dict) and self.shown[name] <= SHOWN_MOST:
            for kind in ("png", "jpeg", "gif", "webp"):
                if f"image/{kind}" in bundle:
                    return f"data:image/{kind};base64,{bundle[f'image/{kind}']}"
        return src


class Harmless(Preprocessor):
    """Leave only outputs that cannot do anything but be seen."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb, resources):
        # What a notebook says of itself and of its widgets is written into the page.
        nb.metadata.pop("widgets", None)
        nb.metadata.pop("title", None)
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        cell.metadata.pop("tags", None)
        cell.metadata.pop("raw_mimetype", None)
        cell.metadata.pop("format", None)
        cell.pop("attachments", None) if cell.cell_type == "code" else None
        if cell.cell_type == "raw":
            cell.cell_type = "code"
            cell.outputs, cell.execution_count = [], None
        for output in cell.get("outputs", []):
            if "data" in output:
                output.metadata = {}
                output.data = harmless_data(output.data)
        return cell, resources


def harmless_data(data):
    """Return those forms of an output that are text or images."""
    kept = {}
    for kind, value in data.items():
        text = "".join(value) if isinstance(value, list) else str(value)
        if kind == "text/html":
            kept[kind] = harmless_html(text)
        elif kind == "text/markdown":
            kept[kind] = text  # safe_markdown washes it
        elif kind in PLAIN_OUTPUT and (
            not kind.startswith("image/") or BASE64.match(text)
        ):
            kept[kind] = text
    return kept or {"text/plain": f"({', '.join(sorted(data)) or 'nothing'})"}


class AllowWarnings(NbGraderPreprocessor):
    """Let a right answer warn: nbgrader gives 0 where a test cell writes to stderr.

    The warning stays in the record, as ordinary output.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if is_grade(cell):
            for output in cell.get("outputs", []):
                if output.output_type == "stream":
                    output.name = "stdout"
        return cell, resources


class HideTests(Preprocessor):
    """Keep hidden tests out of feedback: their source, and every output that quotes it.

    What failed and why stays: the type of the error, its message, and the innermost
    line on the way to it that the learner may see.
    """

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb, resources):
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        # What learners mark so is theirs: a million such lines would take hours.
        own = [cell for cell in code if not is_learners(cell)]
        # By number of the cell, with each hidden line left blank.
        shown = {cell.execution_count: HIDDEN.sub(blank, cell.source) for cell in code}
        self.shown = {number: text.splitlines() for number, text in shown.items()}
        # What is as short as `)`, or is shown elsewhere too, tells nothing.
        self.hidden = {
            line.strip()
            for cell in own
            for region in HIDDEN.findall(cell.source)
            for line in region.splitlines()
            if len(line.strip()) > 8
            and not any(line.strip() in text for text in shown.values())
        }
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type != "code":
            return cell, resources
        secret = not is_learners(cell) and HIDDEN.search(cell.source)
        if secret:
            cell.source = HIDDEN.sub(SHOWN_INSTEAD, cell.source)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = self.unquoted(output.text)
            elif output.output_type == "error":
                output.evalue = self.unquoted(output.evalue)
                traceback = strip_ansi("\n".join(output.traceback))
                if self.quotes(traceback) or (secret and FRAME.search(traceback)):
                    message = f"{output.ename}: {output.evalue}".removesuffix(": ")
                    output.traceback = [message, *self.shown_line(traceback)]
            elif self.quotes("\n".join(map(str, output.data.values()))):
                output.data = {"text/plain": "(hidden tests)"}
        return cell, resources

    def quotes(self, text):
        return any(line in text for line in self.hidden)

    def unquoted(self, text):
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if not self.quotes(strip_ansi(line)))

    def shown_line(self, traceback):
        """Return a list of the innermost line that may be shown, or an empty list."""
        for cell, number in reversed(FRAME.findall(traceback)):
            lines = [None, *self.shown.get(int(cell), [])]
            if int(number) < len(lines) and lines[int(number)]:
                return [f"In [{cell}], line {number}: {lines[int(number)].strip()}"]
        return []


def is_learners(cell):
    """Say whether the source of a cell is the learner's."""
    return is_solution(cell) or "fairgrade" in cell.metadata


def blank(region):
    """Return as many line ends as a match of HIDDEN has."""
    return "\n" * region.group().count("\n")
