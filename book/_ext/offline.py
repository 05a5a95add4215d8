"""No page asks another host for anything: take out the one script that would.

sphinx-thebe, which Jupyter Book always loads, puts an address at unpkg.com on every
page, even where Thebe is off. Mathematics comes from `sphinx-mathjax-offline`.
"""


def drop_thebe(app, pagename, templatename, context, doctree):
    """Remove Thebe's scripts and styles from the page."""
    for key in ("script_files", "css_files"):
        context[key] = [asset for asset in context.get(key, []) if not is_thebe(asset)]


def is_thebe(asset):
    """Return whether a script or style belongs to Thebe, by its name or its text."""
    body = getattr(asset, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(asset, 'filename', asset)} {body}".lower()


def setup(app):
    """Register the hook, after all extensions have added theirs."""
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
