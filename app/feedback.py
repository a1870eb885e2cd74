"""Corrections: pictures that were misread, with what they really show.

`data/feedback/` holds one folder a picture, named by the SHA-256 of the picture's bytes in hexadecimal:

    picture.<ext>      the bytes as they came; the extension is that of their format, `picture.jpg` or `picture.png`
    correction.json    {"truth": the digits, rows of a page joined by a newline as in `Reading.text`, "" for no digit,
                        "reading": what was read, as `Reading.to_dict` gives it,
                        "model_version": "3",
                        "time": "2026-11-21T11:20:00+00:00", in UTC}

A folder without `correction.json` is one that is being written, or was when the process was killed: it counts
for nothing.
"""

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from PIL import Image

from pipeline.common.paths import write_json
from pipeline.common.stage import StageError, whole_file
from pipeline.reader.picture import FORMATS
from pipeline.registry.store import ROOT

if TYPE_CHECKING:
    from pipeline.reader.reading import Reading

FOLDER = ROOT / "data" / "feedback"

_CORRECTION = "correction.json"
# Where the extension is not the format's name; phones append a second picture to a JPEG and call it MPO.
_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "JPEG2000": "jp2", "DIB": "bmp"}


class FeedbackError(StageError):
    """The correction cannot be kept. The message is one line: what is wrong and what to do."""


def parse_truth(text: str) -> str:
    """What a person typed as the right number: "52 83" as "5283", rows parted by `/` or by new lines.

    Returns:
        The digits, rows joined by a newline; empty if there is no digit.

    Raises:
        FeedbackError: It holds something else than digits.
    """
    rows = ["".join(row.split()) for row in text.replace("/", "\n").splitlines()]
    truth = "\n".join(row for row in rows if row)
    if set(truth) - set("0123456789\n"):
        raise FeedbackError(f'"{" ".join(text.split())}" is not a number; give digits, with / between lines')
    return truth


def save(picture: bytes, truth: str, reading: "Reading", version: str) -> Path:
    """Keep a correction. What is kept already is not kept again; another truth for a picture replaces its last one.

    Args:
        picture: An encoded picture, as it came.
        truth: The digits, rows joined by a newline; empty for none.
        reading: What was read.
        version: Of the reader that read it.

    Returns:
        The folder of this correction.

    Raises:
        FeedbackError: The folder cannot be written to.
    """
    kept = FOLDER / hashlib.sha256(picture).hexdigest()
    correction = {
        "truth": truth,
        "reading": reading.to_dict(),
        "model_version": version,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, because DVC hashes all that is in it. The lock ends with the process that holds it.
        with FileLock(FOLDER.with_name(f"{FOLDER.name}.lock")):
            if _truth(kept / _CORRECTION) == truth:
                return kept
            with whole_file(kept / f"picture.{_extension(picture)}") as file:
                file.write(picture)
            # Last, because it is what makes the folder count.
            write_json(kept / _CORRECTION, correction)
    except OSError as error:
        raise FeedbackError(
            f"{FOLDER} cannot be written to ({error.strerror}); check its permissions and the disk"
        ) from None
    return kept


def _truth(path: Path) -> str | None:
    """The truth that is kept; None if there is none, or its file is damaged and to be written anew."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["truth"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _extension(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture), formats=FORMATS) as image:
        name = str(image.format)
    return _EXTENSIONS.get(name, name.lower())
