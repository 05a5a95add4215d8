"""Make every page lighter, and mend what the theme gets wrong for screen readers.

What a page says is not touched. Sphinx hands every finished page through its template
bridge, so no file is written twice. Each change says what it is for; axe and the limits
on weight, in tests/site, notice when a new version of the theme needs other ones.
"""

import html
import re
from functools import partial
from pathlib import Path

import fontTools.subset as fonts
import pictures
import scripts
import sheet
from bs4 import BeautifulSoup
from PIL import Image
from sphinx.jinja2glue import BuiltinTemplateLoader

DESCRIPTION = 155  # characters that a search engine shows
EARLY = 2000  # letters before a formula that a phone draws at first, or soon after
FORMULA_FONTS = ("Main-Regular", "Math-Italic")  # those that nearly every formula has
SVG_SIZE = re.compile(
    r'<svg[^>]*?\bheight="([\d.]+)pt"[^>]*?\bwidth="([\d.]+)pt"', re.S
)
SVG_SIZE_TURNED = re.compile(
    r'<svg[^>]*?\bwidth="([\d.]+)(?:pt)?"[^>]*?\bheight="([\d.]+)', re.S
)
PIXELS_PER_POINT = 96 / 72
ICON = re.compile(r"fa-[a-z0-9-]+")
ICON_RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:{1,2}before,?)+)\{content:"[^"]*"\}')
TABLE = re.compile(
    r'<div class="pst-scrollable-table-container">(?=(<table.*?</table>))', re.S
)

# What to look for in a page, and what to write instead.
CHANGES = [
    # The icons come from a font; this script of half a megabyte would draw them again.
    (r'<script[^>]*src="[^"]*fontawesome\.js[^"]*"></script>', ""),
    # The theme underneath brings a bar of its own. Its script takes the first buttons
    # for those of the sidebars, so it must not find these, which nobody sees.
    (r'(<header id="pst-header"[^>]*>).*?</header>', r"\1</header>"),
    # Search has a page of its own, which loads its index itself.
    (
        r'<script src="[^"]*(searchtools|language_data|searchindex)\.js[^"]*">'
        r"</script>",
        "",
    ),
    (r'<link rel="preload" as="script"[^>]*/>', ""),
    # Text first, scripts when it is there; in their order, those on the page too.
    (r"<script (?![^>]*\bdefer\b)(?=[^>]*\bsrc=)", "<script defer "),
    (r"<script>(?=DOCUMENTATION_OPTIONS)", '<script type="module">'),
    # The theme says light or dark when its script is there, and all is drawn again.
    (
        r'(dataset\.theme = localStorage\.getItem\("theme"\) \|\|) "auto"',
        r'\1 (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
    ),
    # Names, operators, brackets and spaces in code have the colour of its text:
    # two fifths of all elements would say so.
    (r'<span class="(?:n|o|p|w)">([^<]*)</span>', r"\1"),
    # Said once is enough, and once it is said as `width=device-width`.
    (r'(<meta name="viewport"[^>]*>)\s*<meta name="viewport"[^>]*>', r"\1"),
    # A name that differs from the words on the button is no help to who says them.
    (r'(<button class="[^"]*search-button-field[^>]*?) aria-label="Search"', r"\1"),
    (r'<span class="search-button__kbd-shortcut"', r'\g<0> aria-hidden="true"'),
    (r'<i class="theme-switch', r'<i aria-hidden="true" class="theme-switch'),
    (r'(<i [^>]*class="theme-switch[^>]*?) title="[^"]*"', r"\1"),
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    # What a fold in the table of contents unfolds.
    (
        r'(<li class="toctree-l\d[^"]*has-children"><a[^>]*>(.*?)</a><details[^>]*>'
        r"<summary>)",
        r'\1<span class="visually-hidden">Pages of \2</span>',
    ),
    # All that stands beside the text belongs to a landmark.
    (r'<div id="pst-primary-sidebar"', r'\g<0> role="complementary" aria-label="Book"'),
    # A link begins with its first word, not with the space before.
    (r'(Solution to)(<a class="reference internal" href="[^"]*">) ', r"\1 \2"),
    # An entry of the bibliography is an item of its list.
    (r' role="doc-biblioentry"', ' role="listitem"'),
    (r' role="doc-backlink"', ""),
]


class Pages(BuiltinTemplateLoader):
    """Sphinx's own templates, whose pages are made lighter before they are written."""

    def init(self, builder, *arguments, **options):
        """Remember the builder, which knows the pictures."""
        self.builder = builder
        self.sheets = []
        super().init(builder, *arguments, **options)

    def render(self, template, context):
        """Return a page as Sphinx would write it, lighter."""
        page = super().render(template, context)
        if not template.endswith(".html") or "<head>" not in page:
            return page
        for found, instead in CHANGES:
            if context.get("pagename") == "search" and "searchtools" in found:
                continue
            page = re.sub(found, instead, page, flags=re.S)
        page = re.sub(r"<img [^>]*>", self.sized, page)
        page = TABLE.sub(counted, page)
        page = sheet.replace_links(page, self.sheets)
        page = fetch_fonts(page, context.get("body", ""))
        words = html.escape(description(context.get("body", "")))
        if words and 'name="description"' not in page:
            page = page.replace(
                "</title>", f'</title>\n<meta name="description" content="{words}">', 1
            )
        return page

    def sized(self, match):
        """Return an <img> with its size, so that nothing moves when it arrives late."""
        tag = match.group()
        name = re.search(r'src="[^"]*/_images/([^"]+)"', tag)
        sources = {
            target: source for source, (_, target) in self.builder.env.images.items()
        }
        if name is None or name[1] not in sources or "width=" in tag:
            return tag
        width, height = size(Path(self.builder.srcdir, sources[name[1]]))
        lazy = 'loading="lazy" decoding="async"'
        return tag.replace(
            "<img ", f'<img width="{width}" height="{height}" {lazy} ', 1
        )


def size(path):
    """Return width and height of a picture in CSS pixels."""
    if path.suffix != ".svg":
        with Image.open(path) as image:
            return image.size
    start = path.read_text(encoding="utf-8")[:2000]
    turned = SVG_SIZE.search(start)
    found = SVG_SIZE_TURNED.search(start)
    width, height = (turned[2], turned[1]) if turned else (found[1], found[2])
    return round(float(width) * PIXELS_PER_POINT), round(
        float(height) * PIXELS_PER_POINT
    )


def counted(match):
    """Return the tag around a table with its rows: for so high it may count."""
    rows = match[1].count("<tr")
    return match[0].replace(">", f' style="--rows: {rows}">')


def fetch_fonts(page, body):
    """Return a page that asks at once for the fonts of formulas that are seen at first.

    Otherwise the first formulas would be laid out twice, before that in other fonts,
    which the browser would have to look for in every size.
    """
    before, formula, _ = body.partition('class="katex"')
    link = re.search(rf'<link [^>]*href="([^"]*){sheet.NAME}">', page)
    if not formula or not link or len(re.sub("<[^>]*>", "", before)) > EARLY:
        return page
    asked = "".join(
        f'<link rel="preload" as="font" type="font/woff2" crossorigin '
        f'href="{link[1]}fonts/KaTeX_{name}.woff2">\n'
        for name in FORMULA_FONTS
    )
    return page.replace(link.group(), asked + link.group(), 1)


def description(body):
    """Return the first words of a page's text, cut at a word."""
    paragraph = BeautifulSoup(body[:20_000], "html.parser").find("p")
    words = " ".join(paragraph.get_text().split()) if paragraph else ""
    if len(words) <= DESCRIPTION:
        return words
    return words[:DESCRIPTION].rsplit(" ", 1)[0] + " …"


def add_scripts(app, pagename, templatename, context, doctree):
    """Load a small script for paper, and one for what may be wider than the screen."""
    app.add_js_file("paper.mjs", loading_method="defer")
    if re.search('class="katex-display|<table|<pre', context.get("body", "")):
        app.add_js_file("reachable.mjs", loading_method="defer")


def finish(app, exception):
    """Make lighter what the pages load."""
    if exception or app.builder.name != "html":
        return
    static = Path(app.outdir, "_static")
    pages = [
        path.read_text(encoding="utf-8") for path in Path(app.outdir).rglob("*.html")
    ]
    scripts.write(static, pages)
    pictures.write(Path(app.outdir, "_images"))
    trim_fonts(pages, static)
    sheet.write(Path(app.outdir), app.builder.templates.sheets)


def trim_fonts(pages, static):
    """Leave in the fonts, and in the style sheet of icons, what some page uses."""
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    style = sheet.read_text(encoding="utf-8")
    others = [
        path.read_text(encoding="utf-8")
        for path in static.rglob("*")
        if path.suffix in {".css", ".js"} and path.name != "fontawesome.js"
    ]
    others.remove(style)
    used = {name for text in pages + others for name in ICON.findall(text)}
    sheet.write_text(ICON_RULE.sub(partial(keep_rule, used), style), encoding="utf-8")
    codes = " ".join([sheet.read_text(encoding="utf-8"), *others])
    # Some sheets write a code, others the letter itself.
    icons = {int(code, 16) for code in re.findall(r"\\(f[0-9a-f]{3})\b", codes)}
    icons |= {ord(letter) for letter in re.findall(r"[\uf000-\uf8ff]", codes)}
    for path in static.rglob("fa-*.woff2"):
        subset(path, icons)
    letters = {ord(letter) for text in pages for letter in html.unescape(text)}
    for path in static.rglob("KaTeX_*.woff2"):
        subset(path, letters)
    for pattern in ("fa-*.ttf", "fontawesome.js", "*.map"):
        for path in static.rglob(pattern):
            path.unlink()


def keep_rule(used, match):
    """Return an icon's rule if it is used, else nothing."""
    return match.group() if used & set(ICON.findall(match[1])) else ""


def subset(path, codes):
    """Leave in a font the characters with these codes."""
    options = fonts.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    font = fonts.load_font(str(path), options)
    subsetter = fonts.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    fonts.save_font(font, str(path), options)


def setup(app):
    """Register the template bridge and the hooks."""
    app.config.template_bridge = "light.Pages"
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", finish, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
