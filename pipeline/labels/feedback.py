"""Corrections that people made: pictures that were misread, with what they really show.

data/feedback/ holds one folder a picture, named by the SHA-256 of its bytes, with `picture.<extension>` and
`correction.json`, whose "truth" is the digits, lines parted by line breaks, empty for none. A folder without
`correction.json` is one that is just being written.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.common import paths
from pipeline.common.stage import StageError

TRAIN, EVALUATION = "train", "evaluation"


@dataclass(frozen=True)
class Correction:
    """A picture, encoded as it came, and what it shows.

    Attributes:
        name: SHA-256 of the picture's bytes, in hexadecimal.
        picture: The bytes.
        truth: The digits, lines parted by line breaks; empty for no digit.
    """

    name: str
    picture: bytes
    truth: str


def load(folder: Path = paths.FEEDBACK) -> list[Correction]:
    """All corrections, in the order of their names; none if there is no such folder.

    Raises:
        StageError: A correction is not as described above.
    """
    return [_correction(path.parent) for path in sorted(folder.glob("*/correction.json"))]


def side(correction: Correction, share: float) -> str:
    """Whether a correction trains or only evaluates: `share` of all only evaluate.

    The picture's own hash decides, so that it stays where it is whatever joins it.
    """
    return EVALUATION if int(correction.name[:8], 16) < share * 16**8 else TRAIN


def _correction(folder: Path) -> Correction:
    pictures = list(folder.glob("picture.*"))
    truth = paths.read_json(folder / "correction.json").get("truth")
    if len(pictures) != 1:
        raise _refused(folder, f"it holds {len(pictures)} pictures instead of one")
    if not isinstance(truth, str) or not re.fullmatch(r"([0-9]+(\n[0-9]+)*)?", truth):
        raise _refused(
            folder, f'the truth in correction.json, {truth!r}, is not digits with "\\n" between lines'
        )
    picture = pictures[0].read_bytes()
    if hashlib.sha256(picture).hexdigest() != folder.name:
        raise _refused(folder, f"{pictures[0].name} is not the picture that was corrected, by its SHA-256")
    return Correction(folder.name, picture, truth)


def _refused(folder: Path, reason: str) -> StageError:
    return StageError(f"{folder}: {reason}; mend or delete this folder")
