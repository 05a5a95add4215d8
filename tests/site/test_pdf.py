"""The book on paper: numbered, with bookmarks, no page blank, nothing cut off."""

import pikepdf
import pypdfium2
import pytest

from tools import pdf

SOME = [
    {"caption": "", "pages": ["book/introduction.html"]},
    {"caption": "One layer at a time", "pages": ["book/gradient_descent.html"]},
]
MARGIN = 40  # points: a little less than tools/pdf.css leaves

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def paper(chromium, tmp_path_factory):
    """Return where a short edition of the book was printed to."""
    target = tmp_path_factory.mktemp("paper") / "book.pdf"
    pdf.make(chromium, target, SOME)
    return target


@pytest.fixture
def document(paper):
    with pikepdf.open(paper) as opened:
        yield opened


@pytest.fixture
def texts(paper):
    """Return the text of every page."""
    with pypdfium2.PdfDocument(paper) as opened:
        yield [page.get_textpage().get_text_range() for page in opened]


def links(document):
    """Return the annotations of all pages that are links."""
    return [link for page in document.pages for link in page.get("/Annots", [])]


def test_every_page_is_numbered_and_none_is_blank(texts):
    assert len(texts) > 12
    assert "Every Gradient Checked" in texts[0]
    for number, text in enumerate(texts[1:], start=2):
        lines = text.split("\r\n")
        assert str(number) in lines[:3] + lines[-3:]
        assert len(text) > 80, text


def test_nothing_leaves_the_paper(paper):
    with pypdfium2.PdfDocument(paper) as opened:
        for page in opened:
            width, _ = page.get_size()
            text = page.get_textpage()
            edges = [text.get_charbox(n) for n in range(text.count_chars())]
            assert min(left for left, _, _, _ in edges) > MARGIN
            assert max(right for _, _, right, _ in edges) < width - MARGIN


def test_code_answers_and_formulas_are_there_and_drawing_code_is_not(texts):
    whole = " ".join(" ".join(texts).split())
    assert "def gradient_descent(loss, gradients, parameters" in whole
    assert "Solution to Exercise 3.1" in whole
    assert "plt.subplots" not in whole
    assert "Click to" not in whole
    assert "Not live here" not in whole


def test_bookmarks_lead_to_parts_chapters_and_sections(document):
    with document.open_outline() as outline:
        introduction, part = outline.root
        (chapter,) = part.children
    assert introduction.title == "Every Gradient Checked"
    assert part.title == "One layer at a time"
    assert chapter.title.startswith("3. Gradient descent")
    assert [x.title for x in chapter.children][:2] == [
        "A valley of prices",
        "How large is too large",
    ]


def test_links_stay_in_the_document_or_lead_to_another_host(document):
    places = pdf.pages_of_places(document)
    inside = [str(link.Dest)[1:] for link in links(document) if "/Dest" in link]
    outside = [str(link.A.URI) for link in links(document) if "/A" in link]
    assert len(inside) > 20
    assert set(inside) <= set(places)
    assert not [address for address in outside if "127.0.0.1" in address]


def test_the_table_of_contents_says_the_right_pages(document, texts):
    places = pdf.pages_of_places(document)
    contents = " ".join(texts[1].split())
    assert texts[places["book-gradient_descent"] - 1].count("walks down the loss")
    for link in document.pages[1].Annots:
        assert str(places[str(link.Dest)[1:]]) in contents.split()


def test_screen_readers_find_a_language_and_a_structure(document):
    assert str(document.Root.Lang) == "en"
    assert document.Root.MarkInfo.Marked
    assert document.Root.StructTreeRoot.K is not None


def test_what_is_too_wide_is_refused(address, chromium):
    page = chromium.new_page(viewport={"width": pdf.COLUMN, "height": 900})
    pdf.compose(page, address, SOME[:1])
    assert page.evaluate(pdf.CLIPPED) == []
    page.evaluate(
        """document.querySelector(".bd-article").insertAdjacentHTML("beforeend",
            `<pre style="white-space: pre">planted ${"wide ".repeat(99)}</pre>`)"""
    )
    clipped = page.evaluate(pdf.CLIPPED)
    assert [x for x in clipped if x.startswith("PRE in book-introduction: planted")]
    page.close()
