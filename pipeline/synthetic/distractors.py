"""Dots, dashes, words and scribbles: what is on a page and is no digit."""

import cv2
import numpy as np

from pipeline.synthetic.pens import draw_polylines, round_corners

# Letters that nobody takes for a digit, as strokes in the unit square: no O, I, l, S, Z, B, q, g, b, T, Y, …
_LETTERS: dict[str, list[list[tuple[float, float]]]] = {
    "E": [[(0.9, 0), (0, 0), (0, 1), (0.9, 1)], [(0, 0.5), (0.7, 0.5)]],
    "F": [[(0.9, 0), (0, 0), (0, 1)], [(0, 0.5), (0.7, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(0.8, 0), (0.8, 1)], [(0, 0.5), (0.8, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.8, 0), (0, 0.55), (0.8, 1)]],
    "M": [[(0, 1), (0.1, 0), (0.5, 0.7), (0.9, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (0.8, 1), (0.8, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "h": [[(0, 0), (0, 1)], [(0, 0.65), (0.3, 0.45), (0.6, 0.6), (0.6, 1)]],
    "m": [
        [(0, 0.4), (0, 1)],
        [(0, 0.6), (0.3, 0.4), (0.5, 0.55), (0.5, 1)],
        [(0.5, 0.6), (0.8, 0.4), (1, 0.55), (1, 1)],
    ],
    "n": [[(0, 0.4), (0, 1)], [(0, 0.6), (0.3, 0.4), (0.6, 0.55), (0.6, 1)]],
    "w": [[(0, 0.4), (0.2, 1), (0.45, 0.6), (0.7, 1), (0.9, 0.4)]],
}


def distract(
    ink: np.ndarray,
    digits: list[np.ndarray],
    rulings: list[np.ndarray],
    height: float,
    stroke: float,
    rng: np.random.Generator,
) -> None:
    """Draw things that are no digits onto the ink where there is room."""
    taken = np.zeros(ink.shape, np.uint8)
    for points in digits:
        x, y, width, depth = cv2.boundingRect(points)
        taken[y : y + depth, x : x + width] = 1
    cv2.polylines(taken, [line.astype(np.int32) for line in rulings], False, 1, max(1, round(stroke)))
    for _ in range(rng.integers(1, 6)):
        mark, clearance = _mark(height, stroke, rng)
        free = cv2.dilate(taken, np.ones([2 * round(clearance) + 1] * 2, np.uint8)) == 0
        for _attempt in range(20):
            y = int(rng.integers(max(1, ink.shape[0] - mark.shape[0])))
            x = int(rng.integers(max(1, ink.shape[1] - mark.shape[1])))
            place = slice(y, y + mark.shape[0]), slice(x, x + mark.shape[1])
            if free[place].shape == mark.shape and free[place].all():
                np.maximum(ink[place], mark, out=ink[place])
                taken[place] = 1
                break


def _mark(height: float, stroke: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Coverage of one distractor, and how far it must stay from a digit."""
    match rng.integers(5):
        case 0:
            strokes, clearance = [np.zeros((2, 2))], 0.15
            stroke *= rng.uniform(0.9, 1.6)
        case 1:
            length, slope = rng.uniform(0.25, 0.7) * height, rng.uniform(-0.2, 0.2)
            strokes, clearance = [np.array([(0, 0), (length, slope * length)])], 0.15
        case 2:
            length, slope = rng.uniform(1.2, 4) * height, rng.uniform(-0.05, 0.05)
            strokes, clearance = [np.array([(0, 0), (length, slope * length)])], 0.15
        case 3:
            strokes, clearance = _word(height * rng.uniform(0.6, 1.1), rng), 0.5
        case _:
            strokes, clearance = [_scribble(height, rng)], 0.4
    return draw_polylines(strokes, stroke), clearance * height


def _word(height: float, rng: np.random.Generator) -> list[np.ndarray]:
    strokes: list[np.ndarray] = []
    x = 0.0
    for letter in rng.choice(list(_LETTERS), size=rng.integers(2, 6)):
        width = height * rng.uniform(0.5, 0.8)
        for points in _LETTERS[letter]:
            shaky = np.array(points) + 0.04 * rng.standard_normal((len(points), 2))
            strokes.append(round_corners(shaky * (width, height) + (x, 0)))
        x += width * 1.3
    return strokes


def _scribble(height: float, rng: np.random.Generator) -> np.ndarray:
    """So many swings back and forth that no digit is in it."""
    swings = rng.integers(8, 16)
    x = np.linspace(0, rng.uniform(0.8, 3) * height, swings) + rng.normal(0, 0.05 * height, swings)
    y = np.where(np.arange(swings) % 2, 0.0, 1.0) * height * rng.uniform(0.5, 1, swings)
    return round_corners(np.stack([x, y], axis=1))
