"""Write each page that executes as a notebook that reads well without MyST.

Text comes from the page's resolved document tree, code and outputs from the cache of
executed notebooks. Each page is written twice: for download, with links to the site's
address where one is set (`html_baseurl`), and for the reader's browser (see
tools/lite.py), where only the other notebooks can be linked.
"""

import base64
import posixpath
import re
from copy import deepcopy
from functools import cache
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from jupyter_cache import get_cache
from myst_nb.core.read import myst_nb_reader_plugin
from plain_markdown import Code, Heading, PlainMarkdown
from pybtex.backends.markdown import Backend

DOWNLOADS = "notebooks"  # in the site
LITE = "lite/notebooks"  # beside the site
NEEDLESS = re.compile(r"\\([.():!-])")  # escapes that a sentence does not need
PYTHON = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
INSTALL = """\
# The library of the course, where it is not yet: in Colab, for example.
import importlib.util

if importlib.util.find_spec("everygrad") is None:
    %pip install --quiet "everygrad @ git+{repository}"\
"""


def picture(svg_or_png, kind, alt):
    """Return a picture as <img>, with its description.

    A notebook that was downloaded is not trusted: Jupyter would show none of its SVG.
    """
    if isinstance(svg_or_png, str) and kind == "image/svg+xml":
        svg_or_png = base64.b64encode(svg_or_png.encode()).decode()
    data = "".join(svg_or_png.split())
    return f'<img alt="{escape(alt)}" src="data:{kind};base64,{data}">'


def still(html):
    """Return a figure with a slider as a picture, and every value in words."""
    figure = BeautifulSoup(html, "html.parser").find("div", class_="interactive")
    drawing = figure.svg
    drawing["xmlns"] = "http://www.w3.org/2000/svg"
    drawing["style"] = "background: white"
    alt = " ".join(drawing["aria-label"].split())
    for item in figure.find_all("li"):
        del item["data-lines"], item["data-texts"]
    # The parser writes names in lower case, where SVG wants one capital.
    svg = str(drawing).replace("viewbox=", "viewBox=")
    width, height = re.search(r'viewBox="\d+ \d+ (\d+) (\d+)"', svg).groups()
    svg = svg.replace("<svg", f'<svg width="{width}" height="{height}"', 1)
    return picture(svg, "image/svg+xml", alt) + "\n" + str(figure.details)


def shown(output, alt):
    """Return an output as it is shown where nothing of the notebook is trusted."""
    data = output.get("data", {})
    for kind in ("image/svg+xml", "image/png"):
        if kind in data:
            data["text/html"] = picture(data.pop(kind), kind, alt)
            data["text/plain"] = alt
            output["metadata"] = {}
    if '<div class="interactive">' in data.get("text/html", ""):
        data["text/html"] = still(data["text/html"])
    return output


def code_cell(cell, solution):
    """Return a cell of the executed notebook, as one that needs no MyST-NB."""
    extra = cell.metadata.get("mystnb", {})
    alt = extra.get("image", {}).get("alt", "")
    tags = cell.metadata.get("tags", [])
    metadata = {"tags": tags} if tags else {}
    if solution or {"hide-input", "remove-input"} & set(tags):
        metadata["jupyter"] = {"source_hidden": True}
    return nbformat.v4.new_code_cell(
        cell.source,
        execution_count=cell.execution_count,
        outputs=[shown(output, alt) for output in cell.outputs],
        metadata=metadata,
    )


def assembled(blocks, executed):
    """Return a notebook of blocks, executed cells in their place."""
    cells, text = [], []

    def close():
        if text:
            cells.append(nbformat.v4.new_markdown_cell("\n\n".join(text)))
            text.clear()

    for block in blocks:
        if isinstance(block, Code):
            close()
            cells.append(code_cell(executed.cells[block.index], block.solution))
            continue
        if isinstance(block, Heading):
            close()
        text.append(str(block))
    close()
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number}"  # the same in every build
    return nbformat.v4.new_notebook(cells=cells, metadata=PYTHON)


def sources(env, page):
    """Return the works that a page cites, as a list in Markdown, or nothing."""
    cited = {
        key
        for reference in env.get_domain("cite").citation_refs
        if reference.docname == page
        for key in [target.key for target in reference.targets]
    }
    entries = {
        citation.key: citation.formatted_entry.text.render(Backend())
        for citation in env.get_domain("cite").citations
        if citation.key in cited
    }
    works = [f"- {' '.join(entries[key].split())}" for key in sorted(entries)]
    works = [NEEDLESS.sub(r"\1", work) for work in works]
    return [Heading("## Works cited"), "\n".join(works)] if works else []


def targets(page, address, notebooks):
    """Return a function from a path in the site and an anchor to an address, or None.

    Without an address of the site, another page is its notebook, if it has one.
    """

    def target(path, anchor):
        if address:
            end = f"#{anchor}" if anchor else ""
            return f"{address.rstrip('/')}/{path or f'{page}.html'}{end}"
        other = path.removesuffix(".html") if path else page
        if other == page or other not in notebooks:
            return None
        return posixpath.relpath(f"{other}.ipynb", posixpath.dirname(page))

    return target


def introduction(config, page):
    """Return the first cells of a download: where it is from, what it needs."""
    address = config.html_baseurl.rstrip("/")
    repository = config.html_theme_options.get("repository_url", "")
    name = f"*{config.html_title}*"
    place = f"[{name}]({address}/{page}.html)" if address else name
    words = f"A page of {place}, as a notebook. Its cells use the library `everygrad`."
    cells = [nbformat.v4.new_markdown_cell(words, id="about")]
    if repository:
        install = INSTALL.format(repository=repository)
        cells.append(nbformat.v4.new_code_cell(install, id="install"))
    return cells


def is_notebook(env, page):
    """Return whether a page has code cells."""
    path = Path(env.doc2path(page))
    return path.suffix == ".ipynb" or "{code-cell}" in path.read_text(encoding="utf-8")


def write(notebook, folder, page):
    """Write a valid notebook."""
    path = Path(folder, f"{page}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


@cache
def opened(path):
    """Return the cache of executed notebooks: opening it takes a moment."""
    return get_cache(path)


def write_both(app, pagename, templatename, context, doctree):
    """Write a page's notebooks, if it has code cells."""
    if doctree is None or app.builder.name != "html":
        return
    env, config = app.env, app.config
    downloads = Path(app.outdir, DOWNLOADS)
    lite = Path(app.outdir).parent / LITE
    if not is_notebook(env, pagename):
        return
    source = env.doc2path(pagename)
    if source.endswith(".ipynb"):  # an exercise: plain already, and not to be changed
        for folder in (downloads, lite):
            write(nbformat.read(source, as_version=4), folder, pagename)
        return
    notebooks = {page for page in env.found_docs if is_notebook(env, page)}
    results = opened(env.mystnb_config.execution_cache_path)
    _, executed = results.merge_match_into_notebook(myst_nb_reader_plugin(source))
    for folder, address in ((downloads, config.html_baseurl), (lite, "")):
        writer = PlainMarkdown(
            pagename,
            app.builder.secnumbers,
            app.builder.fignumbers,
            targets(pagename, address, notebooks),
        )
        blocks = writer.blocks(doctree) + sources(env, pagename)
        notebook = assembled(blocks, deepcopy(executed))
        if folder == downloads:
            notebook.cells = introduction(config, pagename) + notebook.cells
        write(notebook, folder, pagename)


def setup(app):
    """Register the hooks."""
    app.connect("html-page-context", write_both)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
