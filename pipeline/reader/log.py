"""A log of readings, to watch what comes in: a SQLite file, written only if the environment asks for it.

    DIGITS_LOG=readings.db             where it is kept
    DIGITS_LOG_PICTURES=1              with the pictures, as they came

The file is in WAL mode: several processes may write to it, and a process that is killed leaves all that it wrote.

They need not be of one age. A registered version logs with its own copy of this module, so a file is also written by
code older than the code that made it, and by code that is newer. This holds while all of it keeps to three rules:

- Columns stay, under their names. A new column of `readings` can be NULL or has a default.
- `digits` never gets another column: versions registered before layout 1 insert all six by position. What else is to
  be logged of a digit goes into a table of its own.
- `PRAGMA user_version` holds the layout's number. Layouts below `BREAKING` follow these rules, so older code may append
  to them. A layout that cannot follow them starts at `BREAKING`, and this code leaves it alone.
"""

import os
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .normalize import stroke_width

if TYPE_CHECKING:
    from .reading import Reading

FILE, PICTURES = "DIGITS_LOG", "DIGITS_LOG_PICTURES"

# Number k brings a file from layout k to k + 1. Files from before layouts were numbered are of layout 0, as new ones
# are, and have the tables of layout 1.
# Beside each digit stands what it looks like, in MNIST's form: these columns can be compared with training data.
_MIGRATIONS = (
    (
        """
        CREATE TABLE IF NOT EXISTS readings (
            id INTEGER PRIMARY KEY, time TEXT NOT NULL, origin TEXT NOT NULL, version TEXT NOT NULL,
            text TEXT, error TEXT, refusals INTEGER, milliseconds REAL, picture BLOB
        )
        """,
        """
        CREATE TABLE IF NOT EXISTS digits (
            reading INTEGER NOT NULL REFERENCES readings (id), digit INTEGER NOT NULL, confidence REAL NOT NULL,
            ink REAL NOT NULL, stroke REAL NOT NULL, slant REAL NOT NULL
        )
        """,
    ),
)
LAYOUT = len(_MIGRATIONS)
BREAKING = 100


class LoggedReader:
    """A reader that logs what it reads. If the log cannot be written, it says so once and reads on.

    Args:
        reader: Does the reading.
        path: The SQLite file.
        origin: Who asks: "cli", "app" or "server".
        version: Of the reader.
        pictures: Whether to keep the pictures, too.
    """

    def __init__(self, reader: Any, path: Path, origin: str, version: str, pictures: bool) -> None:
        self._reader, self._path, self._origin, self._version = reader, path, origin, version
        self._pictures = pictures
        self._alone = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._failed = False

    def read(self, source: Any) -> "Reading":
        """Read a picture as the reader does, errors included."""
        try:
            reading: Reading = self._reader.read(source)
        except Exception as error:
            self._log(source, None, str(error))
            raise
        self._log(source, reading, None)
        return reading

    def _log(self, source: Any, reading: "Reading | None", error: str | None) -> None:
        row = (
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            self._origin,
            self._version,
            reading.text if reading else None,
            error,
            len(reading.refusals) if reading else None,
            reading.milliseconds if reading else None,
            _encoded(source) if self._pictures else None,
        )
        digits = [
            (digit.digit, float(digit.confidence), *measure_digit(digit.image))
            for digit in (reading.digits if reading else ())
            if digit.image is not None
        ]
        try:
            with self._alone, self._open() as connection:
                added = connection.execute(
                    "INSERT INTO readings (time, origin, version, text, error, refusals, milliseconds, picture) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
                connection.executemany(
                    "INSERT INTO digits (reading, digit, confidence, ink, stroke, slant) VALUES (?, ?, ?, ?, ?, ?)",
                    [(added.lastrowid, *digit) for digit in digits],
                )
        except (sqlite3.Error, OSError) as reason:
            if not self._failed:
                print(
                    f"digits: {self._path} cannot be written, readings are not logged ({reason})",
                    file=sys.stderr,
                )
            self._failed = True

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=10, check_same_thread=False)
            try:
                migrate(connection)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def logged(reader: Any, origin: str, version: str) -> Any:
    """The reader, logging what it reads if the environment says so."""
    path = os.environ.get(FILE)
    if not path:
        return reader
    return LoggedReader(reader, Path(path), origin, version, os.environ.get(PICTURES) == "1")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a log to `LAYOUT`, from an empty file or an older layout; newer ones stay as they are.

    Raises:
        sqlite3.DatabaseError: `layout_of` refuses it.
    """
    if layout_of(connection) >= LAYOUT:
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have migrated it since.
        for number in range(layout_of(connection), LAYOUT):
            for statement in _MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")


def layout_of(connection: sqlite3.Connection) -> int:
    """The number of a log's layout.

    Raises:
        sqlite3.DatabaseError: It is no database, or of a layout that this code cannot use.
    """
    ((layout,),) = connection.execute("PRAGMA user_version").fetchall()
    if layout >= BREAKING:
        raise sqlite3.DatabaseError(f"its layout {layout} is too new for this version of the code")
    return int(layout)


def measure_digit(image: np.ndarray) -> tuple[float, float, float]:
    """What a digit, uint8 28×28, looks like.

    Returns:
        Its ink, as a share of the picture; the width of its strokes in pixels; and its `slant`.
    """
    return float(image.mean()) / 255, stroke_width(image > 127), measure_slant(image)


def measure_slant(image: np.ndarray) -> float:
    """How far a digit, uint8 H×W, slants: pixels to the right for each pixel up."""
    moments = cv2.moments(image)
    return float(-moments["mu11"] / moments["mu02"]) if moments["mu02"] > 0 else 0.0


def _encoded(source: Any) -> bytes | None:
    """The bytes of a picture that came as a file or as its bytes; arrays are not kept."""
    if isinstance(source, (str, Path)):
        try:
            return Path(source).read_bytes()
        except OSError:
            return None
    return bytes(source) if isinstance(source, (bytes, bytearray)) else None
