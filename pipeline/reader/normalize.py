"""Candidate → 28×28 as MNIST's authors made theirs."""

from functools import cache

import cv2
import numpy as np

# MNIST's digits fill a box of 20×20 pixels in 28×28 (LeCun et al. 1998, section III.A). At half contrast
# its training digits measure 19.9 ± 0.2.
SIDE, BOX = 28, 20
# MNIST's centres of mass lie on the middle of the pixel of this row and column, not between the two
# middle ones.
CENTRE = 14
# Work is done at this many pixels per pixel of the result, and averaged down at the end (anti-aliasing).
FINE = 4
# `stroke_width` of MNIST's training digits: 5 % are below 2.1 pixels, half below 2.9. A pen thinner than the
# former is widened, not quite to the latter: the more is added, the more loops close.
THIN, WIDENED = 2.1 * FINE, 2.6 * FINE

Field = tuple[float, float, float]


def normalize(contrast: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, Field]:
    """The digit as MNIST shows it, and which field of the picture that is.

    Aspect kept in a box of 20×20, grey levels from anti-aliasing, the centre of mass at the centre
    (LeCun et al. 1998), and strokes about as wide as MNIST's.

    contrast: uint8 H×W, grey levels between ink and paper.
    mask: uint8 H×W, 1 on the ink of this digit, which touches all four sides of the array.

    Returns: uint8 28×28, ink bright on 0; left, top and side of the square it shows, in pixels of `mask`.
    """
    # The grey levels reach a pixel beyond the mask, where a stroke's edge fades out.
    mask = pad(mask, 1)
    grey = pad(contrast, 1) * cv2.dilate(mask, np.ones((3, 3), np.uint8))
    longest = max(mask.shape[0], mask.shape[1]) - 2
    factor = BOX * FINE / longest
    outline = resize(mask * np.uint8(255), factor) > 127
    fine = resize(grey, factor)
    inked = np.sort(fine[outline])
    full = float(inked[9 * len(inked) // 10]) if len(inked) else 255.0
    width = stroke_width(outline)
    widen = round(WIDENED - width) if width < THIN else 0
    if widen:
        factor = (BOX * FINE - widen) / longest
        fine = cv2.dilate(pad(resize(grey, factor), widen), disc(widen + 1))
    fine = cv2.convertScaleAbs(fine, alpha=255 / max(full, 1.0))
    # The digit's box lies inside the padding, less what the pen was widened by.
    image, (left, top) = centre(fine, round(factor + widen / 2))
    return image, ((left - widen) / factor - 1, (top - widen) / factor - 1, SIDE * FINE / factor)


def pad(image: np.ndarray, width: int) -> np.ndarray:
    return cv2.copyMakeBorder(image, width, width, width, width, cv2.BORDER_CONSTANT, value=0)


def resize(image: np.ndarray, factor: float) -> np.ndarray:
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def stroke_width(ink: np.ndarray) -> float:
    """Mean width in pixels of the strokes of a bool array, True on ink.

    Across a stroke of width w the distance to its edge averages w/4.
    """
    distance = cv2.distanceTransform(pad(ink.astype(np.uint8), 1), cv2.DIST_L2, 3)
    return 4 * float(np.sum(distance)) / max(1, int(np.count_nonzero(distance)))


@cache
def disc(diameter: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))


def centre(fine: np.ndarray, margin: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Paste into the middle of 28×28 by centre of mass, and average down.

    The box of the digit, `margin` inside `fine`, comes to lie on whole pixels of the result, as in MNIST:
    its edges stay as sharp as they are.

    Returns: uint8 28×28, and where its left and top edge lie in `fine`.
    """
    height, width = fine.shape
    moments = cv2.moments(fine)
    mass = max(moments["m00"], 1.0)
    room = SIDE * FINE
    target = (CENTRE + 0.5) * FINE - 0.5
    canvas = np.zeros((3 * room, 3 * room), np.uint8)
    top, left = (
        room + FINE * round((target - moments[moment] / mass + margin) / FINE) - margin
        for moment in ("m01", "m10")
    )
    canvas[top : top + height, left : left + width] = fine
    image = cv2.resize(canvas[room : 2 * room, room : 2 * room], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return image, (room - left, room - top)
