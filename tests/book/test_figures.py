"""The one style of all pictures: told apart by everyone, on light and on dark pages."""

import re
from itertools import combinations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE

from tools.book import ROOT

PAGE = {"light": "#ffffff", "dark": "#121212"}
STYLE = (ROOT / "book" / "_static" / "course.css").read_text(encoding="utf-8")
SIGHTS = ["deuteranomaly", "protanomaly", "tritanomaly"]


@pytest.fixture(scope="module")
def palette():
    with plt.style.context("everygrad.figures"):
        colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    return np.array([matplotlib.colors.to_rgb(colour) for colour in colours])


def luminance(rgb):
    """Return the relative luminance (WCAG 2.2) of sRGB colours (…, 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(rgb, page):
    """Return the contrast ratio of colours (n, 3) with a page."""
    a, b = luminance(rgb), luminance(np.array(matplotlib.colors.to_rgb(page)))
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def in_dark_mode(rgb):
    """Return what the site's `invert(…) hue-rotate(180deg)` makes of colours (n, 3).

    The matrix is that of the Filter Effects specification for an angle of 180°.
    """
    share = float(re.search(r"invert\(([\d.]+)\) hue-rotate\(180deg\)", STYLE)[1])
    weights = np.array([0.213, 0.715, 0.072])
    turned = share + (1 - 2 * share) * rgb
    return np.clip(turned @ (2 * np.tile(weights, (3, 1)) - np.eye(3)).T, 0, 1)


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_are_told_apart_by_colour_blind_readers(palette, sight):
    space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
    seen = np.clip(cspace_convert(palette, space, "sRGB1"), 0, 1)
    assert min(deltaE(a, b) for a, b in combinations(seen, 2)) > 10


def test_colours_stand_out_from_the_page_in_light_and_dark(palette):
    assert min(contrast(palette, PAGE["light"])) >= 3  # WCAG 2.2, 1.4.11
    assert min(contrast(in_dark_mode(palette), PAGE["dark"])) >= 3


def test_white_turns_into_the_dark_of_the_page():
    dark = np.array([matplotlib.colors.to_rgb(PAGE["dark"])])
    assert abs(in_dark_mode(np.ones((1, 3))) - dark).max() < 1 / 255


def test_a_palette_that_fails_is_noticed():
    red_green = np.array([[0.8, 0.3, 0.3], [0.5, 0.45, 0.3]])
    space = {"name": "sRGB1+CVD", "cvd_type": "deuteranomaly", "severity": 100}
    seen = np.clip(cspace_convert(red_green, space, "sRGB1"), 0, 1)
    assert deltaE(*seen) < 10
    assert min(contrast(np.array([[1.0, 1.0, 0.0]]), PAGE["light"])) < 3
