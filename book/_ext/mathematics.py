"""Set mathematics when the book is built, so that no page does it in the browser.

KaTeX runs in one Node process per build. TeX that it cannot read is a warning, which
fails the build. Without KaTeX (see tools/node.py), MathJax works on the page.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "_build" / "node" / "node_modules" / "katex"
ASSETS = HERE.parents[1] / "_build" / "katex"  # what a page loads of it
COMMAND = re.compile(r"\\[a-zA-Z]+|[{}\s]")
SHORT = 16  # signs of TeX, a command counting as one: fits a line of the smallest phone
OPENING = re.compile(r"[(\[“‘]+$")
CLOSING = re.compile(r"^[)\]”’.,:;!?…]+")
log = logging.getLogger(__name__)


class Katex:
    """A Node process that turns TeX into HTML, formula by formula."""

    def __init__(self, node, package):
        command = [node, HERE / "katex.mjs", package / "dist" / "katex.js"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.known = {}

    def __call__(self, tex, display):
        """Return {"html": …}, or {"error": …} where KaTeX cannot read the TeX."""
        if (tex, display) not in self.known:
            print(
                json.dumps({"tex": tex, "display": display}),
                file=self.process.stdin,
                flush=True,
            )
            self.known[tex, display] = json.loads(self.process.stdout.readline())
        return self.known[tex, display]

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def find_node():
    """Return the path of Node, or None: the environment's own first."""
    own = shutil.which("node", path=str(Path(sys.executable).parent))
    return own or shutil.which("node")


def html_of(translator, node, tex, display):
    """Return a formula as HTML, or its TeX, with a warning that names the place."""
    answer = translator.builder.app.katex(tex, display)
    if "error" in answer:
        log.warning("TeX does not parse: %s", answer["error"], location=node)
        return translator.encode(tex)
    return answer["html"]


def visit_inline(translator, node):
    """Write a formula within a line."""
    html = html_of(translator, node, node.astext(), display=False)
    start = translator.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    translator.body.append(f"{start}{html}</span>")
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a formula of its own, with its number where it has one."""
    start = translator.starttag(node, "div", CLASS="math notranslate nohighlight")
    translator.body.append(start)
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    html = html_of(translator, node, node.astext().strip(), display=True)
    translator.body.append(f"{html}</div>\n")
    raise nodes.SkipNode


def keep_together(app, doctree, docname):
    """Let no line end between a short formula and the sign before or after it.

    To a browser a formula is a box: it would break the line on either side.
    """
    for node in list(doctree.findall(nodes.math)):
        if len(COMMAND.sub("x", node.astext())) > SHORT:
            continue
        parent = node.parent
        place = parent.index(node)
        opening = cut(OPENING, parent, place - 1)
        closing = cut(CLOSING, parent, place + 1)
        if opening or closing:
            group = nodes.inline(classes=["together"])
            parent[place] = group
            group += [*map(nodes.Text, opening), node, *map(nodes.Text, closing)]


def cut(pattern, parent, place):
    """Cut what a pattern finds from the text at a place; return it, if any.

    By its place: docutils would look for a text among its equals, and take the first.
    """
    text = parent[place] if 0 <= place < len(parent) else None
    found = isinstance(text, nodes.Text) and pattern.search(text)
    if not found:
        return []
    parent[place] = nodes.Text(text[: found.start()] + text[found.end() :])
    return [found.group()]


def write_assets():
    """Copy the style sheet and the fonts that all browsers read: WOFF2 alone."""
    shutil.rmtree(ASSETS, ignore_errors=True)
    (ASSETS / "fonts").mkdir(parents=True)
    for font in (PACKAGE / "dist" / "fonts").glob("*.woff2"):
        shutil.copy(font, ASSETS / "fonts")
    style = (PACKAGE / "dist" / "katex.min.css").read_text(encoding="utf-8")
    style = re.sub(r",url\([^)]*\.(woff|ttf)\) format\(\"\w+\"\)", "", style)
    (ASSETS / "katex.css").write_text(style, encoding="utf-8")


def start(app, config):
    """Choose KaTeX where it is at hand."""
    node = find_node()
    if node is None or not PACKAGE.exists():
        print("KaTeX is missing: mathematics will be set by MathJax, on the page.")
        return
    app.katex = Katex(node, PACKAGE)
    write_assets()
    config.html_math_renderer = "katex"
    config.html_static_path.append(str(ASSETS))


def add_style(app, pagename, templatename, context, doctree):
    """Let a page load KaTeX's style sheet if it holds mathematics."""
    if 'class="katex' in context.get("body", ""):
        app.add_css_file("katex.css")


def stop(app, exception):
    """End Node."""
    if hasattr(app, "katex"):
        app.katex.close()


def setup(app):
    """Register the renderer and its hooks."""
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_block, None))
    app.connect("config-inited", start, priority=900)
    app.connect("html-page-context", add_style)
    app.connect("doctree-resolved", keep_together)
    app.connect("build-finished", stop)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
