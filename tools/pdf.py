"""Print the whole book to one PDF.

    python -m tools.pdf [_build/book.pdf]

Chromium prints what the site shows, as one document: links between pages lead to places
within it, and screen readers find headings, lists and formulas. What Chromium does not
know is added afterwards: bookmarks, and the page numbers in the table of contents.
"""

import argparse
import io
import sys
from pathlib import Path

import pikepdf
import yaml
from playwright.sync_api import sync_playwright

from tools import browser
from tools.book import BUILD, ROOT, SITE
from tools.server import serve

HERE = Path(__file__).parent
DIGIT, SIZE = 0.556, 8  # width of a digit in Helvetica, and size of the numbers
COLUMN = 672  # pixels between the margins of an A4 page: what tools/pdf.css leaves
LICENCE = "Text and figures: CC BY 4.0. Code: BSD 3-Clause."
ALT = "Seven steps joined by arrows: question to exercise."
# Shrinks what is wider than the column. A formula or a picture may; letters of code
# and of tables stay legible, since their lines break (see course.css, on print).
FIT = """() => {
    const wide = ".bd-article :is(.katex-display, table, img, .interactive > svg)";
    for (const part of document.querySelectorAll(wide)) {
        const room = part.parentElement.clientWidth;
        const width = Math.max(part.scrollWidth, part.offsetWidth || 0);
        if (width > room) part.style.zoom = 0.99 * room / width;
    }
}"""
# What a page of paper would cut off, as the start of its text.
CLIPPED = """() => [...document.querySelectorAll(".bd-article *")].filter((part) => {
    if (part.ownerSVGElement) return false; // a plot cuts off its own lines
    if (part.closest(".katex-mathml, .visually-hidden, .katex-html *")) return false;
    const right = part.closest(".bd-article").getBoundingClientRect().right;
    return part.getBoundingClientRect().right > right + 2
        || (part.clientWidth && part.scrollWidth > part.clientWidth + 2);
}).map((part) => `${part.tagName} in ${part.closest(".bd-article").id}: `
    + part.textContent.trim().slice(0, 60))"""


def parts(root=ROOT):
    """Return [{"caption": …, "pages": [addresses]}] in reading order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    found = [{"caption": "", "pages": [f"{toc['root']}.html"]}]
    for part in toc["parts"]:
        pages = []
        for chapter in part["chapters"]:
            files = [chapter["file"]] + [x["file"] for x in chapter.get("sections", [])]
            pages += [f"{file}.html" for file in files]
        found.append({"caption": part["caption"], "pages": pages})
    return found


def compose(page, address, some):
    """Turn an open page of the site into the book; return its bookmarks."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    book = {"title": config["title"], "author": config["author"]}
    book |= {"licence": LICENCE, "alt": ALT}
    page.goto(f"{address}/{some[0]['pages'][0]}", wait_until="load")
    page.emulate_media(media="print", color_scheme="light", reduced_motion="reduce")
    script = (HERE / "pdf.js").read_text(encoding="utf-8")
    bookmarks = page.evaluate(script, {"book": book, "parts": some})
    page.add_style_tag(url=f"{address}/_static/katex.css")
    page.add_style_tag(path=HERE / "pdf.css")
    page.evaluate("document.fonts.ready")
    page.evaluate(FIT)
    clipped = page.evaluate(CLIPPED)
    if clipped:
        raise ValueError("wider than the paper: " + "; ".join(clipped))
    return bookmarks


def print_pages(chromium, some, site=SITE):
    """Return (PDF as Chromium prints it, bookmarks) of some parts of the book."""
    with serve(site) as address:
        page = chromium.new_page(viewport={"width": COLUMN, "height": 900})
        page.set_default_timeout(0)  # hundreds of pages take their time
        bookmarks = compose(page, address, some)
        pdf = page.pdf(prefer_css_page_size=True, print_background=True, tagged=True)
        page.close()
    return pdf, bookmarks


def pages_of_places(pdf):
    """Return {place: page number, from 1} of all places that some link leads to."""
    numbers = {page.objgen: n for n, page in enumerate(pdf.pages, start=1)}
    places = pdf.Root.Dests
    return {key[1:]: numbers[places[key][0].objgen] for key in places.keys()}  # noqa: SIM118


def add_bookmarks(pdf, bookmarks):
    """Give a PDF its outline: parts, pages, sections."""
    with pdf.open_outline() as outline:
        above = {-1: outline.root}
        for entry in bookmarks:
            place = pdf.Root.Dests[f"/{entry['place']}"]
            item = pikepdf.OutlineItem(entry["title"], place)
            parent = max(level for level in above if level < entry["level"])
            above[parent].append(item)
            above = {k: v for k, v in above.items() if k < entry["level"]}
            above[entry["level"]] = item.children
            item.is_closed = entry["level"] > 0


def number_contents(pdf, places):
    """Write page numbers at the right ends of the links of the table of contents."""
    font = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name.Helvetica,
        )
    )
    first = min(places.values())
    for page in pdf.pages[1 : first - 1]:
        name = page.add_resource(font, pikepdf.Name.Font)
        lines = []
        for link in page.Annots:
            number = str(places[str(link.Dest)[1:]])
            _, bottom, right, top = (float(x) for x in link.Rect)
            x = right - DIGIT * len(number) * SIZE
            y = top - (top - bottom if top - bottom < 2 * SIZE else 1.4 * SIZE) * 0.72
            lines.append(f"BT {name} {SIZE} Tf {x:.2f} {y:.2f} Td ({number}) Tj ET")
        text = "/Artifact BMC q " + " ".join(lines) + " Q EMC"
        page.contents_coalesce()
        page.contents_add(pdf.make_stream(b"q"), prepend=True)
        page.contents_add(pdf.make_stream(b"Q " + text.encode()))


def make(chromium, target, some=None):
    """Print the book, or some parts of it, to a file; return how many pages it has."""
    printed, bookmarks = print_pages(chromium, some or parts())
    with pikepdf.open(io.BytesIO(printed)) as pdf:
        number_contents(pdf, pages_of_places(pdf))
        add_bookmarks(pdf, bookmarks)
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        streams = pikepdf.ObjectStreamMode.generate
        pdf.save(target, object_stream_mode=streams, linearize=True)
        return len(pdf.pages)


def main():
    """Print the book; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("target", nargs="?", type=Path, default=BUILD / "book.pdf")
    target = parser.parse_args().target
    if not (SITE / "index.html").exists():
        print(
            "There is no site to print; build it first: make book",
            file=sys.stderr,
        )
        return 1
    if browser.find() is None:
        print(browser.NONE_FOUND, file=sys.stderr)
        return 1
    print("printing the book: this takes some minutes", flush=True)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        chromium = launch(executable_path=browser.find(), args=arguments)
        print(f"{make(chromium, target)} pages: {target}")
        chromium.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
