"""The log of readings: what stands in it, and that nothing goes wrong for its sake."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
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
