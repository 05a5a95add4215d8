"""The one style sheet of the site says of every page what the theme's sheets said."""

import re

import pytest
import tinycss2
from fontTools.ttLib import TTFont
from playwright.sync_api import expect

from tools.book import ROOT, SITE, pages

from .conftest import turn

SHEET = SITE / "_static" / "site.css"
PAGES = [str(page.relative_to(ROOT).with_suffix(".html")) for page in pages()]
PAGES += ["search.html", "genindex.html"]
OPENED = [*PAGES[:: len(PAGES) // 6], "search.html"]
KINDS = [
    "book/introduction.html",
    "book/losses.html",
    "exercises/regularisation/regularisation.html",
    "search.html",
]
# No part of an element's place in the page: its state, and what it draws beside.
STATE = re.compile(
    r"::?(?:-[a-z-]+|active|after|backdrop|before|checked|disabled|enabled|"
    r"first-letter|first-line|focus|focus-visible|focus-within|hover|indeterminate|"
    r"invalid|marker|placeholder|placeholder-shown|read-only|selection|target|valid|"
    r"visited)\b(?:\([^()]*\))?"
)
MATCHING = """(selectors) => selectors.filter((selector) => {
    try { return document.querySelector(selector); } catch { return false; }
})"""
ICONS = """() => [...document.querySelectorAll("*")].flatMap((element) =>
    ["::before", "::after"].map((place) => getComputedStyle(element, place))
        .filter((style) => style.fontFamily.includes("Awesome"))
        .map(({ content, fontFamily, fontWeight }) =>
            [content.replace(/^"|"$/g, ""), `${fontFamily} ${fontWeight}`])
        .filter(([content]) => !["", "none", "normal"].includes(content)))"""
ICON_FONTS = {
    '"Font Awesome 6 Free" 900': "fa-solid-900",
    '"Font Awesome 6 Free" 400': "fa-regular-400",
    '"Font Awesome 6 Brands" 400': "fa-brands-400",
}

pytestmark = pytest.mark.xdist_group("browser")


def selectors(text):
    """Return all selectors of a style sheet."""
    found, rules = set(), tinycss2.parse_stylesheet(text)
    while rules:
        rule = rules.pop()
        if rule.type == "qualified-rule":
            parts = tinycss2.serialize(rule.prelude)
            parts = re.split(r",(?![^(\[]*[)\]])", re.sub(r"/\*.*?\*/", "", parts))
            found |= {" ".join(part.split()) for part in parts}
        elif getattr(rule, "lower_at_keyword", "") in {"media", "supports"}:
            rules += tinycss2.parse_rule_list(rule.content)
    return found


@pytest.fixture(scope="module")
def dropped():
    """Return the selectors that the one sheet left out, without states."""
    text = SHEET.read_text(encoding="utf-8")
    names = text.partition("\n")[0].split()[2:-1]
    assert len(names) > 10
    sources = [SITE / "_static" / name for name in names]
    sources.append(SITE / "_static" / "basic.css")
    every = set().union(*(selectors(s.read_text(encoding="utf-8")) for s in sources))
    left = {STATE.sub("", selector) for selector in every - selectors(text)}
    return sorted(selector for selector in left if selector.strip())


@pytest.mark.parametrize("path", OPENED)
def test_no_rule_was_left_out_that_says_something(path, visiting, dropped):
    assert len(dropped) > 1000
    with visiting(path) as visit:
        page = visit.page
        assert page.evaluate(MATCHING, dropped) == []
        turn(page, "dark")
        assert page.evaluate(MATCHING, dropped) == []
        planted = next(x for x in dropped if re.fullmatch(r"\.[\w-]+", x))
        page.evaluate("name => document.body.classList.add(name)", planted[1:])
        assert planted in page.evaluate(MATCHING, dropped)


@pytest.mark.parametrize("path", KINDS)
def test_no_rule_was_left_out_for_what_buttons_show(path, visiting, dropped):
    with visiting(path) as visit:
        page = visit.page
        buttons = page.locator("[data-bs-toggle]:visible").all()
        assert buttons
        for button in buttons:
            button.hover()
            button.focus()
            if button.get_attribute("data-bs-toggle") == "tooltip":
                page.get_by_role("tooltip").wait_for()
            assert page.evaluate(MATCHING, dropped) == []
            # What a button says of itself may cover the next one.
            page.mouse.move(0, 0)
            button.blur()
            expect(page.get_by_role("tooltip")).to_have_count(0)
        assert page.evaluate(MATCHING, dropped) == []


def test_every_page_loads_it_and_no_other():
    links = set()
    for path in PAGES:
        text = (SITE / path).read_text(encoding="utf-8")
        (link,) = re.findall(r'<link [^>]*rel="stylesheet"[^>]*>', text)
        links.add(re.sub(r'"[./]*_static', '"_static', link))
    assert len(links) == 1
    assert re.search(r'"_static/site\.css\?v=[0-9a-f]{8}"', links.pop())


def test_what_it_names_is_there():
    text = SHEET.read_text(encoding="utf-8")
    fonts = re.findall(r'url\("([^":]*\.woff2)"\)', text)
    assert len(fonts) > 15
    assert [name for name in fonts if not (SHEET.parent / name).exists()] == []


def test_every_icon_is_in_its_font(visiting, address):
    """A browser draws an empty box for a letter that was left out of a font."""
    drawn = set()
    with visiting() as visit:
        visit.page.route("**/*.svg", lambda route: route.abort())
        for path in PAGES:
            visit.page.goto(f"{address}/{path}", wait_until="domcontentloaded")
            drawn |= {tuple(icon) for icon in visit.page.evaluate(ICONS)}
    assert len(drawn) > 15
    for letter, font in sorted(drawn):
        (file,) = SITE.rglob(f"_static/**/{ICON_FONTS[font]}.woff2")
        letters = TTFont(file).getBestCmap() or {}
        assert ord(letter) in letters, (hex(ord(letter)), font)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_in_code_have_the_colour_of_its_text(visiting, scheme):
    """Their own elements were taken out (book/_ext/light.py)."""
    with visiting("book/perceptron.html", color_scheme=scheme) as visit:
        colours = visit.page.evaluate(
            """() => {
                const code = document.querySelector(".cell_input .highlight pre");
                const colour = (part) => getComputedStyle(part).color;
                return ["n", "p", "w", "k"].map((name) => {
                    const part = document.createElement("span");
                    part.className = name;
                    code.append(part);
                    return colour(part) === colour(code);
                });
            }"""
        )
        assert colours == [True, True, True, False]
