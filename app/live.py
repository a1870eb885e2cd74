"""Read a camera or a video file in a window: `digits live`."""

import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.smoothing import Smoother
from pipeline.common.stage import StageError

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader

_WINDOW = "digits live"
_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
# Frames per second of a source that does not say.
_USUAL_RATE = 25.0
# The rate shown is the mean over this many frames.
_COUNTED = 30


class LiveError(StageError):
    """There is nothing to read, or no way to show it."""


def read_live(reader: "Reader", camera: int, video: Path | None, output: Path | None) -> None:
    """Show a camera or a video with each digit boxed, until it ends or q is pressed; p pauses.

    The number is printed whenever it changes. If no window can be opened, the frames go to `output` only.

    Args:
        reader: Reads each frame.
        camera: Number of the camera, used if there is no `video`.
        video: A video file.
        output: The .mp4 or .avi file for the frames with their boxes; it appears once it is complete.

    Raises:
        LiveError: The source cannot be read, the output cannot be written, or there is neither window nor output.
    """
    if output is not None and output.suffix.lower() not in _CODECS:
        raise LiveError(f"{output} must end in {' or '.join(_CODECS)}")
    if output is not None and video is not None and output.resolve() == video.resolve():
        raise LiveError(f"{output} is the video itself; give another --output")
    windows = _can_open_window()
    if not windows and output is None:
        raise LiveError("there is no display for a window; give --output FILE.mp4")
    source = _open_source(camera, video)
    part = output.with_stem(f"{output.stem}.part") if output else None
    rate = source.get(cv2.CAP_PROP_FPS) or _USUAL_RATE
    screen = _Screen(rate if video else None, windows)
    writer: cv2.VideoWriter | None = None
    smoother, number, moments = Smoother(), "", deque([time.perf_counter()], _COUNTED)
    try:
        while True:
            more, frame = source.read()
            if not more:
                break
            rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            reading = smoother.follow(reader.read(rgb))
            drawn = cv2.cvtColor(reading.draw(rgb), cv2.COLOR_RGB2BGR)
            if reading.text != number:
                number = reading.text
                print(number.replace("\n", "/") or "–", flush=True)
            if part is not None:
                writer = writer or _open_writer(part, rate, drawn)
                writer.write(drawn)
            moments.append(time.perf_counter())
            per_second = (len(moments) - 1) / (moments[-1] - moments[0])
            if not screen.show(drawn, per_second):
                break
        if len(moments) == 1:
            raise LiveError(
                f"{video or f'camera {camera}'} gives no picture; check that it is not in use or damaged"
            )
    finally:
        source.release()
        screen.close()
        if writer is not None and part is not None and output is not None:
            writer.release()
            part.replace(output)


def _can_open_window() -> bool:
    """Whether a window can be opened. OpenCV's Qt ends the process if it tries in vain."""
    displayed = sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(displayed) and "GUI:                           NONE" not in cv2.getBuildInformation()


def _open_source(camera: int, video: Path | None) -> cv2.VideoCapture:
    if video is not None and not video.is_file():
        raise LiveError(f"{video} is not a file; check the path")
    # OpenCV prints a warning for each backend that it tries in vain.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    source = cv2.VideoCapture(camera if video is None else str(video))
    if not source.isOpened():
        if video is None:
            raise LiveError(
                f"there is no camera {camera}, or it is in use; give another --camera or a --video"
            )
        raise LiveError(f"{video} cannot be read as a video; convert it to MP4")
    return source


def _open_writer(path: Path, rate: float, frame: np.ndarray) -> cv2.VideoWriter:
    codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix.lower()])
    writer = cv2.VideoWriter(str(path), codec, rate, (frame.shape[1], frame.shape[0]))
    if not writer.isOpened():
        raise LiveError(f"{path.parent} cannot be written to; give another --output")
    return writer


class _Screen:
    """The window, or nothing if none can be opened.

    Args:
        rate: Frames per second of a video; None for a camera, which sets its own pace.
        windows: Whether a window can be opened.
    """

    def __init__(self, rate: float | None, windows: bool) -> None:
        self._pause_between = 1 / rate if rate else 0.0
        self._windows = windows
        self._due = time.perf_counter()

    def show(self, frame: np.ndarray, per_second: float) -> bool:
        """Show a frame, and return whether to go on."""
        if not self._windows:
            return True
        shown = frame.copy()
        for colour, pen in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(shown, f"{per_second:.0f} fps", (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, pen)
        cv2.imshow(_WINDOW, shown)
        self._due = max(self._due + self._pause_between, time.perf_counter())
        key = cv2.waitKey(max(1, round(1000 * (self._due - time.perf_counter()))))
        if key == ord("p"):
            key = _wait_for(b"pq")
            self._due = time.perf_counter()
        return key != ord("q") and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0

    def close(self) -> None:
        if self._windows:
            cv2.destroyAllWindows()


def _wait_for(keys: bytes) -> int:
    """Wait until one of these keys is pressed, and return it; closing the window counts as q."""
    while cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0:
        key = cv2.waitKey(100)
        if key != -1 and key in keys:
            return key
    return ord("q")
