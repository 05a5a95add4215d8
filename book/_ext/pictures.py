"""Draw Matplotlib's pictures with a fraction of their elements, to the same look.

Matplotlib writes a letter or a point once and then refers to it, for every letter of a
label and every point of a cloud. A browser builds a tree of its own for each of these:
a picture of 500 points keeps a phone busy for longer than the text around it. Here the
letters of a label become one path, and so do the points that follow one another and
look alike, or what they share is said once. A circle is two arcs. Coordinates keep a
hundredth of a point.

Sources: https://matplotlib.org/stable/users/explain/text/fonts.html,
https://www.w3.org/TR/SVG2/struct.html#UseShadowTree.
"""

import re
import xml.etree.ElementTree as ET
from itertools import groupby

import numpy as np
from fontTools.misc.transform import Transform
from fontTools.pens.basePen import BasePen
from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.svgLib.path import parse_path

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
ET.register_namespace("", "http://www.w3.org/2000/svg")
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
STEP = re.compile(r"(translate|scale)\(([^)]*)\)")
NUMBER = re.compile(r"-?\d+\.\d+")
BENT = 1.0346  # how far from its centre a circle in eight curves has what bends them
ROOM = 1.5  # half of the widest line around a point, in points
DECLARATION = re.compile(r"([a-z-]+):\s*([^;]*[^;\s])")
OPACITY = re.compile(r"(?<!-)opacity")  # that of a group is not that of each in it
PAINT = re.compile(r"\b(fill|stroke):\s*([^;]+)")


def write(folder):
    """Write the pictures in a folder anew, those that Matplotlib drew."""
    for path in folder.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        if "<metadata>" in text and "Matplotlib" in text:  # else written before
            path.write_text(lean(text), encoding="utf-8")


def lean(text):
    """Return a picture of Matplotlib's [SVG as text] with fewer elements."""
    root = ET.fromstring(text)
    drawn = {e.get("id"): e for e in root.iter(f"{SVG}path") if e.get("id")}
    root.remove(root.find(f"{SVG}metadata"))
    for group in list(root.iter(f"{SVG}g")):
        group[:] = [e for e in merged(group, drawn) if not is_spent(e)]
    for group in list(root.iter()):
        group[:] = [e for child in group for e in opened(child)]
    for path in root.iter(f"{SVG}path"):
        path.set("d", NUMBER.sub(short, " ".join(path.get("d", "").split())))
    for element in root.iter():
        element.tail = None
        if element.tag != f"{SVG}style":
            element.text = None
    return ET.tostring(root, encoding="unicode") + "\n"


def merged(group, drawn):
    """Yield the children of a group; what refers to a path {id: element} draws it."""

    def look(element):
        if element.tag != f"{SVG}use":
            return element.tag
        return tuple(style_of(element, drawn[element.get(HREF)[1:]]).items())

    for _, alike in groupby(group, look):
        alike = list(alike)
        if alike[0].tag != f"{SVG}use":
            yield from alike
            continue
        style = style_of(alike[0], drawn[alike[0].get(HREF)[1:]])
        shapes = [shape(element, drawn[element.get(HREF)[1:]]) for element in alike]
        at_once = looks_the_same(style) or are_apart(shapes)
        runs = [shapes] if at_once else [[one] for one in shapes]
        paths = [{"d": steps(run)} for run in runs]
        if len(paths) == 1 or OPACITY.search(style.get("style", "")):
            yield from [ET.Element(f"{SVG}path", path | style) for path in paths]
            continue
        # What they share is said, and read, once.
        together = ET.Element(f"{SVG}g", style)
        together.extend([ET.Element(f"{SVG}path", path) for path in paths])
        yield together


def steps(shapes):
    """Return the path [text] that draws some shapes."""
    pen = StepPen()
    for recording in shapes:
        pen.add(recording)
    return "".join(pen.steps)


def style_of(element, original):
    """Return the attributes that paint a reference: its own, then the original's."""
    styles = {
        name: value
        for e in (element, original)
        for name, value in DECLARATION.findall(e.get("style", ""))
    }
    rest = {k: element.get(k) for k in ("clip-path",) if element.get(k)}
    style = "; ".join(f"{name}: {value}" for name, value in styles.items())
    return rest | ({"style": style} if style else {})


def looks_the_same(style):
    """Return whether overlapping shapes may be drawn at once rather than one by one."""
    text = style.get("style", "")
    visible = {paint for _, paint in PAINT.findall(text) if paint != "none"}
    return "opacity" not in text and len(visible) <= 1


def are_apart(shapes):
    """Return whether no two shapes touch, with room for a line around each."""
    boxes = np.array([box(shape) for shape in shapes])
    least, most = boxes[:, None, :2] - ROOM, boxes[None, :, 2:] + ROOM
    touch = (least < most).all(axis=-1)
    return (touch & touch.T).sum() == len(shapes)


def box(shape):
    """Return (least x, least y, most x, most y) of a shape."""
    pen = ControlBoundsPen(None)
    shape.replay(pen)
    return pen.bounds or (0, 0, 0, 0)


def shape(element, original):
    """Return what a reference to a path draws, recorded, where it draws it."""
    recording = RecordingPen()
    step = transform(element).transform(transform(original))
    parse_path(original.get("d", ""), TransformPen(recording, step))
    return recording


def circle(recording):
    """Return (centre x, y, radius) of a shape that is a circle, else None.

    Matplotlib draws one as eight curves. Their ends lie on it, and what bends them lies
    outside it by the same share.
    """
    names = [name for name, _ in recording.value]
    if names != ["moveTo", *["curveTo"] * 8, "closePath"]:
        return None
    curves = np.array([points for _, points in recording.value[1:-1]])
    centre = curves[:, -1].mean(axis=0)
    away = np.linalg.norm(curves - centre, axis=-1)
    radius = away[:, -1].mean()
    if not np.allclose(away / radius, [BENT, BENT, 1], atol=0.005):
        return None
    return *centre, radius


def transform(element):
    """Return where an element's transform, x and y put it."""
    step = Transform()
    for name, numbers in STEP.findall(element.get("transform", "")):
        numbers = [float(n) for n in re.split(r"[\s,]+", numbers.strip())]
        step = getattr(step, name)(*numbers)
    return step.translate(float(element.get("x", 0)), float(element.get("y", 0)))


def is_spent(element):
    """Return whether these are definitions that are referred to no more."""
    return element.tag == f"{SVG}defs" and all(e.tag == f"{SVG}path" for e in element)


def opened(element):
    """Return an element, or what is in it if it is a group that changes nothing."""
    if element.tag == f"{SVG}g" and set(element.keys()) <= {"id"}:
        return [e for child in element for e in opened(child)]
    return [element]


def short(match):
    """Return a number with two digits after the point, or fewer."""
    return f"{float(match.group()):.2f}".rstrip("0").rstrip(".")


class StepPen(BasePen):
    """Writes a path in steps: the same letter is the same text wherever it stands.

    Text that comes again is what compression makes small.
    """

    def __init__(self):
        super().__init__()
        self.steps = []
        self.at = (0, 0)

    def add(self, recording):
        """Write a shape; a circle is two arcs, a quarter of the text of its curves."""
        if not (found := circle(recording)):
            recording.replay(self)
            return
        x, y, radius = found
        x -= radius
        size, across = f"{radius:.2f}", f"{2 * radius:.2f}"
        arc = f"a{size} {size} 0 1 0"
        self.steps.append(f"M{x:.2f} {y:.2f}{arc} {across} 0{arc} -{across} 0z")

    def _moveTo(self, point):
        self.steps.append("M{:.2f} {:.2f}".format(*point))
        self.at = point

    def _lineTo(self, point):
        self.step("l", point)

    def _curveToOne(self, *points):
        self.step("c", *points)

    def _qCurveToOne(self, *points):
        self.step("q", *points)

    def _closePath(self):
        self.steps.append("z")

    def step(self, name, *points):
        """Write one command; its points count from where the last one ended."""
        x, y = self.at
        numbers = " ".join(f"{p - x:.2f} {q - y:.2f}" for p, q in points)
        self.steps.append(name + NUMBER.sub(short, numbers))
        self.at = points[-1]
