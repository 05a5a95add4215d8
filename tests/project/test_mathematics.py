"""Signs beside a formula stay with it, and nothing else in the words is changed."""

import sys

import pytest
from docutils import nodes
from docutils.utils import new_document

from tools.book import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import mathematics


def kept(*parts):
    """Return a paragraph, of words and formulas, as keep_together leaves it."""
    words = nodes.paragraph()
    words += [
        nodes.math(part, part[1:-1]) if part.startswith("$") else nodes.Text(part)
        for part in parts
    ]
    document = new_document("words")
    document += words
    mathematics.keep_together(None, document, "words")
    return words


def groups(words):
    """Return what stands together, as text."""
    return [group.astext() for group in words.findall(nodes.inline)]


@pytest.mark.parametrize(
    ("parts", "together"),
    [
        (["Take ", "$x$", ", then ", "$y$", "."], ["x,", "y."]),
        (["for a step (", "$g = 0$", "), and"], ["(g = 0),"]),
        (["$x$", " is a number."], []),
        (["the ", "$x$", "$y$", "."], ["y."]),
        (["$x$"], []),
        ([r"$\sum_i \sum_j a_{ij} b_{jk} c_{kl} d_{lm}$", "."], []),
        (
            [r"$\boldsymbol\theta^\top\mathbf{x}$", "."],
            [r"\boldsymbol\theta^\top\mathbf{x}."],
        ),
    ],
    ids=["after", "around", "word", "neighbours", "alone", "long", "commands"],
)
def test_signs_stay_with_their_formula(parts, together):
    words = kept(*parts)
    assert groups(words) == together
    assert words.astext() == "".join(part.strip("$") for part in parts)


def test_each_formula_has_its_own_sign():
    """Equal texts are one and the same to docutils, which would take the first."""
    long = r"\sum_i \sum_j a_{ij} b_{jk} c_{kl} d_{lm}"
    words = kept(f"${long}$", ".", "$x$", ".", "$y$", ".")
    assert groups(words) == ["x.", "y."]
    assert words.astext() == f"{long}.x.y."
