"""Buttons on each page: open it as a notebook, download it, report a problem.

The repository's address stands in `_config.yml`, at `repository: url:`, or in the
variable REPOSITORY_URL. Without one, buttons that need it are left out. JupyterLite is
in the site itself, if tools/lite.py could bring it.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote, urlencode

from notebooks import DOWNLOADS, is_notebook
from sphinx.errors import ConfigError

BUILT = Path(__file__).parents[2] / "_build"
LITE = BUILT / "lite" / "kernel" / "pyodide-lock.json"  # see tools/lite.py
REPOSITORY_VARIABLE = "REPOSITORY_URL"
NOTEBOOKS_BRANCH = "notebooks"  # where Colab finds what the build wrote
ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/?")
NO_ADDRESS = """\
No address of the repository: pages have no buttons for Binder, Colab and problems.
Set it in _config.yml, at `repository: url:`, or in the variable REPOSITORY_URL."""


def link(text, url, says, icon):
    """Return a button as the theme wants it: its text is what screen readers read."""
    label = text.lower().replace(" ", "-")
    return {
        "type": "link",
        "text": text,
        "url": url,
        "tooltip": says,
        "icon": f"fas fa-{icon}",
        "label": f"launch-{label}",
    }


def group(says, icon, buttons):
    """Return a menu of buttons."""
    label = says.lower().replace(" ", "-")
    return {
        "type": "group",
        "tooltip": says,
        "icon": f"fas fa-{icon}",
        "buttons": buttons,
        "label": label,
    }


def notebook_buttons(page, suffix, repository, branch, lite):
    """Return the buttons that open a page as a notebook.

    Parameters
    ----------
    page, suffix : str
        The page's name, such as ``"book/perceptron"``, and its source's ending.
    repository, branch : str
        Its address, such as ``"https://github.com/owner/name"``, or ``""``.
    lite : str
        The address of JupyterLite's notebooks in this site, or ``""``.
    """
    buttons = []
    if lite:
        url = f"{lite}?{urlencode({'path': f'{page}.ipynb'}, safe='/')}"
        says = "Run this page in your browser; nothing to install"
        buttons.append(link("JupyterLite", url, says, "play"))
    if repository:
        owner_and_name = "/".join(repository.split("/")[-2:])
        path = quote(f"lab/tree/{page}{suffix}", safe="")
        url = f"https://mybinder.org/v2/gh/{owner_and_name}/{branch}?urlpath={path}"
        says = "Open this page in JupyterLab, on a computer of the Binder project"
        buttons.append(link("Binder", url, says, "rocket"))
        url = "https://colab.research.google.com/github/"
        url += f"{owner_and_name}/blob/{NOTEBOOKS_BRANCH}/{page}.ipynb"
        says = "Open this page on a computer of Google, with a Google account"
        buttons.append(link("Colab", url, says, "cloud"))
    return buttons


def repository_buttons(page, suffix, title, repository, branch):
    """Return the buttons that lead to the repository, or none without its address."""
    if not repository:
        return []
    words = {
        "title": f"{title} ({page})",
        "body": f"Page: {page}\n\nWhat I read:\n\nWhat I expected:\n",
    }
    return [
        link(
            "Show source",
            f"{repository}/blob/{branch}/{page}{suffix}",
            "Show the source of this page in the repository",
            "code",
        ),
        link(
            "Report a problem",
            f"{repository}/issues/new?{urlencode(words)}",
            "Say what is wrong with this page",
            "bug",
        ),
    ]


def renamed(downloads, notebook):
    """Return the theme's own downloads, in words, behind the notebook's address."""
    words = {
        "download-source-button": "Source file",
        "download-pdf-button": "Print or PDF",
    }
    kept = [button for button in downloads if button["label"] in words]
    buttons = [{**button, "text": words[button["label"]]} for button in kept]
    if notebook:
        says = "Download this page as an executed notebook"
        buttons.insert(0, link("Notebook", notebook, says, "download"))
    return buttons


def add_buttons(app, pagename, templatename, context, doctree):
    """Put the menus into the page's header."""
    buttons, pathto = context.get("header_buttons"), context["pathto"]
    if doctree is None or not buttons:
        return
    options = app.config.html_theme_options
    repository = options.get("repository_url", "").rstrip("/")
    branch = options.get("repository_branch") or "main"
    suffix = Path(app.env.doc2path(pagename)).suffix
    notebook = ""
    lite = pathto("lite/notebooks/index.html", 1) if app.config.jupyterlite else ""
    menus = []
    if is_notebook(app.env, pagename):
        notebook = pathto(f"{DOWNLOADS}/{pagename}.ipynb", 1)
        opening = notebook_buttons(pagename, suffix, repository, branch, lite)
        menus.append(group("Open as a notebook", "rocket", opening))
    title = doctree.next_node(lambda node: node.tagname == "title")
    words = title.astext() if title else pagename
    about = repository_buttons(pagename, suffix, words, repository, branch)
    menus.append(group("Source and problems", "bug", about))
    for button in buttons:
        if button.get("label") == "download-buttons":
            button["buttons"] = renamed(button["buttons"], notebook)
    buttons[:0] = [menu for menu in menus if menu["buttons"]]


def configure(app, config):
    """Take the repository's address from the environment, and say what is left out."""
    options = config.html_theme_options
    address = os.environ.get(REPOSITORY_VARIABLE) or options.get("repository_url", "")
    if address and not ADDRESS.fullmatch(address):
        raise ConfigError(
            f"the repository's address is {address!r}; Binder and Colab need one like "
            "https://github.com/owner/name"
        )
    options["repository_url"] = address
    config.jupyterlite = LITE.exists()
    if not address:
        print(NO_ADDRESS)
    if not config.jupyterlite:
        print("No JupyterLite: pages have no button for it (see tools/lite.py).")


def setup(app):
    """Register the hooks, after all extensions have added their buttons."""
    app.add_config_value("jupyterlite", False, "html")
    app.connect("config-inited", configure, priority=400)
    app.connect("html-page-context", add_buttons, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
