"""Let the scripts of the theme and its companions begin in many small steps.

Each prepares the whole page as soon as it is read: a hundred milliseconds and more on a
phone, in which nothing answers. Step by step, the page answers in between. What they do
stays the same; one step that measured everything is done by reachable.mjs instead.
Steps that only wait for a key or a click stay as they are: who asks at once is heard.
"""

import re

from sphinx.errors import ExtensionError

# What to look for in a script, once, and what to write instead.
CHANGES = {
    "searchtools.js": [
        # What is found is shown with a formula's letters, not with its TeX besides.
        (
            '[".headerlink", "script", "style"]',
            '[".headerlink", "script", "style", "annotation", ".katex-html"]',
        ),
    ],
    "copybutton.js": [
        (
            "codeCells.forEach((codeCell, index) => {",
            "codeCells.forEach((codeCell, index) => setTimeout(() => {",
        ),
        ("clipboardButton(id))\n  })", "clipboardButton(id))\n  }))"),
    ],
    "togglebutton.js": [
        (
            'if (document.readyState != "loading") {\n    cb();',
            'if (document.readyState != "loading") {\n    setTimeout(cb);',
        ),
    ],
    "scripts/bootstrap.js": [
        (
            'function go(t){"loading"!=document.readyState?t():',
            'function go(t){"loading"!=document.readyState?setTimeout(t):',
        ),
        (
            ".map(function(t){return new ps(t,{delay:{show:500,hide:100}})})",
            ".forEach(function(t){setTimeout(function(){"
            "new ps(t,{delay:{show:500,hide:100}})})})",
        ),
    ],
    "scripts/pydata-sphinx-theme.js": [
        # Banners, how far the bar was scrolled, where the reader is: all measure.
        (
            "e(async function(){await Promise.allSettled([O(),N()]);",
            "setTimeout(async function(){await Promise.allSettled([O(),N()]);",
        ),
        (
            'e(function(){if(!document.querySelector(".bd-docs-nav"))return;',
            'setTimeout(function(){if(!document.querySelector(".bd-docs-nav"))return;',
        ),
        # On a narrow screen nobody sees the bar: it would be laid out to be measured.
        (
            "if(n.length>0){var o=n[n.length-1],r=o.getBoundingClientRect()",
            "if(n.length>0&&n[0].checkVisibility()){"
            "var o=n[n.length-1],r=o.getBoundingClientRect()",
        ),
        (
            'e(function(){const e=document.querySelector("#pst-page-toc-nav");',
            "setTimeout(function(){"
            'const e=document.querySelector("#pst-page-toc-nav");',
        ),
        # It would measure every block of code, also where nothing is laid out yet.
        (
            ',"complete"===document.readyState?I():window.addEventListener("load",I)',
            "/* what scrolls is found by reachable.mjs */",
        ),
    ],
    "scripts/sphinx-book-theme.js": [
        (
            "e((()=>{var e=[];let t=new IntersectionObserver(",
            "setTimeout((()=>{var e=[];let t=new IntersectionObserver(",
        ),
        (
            'e((function(){var e=[".bd-header-announcement",',
            'setTimeout((function(){var e=[".bd-header-announcement",',
        ),
    ],
}

# What the theme lets give way to notes in the margin is looked for among all elements.
MARGIN = "sphinx-book-theme.js"
LOOKS = 'document.querySelectorAll(n.join(", "))'
DOES_NOT = "[/* no page has notes in the margin */]"
NOTES = re.compile(
    r'class="(?:[^"]* )?(?:tag[-_])?'
    r'(?:marginnote|sidenote|margin|margin[-_]caption|full[-_]width|sidebar|popout)[" ]'
)


def write(static, pages):
    """Change the scripts in a folder, for a site with these pages [text]."""
    for name, changes in CHANGES.items():
        path = static / name
        text = path.read_text(encoding="utf-8")
        for found, instead in changes:
            text = changed(text, found, instead, name)
        if path.name == MARGIN:
            pair = (LOOKS, DOES_NOT)
            text = changed(
                text, *(pair[::-1] if any(map(NOTES.search, pages)) else pair), name
            )
        path.write_text(text, encoding="utf-8")


def changed(text, found, instead, name):
    """Return a script with one place changed, unless an earlier build did it."""
    if instead in text:
        return text
    if text.count(found) != 1:
        raise ExtensionError(f"{name} has changed: see {found!r} in scripts.py")
    return text.replace(found, instead)
