"""A version whose code was stored before the modules moved and took other names: it loads, and reads as it did."""

import shutil
import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.reader import version

# The folder pipeline/reader/ as it was registered until 2026-11-29: atom.py, cut.py, ink.py, segment.py, …
STORED_CODE = Path(__file__).with_name("reader_before_rooms.zip")
TODAY = Path(version.__file__).parent


@pytest.fixture
def before(networks: dict[str, Path], tmp_path: Path) -> Any:
    shutil.unpack_archive(STORED_CODE, tmp_path / "code")
    return version.load({"code": tmp_path / "code", **networks})


def sheet() -> np.ndarray:
    paper = np.full((240, 420), 245, np.uint8)
    for x in (60, 200):
        cv2.putText(paper, "7", (x, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 8, cv2.LINE_AA)
    cv2.rectangle(paper, (330, 130), (350, 142), 20, cv2.FILLED)
    return paper


def test_it_reads_as_today_s_code_does_with_the_same_networks(before: Any, networks: dict[str, Path]) -> None:
    today = version.load({"code": TODAY, **networks})
    assert type(before).__module__ != type(today).__module__
    old, new = before.read(sheet()), today.read(sheet())
    assert old.text == new.text == "777"
    assert [(each.box, each.line) for each in old.digits] == [(each.box, each.line) for each in new.digits]
    assert [each.confidence for each in old.digits] == pytest.approx(
        [each.confidence for each in new.digits], abs=0.01
    )
    assert [(each.box, each.reason) for each in old.refusals] == [
        (each.box, each.reason) for each in new.refusals
    ]
    assert old.size == new.size
    assert old.draw(sheet()).shape == new.draw(sheet()).shape


def test_its_errors_are_told_by_the_name_of_their_class(before: Any) -> None:
    with pytest.raises(ValueError, match="it is not a picture") as error:
        before.read(b"no picture")
    assert type(error.value).__name__ == "PictureError"


def test_it_logs_into_the_file_that_today_s_code_made(
    before: Any, networks: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITS_LOG", str(tmp_path / "readings.db"))
    for reader in (version.load({"code": TODAY, **networks}), before):
        log = import_module(f"{type(reader).__module__.rpartition('.')[0]}.log")
        log.logged(reader, "server", "1").read(sheet())
    with sqlite3.connect(tmp_path / "readings.db") as connection:
        assert connection.execute("SELECT text, refusals FROM readings").fetchall() == [("777", 0)] * 2
        assert connection.execute("SELECT digit FROM digits").fetchall() == [(7,)] * 6
