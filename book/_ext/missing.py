"""Write the page that a host shows where there is none: 404.html, as most hosts expect.

It stands in place of a page in any folder, so it loads nothing, and its links start
with the site's address, `html.baseurl` or the variable SITE_URL (see share.py); without
one, a few lines of script look for the book above the address that was asked for.
"""

from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_suffix(".html")


def finish(app, exception):
    """Write the page."""
    if exception or app.builder.name != "html":
        return
    words = {"root": app.config.html_baseurl, "title": app.config.html_title}
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(words)
    Path(app.outdir, "404.html").write_text(text, encoding="utf-8")


def setup(app):
    """Register the hook."""
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
