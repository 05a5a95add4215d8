"""Load the script of interactive figures, on pages that have such a figure only."""


def add_script(app, pagename, templatename, context, doctree):
    """Add the script to a page whose text holds an interactive figure."""
    if '<div class="interactive">' in context.get("body", ""):
        # no module: browsers load none from a folder on disk (make zip)
        app.add_js_file("interactive.mjs", loading_method="defer")


def setup(app):
    """Register the hook."""
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
