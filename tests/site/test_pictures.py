"""Matplotlib's pictures look the same with fewer elements (book/_ext/pictures.py)."""

import base64
import gzip
import io
import re
import sys
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from tools.book import ROOT, SITE

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import pictures

pytestmark = pytest.mark.xdist_group("browser")


def drawn(draw):
    """Return as SVG what a function draws on axes of 3 by 2 inches."""
    figure, axes = plt.subplots(figsize=(3, 2))
    draw(axes)
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    return file.getvalue()


def everything(axes):
    """Draw of everything: letters, formulas, lines, points of many kinds, a picture."""
    x = np.linspace(0, 1, 12)
    axes.plot(x, x**2, "o--", label=r"$\frac{x_1^2}{\sqrt{2}}$ of the rest")
    axes.scatter(x, 1 - x, s=200, alpha=0.4)  # these overlap
    axes.scatter(x, 0 * x + 0.5, s=4, alpha=0.5)  # these do not
    axes.scatter(x, x, s=150, edgecolor="white")
    axes.plot(x, 0 * x, "x", color="C3", clip_on=False)
    axes.imshow(x.reshape(3, 4), extent=(0.6, 1, 0, 0.3), aspect="auto")
    axes.fill_between(x, 0, x / 3, hatch="//", alpha=0.3)
    axes.set_title("minus −1, and so on", rotation=5)
    axes.legend()


def elements(picture):
    """Return how many elements a browser makes of a picture."""
    return len(re.findall(r"<[a-zA-Z]", picture)) + picture.count("<use")


def sent(picture):
    """Return how many bytes a server sends."""
    return len(gzip.compress(picture.encode()))


def points(picture):
    """Return how many paths draw the points of a picture: they have a colour of C0."""
    every = ET.fromstring(picture).iter()
    blue = [e for e in every if "fill: #1f77b4" in e.get("style", "")]
    return sum(len(e) or 1 for e in blue)


@pytest.fixture
def pixels(chromium):
    """Return a function: what a browser shows of a picture, from 0 to 255."""
    page = chromium.new_page(viewport={"width": 400, "height": 300})

    def shown(picture):
        data = base64.b64encode(picture.encode()).decode()
        page.set_content(f'<img src="data:image/svg+xml;base64,{data}">')
        page.wait_for_function("document.images[0].naturalWidth > 0")
        screen = page.screenshot()
        return np.asarray(Image.open(io.BytesIO(screen)).convert("RGB")).astype(int)

    yield shown
    page.close()


def differing(first, second):
    """Return how many pixels differ to the eye."""
    return (abs(first - second).max(axis=-1) > 60).sum()


def test_a_picture_looks_the_same_with_a_third_of_its_elements(pixels):
    before = drawn(everything)
    after = pictures.lean(before)
    assert "<use" not in after
    assert elements(after) < elements(before) / 3
    assert sent(after) < sent(before)
    shown = pixels(before)
    assert differing(shown, 255) > 1000
    assert differing(shown, pixels(after)) < 10


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("opacity: 0.4", "opacity: 0.9"),
        ("clip-path", "no-clip-path"),
        ("scale(0.1 -0.1)", "scale(0.1 -0.11)"),
    ],
)
def test_the_comparison_sees_a_difference(pixels, found, instead):
    after = pictures.lean(drawn(everything))
    assert found in after
    assert differing(pixels(after), pixels(after.replace(found, instead))) > 10


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"s": 9}, 1),
        ({"s": 9, "alpha": 0.5}, 1),
        ({"s": 2000}, 1),
        ({"s": 2000, "alpha": 0.5}, 10),
        ({"s": 2000, "edgecolor": "white"}, 10),
    ],
)
def test_points_become_one_path_unless_that_shows(options, paths):
    x = np.linspace(0, 1, 10)
    before = drawn(lambda axes: axes.scatter(x, x, color="C0", **options))
    assert points(pictures.lean(before)) == paths


@pytest.mark.parametrize("name", ["fill-opacity", "opacity"])
def test_overlapping_points_shine_through_one_another(name, pixels):
    x = np.linspace(0, 1, 12)
    before = drawn(lambda axes: axes.plot(x, x, "ko", ms=30, mew=0, alpha=0.5))
    before = before.replace("fill-opacity", name)
    assert differing(pixels(before), pixels(pictures.lean(before))) < 10


@pytest.mark.parametrize("marker", ["o", ".", "s", "D", "8", "h", "*", "$0$"])
def test_circles_and_nothing_else_are_arcs(marker, pixels):
    """The arcs are seen at a size at which a wrong one would show."""
    before = drawn(lambda axes: axes.plot([0, 1], [0, 1], ls="", marker=marker, ms=40))
    after = pictures.lean(before)
    assert len(re.findall(r"a[\d.]+ [\d.]+ 0 1 0", after)) == 4 * (marker in "o.")
    assert differing(pixels(before), pixels(after)) < 10


def test_letters_keep_their_shape_and_place():
    before = drawn(lambda axes: axes.set_title("tt"))
    after = pictures.lean(before)
    letters = re.findall(r'd="(M[^"]*z)"', after)[-1]
    first, second = re.findall(r"M([^Mz]*)z", letters)
    assert first.partition("l")[2] == second.partition("l")[2]
    assert first != second


def test_pictures_of_others_and_written_ones_stay_as_they_are(tmp_path):
    once = pictures.lean(drawn(everything))
    texts = {"own.svg": "<svg><use/></svg>", "written.svg": once}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    pictures.write(tmp_path)
    for name, text in texts.items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_the_pictures_of_the_book_are_written_so():
    found = [path.read_text("utf-8") for path in (SITE / "_images").glob("*.svg")]
    assert len(found) > 50
    assert not [text[:200] for text in found if "<use" in text]
