"""Corrections: stored whole, once, and as the next training expects them."""

import hashlib
import io
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app import cli, feedback
from pipeline.reader.reading import Digit, Reading
from tests.app.conftest import Store

READING = Reading((Digit(7, 0.6, (3, 4, 20, 28), 0, 1),), (), (40, 40), 3.25)


def picture(format: str = "PNG", grey: int = 245) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((40, 40), grey, np.uint8)).save(file, format)
    return file.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(feedback, "FOLDER", tmp_path)
    return tmp_path


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("format", "extension"), [("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tif"), ("WEBP", "webp")]
)
def test_a_correction_is_the_picture_as_it_came_and_what_is_known_of_it(
    tmp_path: Path, format: str, extension: str
) -> None:
    came = picture(format)
    before = datetime.now(UTC).replace(microsecond=0)
    kept = feedback.save(came, "12\n3", READING, "4")
    name = hashlib.sha256(came).hexdigest()
    assert kept == tmp_path / name
    files = files_in(tmp_path)
    assert set(files) == {f"{name}/picture.{extension}", f"{name}/correction.json"}
    assert files[f"{name}/picture.{extension}"] == came
    correction = json.loads(files[f"{name}/correction.json"])
    assert before <= datetime.fromisoformat(correction.pop("time")) <= datetime.now(UTC)
    assert correction == {"truth": "12\n3", "reading": READING.to_dict(), "model_version": "4"}


def test_the_same_correction_is_kept_once_and_another_truth_replaces_it(tmp_path: Path) -> None:
    kept = feedback.save(picture(), "1", READING, "4")
    first = files_in(tmp_path)
    assert feedback.save(picture(), "1", READING, "5") == kept
    assert files_in(tmp_path) == first
    feedback.save(picture(), "2", READING, "5")
    assert set(files_in(tmp_path)) == set(first)
    assert json.loads((kept / "correction.json").read_text())["truth"] == "2"
    feedback.save(picture(grey=200), "1", READING, "4")
    assert len(list(tmp_path.iterdir())) == 2


def test_many_at_once_leave_whole_files(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=feedback.save, args=(picture(), str(number), READING, "4"))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = files_in(tmp_path)
    assert len(files) == 2
    (correction,) = (json.loads(content) for name, content in files.items() if name.endswith(".json"))
    assert correction["truth"] in map(str, range(20))


def test_killed_at_any_moment_the_picture_is_never_without_its_whole_correction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process ends itself at the n-th renaming; the next one completes what is missing.
    code = """
import os, sys, pathlib
from app import feedback
from tests.app.test_feedback import READING, picture
feedback.FOLDER = pathlib.Path(sys.argv[2])
left, replace = int(sys.argv[1]), pathlib.Path.replace
def dying(self, target):
    global left
    if not left:
        os._exit(9)
    left -= 1
    return replace(self, target)
pathlib.Path.replace = dying
feedback.save(picture(), "1", READING, "4")
"""
    for renamings in (0, 1):
        folder = tmp_path / str(renamings)
        monkeypatch.setattr(feedback, "FOLDER", folder)
        died = subprocess.run([sys.executable, "-c", code, str(renamings), str(folder)], check=False)
        assert died.returncode == 9
        assert not list(folder.rglob("correction.json"))
        kept = feedback.save(picture(), "1", READING, "4")
        assert json.loads((kept / "correction.json").read_text())["truth"] == "1"
        assert len(files_in(folder)) == 2


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(feedback, "FOLDER", tmp_path / "file")
    with pytest.raises(feedback.FeedbackError, match="cannot be written to") as caught:
        feedback.save(picture(), "1", READING, "4")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "truth"),
    [
        ("5283", "5283"),
        (" 52 83 ", "5283"),
        ("52/83", "52\n83"),
        ("52\r\n\n83\n", "52\n83"),
        ("", ""),
        (" / ", ""),
    ],
)
def test_numbers_as_people_type_them(typed: str, truth: str) -> None:
    assert feedback.parse_truth(typed) == truth


@pytest.mark.parametrize("typed", ["5a", "-5", "1.5", "٣", "five\nsix"])
def test_what_is_no_number(typed: str) -> None:
    with pytest.raises(feedback.FeedbackError, match="is not a number") as caught:
        feedback.parse_truth(typed)
    assert "\n" not in str(caught.value)


def test_digits_correct(
    store: Store,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setattr(feedback, "FOLDER", tmp_path / "kept")
    came = (pictures / "two.png").read_bytes()
    assert cli.main(["correct", str(pictures / "two.png"), "12/3"]) == 0
    assert "corrected to 12/3" in capsys.readouterr().out
    kept = tmp_path / "kept" / hashlib.sha256(came).hexdigest()
    correction = json.loads((kept / "correction.json").read_text())
    assert correction["truth"] == "12\n3"
    assert correction["model_version"] == "1"
    assert set(correction["reading"]["text"]) == {"7"}
    assert (kept / "picture.png").read_bytes() == came

    for arguments, message in (
        ((pictures / "two.png", "12x"), '"12x" is not a number'),
        ((pictures / "notes.txt", "12"), "it is not a picture"),
        ((pictures / "missing.png", "12"), "there is no such file"),
    ):
        assert cli.main(["correct", *map(str, arguments)]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert len(list((tmp_path / "kept").iterdir())) == 1
