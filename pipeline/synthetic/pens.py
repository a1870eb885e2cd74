"""MNIST's digits redrawn by other pens, and strokes in general: coverage, float32, 0 to 1."""

from functools import cache

import cv2
import numpy as np

# Pixels: the side of the box that MNIST's digits fill (LeCun et al. 1998, section III.A).
_DIGIT_BOX = 20
# Glyphs are worked out at this many times MNIST's size; chosen before it was measured.
_ENLARGEMENT = 4


def redraw(digit: np.ndarray, height: float, stroke: float | None, rng: np.random.Generator) -> np.ndarray:
    """Redraw an MNIST digit so that its strokes look drawn by a pen and not like enlarged pixels.

    Args:
        digit: uint8 28×28.
        height: What MNIST's box of 20 pixels becomes, in pixels.
        stroke: Width of a uniform pen in pixels; None keeps the hand's own strokes, a little wider or
            narrower.

    Returns:
        float32 coverage, 0 to 1, cut to the ink with a pixel or two to spare.
    """
    large = cv2.resize(digit, None, fx=_ENLARGEMENT, fy=_ENLARGEMENT, interpolation=cv2.INTER_CUBIC)
    shape = _without_specks(
        cv2.GaussianBlur(np.pad(large, 2 * _ENLARGEMENT), (0, 0), 0.4 * _ENLARGEMENT) > 110
    )
    as_written = count_pieces(shape), count_loops(shape)
    pixel = height / (_DIGIT_BOX * _ENLARGEMENT)
    if stroke is None:
        inside = cv2.distanceTransform(shape.astype(np.uint8), cv2.DIST_L2, 5)
        outside = cv2.distanceTransform((~shape).astype(np.uint8), cv2.DIST_L2, 5)
        depth = cv2.GaussianBlur(inside - outside, (0, 0), 1)
        growth = rng.uniform(-0.012, 0.02) * _DIGIT_BOX * _ENLARGEMENT
    else:
        skeleton = _thinned(shape)
        away = cv2.distanceTransform((~skeleton).astype(np.uint8), cv2.DIST_L2, 5)
        # A hand presses unevenly, and rounds the skeleton's corners.
        pressure = 1 + rng.uniform(0, 0.2) * smooth_noise(shape.shape, 3, rng)
        growth = stroke / (2 * pixel)
        depth = growth * (pressure - 1) - np.maximum(cv2.GaussianBlur(away, (0, 0), 1.2) - 0.9, 0)
    # An 8 whose loops are filled, or a 0 that has come open, is no longer what its label says.
    while growth > 0.5 and (count_pieces(depth + growth > 0), count_loops(depth + growth > 0)) != as_written:
        growth *= 0.85
    depth = depth + growth
    method = cv2.INTER_AREA if pixel < 1 else cv2.INTER_CUBIC
    depth = cv2.resize(depth, None, fx=pixel, fy=pixel, interpolation=method).astype(np.float32)
    coverage = np.clip(0.5 + depth * np.float32(pixel), 0, 1)
    x, y, width, rows = cv2.boundingRect((coverage > 0).astype(np.uint8))
    return coverage[y : y + rows, x : x + width]


def count_pieces(shape: np.ndarray) -> int:
    """Count the connected pieces of a bool array."""
    return cv2.connectedComponents(shape.astype(np.uint8), connectivity=8)[0] - 1


def count_loops(shape: np.ndarray) -> int:
    """Count the pieces of ground that a bool array encloses."""
    return cv2.connectedComponents((~np.pad(shape, 1)).astype(np.uint8), connectivity=4)[0] - 2


def _without_specks(shape: np.ndarray) -> np.ndarray:
    """Leave out what would look like a full stop: some of MNIST's digits have stray pixels beside them."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(shape.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    return shape & (areas > 0.06 * shape.sum())[labels]


@cache
def _thinning_tables() -> tuple[np.ndarray, np.ndarray]:
    """Which of the 256 neighbourhoods lose their middle in each half step (Zhang and Suen, 1984)."""
    tables = np.zeros((2, 256), np.uint8)
    for code in range(256):
        # Neighbours clockwise from the north, as _thinned weighs them.
        ring = [code >> bit & 1 for bit in range(8)]
        north, east, south, west = ring[0], ring[2], ring[4], ring[6]
        rises = sum(a < b for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
        if 2 <= sum(ring) <= 6 and rises == 1:
            tables[0, code] = not (north and east and south) and not (east and south and west)
            tables[1, code] = not (north and east and west) and not (north and south and west)
    return tables[0], tables[1]


def _thinned(shape: np.ndarray) -> np.ndarray:
    """The skeleton of a bool array, one pixel wide."""
    weights = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)
    pixels = shape.astype(np.uint8)
    while True:
        before = int(pixels.sum())
        for table in _thinning_tables():
            codes = cv2.filter2D(pixels, cv2.CV_32F, weights, borderType=cv2.BORDER_CONSTANT)
            pixels &= 1 - table[codes.astype(np.uint8)]
        if int(pixels.sum()) == before:
            return pixels.astype(bool)


def round_corners(points: np.ndarray) -> np.ndarray:
    """Cut the corners of a polyline twice (Chaikin, 1974); its ends stay."""
    for _ in range(2):
        before, after = points[:-1], points[1:]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    return points


def draw_polylines(strokes: list[np.ndarray], width: float) -> np.ndarray:
    """Draw polylines, each N×2 (x, y), `width` pixels wide: float32 coverage, 0 to 1, with two pixels to spare."""
    points = np.concatenate(strokes)
    pad = width / 2 + 2
    origin = points.min(axis=0) - pad
    columns, rows = np.ceil(points.max(axis=0) - origin + pad).astype(int)
    coverage = np.zeros((rows, columns), np.uint8)
    for stroke in strokes:
        cv2.polylines(
            coverage, [fixed_point(stroke - origin)], False, 255, max(1, round(width)), cv2.LINE_AA, 4
        )
    return coverage.astype(np.float32) / 255


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Coordinates as OpenCV draws them with shift=4: in sixteenths of a pixel."""
    return np.rint(points * 16).astype(np.int32)


def smooth_noise(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Float32 H×W from about -1 to 1, that changes over about 1/cells of the longer side."""
    scale = cells / max(shape)
    coarse = rng.uniform(-1, 1, [int(np.ceil(side * scale)) + 1 for side in shape]).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
