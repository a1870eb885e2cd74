"""`digits live` on video files, as a person runs it; there is no display here, so no window."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from app import cli
from tests.app.conftest import Store

FRAMES = 12


@pytest.fixture
def live(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(display, raising=False)

    def run(*arguments: str | Path) -> int:
        return cli.main(["live", *map(str, arguments)])

    return run


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A 7 that moves, for the network that takes everything for a 7; the first and the last frame are empty."""
    path = tmp_path / "seven.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480))
    for k in range(FRAMES):
        frame = np.full((480, 640, 3), 235, np.uint8)
        if 0 < k < FRAMES - 1:
            cv2.putText(frame, "7", (200 + 5 * k, 300), cv2.FONT_HERSHEY_SIMPLEX, 5, (20, 20, 20), 14)
        writer.write(frame)
    writer.release()
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    source = cv2.VideoCapture(str(path))
    frames = []
    while (read := source.read())[0]:
        frames.append(read[1])
    return frames


@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_a_video_is_annotated_frame_by_frame(
    live: Callable[..., int], video: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"seen.{ending}"
    assert live("--video", video, "--output", out) == 0
    assert set(capsys.readouterr().out.split()) <= {"7", "77", "–"}
    seen = frames_of(out)
    assert len(seen) == FRAMES
    assert seen[0].shape == (480, 640, 3)
    colourful = [np.ptp(frame.astype(int), axis=2).max() > 100 for frame in seen]
    assert not colourful[0], "something was boxed on an empty sheet"
    assert all(colourful[3:-1]), "a digit was not boxed"
    assert sorted(path.name for path in tmp_path.iterdir() if "part" in path.name) == []


def test_what_cannot_be_done_is_said_in_one_line(
    live: Callable[..., int], video: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.mp4").write_text("milk, bread")
    cases: list[tuple[tuple[str | Path, ...], str]] = [
        (("--video", video), "there is no display for a window; give --output"),
        (("--video", video, "--output", tmp_path / "seen.txt"), "must end in .mp4 or .avi"),
        (("--video", video, "--output", video), "is the video itself"),
        (("--video", video, "--output", tmp_path / "none" / "seen.mp4"), "none cannot be written to"),
        (("--video", tmp_path / "missing.mp4", "--output", tmp_path / "a.mp4"), "missing.mp4 is not a file"),
        (("--video", tmp_path / "notes.mp4", "--output", tmp_path / "a.mp4"), "cannot be read as a video"),
        (("--camera", "97", "--output", tmp_path / "a.mp4"), "there is no camera 97"),
    ]
    for arguments, message in cases:
        assert live(*arguments) == 1, arguments
        lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("digits: ")]
        assert len(lines) == 1
        assert message in lines[0]
    assert not (tmp_path / "a.mp4").exists()
