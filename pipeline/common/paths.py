"""Where the stages' files stand, as dvc.yaml names them, and how they are read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.stage import StageError, whole_file

FEEDBACK = Path("data/feedback")
PREPARED = Path("data/prepared")
CANDIDATES = PREPARED / "candidates.npz"
MODELS = Path("models")
REPORTS = Path("reports")

KERAS_MODEL = MODELS / "digits.keras"
HDF5_MODEL = MODELS / "digits.h5"
LITERT_MODEL = MODELS / "digits.tflite"
TRAINING = MODELS / "training.json"
SPLITTER_MODEL = MODELS / "splitter.tflite"
VERIFIER_KERAS = MODELS / "verifier.keras"
VERIFIER_MODEL = MODELS / "verifier.tflite"
CALIBRATION = MODELS / "calibration.json"
READINGS = MODELS / "readings.csv.gz"
# What a version of the reader is made of, by the names that pipeline/reader/version.py gives these parts.
READER_PARTS = {
    "code": Path(__file__).parents[1] / "reader",
    "cutter": SPLITTER_MODEL,
    "digits": LITERT_MODEL,
    "judge": VERIFIER_MODEL,
    "calibration": CALIBRATION,
}

DATA_REPORTS = REPORTS / "data"
SPLITS_REPORT = DATA_REPORTS / "splits.json"
CORRECTIONS_REPORT = REPORTS / "corrections.csv"
HISTORY = REPORTS / "training/history.csv"
TEST_REPORTS = REPORTS / "test"
PAGE_REPORTS = REPORTS / "pages"
MODEL_CARD = REPORTS / "model_card.md"
METRICS = REPORTS / "metrics.json"


def split_path(name: str) -> Path:
    """The file of the split "train", "validation" or "test", or of the digits of "corrections"."""
    return PREPARED / f"{name}.npz"


def read_split(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 N×28×28, and labels, uint8 N, of a split.

    Raises:
        StageError: the file is missing or damaged.
    """
    images, labels = _read_arrays(split_path(name), "images", "labels")
    return images, labels


def read_candidates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, uint8 N×28×28, crops, uint8 N×28×28×2, and truths, uint8 N, as pipeline/candidates.py describes them.

    Raises:
        StageError: the file is missing or damaged.
    """
    images, crops, truths = _read_arrays(CANDIDATES, "images", "crops", "truths")
    return images, crops, truths


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        StageError: the file is missing.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        StageError: the file is missing or damaged.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(path) from None
    except ValueError as error:
        raise _damaged(path, error) from None
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(content, indent=2).encode() + b"\n")


def _read_arrays(path: Path, *names: str) -> list[np.ndarray]:
    try:
        with np.load(path) as arrays:
            return [arrays[name] for name in names]
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None


def _missing(path: Path) -> StageError:
    return StageError(f"{path} is missing; run `dvc repro`, which makes it")


def _damaged(path: Path, error: Exception) -> StageError:
    return StageError(f"{path} is damaged ({error}); delete it and run `dvc repro`")
