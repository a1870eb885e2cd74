"""Digits drawn stroke by stroke, in forms that MNIST has seldom, and how strokes are drawn."""

import cv2
import numpy as np

from pipeline.reader.normalize import normalize
from pipeline.scenes.pens import fixed_point, rounded

Strokes = list[list[tuple[float, float]]]

# A circle from its top, as a hand draws it.
CIRCLE: list[tuple[float, float]] = [
    (0.5 + 0.45 * np.sin(turn), 0.5 - 0.5 * np.cos(turn)) for turn in np.linspace(0, 6.3, 13)
]
# Digits as many people write them and few of MNIST's: a 1 with a foot, a 7 with a bar, a 0 with a slash.
NUMERALS: list[tuple[int, Strokes]] = [
    (0, [CIRCLE]),
    (0, [CIRCLE, [(0.8, 0.1), (0.2, 0.9)]]),
    (1, [[(0, 0.3), (0.35, 0), (0.35, 1)]]),
    (1, [[(0, 0.3), (0.35, 0), (0.35, 1)], [(0, 1), (0.7, 1)]]),
    (1, [[(0.1, 0.15), (0.35, 0), (0.35, 1)], [(0, 1), (0.7, 1)]]),
    (1, [[(0, 0.4), (0.45, 0), (0.3, 1)]]),
    (2, [[(0, 0.2), (0.4, -0.1), (0.8, 0.3), (0.1, 0.95), (0.2, 0.75), (0.8, 1)]]),
    (2, [[(0, 0.2), (0.4, -0.1), (0.8, 0.3), (0, 1), (0, 1), (0.8, 1)]]),
    (3, [[(0, 0), (0.7, 0), (0.3, 0.4), (0.3, 0.4), (0.9, 0.5), (0.7, 1), (0, 0.95)]]),
    (4, [[(0.1, 0), (0, 0.6), (0, 0.6), (0.8, 0.6)], [(0.55, 0.3), (0.5, 1)]]),
    (4, [[(0.55, 1), (0.6, 0), (0.6, 0), (0, 0.65), (0, 0.65), (0.85, 0.65)]]),
    (5, [[(0.1, 0), (0, 0.45), (0.8, 0.35), (0.8, 1), (0, 1)], [(0.1, 0), (0.8, 0)]]),
    (6, [[(0.6, 0), (0, 0.4), (0, 1), (0.7, 1), (0.7, 0.5), (0.05, 0.6)]]),
    (7, [[(0, 0), (0.8, 0), (0.8, 0), (0.3, 1)], [(0.2, 0.5), (0.75, 0.5)]]),
    (7, [[(0, 0.2), (0, 0), (0.8, 0), (0.8, 0), (0.3, 1)]]),
    (7, [[(0, 0.2), (0, 0), (0.8, 0), (0.8, 0), (0.3, 1)], [(0.2, 0.5), (0.75, 0.5)]]),
    (8, [[(0.7, 0.15), (0.4, -0.1), (0, 0.25), (0.8, 0.7), (0.5, 1.05), (0, 0.8), (0.7, 0.1)]]),
    (9, [[(0.7, 0.1), (0, 0), (0, 0.5), (0.7, 0.4), (0.7, 0), (0.65, 1)]]),
    (9, [[(0.7, 0.1), (0, 0), (0, 0.5), (0.7, 0.4), (0.75, 0), (0.7, 1), (0, 1)]]),
]


def numerals(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Digits that look drawn by hand, in the form of MNIST: uint8 N×28×28; and their values."""
    chosen = [NUMERALS[number] for number in rng.integers(len(NUMERALS), size=count)]
    views = np.stack([seen_alone(drawn(strokes, rng)) for _, strokes in chosen])
    return views, np.array([digit for digit, _ in chosen])


def drawn(strokes: Strokes, rng: np.random.Generator) -> np.ndarray:
    """Strokes in a shaky hand: uint8 H×W, ink bright on 0."""
    page = np.zeros((160, 160), np.uint8)
    pen = int(rng.integers(2, 12))
    slant, turn = rng.normal(0, 0.2), rng.normal(0, 0.12)
    size = 70 * np.exp(rng.normal(0, 0.15, 2))
    for stroke in strokes:
        points = np.array(stroke) + rng.normal(0, 0.05, (len(stroke), 2)) - 0.5
        points = rounded(points) * size @ np.array([[1, turn], [-slant, 1]]) + 80
        cv2.polylines(page, [fixed_point(points)], False, 255, pen, cv2.LINE_AA, 4)
    return page


def seen_alone(drawing: np.ndarray) -> np.ndarray:
    """A drawing in the form of MNIST: uint8 28×28."""
    x, y, width, height = cv2.boundingRect((drawing > 127).astype(np.uint8))
    part = drawing[y : y + height, x : x + width]
    return normalize(part, (part > 127).astype(np.uint8))[0]
