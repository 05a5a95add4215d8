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


class SliderFigure:
    """What `slider_figure` returns: HTML for a page, words for everything else."""

    def __init__(self, html, text):
        self.html, self.text = html, text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": self.text}


def slider_figure(frames, slider, alt, x, y, still=(), start=0):
    """Return a picture whose moving lines follow a slider.

    Parameters
    ----------
    frames : list of (str, str, list of array_like)
        One per place of the slider: its value, what is shown there in words (so that
        "slider value words" is a sentence), and its lines. A line is an array of shape
        (m, 2), m ≥ 0, with a dot at each point. All frames have equally many lines, at
        most three: solid, dashed and dotted.
    slider : str
        What the slider changes, such as ``"learning rate"``.
    alt : str
        What is seen, for readers who do not see it.
    x, y : (str, float, float)
        Label, least and greatest value of each axis. What lies outside is cut off.
    still : list of array_like
        Grey lines, shape (m, 2), that stay; a line of one point is drawn as a cross.
    start : int
        The frame shown first, and the one shown where no script runs.

    Returns
    -------
    SliderFigure
        Jupyter and the book show it when it is the value of a cell.

    Raises
    ------
    ValueError
        If there are fewer than two frames, if a frame has no words or another number
        of lines, if a line has another shape or a point that is not finite, if an axis
        has no span, or if there is no frame `start`.
    """
    checked(frames, x, y, start)
    texts = [(escape(label), escape(words)) for label, words, _ in frames]
    lines = [[points(line, x, y) for line in lines] for *_, lines in frames]
    items = "".join(
        f'<li data-lines="{"|".join(parts)}"><b>{label}</b> {words}</li>\n'
        for (label, words), parts in zip(texts, lines, strict=True)
    )
    name = escape(slider, quote=True)
    html = f"""\
<div class="interactive">
<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="width: 100%; max-width: 36rem" role="img"
aria-label="{escape(alt, quote=True)}">
{axes(x, y)}
<svg role="none" x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}">
{"".join(standing(points(line, x, y)) for line in still)}
{"".join(moving(k, line) for k, line in enumerate(lines[start]))}
</svg></svg>
<label hidden>{name}
<input type="range" max="{len(frames) - 1}" value="{start}"></label>
<p>{name} <output>{" ".join(texts[start])}</output></p>
<details><summary>Every value in words</summary><ul>
{items}</ul></details>
</div>"""
    text = "\n".join(f"{slider} {label} {words}" for label, words, _ in frames)
    return SliderFigure(html, text)


def checked(frames, x, y, start):
    """Raise ValueError for frames and axes that cannot be drawn."""
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
    for label, words, lines in frames:
        if not words.strip():
            raise ValueError(f"frame {label!r} says nothing")
        if len(lines) != count:
            raise ValueError(f"frame {label!r}: need {count} lines, got {len(lines)}")


def points(line, x, y):
    """Return a line (m, 2) as the text "x,y x,y …" in tenths of units of the SVG."""
    line = np.asarray(line, dtype=float)
    if line.size and (line.ndim != 2 or line.shape[1] != 2):
        raise ValueError(f"need a line of shape (m, 2), got {line.shape}")
    line = line.reshape(-1, 2)
    if not np.all(np.isfinite(line)):
        raise ValueError(f"need finite points, got {line[~np.isfinite(line).all(1)]}")
    (_, left, right), (_, low, high) = x, y
    across = (line[:, 0] - left) / (right - left) * (RIGHT - LEFT)
    down = (high - line[:, 1]) / (high - low) * (BOTTOM - TOP)
    pairs = zip(across, down, strict=True)
    return " ".join(f"{round(a, 1):g},{round(b, 1):g}" for a, b in pairs)


def dots(line):
    """Return the path of a dot at every point: strokes of length zero, round ends."""
    return "".join(f"M{point}h0" for point in line.split())


def moving(k, line):
    """Return the SVG of moving line k, with its dots."""
    stroke = f"var(--pst-color-{COLOURS[k]}, currentColor)"
    return (
        f'<g class="moving" fill="none" stroke="{stroke}" stroke-linecap="round">'
        f'<polyline points="{line}" stroke-width="1.5" stroke-dasharray="{DASHES[k]}"/>'
        f'<path d="{dots(line)}" stroke-width="5"/></g>'
    )


def standing(line):
    """Return the SVG of a line that stays, or of a cross where it is a single point."""
    if " " in line:
        style = 'fill="none" stroke="currentColor" stroke-opacity=".4"'
        return f'<polyline points="{line}" {style}/>'
    cross = f"M{line}m-7,-7l14,14m0,-14l-14,14"
    return f'<path d="{cross}" fill="none" stroke="currentColor" stroke-width="2.5"/>'


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
