"""Formulas have fewer elements than KaTeX gives them; their letters do not move."""

import html
import json
import re
import sys

import pytest

from tools.book import ROOT, SITE

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import mathematics

pytestmark = pytest.mark.xdist_group("browser")
PACKAGE = ROOT / "_build" / "node" / "node_modules" / "katex"
NEAR = 0.1  # pixels
FORMULA = re.compile(
    r'<math(?P<block> display="block")?>(?:(?!</math>).)*'
    r'<annotation encoding="application/x-tex">(?P<tex>.*?)</annotation>',
    re.S,
)
# What the book does not need yet.
OTHERS = [
    r"\sqrt[3]{x_i^2 + 1}",
    r"\binom{n}{k}^{\!2}",
    r"x^{\frac{1}{2}}_{\sqrt{2}}",
    r"x^{\frac{1}{2}} + y_{\hat{z}}",
    r"\left(\frac{a}{b}\right)^2 + \left.\frac{a}{b}\right|_{x = 0}",
    r"{\Large x^2_i} + {\tiny x_{i_j} + y^{2^k}}",
    r"\overbrace{a + b}^{n} \xrightarrow{\text{if } n > 1} c",
    r"\overline{AB} \perp \underline{CD}, \quad \vec{v} \not= \widehat{uvw}",
    r"\iint_a^b f'(x)\,dx \ne \oint g''",
    r"\textcolor{red}{x^2 + \mathbf{y}_1} \cdot \boxed{z_0}",
    r"\phantom{x^2} = \smash{\frac{a}{b}} \mathllap{c} \raisebox{1em}{$d_1$}",
    r"\begin{vmatrix} a^2 & b_1 \\ \frac{c}{d} & e \end{vmatrix}^{-1}",
    r"\begin{array}{l|cr} \hline a & b & c \\ d & e & f \end{array}",
    r"\argmin_{\theta_0} f \quad \sum_{\substack{i < j \\ j < k}} x_{ij}",
    r"a < b \And c > d \;\&\; e \! f \mathrel{R} g \mathbin{*} h",
    r"\text{as \textbf{bold} as \textit{this}, } 3\,\mu\text{m}",
    r"\mathbb{R}^n \ni \mathcal{N}(0, 1) \in \mathfrak{g}^\top",
    r"e^{-\frac{1}{2} x^\top \Sigma^{-1} x}",
    r"{}_1^2 X_3^4 \quad {}^{2}Y \quad ^3 Z",
    r"a_{b_{c_{d}}} + y_{p_{q}}, \; g_{\underline{j}}",
    r"\begin{matrix}\end{matrix}",
    r"\;",
]
TAGGED = r"x^2 \tag{7}"
SIZES = [14, 16, 21]  # pixels of the text around a formula
COMPARE = r"""([formulas, size]) => {
    const places = (html, display) => {
        const box = document.createElement(display ? "div" : "p");
        box.style.fontSize = `${size}px`;
        box.innerHTML = display ? html : `Ag${html}, <b>g</b>A`;
        document.body.append(box);
        const from = box.getBoundingClientRect();
        const found = [];
        const add = (what, it) => {
            const at = it.getBoundingClientRect();
            found.push([what, at.x - from.x, at.y - from.y, at.width, at.height]);
        };
        const range = document.createRange();
        const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
        for (let text; (text = texts.nextNode());) {
            if (text.parentElement.closest(".katex-mathml")) continue;
            [...text.data].forEach((letter, i) => {
                if (letter === "\u200b") return;  // stands in KaTeX's tables, unseen
                range.setStart(text, i);
                range.setEnd(text, i + 1);
                add(letter, range);
            });
        }
        const drawn = "svg, [class*=line], .katex-rule, .fbox, .vertical-separator";
        box.querySelectorAll(drawn).forEach((it) => add("drawn", it));
        found.push(["all", from.height]);
        const elements = box.querySelectorAll(".katex-html *").length;
        const inner = [...box.querySelectorAll("semantics *:not(mrow)")];
        const said = inner.map((it) => [it.localName, it.textContent]);
        box.remove();
        return { found, elements, said };
    };
    return JSON.stringify(formulas.map(([tex, display, html]) => {
        const own = katex.renderToString(tex, { displayMode: display });
        return [places(own, display), places(html, display)];
    }));
}"""


@pytest.fixture(scope="module")
def katex():
    """Return a function from TeX to what the build makes of it."""
    process = mathematics.Katex(mathematics.find_node(), PACKAGE)
    yield process
    process.close()


@pytest.fixture(scope="module")
def page(visiting):
    """Return an empty page with the book's styles, KaTeX's, and KaTeX itself."""
    with visiting("book/arrays.html", viewport={"width": 3000, "height": 900}) as visit:
        page = visit.page
        page.evaluate("document.body.replaceChildren()")
        style = (PACKAGE / "dist" / "katex.css").read_text()
        style = re.sub(r"url\(fonts/", "url(../_static/fonts/", style)
        page.evaluate(
            """(style) => document.head.insertAdjacentHTML(
                "afterbegin", `<style>${style}</style>`)""",
            style,
        )
        page.add_script_tag(path=PACKAGE / "dist" / "katex.js")
        page.evaluate(
            """() => Promise.all([...document.fonts]
                .filter((font) => font.family.includes("KaTeX"))
                .map((font) => font.load().catch(() => 0)))"""
        )
        yield page


def book_formulas():
    """Return all formulas of the built pages, each once: (TeX, is it a block)."""
    pages = [path.read_text(encoding="utf-8") for path in SITE.rglob("*.html")]
    found = [match for page in pages for match in FORMULA.finditer(page)]
    return sorted({(html.unescape(it["tex"]), bool(it["block"])) for it in found})


def compare(page, katex, formulas, size):
    """Return KaTeX's own and the book's letters and elements, for (TeX, block)."""
    made = [[tex, block, katex(tex, block)["html"]] for tex, block in formulas]
    # As text: Playwright takes its time for each number.
    return json.loads(page.evaluate(COMPARE, [made, size]))


def moved(own, lean):
    """Return by how many pixels the worst letter is not where KaTeX sets it."""
    assert [what for what, *_ in own] == [what for what, *_ in lean]
    return max(
        abs(a - b)
        for before, after in zip(own, lean, strict=True)
        for a, b in zip(before[1:], after[1:], strict=True)
    )


@pytest.mark.parametrize("size", SIZES)
def test_no_letter_of_the_book_moves(page, katex, size):
    formulas = book_formulas()
    assert len(formulas) > 1000
    results = compare(page, katex, formulas, size)
    for (tex, _), (own, lean) in zip(formulas, results, strict=True):
        assert moved(own["found"], lean["found"]) < NEAR, tex
        assert own["said"] == lean["said"] != [], tex
    count = [sum(result[side]["elements"] for result in results) for side in (0, 1)]
    assert count[1] < 0.4 * count[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tex", [*OTHERS, TAGGED])
def test_no_letter_moves(page, katex, tex, size):
    blocks = [True] if tex == TAGGED else [False, True]
    for own, lean in compare(page, katex, [(tex, block) for block in blocks], size):
        assert moved(own["found"], lean["found"]) < NEAR
        assert lean["elements"] <= own["elements"]
