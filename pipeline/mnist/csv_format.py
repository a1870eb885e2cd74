"""MNIST as CSV: a digit a row, its label first, then 784 grey values, left to right and top to bottom.

Read are the dialects in which MNIST is passed around: with the header `label,1x1,…,28x28` or
`label,pixel0,…,pixel783` or none; plain, gzip or zip; with or without a UTF-8 byte order mark; with
any line end. One form is written, the canonical one: the first header, LF, nothing but digits and commas.
"""

import gzip
import io
import itertools
import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from pipeline.common.stage import StageError

HEADER = ["label", *(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29))]
KAGGLE_HEADER = ["label", *(f"pixel{number}" for number in range(784))]
COLUMNS = len(HEADER)

_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
_LABELS = frozenset(str(label) for label in range(10))
_VALUES = frozenset(str(value) for value in range(256))
_ROW_FORM = "A row is a label 0..9 and 784 pixels 0..255: whole numbers, commas between them, UTF-8."


class CSVError(StageError):
    """A CSV that is not MNIST's: `path`, `reason` and, where they are known, `row` and `column`.

    Rows and columns count from 1 as an editor shows them, so a header is row 1 and the label column 1.
    """

    def __init__(
        self, path: Path, reason: str, advice: str, row: int | None = None, column: int | None = None
    ) -> None:
        self.path, self.reason, self.row, self.column = path, reason, row, column
        place = [str(path)]
        if row is not None:
            place.append(f"row {row}")
        if column is not None:
            place.append(f"column {column}")
        super().__init__(f"{', '.join(place)}: {reason}. {advice}")


def read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the digits of a CSV.

    Returns:
        images: uint8, N×28×28, as they stand in the file (in MNIST ink is bright on 0).
        labels: uint8, N, each in 0..9.

    Raises:
        CSVError: The file is not in one of the dialects above, or a value is not allowed.
        OSError: The file cannot be opened.
    """
    try:
        rows = _parse(path)
    except CSVError:
        raise
    except (*_BROKEN, ValueError) as error:
        # Only now is it worth looking at each value: the parser is quick but does not say all we want.
        raise _first_fault(path, str(error)) from None
    labels = rows[:, 0].copy()
    if labels.max() > 9:
        raise _first_fault(path, "a label is outside 0..9")
    return rows[:, 1:].reshape(-1, 28, 28), labels


def check_classes(path: Path, labels: NDArray[np.uint8]) -> None:
    """Raise a `CSVError` unless each of the ten digits occurs among `labels`."""
    missing = sorted(set(range(10)) - set(labels.tolist()))
    if missing:
        raise CSVError(
            path,
            f"has fewer than 10 classes: no image of {', '.join(map(str, missing))}",
            "Add rows of these digits.",
        )


def encode(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> bytes:
    """Return the canonical CSV of `images` (uint8, N×28×28) and `labels` (uint8, N, 0..9).

    Raises:
        ValueError: Shapes or types are others.
    """
    if images.dtype != np.uint8 or images.shape != (len(labels), 28, 28):
        raise ValueError(f"images must be uint8, {len(labels)}×28×28; got {images.dtype}, {images.shape}")
    if labels.dtype != np.uint8 or labels.ndim != 1 or labels.max(initial=0) > 9:
        raise ValueError(f"labels must be uint8, N, in 0..9; got {labels.dtype}, {labels.shape}")
    # Each value's text, filled up with zero bytes to four. Looking them up and then dropping the zero
    # bytes is six times faster than any writer that goes cell by cell.
    texts = np.array([f"{value}," for value in range(256)], dtype="S4").view(np.uint8).reshape(256, 4)
    parts = [",".join(HEADER).encode() + b"\n"]
    for start in range(0, len(labels), 2048):  # a part at a time, to stay small in memory
        part = slice(start, start + 2048)
        cells = texts[np.column_stack([labels[part], images[part].reshape(-1, 784)])]
        last = cells[:, -1]
        last[last == ord(",")] = ord("\n")
        parts.append(cells.tobytes().translate(None, b"\0"))
    return b"".join(parts)


def _parse(path: Path) -> NDArray[np.uint8]:
    """Return the file's rows, uint8, N×785; what NumPy's parser refuses it raises as a ValueError.

    The parser takes no value outside 0..255, no fraction and no text for a uint8, and skips blank lines.
    """
    with _open_text(path) as lines:
        first = lines.readline(2**16)  # bounded, for a file with no line end
        body = lines if _is_header(path, first) else itertools.chain([first], lines)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="loadtxt: input contained no data")
            rows = np.loadtxt(body, dtype=np.uint8, delimiter=",", comments=None, ndmin=2)
    if rows.size == 0:
        raise CSVError(path, "has a header but no digits", _ROW_FORM, row=2)
    if rows.shape[1] != COLUMNS:
        raise ValueError("wrong number of columns")
    return rows


@contextmanager
def _open_text(path: Path, errors: str = "strict") -> Iterator[TextIO]:
    """Open `path` as text, unpacked where its first bytes, not its name, say that it is packed."""
    with ExitStack() as opened:
        file: Any = opened.enter_context(path.open("rb"))
        magic = file.read(2)
        file.seek(0)
        if magic == b"\x1f\x8b":
            file = opened.enter_context(gzip.open(file))
        elif magic == b"PK":
            file = opened.enter_context(_open_only_csv(path, file, opened))
        yield opened.enter_context(io.TextIOWrapper(file, "utf-8-sig", errors=errors))


def _open_only_csv(path: Path, file: IO[bytes], opened: ExitStack) -> IO[bytes]:
    try:
        archive = opened.enter_context(zipfile.ZipFile(file))
        # macOS adds a `__MACOSX/._name.csv` beside each file that it packs.
        names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise CSVError(
                path,
                f"the zip holds {len(names)} CSVs ({', '.join(names) or 'none'})",
                "Put exactly one into it, or unpack it.",
            )
        return archive.open(names[0])
    except (zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: encrypted or an unknown method
        raise CSVError(path, f"the zip cannot be read ({error})", "Fetch it again, or unpack it.") from None


def _is_header(path: Path, line: str) -> bool:
    """Whether the file's first line is a header; a header or a row without labels is a `CSVError`."""
    fields = [field.strip() for field in line.split(",")]
    if fields == [""]:
        raise CSVError(path, "the file is empty or begins with an empty line", _ROW_FORM, row=1)
    if fields in (HEADER, KAGGLE_HEADER):
        return True
    is_header = sum(_is_text(field) for field in fields) > len(fields) / 2 and len(fields) > 1
    if len(fields) == COLUMNS - 1 and (not is_header or "label" not in fields):
        raise CSVError(
            path,
            "the labels are missing: 784 columns, all of them pixels",
            "Take a file with labels (Kaggle's own test.csv has none; its train.csv has).",
            row=1,
        )
    if is_header:
        known = KAGGLE_HEADER if "pixel0" in fields else HEADER
        pairs = itertools.zip_longest(fields, known, fillvalue="nothing")
        column, (got, expected) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
        raise CSVError(
            path,
            f"unknown header: {got[:20]!r} where {expected!r} is expected",
            "Known are `label,1x1,1x2,…,28x28`, `label,pixel0,…,pixel783` and no header at all.",
            row=1,
            column=column,
        )
    return False


def _is_text(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field != ""
    return False


def _first_fault(path: Path, parser_message: str) -> CSVError:
    """Go through a refused file line by line and say what is wrong first."""
    row = 0
    with _open_text(path, errors="replace") as lines:
        try:
            for row, line in enumerate(lines, 1):
                if line == "\n" or (row == 1 and "\ufffd" not in line and _is_header(path, line)):
                    continue
                if fault := _fault(line):
                    reason, column = fault
                    return CSVError(path, reason, _ROW_FORM, row=row, column=column)
        except _BROKEN as error:
            return CSVError(
                path,
                f"the packed file is cut off or damaged ({error})",
                "Fetch or pack it again.",
                row=row + 1,
            )
        except CSVError as error:
            return error
    return CSVError(path, parser_message, _ROW_FORM)


def _fault(line: str) -> tuple[str, int | None] | None:
    """Return the first fault in a row of digits, and its column where it has one."""
    fields = line.rstrip("\n").split(",")
    if fields[0] in _LABELS and len(fields) == COLUMNS and _VALUES.issuperset(fields):
        return None
    if "\ufffd" in line:
        column = next(column for column, field in enumerate(fields, 1) if "\ufffd" in field)
        return "bytes that are not UTF-8 text", column
    if len(fields) != COLUMNS:
        return f"columns: {len(fields)} instead of {COLUMNS}", None
    for column, field in enumerate(fields, 1):
        if reason := _fault_of_value(field.strip(), "label" if column == 1 else "value"):
            return reason, column
    return None


def _fault_of_value(text: str, kind: str) -> str | None:
    highest = 9 if kind == "label" else 255
    if re.fullmatch(r"\+?0*[0-9]{1,3}", text) and int(text) <= highest:
        return None
    if not text:
        return f"the {kind} is missing"
    shown = repr(text[:20])
    try:
        number = float(text)
    except ValueError:
        return f"{kind} {shown} is text, not a number"
    if math.isnan(number):
        return f"{kind} {shown} is not a number"
    if 0 <= number <= highest:
        return f"{kind} {shown} is not written as a whole number"
    return f"{kind} {shown} is outside 0..{highest}"
