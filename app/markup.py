"""A reading as HTML, styled by app/components/style.css."""

import base64
from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.reader.reading import Digit, Reading

SURE_FROM = 0.9
# Showing more rejected marks than this adds nothing.
_MOST_MARKS = 8


def percent(share: float) -> str:
    """A probability for people, never rounded to certainty."""
    if share > 0.9994:
        return "> 99.9 %"
    return "< 0.1 %" if share < 0.0006 else f"{100 * share:.1f} %"


def number(reading: Reading) -> str:
    """What was read, in large digits, line by line."""
    if not reading.digits:
        return '<p class="number none" role="status">No digits found</p>'
    lines: dict[int, str] = {}
    for digit in reading.digits:
        mark = "" if digit.confidence >= SURE_FROM else ' class="unsure" title="not sure"'
        lines[digit.line] = lines.get(digit.line, "") + f"<span{mark}>{digit.digit}</span>"
    many = " many" if len(lines) > 1 or len(reading.digits) > 8 else ""
    return f'<p class="number{many}" role="status">{"<br>".join(lines[n] for n in sorted(lines))}</p>'


def facts(reading: Reading, version: str) -> str:
    """How many digits were read, how confidently, how fast, and by which version."""
    known = [f"{reading.milliseconds:.0f} ms", f"version {version}"]
    count = len(reading.digits)
    if count:
        least = percent(min(digit.confidence for digit in reading.digits))
        known = (
            [f"{count} digits", f"lowest confidence {least}", *known]
            if count > 1
            else [f"confidence {least}", *known]
        )
    return f'<p class="facts">{" · ".join(known)}</p>'


def digits(reading: Reading) -> str:
    """Each digit as the network saw it, with bars for its probability and the runner-up's."""
    if not reading.digits:
        return ""
    cards = "".join(map(_digit, reading.digits))
    return f'<p class="heading">As the network saw it</p><div class="digits">{cards}</div>'


def _digit(digit: Digit) -> str:
    image = "" if digit.image is None else f'<img alt="" src="{_data_url(digit.image)}">'
    # Versions registered before Digit had this field do not give it.
    second: float | None = getattr(digit, "runner_up_confidence", None)
    bars = _bar("first", digit.digit, digit.confidence) + _bar("second", digit.runner_up, second)
    unsure = "" if digit.confidence >= SURE_FROM else " unsure"
    return f'<div class="digit{unsure}">{image}{bars}</div>'


def _bar(rank: str, digit: int, share: float | None) -> str:
    width, label = ("0", "") if share is None else (f"{100 * share:.1f}%", percent(share))
    return f'<div class="bar {rank}"><b>{digit}</b><i style="--share:{width}"></i><span>{label}</span></div>'


def rejections(reading: Reading, pixels: np.ndarray) -> str:
    """What was rejected, cut out of the picture, and why."""
    shown = sorted(reading.refusals, key=lambda rejection: -rejection.box[2] * rejection.box[3])[:_MOST_MARKS]
    marks = "".join(
        f'<span class="mark"><img alt="" src="{_data_url(_cut(pixels, rejection.box))}">{rejection.reason}</span>'
        for rejection in shown
    )
    more = len(reading.refusals) - len(shown)
    rest = f"<span>and {more} smaller</span>" if more else ""
    return f'<p class="heading">Seen and not read</p><div class="marks">{marks}{rest}</div>'


def mistakes(misread: Sequence[tuple[int, int, float]], images: np.ndarray | None) -> str:
    """Test images that were misread.

    Args:
        misread: For each its true digit, the digit read, and the network's confidence.
        images: uint8 N×28×28, or None if they are not on this machine.
    """
    cards = []
    for k, (actual, predicted, confidence) in enumerate(misread):
        image = "" if images is None else f'<img alt="" src="{_data_url(images[k])}">'
        text = f"<b>{actual}</b> read as <b>{predicted}</b><br>confidence {percent(confidence)}"
        cards.append(f'<div class="mistake">{image}<span>{text}</span></div>')
    return f'<div class="mistakes">{"".join(cards)}</div>'


def _cut(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A part of the picture with a small margin, no larger than it is shown."""
    x, y, width, height = box
    margin = 2 + max(width, height) // 10
    part = pixels[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    scale = 72 / max(part.shape[:2])
    return part if scale >= 1 else cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _data_url(image: np.ndarray) -> str:
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return f"data:image/png;base64,{base64.b64encode(cv2.imencode('.png', bgr)[1].tobytes()).decode()}"
