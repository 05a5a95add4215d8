"""A picture with a slider that moves on a static page: no server, no kernel.

Python computes every frame while the book is built. The page gets one drawing, which
is all that a reader without JavaScript needs, and the other frames as a list in words.
The script `book/_static/interactive.mjs` only exchanges the lines of the drawing.
"""

from html import escape

import numpy as np
from matplotlib.ticker import MaxNLocator

# The drawing, in units of the SVG: the whole, and the plot's edges inside it.
WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 82, 472, 12, 276
DASHES = ("none", "7 4", "2 4")  # lines differ in more than colour
COLOURS = ("primary", "danger", "text-base")  # of the theme, light and dark
BOX = (92, 30)  # width and height of a box
# What is drawn at a point, as the rest of an SVG path that has moved there, and the
# width of its stroke. A dot is a stroke of length zero with round ends.
MARKS = {
    "dot": ("h0", 5),
    "none": ("", 0),
    "circle": ("m-3.5,0a3.5,3.5 0 1 0 7,0a3.5,3.5 0 1 0-7,0", 1.5),
    "cross": ("m-3,-3l6,6m0,-6l-6,6", 1.5),
    "large cross": ("m-7,-7l14,14m0,-14l-14,14", 2.5),
    "ring": ("m-9,0a9,9 0 1 0 18,0a9,9 0 1 0-18,0", 2.5),
    "box": (f"m-{BOX[0] / 2:g},-{BOX[1] / 2:g}h{BOX[0]}v{BOX[1]}h-{BOX[0]}z", 3),
}


class SliderFigure:
    """What `slider_figure` returns: HTML for a page, words for everything else."""

    def __init__(self, html, text):
        self.html, self.text = html, text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": self.text}


def slider_figure(
    frames,
    slider,
    alt,
    x,
    y,
    still=(),
    start=0,
    marks=("dot", "dot", "dot"),
    circles=(),
    crosses=(),
    boxes=(),
):
    """Return a picture whose moving lines follow a slider.

    Parameters
    ----------
    frames : list of (str, str, list of array_like)
        One per place of the slider: its value, what is shown there in words (so that
        "slider value words" is a sentence), and its lines. A line is an array of shape
        (m, 2), m ≥ 0, or of shape (k, m, 2) for k pieces. All frames have equally many
        lines, at most three: solid, dashed and dotted. Where there are `boxes`, a frame
        has a fourth part: the list of their texts.
    slider : str
        What the slider changes, such as ``"learning rate"``.
    alt : str
        What is seen, for readers who do not see it.
    x, y : (str, float, float)
        Label, least and greatest value of each axis. What lies outside is cut off.
        With no label for x there are no axes, and the drawing takes their room.
    still : list of array_like
        Grey lines, shape (m, 2), that stay; a line of one point is drawn as a cross.
    start : int
        The frame shown first, and the one shown where no script runs.
    marks : tuple of str
        What stands at the points of each moving line: a ``"dot"``, a ``"ring"``, the
        frame of a ``"box"``, or ``"none"``. A line of one point is its mark alone.
    circles, crosses : array_like
        Grey points, shape (m, 2), that stay.
    boxes : list of (float, float)
        The middles of boxes that hold a text.

    Returns
    -------
    SliderFigure
        Jupyter and the book show it when it is the value of a cell.

    Raises
    ------
    ValueError
        If there are fewer than two frames, if a frame has no words or another number
        of lines or texts, if a line has another shape or a point that is not finite, if
        an axis has no span, if a mark is unknown, or if there is no frame `start`.
    """
    frames = [(*frame, []) if len(frame) == 3 else frame for frame in frames]
    checked(frames, x, y, start, marks, boxes)
    said = [(escape(label), escape(words)) for label, words, *_ in frames]
    lines = [[points(line, x, y) for line in lines] for *_, lines, _ in frames]
    kept = [[escape(text) for text in texts] for *_, texts in frames]
    items = "".join(
        f'<li data-lines="{"|".join(parts)}" data-texts="{"|".join(texts)}">'
        f"<b>{label}</b> {words}</li>\n"
        for (label, words), parts, texts in zip(said, lines, kept, strict=True)
    )
    name = escape(slider, quote=True)
    longest = len(slider) + max(len(f"{label} {words}") for label, words, *_ in frames)
    plot = f"{LEFT} {TOP} {RIGHT - LEFT} {BOTTOM - TOP}"
    html = f"""\
<div class="interactive">
<svg viewBox="{f"0 0 {WIDTH} {HEIGHT}" if x[0] else plot}" role="img"
style="width: 100%; max-width: 36rem" aria-label="{escape(alt, quote=True)}">
{axes(x, y) if x[0] else ""}
<svg role="none" x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}">
{"".join(standing(points(line, x, y)) for line in still)}
{scattered(points(circles, x, y), "circle", 1)}
{scattered(points(crosses, x, y), "cross")}
{"".join(map(moving, range(3), lines[start], marks))}
{"".join(map(box, points(boxes, x, y).split(), kept[start]))}
</svg></svg>
<label hidden>{name}
<input type="range" max="{len(frames) - 1}" value="{start}"></label>
<p style="--letters: {longest}">{name} <output>{" ".join(said[start])}</output></p>
<details><summary>Every value in words</summary><ul>
{items}</ul></details>
</div>"""
    text = "\n".join(f"{slider} {label} {words}" for label, words, *_ in frames)
    return SliderFigure(html, text)


def checked(frames, x, y, start, marks, boxes):
    """Raise ValueError for frames, axes and marks that cannot be drawn."""
    if len(frames) < 2:
        raise ValueError(f"a slider needs two frames or more, got {len(frames)}")
    if not 0 <= start < len(frames):
        raise ValueError(f"need start in 0..{len(frames) - 1}, got {start}")
    for label, low, high in (x, y):
        if not -np.inf < low < high < np.inf:
            raise ValueError(f"axis {label!r}: need low < high, got {low}, {high}")
    count = len(frames[0][2])
    if not 1 <= count <= len(DASHES):
        raise ValueError(f"need 1 to {len(DASHES)} lines per frame, got {count}")
    if len(marks) < count or not set(marks) <= MARKS.keys():
        raise ValueError(f"need {count} marks out of {list(MARKS)}, got {marks}")
    for label, words, lines, texts in frames:
        if not words.strip():
            raise ValueError(f"frame {label!r} says nothing")
        if len(lines) != count:
            raise ValueError(f"frame {label!r}: need {count} lines, got {len(lines)}")
        if len(texts) != len(boxes) or any("|" in text for text in texts):
            raise ValueError(
                f"frame {label!r}: need {len(boxes)} texts without |, got {texts}"
            )


def points(line, x, y):
    """Return a line (m, 2) as the text "x,y x,y …" in tenths of units of the SVG.

    Pieces (k, m, 2) are parted by "M", which is how the path of an SVG is interrupted.
    """
    line = np.asarray(line, dtype=float)
    if line.size and (line.ndim not in (2, 3) or line.shape[-1] != 2):
        raise ValueError(f"need a line of shape (m, 2), got {line.shape}")
    if line.ndim == 3:
        return "M".join(points(piece, x, y) for piece in line)
    line = line.reshape(-1, 2)
    if not np.all(np.isfinite(line)):
        raise ValueError(f"need finite points, got {line[~np.isfinite(line).all(1)]}")
    (_, left, right), (_, low, high) = x, y
    across = (line[:, 0] - left) / (right - left) * (RIGHT - LEFT)
    down = (high - line[:, 1]) / (high - low) * (BOTTOM - TOP)
    pairs = zip(across, down, strict=True)
    return " ".join(f"{round(a, 1):g},{round(b, 1):g}" for a, b in pairs)


def drawn(line):
    """Return the SVG path of a line."""
    return f"M{line}" if line else ""


def marked(line, mark):
    """Return the SVG path of a mark at every point of a line."""
    places = line.replace("M", " ").split()
    return "".join(f"M{place}{MARKS[mark][0]}" for place in places)


def moving(k, line, mark):
    """Return the SVG of moving line k, with its marks."""
    stroke = f"var(--pst-color-{COLOURS[k]}, currentColor)"
    shape, width = MARKS[mark]
    return (
        f'<g class="moving" fill="none" stroke="{stroke}" stroke-linecap="round">'
        f'<path d="{drawn(line)}" stroke-width="{1.5 if mark == "dot" else 2.5}"'
        f' stroke-dasharray="{DASHES[k]}"/>'
        f'<path d="{marked(line, mark)}" stroke-width="{width}" data-mark="{shape}"/>'
        "</g>"
    )


def standing(line):
    """Return the SVG of a line that stays, or of a cross where it is a single point."""
    if " " in line:
        style = 'fill="none" stroke="currentColor" stroke-opacity=".4"'
        return f'<path d="{drawn(line)}" {style}/>'
    return scattered(line, "large cross", opacity=1)


def scattered(line, mark, opacity=0.65):
    """Return the SVG of a mark at every point of a line, without the line."""
    if not line:
        return ""
    style = f'fill="none" stroke="currentColor" stroke-opacity="{opacity}"'
    return f'<path d="{marked(line, mark)}" {style} stroke-width="{MARKS[mark][1]}"/>'


def box(place, text):
    """Return the SVG of a box around a place, and its text."""
    across, down = map(float, place.split(","))
    return (
        f'<path d="{marked(place, "box")}" fill="var(--pst-color-background, Canvas)"'
        ' stroke="currentColor"/>'
        f'<text class="box" x="{across:g}" y="{down + 5:g}" text-anchor="middle"'
        f' fill="currentColor">{text}</text>'
    )


def axes(x, y):
    """Return the SVG of both axes, with their ticks and labels."""
    parts = [f'<path d="M{LEFT},{TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke-width="1"/>']
    for number, (_, low, high) in enumerate((x, y)):
        ticks = [
            t
            for t in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
            if low <= t <= high
        ]
        for tick in ticks:
            part = (tick - low) / (high - low)
            text = f"{round(tick, 9):g}".replace("-", "−")
            if number == 0:
                at = LEFT + part * (RIGHT - LEFT)
                mark, where = f"M{at:.1f},{BOTTOM}v5", f'x="{at:.1f}" y="{BOTTOM + 21}"'
                anchor = "middle"
            else:
                at = BOTTOM - part * (BOTTOM - TOP)
                mark, where = f"M{LEFT},{at:.1f}h-5", f'x="{LEFT - 9}" y="{at + 5:.1f}"'
                anchor = "end"
            parts.append(f'<path d="{mark}"/>')
            parts.append(
                f'<text {where} text-anchor="{anchor}" stroke="none">{text}</text>'
            )
    middle, centre = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    parts += [
        f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle" stroke="none">'
        f"{escape(x[0])}</text>",
        f'<text transform="translate(19 {centre}) rotate(-90)" text-anchor="middle"'
        f' stroke="none">{escape(y[0])}</text>',
    ]
    return f'<g stroke="currentColor" fill="currentColor">{"".join(parts)}</g>'
