"""The log of readings: what stands in it, and that nothing goes wrong for its sake."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.reader import log
from pipeline.reader.reading import Digit, Reading, Rejection
from tests.conftest import PATIENCE, ROOT

BAR = np.zeros((28, 28), np.uint8)
BAR[4:24, 12:16] = 255
READING = Reading(
    (Digit(7, 0.75, (0, 0, 5, 9), 0, 1, BAR), Digit(1, 0.9, (9, 0, 5, 9), 1, 7, BAR)),
    (Rejection((20, 0, 5, 5), "not a digit"),),
    (10, 30),
    12.5,
)


class Fixed:
    """Reads READING in every picture but those that say they are bad."""

    def read(self, source: Any) -> Reading:
        if isinstance(source, bytes) and source == b"bad":
            raise ValueError("it is not a picture")
        return READING


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(log.FILE, str(tmp_path / "logs/readings.db"))
    monkeypatch.delenv(log.PICTURES, raising=False)
    return tmp_path / "logs/readings.db"


def rows(path: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def log_as_before_layouts(path: Path) -> None:
    """Log a reading of two digits with the statements of versions registered before layouts were numbered."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE IF NOT EXISTS readings (
                id INTEGER PRIMARY KEY, time TEXT NOT NULL, origin TEXT NOT NULL, version TEXT NOT NULL,
                text TEXT, error TEXT, refusals INTEGER, milliseconds REAL, picture BLOB
            );
            CREATE TABLE IF NOT EXISTS digits (
                reading INTEGER NOT NULL REFERENCES readings (id), digit INTEGER NOT NULL, confidence REAL NOT NULL,
                ink REAL NOT NULL, stroke REAL NOT NULL, slant REAL NOT NULL
            );
            """
        )
        added = connection.execute(
            "INSERT INTO readings (time, origin, version, text, error, refusals, milliseconds, picture) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ("2026-11-20T10:00:00.000+00:00", "server", "2", "52", None, 3, 8.5, b"old"),
        )
        connection.executemany(
            "INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?)",
            [(added.lastrowid, 5, 0.8, 0.1, 4.0, 0.2), (added.lastrowid, 2, 0.7, 0.1, 4.0, 0.3)],
        )


def add_to_the_layout(path: Path, layout: int) -> None:
    """Change a log as a later version of the code may."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE readings ADD COLUMN device TEXT NOT NULL DEFAULT 'unknown'")
        connection.execute("CREATE TABLE positions (reading INTEGER NOT NULL, x REAL NOT NULL)")
        connection.execute(f"PRAGMA user_version = {layout}")


READINGS = "SELECT id, version, text, refusals, milliseconds, picture FROM readings ORDER BY id"
DIGITS = "SELECT reading, digit, confidence FROM digits ORDER BY reading, confidence"
OLD_READING, NEW_READING = ("2", "52", 3, 8.5, b"old"), ("3", "7\n1", 1, 12.5, None)
OLD_DIGITS, NEW_DIGITS = [(2, 0.7), (5, 0.8)], [(7, 0.75), (1, 0.9)]


def test_a_log_from_before_layouts_is_migrated_and_appended_to(path: Path) -> None:
    path.parent.mkdir()
    log_as_before_layouts(path)
    assert rows(path, "PRAGMA user_version") == [(0,)]
    log.logged(Fixed(), "cli", "3").read(b"picture")
    assert rows(path, "PRAGMA user_version") == [(log.LAYOUT,)]
    assert rows(path, READINGS) == [(1, *OLD_READING), (2, *NEW_READING)]
    assert rows(path, DIGITS) == [
        *((1, *digit) for digit in OLD_DIGITS),
        *((2, *digit) for digit in NEW_DIGITS),
    ]


@pytest.mark.parametrize("layout", [log.LAYOUT, log.LAYOUT + 1])
def test_versions_from_before_layouts_append_to_a_newer_log(path: Path, layout: int) -> None:
    log.logged(Fixed(), "cli", "3").read(b"picture")
    if layout > log.LAYOUT:
        add_to_the_layout(path, layout)
    log_as_before_layouts(path)
    assert rows(path, "PRAGMA user_version") == [(layout,)]
    assert rows(path, READINGS) == [(1, *NEW_READING), (2, *OLD_READING)]
    assert rows(path, DIGITS) == [
        *((1, *digit) for digit in NEW_DIGITS),
        *((2, *digit) for digit in OLD_DIGITS),
    ]


def test_a_newer_layout_that_only_adds_is_appended_to(path: Path) -> None:
    path.parent.mkdir()
    log_as_before_layouts(path)
    add_to_the_layout(path, log.BREAKING - 1)
    log.logged(Fixed(), "cli", "3").read(b"picture")
    assert rows(path, "PRAGMA user_version") == [(log.BREAKING - 1,)]
    assert rows(path, "SELECT device FROM readings") == [("unknown",), ("unknown",)]
    assert rows(path, READINGS)[1] == (2, *NEW_READING)


def test_a_layout_that_breaks_with_this_one_is_left_alone(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path.parent.mkdir()
    log_as_before_layouts(path)
    add_to_the_layout(path, log.BREAKING)
    before = path.read_bytes()
    assert log.logged(Fixed(), "cli", "3").read(b"picture") is READING
    error = capfd.readouterr().err
    assert f"{path} cannot be written, readings are not logged" in error
    assert "too new" in error
    assert path.read_bytes() == before


def test_processes_that_open_an_old_log_at_once_migrate_it_once(path: Path) -> None:
    path.parent.mkdir()
    log_as_before_layouts(path)
    code = (
        "from pipeline.reader import log; from pipeline.reader.reading import Reading\n"
        "class Empty:\n    def read(self, source): return Reading((), (), (10, 30), 1.0)\n"
        "log.logged(Empty(), 'cli', '3').read(b'picture')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ)) for _ in range(4)
    ]
    assert [process.wait(PATIENCE) for process in processes] == [0] * 4
    assert rows(path, "PRAGMA user_version") == [(log.LAYOUT,)]
    assert rows(path, "SELECT count(*) FROM readings") == [(5,)]


def test_nothing_is_logged_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(log.FILE, raising=False)
    reader = Fixed()
    assert log.logged(reader, "cli", "3") is reader


def test_a_reading_and_its_digits_are_logged(path: Path) -> None:
    assert log.logged(Fixed(), "cli", "3").read(b"picture") is READING
    found = rows(path, "SELECT origin, version, text, error, refusals, milliseconds, picture FROM readings")
    assert found == [("cli", "3", "7\n1", None, 1, 12.5, None)]
    digits = rows(path, "SELECT reading, digit, confidence, ink, stroke, slant FROM digits ORDER BY digit")
    assert [row[:3] for row in digits] == [(1, 1, 0.9), (1, 7, 0.75)]
    assert digits[0][3:] == pytest.approx(log.measure_digit(BAR))


def test_what_cannot_be_read_is_logged_and_raised(path: Path) -> None:
    reader = log.logged(Fixed(), "server", "3")
    with pytest.raises(ValueError, match="not a picture"):
        reader.read(b"bad")
    assert rows(path, "SELECT text, error FROM readings") == [(None, "it is not a picture")]


def test_pictures_are_kept_only_if_asked_for(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(log.PICTURES, "1")
    (tmp_path / "page.png").write_bytes(b"page")
    reader = log.logged(Fixed(), "cli", "3")
    for source in (b"bytes", tmp_path / "page.png", BAR):
        reader.read(source)
    assert rows(path, "SELECT picture FROM readings") == [(b"bytes",), (b"page",), (None,)]


def test_a_log_that_cannot_be_written_is_said_once(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    reader = log.logged(Fixed(), "cli", "3")
    assert reader.read(b"one") is reader.read(b"two") is READING
    assert capfd.readouterr().err.count("readings are not logged") == 1


def test_threads_lose_nothing(path: Path) -> None:
    reader = log.logged(Fixed(), "app", "3")
    threads = [
        threading.Thread(target=lambda: [reader.read(b"picture") for _ in range(25)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(path, "SELECT count(*) FROM readings") == [(200,)]
    assert rows(path, "SELECT count(*) FROM digits") == [(400,)]


def test_a_killed_process_leaves_all_that_it_logged(path: Path) -> None:
    code = (
        "import sys; from pipeline.reader import log; from tests.reader.test_log import Fixed\n"
        "reader = log.logged(Fixed(), 'cli', '3')\n"
        "for number in range(10**9):\n    reader.read(b'picture'); print(number + 1, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    deadline = time.monotonic() + PATIENCE
    logged = 0
    while logged < 50:
        assert time.monotonic() < deadline
        logged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    logged = int((process.stdout.read().splitlines() or [str(logged)])[-1])
    process.stdout.close()
    ((count,),) = rows(path, "SELECT count(*) FROM readings")
    assert count >= logged
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT count(*) FROM digits") == [(2 * count,)]


def test_how_a_digit_looks() -> None:
    ink, stroke, slant = log.measure_digit(BAR)
    assert ink == pytest.approx(80 / 784)
    assert stroke < log.measure_digit(cv2.dilate(BAR, np.ones((5, 5), np.uint8)))[1]
    assert slant == pytest.approx(0, abs=0.01)
    # Half a pixel to the right for each pixel up.
    sheared = cv2.warpAffine(BAR, np.array([[1, -0.5, 7], [0, 1, 0]]), (28, 28))
    assert log.measure_digit(sheared)[2] == pytest.approx(0.5, abs=0.05)
