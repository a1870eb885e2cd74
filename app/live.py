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
# Of a source that does not say how many frames a second it has.
_USUAL_RATE = 25.0
# Frames of which the shown rate is the mean.
_COUNTED = 30


class LiveError(StageError):
    """There is nothing to read, or no way to show it. The message is one line: what is wrong and what to do."""


def read_live(reader: "Reader", camera: int, video: Path | None, output: Path | None) -> None:
    """Show what the camera sees, or a video, with each digit boxed, until it ends or q is pressed; p pauses.

    The number is printed each time it changes. Where there is no window, a video is read into `output` alone.

    Args:
        reader: Reads each frame.
        camera: Number of the camera, used without `video`.
        video: A video file.
        output: Where the frames with their boxes go, .mp4 or .avi; it appears when it is whole.

    Raises:
        LiveError: The source cannot be read, the output not written, or there is no window and no output.
    """
    if output is not None and output.suffix.lower() not in _CODECS:
        raise LiveError(f"{output} must end in {' or '.join(_CODECS)}")
    if output is not None and video is not None and output.resolve() == video.resolve():
        raise LiveError(f"{output} is the video itself; give another --output")
    windows = _windows_open()
    if not windows and output is None:
        raise LiveError("there is no display for a window; give --output FILE.mp4")
    source = _opened(camera, video)
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
                writer = writer or _writer(part, rate, drawn)
                writer.write(drawn)
            moments.append(time.perf_counter())
            per_second = (len(moments) - 1) / (moments[-1] - moments[0])
            if not screen.show(drawn, per_second):
                break
        if len(moments) == 1:
            raise LiveError(
                f"{video or f'camera {camera}'} gives no picture; see that it is not in use or damaged"
            )
    finally:
        source.release()
        screen.close()
        if writer is not None and part is not None and output is not None:
            writer.release()
            part.replace(output)


def _windows_open() -> bool:
    """Whether a window can be opened. Qt, which OpenCV draws with, ends the process where it cannot."""
    displayed = sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(displayed) and "GUI:                           NONE" not in cv2.getBuildInformation()


def _opened(camera: int, video: Path | None) -> cv2.VideoCapture:
    if video is not None and not video.is_file():
        raise LiveError(f"{video} is no file; check the path")
    # OpenCV tells the terminal of each of the ways in which it tried in vain.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    source = cv2.VideoCapture(camera if video is None else str(video))
    if not source.isOpened():
        if video is None:
            raise LiveError(
                f"there is no camera {camera}, or it is in use; give another --camera or a --video"
            )
        raise LiveError(f"{video} is no video that can be read; convert it to MP4")
    return source


def _writer(path: Path, rate: float, frame: np.ndarray) -> cv2.VideoWriter:
    codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix.lower()])
    writer = cv2.VideoWriter(str(path), codec, rate, (frame.shape[1], frame.shape[0]))
    if not writer.isOpened():
        raise LiveError(f"{path.parent} cannot be written to; give another --output")
    return writer


class _Screen:
    """The window, or nothing where none can be opened.

    Args:
        rate: Frames a second of a video that is played; None for a camera, which sets its own pace.
        windows: Whether a window can be opened.
    """

    def __init__(self, rate: float | None, windows: bool) -> None:
        self._pause_between = 1 / rate if rate else 0.0
        self._windows = windows
        self._due = time.perf_counter()

    def show(self, frame: np.ndarray, per_second: float) -> bool:
        """Show a frame; False once the user wants to see no more."""
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
    """The next of these keys that is pressed; q if the window is closed meanwhile."""
    while cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0:
        key = cv2.waitKey(100)
        if key != -1 and key in keys:
            return key
    return ord("q")
