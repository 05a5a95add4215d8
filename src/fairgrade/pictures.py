"""Pictures that learners attach to what they write: PNG and JPEG files, and only these.

What else an attachment can be, a browser might run. The bytes are looked at only as far
as to tell what they are, and how many pixels a reader's browser would have to draw.
"""

import base64
import binascii
import re
import struct

BYTES_LIMIT = 8 * 2**20  # of one picture, as long as a photograph of a page
PIXELS_LIMIT = 100_000_000
NUMBER_LIMIT = 20  # in one cell
NAME = re.compile(r"\w[\w .,()+@~-]{0,99}")
FRAMES = {0xC0, 0xC1, 0xC2}  # of JPEG: baseline, extended, progressive


def attached(cell):
    """Return (pictures, notes) of a cell: {name: {kind: base64}}, as in a notebook."""
    attachments = cell.get("attachments")
    kept, notes = {}, []
    if not attachments:
        return kept, notes
    if not isinstance(attachments, dict):
        return kept, ["attachments that are none were left out"]
    for name, bundle in list(attachments.items())[:NUMBER_LIMIT]:
        try:
            if not NAME.fullmatch(name):
                raise ValueError("its name is not plain")
            kept[name] = picture_of(bundle)
        except ValueError as error:
            notes.append(f"the attachment {name[:40]!r} was left out: {error}")
    if len(attachments) > NUMBER_LIMIT:
        notes.append(f"{len(attachments)} attachments: {NUMBER_LIMIT} are looked at")
    return kept, notes


def picture_of(bundle):
    """Return {kind: base64} of the picture in an attachment; ValueError if none is."""
    for kind in ("image/png", "image/jpeg"):
        text = bundle.get(kind) if isinstance(bundle, dict) else None
        if isinstance(text, list) and all(isinstance(line, str) for line in text):
            text = "".join(text)
        if not isinstance(text, str):
            continue
        if len(text) > BYTES_LIMIT * 3 // 2:
            raise ValueError(f"bigger than {BYTES_LIMIT >> 20} MiB")
        try:
            data = base64.b64decode("".join(text.split()).encode(), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise ValueError("it is not in base64") from None
        if len(data) > BYTES_LIMIT:
            raise ValueError(f"bigger than {BYTES_LIMIT >> 20} MiB")
        width, height = size_of_png(data) if kind == "image/png" else size_of_jpeg(data)
        if not 0 < width * height <= PIXELS_LIMIT:
            raise ValueError(f"{width} by {height} pixels")
        return {kind: base64.b64encode(data).decode()}
    raise ValueError("it is neither a PNG nor a JPEG picture")


def size_of_png(data):
    """Return (width, height) that a PNG file says it has."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 24:
        raise ValueError("it says it is PNG, and is not")
    return struct.unpack(">II", data[16:24])


def size_of_jpeg(data):
    """Return (width, height) that a JPEG file says it has."""
    place = 2
    while data[:2] == b"\xff\xd8" and place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = struct.unpack(">BH", data[place + 1 : place + 4])
        if marker in FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        # Any number of 0xFF may stand before a marker.
        place += 1 if marker == 0xFF else 2 + length
    raise ValueError("it says it is JPEG, and is not")
