"""A figure with a slider: the page gets what was drawn, and bad frames are refused."""

import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

from everygrad import interactive
from everygrad.interactive import slider_figure

X, Y = ("across", -1.0, 3.0), ("up", 0.0, 2.0)
FRAMES = [
    ("0.1", "creeps.", [[[-1, 0], [0.123, 1.1]], []]),
    ("0.2", "jumps.", [[[-1, 0], [9, -7], [1, 1]], [[3, 2], [0, 0]]]),
]


def figure(frames=FRAMES, x=X, y=Y, **more):
    return slider_figure(frames, "rate", "Dots on a line.", x, y, **more)


def parsed(shown):
    return BeautifulSoup(shown._repr_mimebundle_()["text/html"], "html.parser")


def read(text, x=X, y=Y):
    """Return the points (m, 2) of a line, back in the units of the axes."""
    pairs = [pair.split(",") for pair in re.findall("[^ M]+", text)]
    across, down = np.array(pairs, dtype=float).reshape(-1, 2).T
    wide = interactive.RIGHT - interactive.LEFT
    high = interactive.BOTTOM - interactive.TOP
    return np.column_stack(
        [x[1] + across / wide * (x[2] - x[1]), y[2] - down / high * (y[2] - y[1])]
    )


def test_the_page_holds_every_frame_as_it_was_computed():
    items = parsed(figure()).select("li")
    assert [item.text for item in items] == ["0.1 creeps.", "0.2 jumps."]
    for item, (_, _, lines) in zip(items, FRAMES, strict=True):
        for text, line in zip(item["data-lines"].split("|"), lines, strict=True):
            np.testing.assert_allclose(
                read(text), np.reshape(line, (-1, 2)), atol=0.0006
            )


def test_without_a_script_the_page_shows_the_start():
    page = parsed(figure(start=1))
    lines = [group.path["d"] for group in page.select("g.moving")]
    told = page.select("li")[1]["data-lines"].split("|")
    assert lines == [f"M{points}" for points in told]
    assert page.select_one("p").text == "rate 0.2 jumps."
    assert page.select_one("label").has_attr("hidden")
    assert page.select_one("svg")["aria-label"] == "Dots on a line."
    assert (page.input["value"], page.input["max"]) == ("1", "1")


def test_without_html_every_frame_is_said():
    text = figure()._repr_mimebundle_()["text/plain"]
    assert text == "rate 0.1 creeps.\nrate 0.2 jumps."


def test_every_point_has_a_dot():
    page = parsed(figure(start=1))
    for group in page.select("g.moving"):
        line, dots = group.select("path")
        assert re.findall(r"M(\S+?)h0", dots["d"]) == line["d"][1:].split()
        assert dots["data-mark"] == "h0"


def test_an_empty_line_draws_nothing():
    group = parsed(figure(start=0)).select("g.moving")[1]
    assert [path["d"] for path in group.select("path")] == ["", ""]


def test_a_line_may_come_in_pieces():
    pieces = [[[0, 0], [1, 1]], [[2, 0], [3, 2]]]
    frames = [("1", "x", [pieces]), ("2", "y", [pieces[0]])]
    page = parsed(figure(frames))
    text = page.li["data-lines"]
    assert text.count("M") == 1
    np.testing.assert_allclose(read(text), np.reshape(pieces, (4, 2)), atol=0.0006)
    line, dots = page.select("g.moving path")
    assert line["d"] == f"M{text}"
    assert dots["d"].count("h0") == 4


def test_a_line_has_the_marks_that_it_is_given():
    page = parsed(figure(start=1, marks=("ring", "none")))
    ring, none = (group.select("path")[1] for group in page.select("g.moving"))
    assert ring["d"].count("a9,9") == 6  # three points, two arcs each
    assert "a" not in none["d"]


def test_points_that_stay_are_circles_or_crosses():
    def paths(**more):
        return parsed(figure(**more)).svg.svg.find_all("path", recursive=False)

    circles, crosses = paths(circles=[[0, 0], [1, 1], [2, 0]], crosses=[[1, 2]])
    assert circles["d"].count("M") == 3
    assert (circles["d"].count("a"), crosses["d"].count("l")) == (6, 2)
    assert paths() == []


def test_a_box_holds_the_text_of_the_frame():
    frames = [("1", "x", [[]], ["a", "<b>"]), ("2", "y", [[]], ["c", "d"])]
    page = parsed(figure(frames, boxes=[(0, 0), (1, 1)], start=0))
    assert [text.text for text in page.select("text.box")] == ["a", "<b>"]
    assert [item["data-texts"] for item in page.select("li")] == ["a|<b>", "c|d"]


def test_without_a_label_there_are_no_axes():
    assert len(parsed(figure()).svg.find_all("text")) > 2
    bare = parsed(figure(x=("", -1, 3))).svg
    assert bare.find_all("text") == []
    assert bare["viewbox"].split()[2:] == [bare.svg["width"], bare.svg["height"]]


def test_what_stays_is_a_line_or_a_cross():
    def drawn(still):
        return str(parsed(figure(still=still)).svg.svg).split("<g")[0]

    line, cross = drawn([[[0, 0], [1, 1], [2, 0]]]), drawn([[[0, 0]]])
    assert (line.count("<path"), cross.count("<path")) == (1, 1)
    assert ("l14,14" in line, "l14,14" in cross) == (False, True)


def test_words_are_words_and_no_markup():
    frames = [("<1>", "a & b", [[[0, 0]]]), ("2", '"c"', [[[1, 1]]])]
    shown = slider_figure(frames, 'r"', "<alt>", ("<x>", 0, 1), ("y", 0, 1))
    page = parsed(shown)
    assert page.output.text == "<1> a & b"
    assert page.svg["aria-label"] == "<alt>"
    assert page.select("x") == []
    assert "<x>" in page.svg.text


def test_ticks_lie_on_the_axes():
    svg = parsed(figure(x=("x", -0.1, 0.61))).svg
    assert [text.text for text in svg.select("g > text")][:4] == [
        "0",
        "0.2",
        "0.4",
        "0.6",
    ]


BAD = {
    "one frame": ({"frames": FRAMES[:1]}, "two frames"),
    "a start that is not there": ({"start": 2}, r"start in 0\.\.1, got 2"),
    "no words": ({"frames": [FRAMES[0], ("3", " ", FRAMES[0][2])]}, "'3' says nothing"),
    "a line too few": (
        {"frames": [FRAMES[0], ("3", "x", [[]])]},
        "need 2 lines, got 1",
    ),
    "no line": ({"frames": [("1", "x", []), ("2", "x", [])]}, "1 to 3 lines"),
    "no number": (
        {"frames": [("1", "x", [[[0, np.nan]]]), ("2", "x", [[[0, 1]]])]},
        "finite points, got",
    ),
    "far too large": (
        {"frames": [("1", "x", [[[0, np.inf]]]), ("2", "x", [[[0, 1]]])]},
        "finite points, got",
    ),
    "an unknown mark": ({"marks": ("dot", "star")}, "2 marks out of .* got .*star"),
    "a mark too few": ({"marks": ("dot",)}, "2 marks out of"),
    "a text too few": ({"boxes": [(0, 0)]}, r"'0.1': need 1 texts .* got \[\]"),
    "a text with a bar": (
        {
            "frames": [("1", "x", [[]], ["a|b"]), ("2", "y", [[]], ["c"])],
            "boxes": [(0, 0)],
        },
        r"texts without \|, got \['a\|b'\]",
    ),
    "no plane": (
        {"frames": [("1", "x", [[[0, 1, 2]]]), ("2", "x", [[[0, 1, 2]]])]},
        r"shape \(m, 2\), got \(1, 3\)",
    ),
    "an axis without a span": ({"y": ("up", 1.0, 1.0)}, "'up': need low < high"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_drawn_is_refused(name):
    change, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        figure(**change)
