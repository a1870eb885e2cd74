"""What the report says of a log, and when retraining is due."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.common import params
from pipeline.common.stage import StageError
from pipeline.evaluation import monitor
from pipeline.reader import log

SETTINGS = params.Monitor(corrections=20, digits=200, distance=0.2, level=0.01)


def measure_digit(count: int, *, slant: float = 0.0, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "ink": rng.normal(0.13, 0.03, count),
            "stroke": rng.normal(4, 0.5, count),
            "slant": rng.normal(slant, 0.2, count),
            "confidence": rng.beta(20, 1, count),
        }
    )


def reasons(read: pd.DataFrame, waiting: int = 0) -> list[str]:
    return monitor.due(monitor.compare(read, measure_digit(900, seed=2)), len(read), waiting, SETTINGS)


def test_what_looks_as_expected_is_no_reason() -> None:
    assert reasons(measure_digit(500)) == []


def test_a_hand_that_slants_more_is_a_reason() -> None:
    (reason,) = reasons(measure_digit(500, slant=0.4))
    moved = re.match(r"slant has moved from (\S+) to (\S+) on average", reason)
    assert moved
    assert [float(mean) for mean in moved.groups()] == pytest.approx([0, 0.4], abs=0.05)


def test_few_digits_say_nothing() -> None:
    assert reasons(measure_digit(199, slant=0.4)) == []
    assert reasons(measure_digit(0)) == []


def test_enough_new_corrections_are_a_reason() -> None:
    assert reasons(measure_digit(500), waiting=19) == []
    assert reasons(measure_digit(500), waiting=20) == [
        "20 corrected pictures have come since the champion was made"
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    database = tmp_path / "readings.db"
    with sqlite3.connect(database) as connection:
        log.migrate(connection)
        connection.executemany(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                (1, "2026-11-20T10:00:00.000+00:00", "cli", "3", "77", None, 0, 10.0),
                (2, "2026-11-21T10:00:00.000+00:00", "app", "3", "", None, 2, 30.0),
                (3, "2026-11-21T11:00:00.000+00:00", "app", "4", None, "damaged", None, None),
            ],
        )
        connection.executemany("INSERT INTO digits VALUES (1, 7, ?, 0.1, 4.0, 0.0)", [(0.8,), (0.9,)])
    return database


def test_the_report_counts_day_by_day(path: Path) -> None:
    readings, digits = monitor.load(path)
    text = monitor.report(readings, digits, monitor.compare(digits, measure_digit(900)))
    assert "| 2026-11-20 | 1 | 0.0% | 0.0% | 0.0 | 0.800 | 10 | 10 |" in text
    assert "| 2026-11-21 | 2 | 50.0% | 50.0% | 1.0 | – | 30 | 30 |" in text
    assert "3 pictures, 2 of them read: app 2, cli 1; by version 3 (2), 4 (1)." in text
    assert "| share | 0.0% | 0.0% | 0.0% | 0.0% | 0.0% | 0.0% | 0.0% | 100.0% | 0.0% | 0.0% |" in text


def test_an_empty_log_is_reported(tmp_path: Path) -> None:
    database = tmp_path / "readings.db"
    with sqlite3.connect(database) as connection:
        log.migrate(connection)
    readings, digits = monitor.load(database)
    assert "None yet." in monitor.report(readings, digits, monitor.compare(digits, measure_digit(900)))


def test_a_log_of_a_newer_layout_is_read_if_it_only_adds(path: Path) -> None:
    expected = monitor.load(path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE readings ADD COLUMN device TEXT DEFAULT 'phone'")
        connection.execute(f"PRAGMA user_version = {log.LAYOUT + 1}")
    for table, as_before in zip(monitor.load(path), expected, strict=True):
        pd.testing.assert_frame_equal(table, as_before)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {log.BREAKING}")
    with pytest.raises(StageError, match=r"cannot be read as a log of readings .*too new"):
        monitor.load(path)


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="there is no log of readings"):
        monitor.load(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("milk, bread")
    with pytest.raises(StageError, match="cannot be read as a log of readings"):
        monitor.load(tmp_path / "text.db")
