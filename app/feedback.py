"""Corrections: pictures that were misread, with what they really show.

`data/feedback/` has one folder per picture, named by the SHA-256 of the picture's bytes in hexadecimal:

    picture.<ext>      the bytes as they came, with their format's extension: `picture.jpg`, `picture.png`
    correction.json    {"truth": the digits, lines joined with a newline as in `Reading.text`, "" for no digit,
                        "reading": what was read, as `Reading.to_dict` gives it,
                        "model_version": "3",
                        "time": "2026-11-21T11:20:00+00:00", in UTC}

A folder without `correction.json` is being written, or was when its process was killed; readers ignore it.
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
# Formats whose extension is not their name. MPO is what Pillow calls a phone's JPEG with a second picture appended.
_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "JPEG2000": "jp2", "DIB": "bmp"}


class FeedbackError(StageError):
    """The correction cannot be saved."""


def parse_truth(text: str) -> str:
    """Parse what a person typed as the correct number: "52 83" is 5283, and `/` or a newline separates lines.

    Returns:
        The digits, lines joined with a newline; empty for no digit.

    Raises:
        FeedbackError: It contains anything but digits.
    """
    rows = ["".join(row.split()) for row in text.replace("/", "\n").splitlines()]
    truth = "\n".join(row for row in rows if row)
    if set(truth) - set("0123456789\n"):
        raise FeedbackError(f'"{" ".join(text.split())}" is not a number; give digits, with / between lines')
    return truth


def save(picture: bytes, truth: str, reading: "Reading", version: str) -> Path:
    """Save a correction. Saving it again changes nothing; a new truth for the same picture replaces the old one.

    Args:
        picture: An encoded picture, as it came.
        truth: The digits, lines joined with a newline; empty for none.
        reading: What was read.
        version: The version that read it.

    Returns:
        The correction's folder.

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
        # Beside the folder, because DVC hashes everything in it. The lock ends with the process that holds it.
        with FileLock(FOLDER.with_name(f"{FOLDER.name}.lock")):
            if _truth(kept / _CORRECTION) == truth:
                return kept
            with whole_file(kept / f"picture.{_extension(picture)}") as file:
                file.write(picture)
            # Last, because this file makes the folder count.
            write_json(kept / _CORRECTION, correction)
    except OSError as error:
        raise FeedbackError(
            f"{FOLDER} cannot be written to ({error.strerror}); check its permissions and the disk"
        ) from None
    return kept


def _truth(path: Path) -> str | None:
    """The truth that is saved; None if there is none, or its file is damaged and has to be written again."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["truth"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _extension(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture), formats=FORMATS) as image:
        name = str(image.format)
    return _EXTENSIONS.get(name, name.lower())
