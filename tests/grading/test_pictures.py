"""Pictures in answers reach who grades and who reads the feedback; no more does."""

import base64
import io
import struct

import nbformat
import pytest
from matplotlib.figure import Figure
from PIL import Image

from fairgrade import pictures
from fairgrade.pictures import attached

from .small_course import Course, nbgrader

pytestmark = pytest.mark.xdist_group("fairgrade_feedback")


def text_of(data):
    return base64.b64encode(data).decode()


def picture(kind):
    file = io.BytesIO()
    Image.new("RGB", (5, 4), "green").save(file, kind)
    return file.getvalue()


PNG, JPEG = picture("png"), picture("jpeg")
SCRIPT = "<script>fgmark()</script>"
SVG = text_of(f"<svg xmlns='http://www.w3.org/2000/svg'>{SCRIPT}</svg>".encode())
GOOD = {"image/png": text_of(PNG)}
HUGE = PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:]
BAD = {
    "svg": {"image/svg+xml": SVG},
    "html": {"text/html": SCRIPT},
    "svg that says it is png": {"image/png": SVG},
    "png that says it is jpeg": {"image/jpeg": text_of(PNG)},
    "markup": {"image/png": f'x">{SCRIPT}'},
    "markup behind it": {"image/png": text_of(PNG) + f'">{SCRIPT}'},
    "too many pixels": {"image/png": text_of(HUGE)},
    "a number": {"image/png": 7},
    "a list": [text_of(PNG)],
    "cut off": {"image/jpeg": text_of(JPEG[:20])},
    "empty": {},
}


@pytest.mark.parametrize("name", ["image.png", "Foto 1 (2).png", "Lösung-3@2x.png"])
def test_pictures_are_kept(name):
    lines = text_of(JPEG)[:7] + "\n", text_of(JPEG)[7:]
    both = {name: GOOD, "b.jpeg": {"image/jpeg": list(lines)}}
    jpeg = {"image/jpeg": text_of(JPEG)}
    assert attached({"attachments": both}) == ({name: GOOD, "b.jpeg": jpeg}, [])


def test_jpegs_of_other_programs_are_understood():
    file = io.BytesIO()
    figure = Figure(figsize=(3, 2), dpi=100)
    figure.savefig(file, format="jpeg")
    assert pictures.size_of_jpeg(file.getvalue()) == (300, 200)
    padded = JPEG[:2] + b"\xff\xff" + JPEG[2:]
    assert pictures.size_of_jpeg(padded) == (5, 4)
    progressive = io.BytesIO()
    Image.new("L", (6, 3)).save(progressive, "jpeg", progressive=True)
    assert pictures.size_of_jpeg(progressive.getvalue()) == (6, 3)


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_picture_is_left_out_and_told(what):
    kept, notes = attached({"attachments": {"a.png": BAD[what]}})
    assert kept == {}
    assert len(notes) == 1
    assert "'a.png' was left out" in notes[0]


@pytest.mark.parametrize("name", [SCRIPT, "", "../a.png", 'a" onload="x', "a" * 300])
def test_names_are_plain(name):
    kept, notes = attached({"attachments": {name: GOOD}})
    assert kept == {}
    assert "its name is not plain" in notes[0]


def test_there_is_an_end_to_pictures(monkeypatch):
    monkeypatch.setattr(pictures, "BYTES_LIMIT", len(PNG) - 1)
    assert "bigger than" in attached({"attachments": {"a.png": GOOD}})[1][0]
    monkeypatch.setattr(pictures, "BYTES_LIMIT", len(PNG))
    many = {f"{n}.png": GOOD for n in range(500)}
    kept, notes = attached({"attachments": many})
    assert len(kept) == 20
    assert notes == ["500 attachments: 20 are looked at"]
    assert attached({"attachments": "many"})[0] == {}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("pictures") / "course")
    assert course.fairgrade("generate", "twice") == 0
    return course


def hand_in(course, attachments, words):
    notebook = course.released()
    notebook.cells[5].source = words
    notebook.cells[5].attachments = attachments
    course.hand_in_text("ada", nbformat.writes(notebook))


def feedback_of(course):
    assert course.fairgrade("feedback", "twice") == 0
    html = (course.folder / "feedback/ada/twice/twice.html").read_text()
    return html.partition("</head>")[2]


@pytest.mark.filterwarnings("ignore")  # nbgrader's own code warns
@pytest.mark.parametrize("command", ["fairgrade", "nbgrader"])
def test_a_picture_goes_from_the_answer_to_the_feedback(
    released, tmp_path, command, capsys
):
    course = released.copy(tmp_path / "course")
    # What nbformat itself does not write is left to the tests above.
    bad = {what.replace(" ", "-"): BAD[what] for what in BAD if "a " not in what}
    words = "As drawn: ![by hand](attachment:My%20page.png)"
    words += "".join(f"\n![{name}](attachment:{name})" for name in bad)
    hand_in(course, {"My page.png": GOOD} | bad | {SCRIPT: GOOD}, words)
    if command == "fairgrade":
        assert course.fairgrade("autograde", "twice", "--jobs=1") == 0
        assert (
            "was left out: its name is not plain (and 9 more)"
            in capsys.readouterr().out
        )
    else:
        config = course.folder / "nbgrader_config.py"
        text = config.read_text() + "import fairgrade\nfairgrade.configure(c)\n"
        config.write_text(text)
        outcome = nbgrader(course).autograde("twice", "*")
        assert outcome["success"], outcome["log"]
    notebook = course.autograded("ada")
    assert notebook.cells[5].attachments == {"My page.png": GOOD}
    page = feedback_of(course)
    assert f'alt="by hand" src="data:image/png;base64,{text_of(PNG)}"' in page
    assert page.count("data:image/png") == 1
    assert "svg" not in page.replace('alt="svg', "")
    assert "<script>fgmark" not in page


@pytest.mark.filterwarnings("ignore")  # nbgrader's own code warns
def test_a_picture_that_is_not_there_stops_no_feedback(released, tmp_path):
    course = released.copy(tmp_path / "course")
    words = "![none](attachment:none.png)" + " ![a](attachment:a.png)" * 1000
    hand_in(course, {"a.png": GOOD}, words)
    assert course.fairgrade("autograde", "twice", "--jobs=1") == 0
    page = feedback_of(course)
    assert 'alt="none"' in page
    assert page.count("data:image/png") == 3
