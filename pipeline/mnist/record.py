"""The two CSVs in data/raw/, and the record of where each is from."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pipeline.common.stage import StageError

CSV_SPLITS = ("train", "test")
RAW = Path("data/raw")
RECORD = RAW / "source.json"
# What the record calls the user's own files, and the digits of scikit-learn.
USER, SAMPLE = "user", "scikit-learn digits sample"


def csv_path(split: str) -> Path:
    """Where the CSV of `split`, "train" or "test", stands."""
    return RAW / f"mnist_{split}.csv"


def read_record() -> dict[str, dict[str, Any]]:
    """Return what source.json says of each split: `source`, `sha256`, `rows`; empty if there is none.

    Raises:
        StageError: The record is damaged.
    """
    try:
        record: dict[str, dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StageError(f"{RECORD} is damaged ({error}); delete it and the CSVs beside it") from None
    return record


def sha256(path: Path) -> str:
    """The SHA-256 of the file at `path`, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
