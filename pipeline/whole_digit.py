"""The judge: a network that tells a whole digit from a half one, from two, and from what is none.

It learns on what the reader itself cuts out of generated pages: a candidate in the place of a digit is that
digit, any other is none. Letters and mirrored digits join those that are none.
"""

import cv2
import numpy as np

from pipeline import scenes
from pipeline.reader import segment
from pipeline.reader.ink import find_ink
from pipeline.reader.normalize import normalize
from pipeline.reader.reader import NO_DIGIT, look

# Candidates whose box is within CLOSE of a true one, as a share of its height, are that digit; those beyond
# FAR are not. What lies between is left out.
CLOSE, FAR = 0.12, 0.25
# Of one page at most so many candidates that are no digit, for each that is one.
MOST_NONE = 2.0
# Letters that nobody takes for a digit, as strokes in the unit square, corners to be rounded.
LETTERS = {
    "A": [[(0, 1), (0.4, 0), (0.8, 1)], [(0.15, 0.65), (0.65, 0.65)]],
    "B": [[(0, 0), (0, 1)], [(0, 0), (0.7, 0), (0.7, 0.45), (0, 0.45)], [(0, 0.45), (0.8, 0.5), (0.8, 1), (0, 1)]],
    "D": [[(0, 0), (0, 1)], [(-0.1, 0), (0.8, 0), (0.8, 1), (-0.1, 1)]],
    "E": [[(0.8, 0), (0, 0), (0, 1), (0.8, 1)], [(0, 0.5), (0.7, 0.5)]],
    "F": [[(0.8, 0), (0, 0), (0, 1)], [(0, 0.5), (0.7, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(0.8, 0), (0.8, 1)], [(0, 0.5), (0.8, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.8, 0), (0, 0.55), (0.8, 1)]],
    "L": [[(0, 0), (0, 1), (0.7, 1)]],
    "M": [[(0, 1), (0.1, 0), (0.5, 0.7), (0.9, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (0.8, 1), (0.8, 0)]],
    "P": [[(0, 0), (0, 1)], [(0, 0), (0.8, 0), (0.8, 0.55), (0, 0.55)]],
    "R": [[(0, 0), (0, 1)], [(0, 0), (0.8, 0), (0.8, 0.5), (0, 0.5), (0.8, 1)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "U": [[(0, 0), (0, 1), (0.8, 1), (0.8, 0)]],
    "V": [[(0, 0), (0.4, 1), (0.8, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "a": [[(0.6, 0.1), (0, 0), (0, 1), (0.6, 0.9), (0.6, 0)], [(0.6, 0), (0.6, 0.9), (0.8, 1)]],
    "c": [[(0.7, 0.1), (0, 0), (0, 1), (0.7, 0.9)]],
    "d": [[(0.6, 0.5), (0, 0.4), (0, 1), (0.6, 0.9)], [(0.6, 0), (0.6, 1)]],
    "e": [[(0, 0.55), (0.8, 0.5), (0.7, 0), (0, 0), (0, 1), (0.8, 0.95)]],
    "f": [[(0.6, 0.1), (0.3, 0), (0.25, 0.3), (0.25, 1)], [(0, 0.4), (0.55, 0.4)]],
    "h": [[(0, 0), (0, 1)], [(0, 0.65), (0.3, 0.45), (0.6, 0.5), (0.6, 1)]],
    "k": [[(0, 0), (0, 1)], [(0.55, 0.4), (0, 0.7), (0.6, 1)]],
    "m": [[(0, 0), (0, 1)], [(0, 0.3), (0.3, 0), (0.5, 0.2), (0.5, 1)], [(0.5, 0.3), (0.8, 0), (1, 0.2), (1, 1)]],
    "n": [[(0, 0), (0, 1)], [(0, 0.3), (0.4, 0), (0.7, 0.2), (0.7, 1)]],
    "p": [[(0, 0), (0, 1)], [(0, 0.1), (0.7, 0), (0.7, 0.6), (0, 0.6)]],
    "r": [[(0, 0), (0, 1)], [(0, 0.3), (0.3, 0), (0.6, 0.1)]],
    "t": [[(0.3, 0), (0.3, 0.9), (0.6, 1)], [(0, 0.3), (0.6, 0.3)]],
    "u": [[(0, 0), (0, 1), (0.7, 0.9), (0.7, 0)], [(0.7, 0), (0.7, 1)]],
    "x": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
}  # fmt: skip
# Digits that are none once mirrored, turned by a quarter, or upside down.
MIRRORED, TURNED, UPSIDE_DOWN = (3, 4, 7, 9), (2, 3, 4, 5, 7), (4, 7)


def from_pages(
    images: np.ndarray, labels: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """What the reader cuts out of `count` generated pages, and whether it is a digit.

    Args:
        images: uint8 N×28×28, ink bright on 0.
        labels: N integers from 0 to 9.
        count: Number of pages.
        seed: The same seed gives the same pages.

    Returns:
        uint8 M×28×28, candidates among their surroundings; M integers, 0 to 9, or 10 for none.
    """
    rng = np.random.default_rng([seed, count])
    views, truths = [], []
    for scene in scenes.pages(images, labels, count, seed):
        page = judged_candidates(scene)
        if page is None:
            continue
        view, truth = page
        none = np.flatnonzero(truth == NO_DIGIT)
        few = rng.permutation(none)[: max(4, round(MOST_NONE * np.count_nonzero(truth != NO_DIGIT)))]
        kept = np.concatenate([np.flatnonzero(truth != NO_DIGIT), few])
        views.append(view[kept])
        truths.append(truth[kept])
    return np.concatenate(views), np.concatenate(truths)


def judged_candidates(scene: scenes.Scene) -> tuple[np.ndarray, np.ndarray] | None:
    """Views of the candidates of a page whose truth is clear, and that truth; None if there is none."""
    ink = find_ink(scene.picture)
    candidates = segment.find_candidates(segment.find_lines(ink))
    digits = [int(digit) for digit in scene.truth if digit.isdigit()]
    boxes = np.array(scene.boxes, float).reshape(-1, 4)
    judged, truths = [], []
    for candidate in candidates:
        atom = candidate.atom
        sides = np.array([atom.x, atom.y, atom.x + atom.width, atom.y + atom.height]) * ink.scale
        distance, nearest = deviation(sides, boxes)
        if distance < CLOSE or distance > FAR:
            judged.append(candidate)
            truths.append(digits[nearest] if distance < CLOSE else NO_DIGIT)
    if not judged:
        return None
    return look(ink, judged)[1], np.array(truths)


def deviation(sides: np.ndarray, boxes: np.ndarray) -> tuple[float, int]:
    """How far the worst side of a box is off the nearest true box, as a share of its longer side; and which."""
    if not len(boxes):
        return np.inf, -1
    truth = np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    size = boxes[:, 2:].max(axis=1)
    # Blur and pens of a pixel shift an edge by one or two.
    off = np.maximum(np.abs(truth - sides).max(axis=1) - 1, 0) / size
    return float(off.min()), int(off.argmin())


def letters(count: int, seed: int) -> np.ndarray:
    """Letters that look drawn by hand, normalized as the reader does: uint8 N×28×28."""
    rng = np.random.default_rng(seed)
    return np.stack([seen_alone(letter(rng)) for _ in range(count)])


def letter(rng: np.random.Generator) -> np.ndarray:
    """One letter in a shaky hand: uint8 H×W, ink bright on 0."""
    page = np.zeros((160, 160), np.uint8)
    pen = int(rng.integers(2, 12))
    slant, turn = rng.normal(0, 0.2), rng.normal(0, 0.12)
    size = 70 * np.exp(rng.normal(0, 0.15, 2))
    for stroke in LETTERS[str(rng.choice(list(LETTERS)))]:
        points = np.array(stroke) + rng.normal(0, 0.05, (len(stroke), 2)) - 0.5
        points = rounded(points) * size @ np.array([[1, turn], [-slant, 1]]) + 80
        cv2.polylines(page, [np.rint(points * 16).astype(np.int32)], False, 255, pen, cv2.LINE_AA, 4)
    return page


def rounded(points: np.ndarray) -> np.ndarray:
    """Cut the corners of a polyline three times (Chaikin 1974); its ends stay."""
    for _ in range(3):
        before, after = points[:-1], points[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    return points


def seen_alone(drawing: np.ndarray) -> np.ndarray:
    """What the judge sees of a drawing with nothing around it: uint8 28×28."""
    x, y, width, height = cv2.boundingRect((drawing > 127).astype(np.uint8))
    part = drawing[y : y + height, x : x + width]
    return normalize(part, (part > 127).astype(np.uint8))[0]


def turned_digits(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Strokes as a hand draws them, and yet no digits: uint8 N×28×28."""
    mirrored = images[np.isin(labels, MIRRORED)][:, :, ::-1]
    turned = np.rot90(images[np.isin(labels, TURNED)], axes=(1, 2))
    upside_down = images[np.isin(labels, UPSIDE_DOWN)][:, ::-1]
    return np.concatenate([mirrored, turned, upside_down])
