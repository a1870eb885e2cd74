"""What was read in a picture: its digits and numbers, as dataclasses, as JSON, and drawn onto the picture."""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

Box = tuple[int, int, int, int]

# Smaller pictures are enlarged before anything is drawn on them: on 28×28 pixels no label is legible.
_SMALLEST_DRAWING = 400
_SURE, _UNSURE, _REJECTED = (0, 230, 118), (255, 179, 0), (158, 158, 158)
_SURE_FROM = 0.9


@dataclass(frozen=True)
class Digit:
    """One digit.

    Attributes:
        digit: 0 to 9.
        confidence: Calibrated probability, 0 to 1, that `digit` is right.
        box: x, y, width, height in pixels of the upright picture as it came.
        line: Number of the line it stands on, from 0 at the top.
        runner_up: The second most probable digit.
        image: uint8 28×28, ink bright on 0, as the network saw it; None if it was not kept.
        runner_up_confidence: Calibrated probability that it is `runner_up`; None if it was not kept.
        probabilities: float 10, calibrated, of each digit; what they lack of 1 is that it is none. None if not kept.
    """

    digit: int
    confidence: float
    box: Box
    line: int
    runner_up: int
    image: np.ndarray | None = field(default=None, compare=False, repr=False)
    runner_up_confidence: float | None = None
    probabilities: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Rejection:
    """Something that might have been a digit and was not read as one: its box and why, in a few words."""

    box: Box
    reason: str


@dataclass(frozen=True)
class Reading:
    """What was read in one picture.

    Attributes:
        digits: In reading order: line by line from the top, each from left to right.
        refusals: What was seen and not read.
        size: Height and width of the upright picture in pixels; the boxes lie in it.
        milliseconds: Time from the source to this reading.
    """

    digits: tuple[Digit, ...]
    refusals: tuple[Rejection, ...] = ()
    size: tuple[int, int] = (0, 0)
    milliseconds: float = 0.0

    @property
    def text(self) -> str:
        """The digits, a row of them for each line; empty if there are none."""
        lines: dict[int, str] = {}
        for digit in self.digits:
            lines[digit.line] = lines.get(digit.line, "") + str(digit.digit)
        return "\n".join(lines[line] for line in sorted(lines))

    def to_dict(self) -> dict[str, Any]:
        """The reading as `digits read --json` prints it, of plain Python types."""
        return {
            "text": self.text,
            "digits": [
                {
                    "digit": int(digit.digit),
                    "confidence": round(float(digit.confidence), 4),
                    "box": [int(side) for side in digit.box],
                    "line": int(digit.line),
                    "runner_up": int(digit.runner_up),
                }
                for digit in self.digits
            ],
            "milliseconds": round(float(self.milliseconds), 2),
        }

    def draw(self, picture: np.ndarray) -> np.ndarray:
        """Draw boxes and labels on a copy of the picture.

        Digits the reader is sure of are green, others amber, rejections thin and grey. Every line has a dark
        rim and every label a dark ground, so that they show on paper and on a blackboard alike.

        Args:
            picture: uint8, H×W or H×W×3 RGB, upright: as `picture.load` returns it.

        Returns:
            uint8 RGB. A picture whose longer side is below 400 pixels is enlarged by a whole number.
        """
        canvas = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else picture.copy()
        zoom = -(-_SMALLEST_DRAWING // max(canvas.shape[:2]))
        if zoom > 1:
            canvas = cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST)
        pen = max(1, round(max(canvas.shape[:2]) / 500))
        for rejection in self.refusals:
            _draw_box(canvas, _scaled(rejection.box, zoom), _REJECTED, max(1, pen // 2))
        for digit in self.digits:
            _draw_box(canvas, _scaled(digit.box, zoom), _colour(digit), pen)
        for digit in self.digits:
            _draw_label(canvas, _scaled(digit.box, zoom), str(digit.digit), _colour(digit))
        return canvas


def _colour(digit: Digit) -> tuple[int, int, int]:
    return _SURE if digit.confidence >= _SURE_FROM else _UNSURE


def _scaled(box: Box, zoom: int) -> Box:
    x, y, width, height = (int(side) * zoom for side in box)
    return x, y, width, height


def _draw_box(canvas: np.ndarray, box: Box, colour: tuple[int, int, int], pen: int) -> None:
    x, y, width, height = box
    corners = (x, y), (x + width - 1, y + height - 1)
    cv2.rectangle(canvas, *corners, (0, 0, 0), 3 * pen)
    cv2.rectangle(canvas, *corners, colour, pen)


def _draw_label(canvas: np.ndarray, box: Box, text: str, colour: tuple[int, int, int]) -> None:
    """Write `text` on a dark ground above the box; below it where there is no room, else inside."""
    x, y, _, box_height = box
    canvas_height, canvas_width = canvas.shape[:2]
    height = round(max(12, max(canvas.shape[:2]) / 80, min(0.4 * box_height, canvas_height / 12)))
    pad = max(2, height // 5)
    pen = max(1, round(height / 8))
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = cv2.getFontScaleFromHeight(font, height, pen)
    (width, _), _ = cv2.getTextSize(text, font, scale, pen)
    label_width, label_height = width + 2 * pad, height + 2 * pad

    if y - label_height >= 0:
        top = y - label_height
    elif y + box_height + label_height <= canvas_height:
        top = y + box_height
    else:
        top = max(0, y)
    left = min(max(0, x), max(0, canvas_width - label_width))
    cv2.rectangle(canvas, (left, top), (left + label_width, top + label_height), (0, 0, 0), cv2.FILLED)
    cv2.putText(canvas, text, (left + pad, top + pad + height), font, scale, colour, pen, cv2.LINE_AA)
