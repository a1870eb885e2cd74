"""Pages of ink for the tests, drawn stroke by stroke."""

import cv2
import numpy as np

from pipeline.reader.binarize import Ink

SEVEN = [[(0, 0), (40, 0), (15, 80)]]
FOUR = [[(30, 80), (32, 0), (0, 50), (45, 50)]]
ZERO = [[(20 + round(20 * np.sin(t)), 40 - round(40 * np.cos(t))) for t in np.linspace(0, 2 * np.pi, 24)]]
TIED = [[(40, 40), (60, 40)]]
FIVE = [[(5, 8), (0, 35), (35, 40), (35, 75), (0, 80)], [(10, 0), (45, 0)]]


def page(*digits: tuple[list[list[tuple[int, int]]], int, int], shape: tuple[int, int] = (300, 500)) -> Ink:
    """Ink with digits, each as strokes and the place of its top left corner."""
    mask = np.zeros(shape, np.uint8)
    for strokes, x, y in digits:
        for points in strokes:
            cv2.polylines(mask, [np.add(points, (x, y)).astype(np.int32)], False, 1, 5)
    return Ink(mask * np.uint8(200), mask, 1.0)
