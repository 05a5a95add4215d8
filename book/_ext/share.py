"""What a link to a page shows where people share it: title, description, picture.

The picture is a figure of the page, on white, as PNG: few sites that show links
read SVG.
`share_figures` in _config.yml names it where the first one is not the most telling. Its
address has to be absolute, and so do a page's own and the site map: they need
`html.baseurl`, or the variable SITE_URL, and are left out without.
"""

import html
import io
import os
from pathlib import Path

import matplotlib
import resvg_py
from bs4 import BeautifulSoup
from docutils import nodes
from light import description
from PIL import Image
from sphinx.util import logging

FOLDER = "_share"
SIZE = WIDTH, HEIGHT = 1200, 630  # what the large cards have room for
MARGIN = 45
COMMON = "book/_static/path.svg"  # for pages without a figure of their own
# The letters that Matplotlib brings: pictures are alike on every machine.
LETTERS = {
    "skip_system_fonts": True,
    "font_dirs": [str(Path(matplotlib.get_data_path(), "fonts", "ttf"))],
    "sans_serif_family": "DejaVu Sans",
    "font_family": "DejaVu Sans",
}
log = logging.getLogger(__name__)


def set_address(app, config):
    """Take the address of the site from the environment, where it is said there."""
    config.html_baseurl = os.environ.get("SITE_URL", config.html_baseurl)
    if config.html_baseurl:
        config.html_baseurl = config.html_baseurl.rstrip("/") + "/"


def figures(doctree):
    """Return {label: (path of the SVG, alt text)} of a page, in reading order."""
    found = {}
    for number, figure in enumerate(doctree.findall(nodes.figure)):
        picture = next(figure.findall(nodes.image), None)
        # The candidates are where it comes from; its URI is where it went already.
        source = picture and next(iter(picture["candidates"].values()))
        if source and source.endswith(".svg"):
            label = figure["names"][0] if figure["names"] else str(number)
            found[label] = (source, picture.get("alt", ""))
    return found


def choose(app, pagename, doctree):
    """Return (path of the SVG, alt text) of the figure that stands for a page."""
    found = figures(doctree)
    label = app.config.share_figures.get(pagename)
    if label and label not in found:
        log.warning("share_figures: %s has no figure %s", pagename, label)
    if label in found:
        return found[label]
    return next(iter(found.values()), (COMMON, "The seven steps of every chapter."))


def draw(source, target):
    """Write an SVG as PNG, in the middle of a white card."""
    drawn = resvg_py.svg_to_bytes(
        svg_path=str(source), width=WIDTH - 2 * MARGIN, dpi=96, **LETTERS
    )
    with Image.open(io.BytesIO(bytes(drawn))) as picture:
        picture = picture.convert("RGBA")
        picture.thumbnail((WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN))
    card = Image.new("RGB", SIZE, "white")
    place = [(room - own) // 2 for room, own in zip(SIZE, picture.size, strict=True)]
    card.paste(picture, tuple(place), picture)
    target.parent.mkdir(parents=True, exist_ok=True)
    card.quantize(64).save(target, optimize=True)  # a few colours, a third of the bytes


def tag(name, content):
    """Return a <meta>: Open Graph says `property` where all others say `name`."""
    key = "property" if name.startswith("og:") else "name"
    return f'<meta {key}="{name}" content="{html.escape(content)}">'


def add_tags(app, pagename, templatename, context, doctree):
    """Write the tags of a page, and its picture."""
    if doctree is None or app.builder.name != "html":
        return
    tags = {
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:title": BeautifulSoup(context["title"], "html.parser").get_text(),
        "og:description": description(context["body"]),
        "twitter:card": "summary_large_image",
    }
    if app.config.html_baseurl:
        source, alt = choose(app, pagename, doctree)
        picture = f"{FOLDER}/{pagename.replace('/', '-')}.png"
        draw(Path(app.srcdir, source), Path(app.outdir, picture))
        tags |= {
            "og:url": context["pageurl"],
            "og:image": app.config.html_baseurl + picture,
            "og:image:width": str(WIDTH),
            "og:image:height": str(HEIGHT),
            "og:image:alt": alt,
        }
    lines = [tag(name, content) for name, content in tags.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(lines) + "\n"


def finish(app, exception):
    """Write the site map, or say what is missing without an address."""
    if exception or app.builder.name != "html":
        return
    base = app.config.html_baseurl
    if not base:
        print(
            "No html.baseurl: shared links have no picture, and there is no site map."
        )
        return
    pages = sorted(app.env.found_docs)
    lines = [f"{base}{app.builder.get_target_uri(page)}\n" for page in pages]
    Path(app.outdir, "sitemap.txt").write_text("".join(lines), encoding="utf-8")


def setup(app):
    """Register the hooks, after Sphinx has prepared the page."""
    app.add_config_value("share_figures", {}, "html", [dict])
    app.connect("config-inited", set_address)
    app.connect("html-page-context", add_tags, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
