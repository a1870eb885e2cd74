"""Where on a page the digits, the lines of the paper and the other marks are."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic import pens
from pipeline.synthetic.distractors import distract

# Pixels: the greatest height of a digit, and of one among at least MANY, which at their tallest would make a page of
# tens of megapixels. Chosen before they were measured.
TALLEST, TALLEST_OF_MANY, MANY = 300, 140, 5


@dataclass(frozen=True)
class Page:
    """Ink and rulings before they are seen through a lens.

    Attributes:
        rows: Indices of the digits given, a list for each line.
        ink: float32 H×W, how much ink covers each pixel, 0 to 1.
        digits: For each digit the coordinates of its ink, float32 N×2 (x, y).
        rulings: Lines of paper or table, float32 polylines, each N×2 (x, y).
        height: Height of a typical digit in pixels.
        stroke: Width of a typical stroke in pixels.
    """

    rows: list[list[int]]
    ink: np.ndarray
    digits: list[np.ndarray]
    rulings: list[np.ndarray]
    height: float
    stroke: float


def write(digits: np.ndarray, effects: frozenset[str], rng: np.random.Generator, tallest: float) -> Page:
    """Lay digits, uint8 N×28×28, out on a page of their own, with what else a pen leaves there."""
    rows = _rows(len(digits), effects, rng)
    smallest = 60 if "canvas" in effects else 15
    largest = min(tallest, TALLEST if len(digits) < MANY else TALLEST_OF_MANY)
    height = float(np.exp(rng.uniform(np.log(smallest), np.log(largest))))
    pen = _pen(height, effects, rng)
    stroke = 0.13 * height if pen is None else pen
    spread = (0.65, 1.45) if "sizes" in effects else (0.92, 1.08)
    glyphs = [pens.redraw(digit, height * rng.uniform(*spread), pen, rng) for digit in digits]
    if "table" in effects:
        places, rulings = _in_cells(glyphs, rows, height, rng)
    else:
        places, rulings = _in_lines(glyphs, rows, height, stroke, effects, rng), []

    # The page ends some way beyond the digits and the table.
    ends = [np.add(place, glyph.shape[::-1]) for place, glyph in zip(places, glyphs, strict=True)]
    corners = np.vstack([*places, *ends, *rulings, (0, 0), rng.uniform(0.5, 2, 2) * height])
    margins = rng.uniform(0.3, 2.5, (2, 2)) * min(height, 100) + 4
    if effects & {"distractors", "empty", "desk"}:
        margins += min(1.5 * height, 200)
    origin = np.floor(corners.min(axis=0) - margins[0]).astype(int)
    page_width, page_height = np.ceil(corners.max(axis=0) + margins[1] - origin).astype(int)

    ink = np.zeros((page_height, page_width), np.float32)
    coordinates = []
    for glyph, place in zip(glyphs, places, strict=True):
        x, y = place - origin
        target = ink[y : y + glyph.shape[0], x : x + glyph.shape[1]]
        np.maximum(target, glyph, out=target)
        coordinates.append((np.argwhere(glyph > 0.3)[:, ::-1] + (x, y)).astype(np.float32))
    rulings = [line - origin for line in rulings]
    if effects & {"ruled", "squared"}:
        baseline = (places[0][1] + glyphs[0].shape[0] if places else 0) - origin[1]
        rulings = _paper_lines(page_width, page_height, height, baseline, "squared" in effects, rng)
    if "distractors" in effects:
        distract(ink, coordinates, rulings if "table" in effects else [], height, stroke, rng)
    return Page(rows, ink, coordinates, rulings, height, stroke)


def _rows(count: int, effects: frozenset[str], rng: np.random.Generator) -> list[list[int]]:
    """Share digit numbers 0 … count - 1 out to lines."""
    numbers = list(range(count))
    if "table" in effects:
        width = int(rng.integers(2, 8))
        return [numbers[start : start + width] for start in range(0, count, width)]
    if "lines" not in effects or count < 2:
        return [numbers] if numbers else []
    most = min(count, 6)
    breaks = rng.choice(np.arange(1, count), size=int(rng.integers(1, most)), replace=False)
    return [list(row) for row in np.split(np.array(numbers), np.sort(breaks))]


def _pen(height: float, effects: frozenset[str], rng: np.random.Generator) -> float | None:
    """Width of the pen in pixels; None for the strokes as they are in MNIST."""
    if "thin" in effects:
        return max(1.0, rng.uniform(0.01, 0.05) * height)
    if "thick" in effects:
        return max(2.0, rng.uniform(0.16, 0.2) * height)
    if "canvas" in effects or rng.random() < 0.6:
        return max(1.3, rng.uniform(0.05, 0.14) * height)
    return None


def _in_lines(
    glyphs: list[np.ndarray],
    rows: list[list[int]],
    height: float,
    stroke: float,
    effects: frozenset[str],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Where the top left corner of each glyph comes to lie: integers (x, y)."""
    places: list[np.ndarray] = []
    spacing = rng.uniform(0.12, 0.7) * height
    bottom = 0
    for row in rows:
        line = _in_line([glyphs[index] for index in row], spacing, height, stroke, effects, rng)
        top = min(y for _, y in line)
        indent = rng.uniform(0, 1.5) * height if len(rows) > 1 else 0
        shift = np.array([round(indent), bottom - top + round(rng.uniform(0.35, 1.2) * height)])
        line = [place + shift for place in line]
        bottom = max(y + glyphs[index].shape[0] for (_, y), index in zip(line, row, strict=True))
        places += line
    return places


def _in_line(
    glyphs: list[np.ndarray],
    spacing: float,
    height: float,
    stroke: float,
    effects: frozenset[str],
    rng: np.random.Generator,
) -> list[np.ndarray]:
    jump = 0.22 * height if "staggered" in effects else 0.03 * height
    climb = np.tan(np.radians(rng.uniform(-7, 7))) if "staggered" in effects else 0.0
    touches = (rng.random(len(glyphs)) < 0.5) & ("touching" in effects)
    if "touching" in effects and len(glyphs) > 1:
        touches[rng.integers(1, len(glyphs))] = True
    places: list[np.ndarray] = []
    x = 0
    for number, glyph in enumerate(glyphs):
        y = round(climb * x + rng.uniform(-jump, jump)) - glyph.shape[0]
        if number:
            gap = spacing + rng.uniform(0, 0.2) * height + (rng.random() < 0.06) * 1.2 * height
            x += round(gap)
            if touches[number]:
                x = _touching(glyphs[number - 1], places[-1], glyph, y, rng.uniform(0.1, 0.5) * stroke)
        places.append(np.array([x, y]))
        x += glyph.shape[1]
    return places


def _touching(left: np.ndarray, place: np.ndarray, right: np.ndarray, y: int, overlap: float) -> int:
    """The x at which `right`, at the given y, runs `overlap` pixels into `left`."""
    x_left, y_left = int(place[0]), int(place[1])
    top, bottom = max(y_left, y), min(y_left + left.shape[0], y + right.shape[0])
    ends = left[top - y_left : bottom - y_left] > 0.5
    starts = right[top - y : bottom - y] > 0.5
    both = ends.any(axis=1) & starts.any(axis=1)
    if not both.any():
        return x_left + left.shape[1]
    last = left.shape[1] - 1 - ends[both, ::-1].argmax(axis=1)
    first = starts[both].argmax(axis=1)
    contact = x_left + int((last - first).max()) + 1
    # Where a 4 could slip under a 7, neither would stay legible nor their order clear.
    x = max(contact - round(max(1.0, overlap)), x_left + round(0.75 * left.shape[1]))
    # A 1 and a 7 that touch at both ends make a D.
    while x < contact and _encloses(left, right, x - x_left, y - y_left):
        x += 1
    return x


def _encloses(left: np.ndarray, right: np.ndarray, dx: int, dy: int) -> bool:
    """Whether two glyphs, the right one shifted by (dx, dy), close a loop that neither has by itself."""
    width = max(left.shape[1], dx + right.shape[1])
    top, bottom = min(0, dy), max(left.shape[0], dy + right.shape[0])
    both = np.zeros((bottom - top, width), bool)
    both[-top : left.shape[0] - top, : left.shape[1]] = left > 0.5
    both[dy - top : dy - top + right.shape[0], dx : dx + right.shape[1]] |= right > 0.5
    return pens.count_loops(both) > pens.count_loops(left > 0.5) + pens.count_loops(right > 0.5)


def _in_cells(
    glyphs: list[np.ndarray], rows: list[list[int]], height: float, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Places as `_in_lines` gives them, and the table's lines, drawn by hand or printed."""
    widest = max(glyph.shape[1] for glyph in glyphs)
    tallest = max(glyph.shape[0] for glyph in glyphs)
    cell = np.ceil([widest + rng.uniform(0.35, 1.2) * height, tallest + rng.uniform(0.35, 0.9) * height])
    places = []
    for row, indices in enumerate(rows):
        for column, index in enumerate(indices):
            free = cell - glyphs[index].shape[::-1]
            places.append(np.floor(cell * (column, row) + free * rng.uniform(0.3, 0.7, 2)).astype(int))
    columns = max(len(row) for row in rows)
    width, depth = cell * (columns, len(rows))
    wobble = rng.uniform(0, 0.03) * height * (rng.random() < 0.6)
    lines = [_wobbly((0, row * cell[1]), (width, row * cell[1]), wobble, rng) for row in range(len(rows) + 1)]
    sides = cell[0] * np.arange(columns + 1)
    lines += [_wobbly((side, 0), (side, depth), wobble, rng) for side in sides]
    return places, lines


def _wobbly(
    start: tuple[float, float], end: tuple[float, float], wobble: float, rng: np.random.Generator
) -> np.ndarray:
    along = np.linspace(0, 1, 9)[:, None]
    points = np.array(start) * (1 - along) + np.array(end) * along
    return (points + wobble * rng.standard_normal(points.shape)).astype(np.float32)


def _paper_lines(
    width: int, depth: int, height: float, baseline: float, squared: bool, rng: np.random.Generator
) -> list[np.ndarray]:
    """Lines that run beyond the page, so that they still cross it when it is turned."""
    pitch = rng.uniform(0.3, 0.9) * height if squared else rng.uniform(1.1, 2.2) * height
    pitch = max(pitch, 6.0)
    start = (baseline + rng.uniform(-0.15, 0.25) * height) % pitch
    beyond = width + depth
    rows = np.arange(start - pitch * np.ceil(beyond / pitch), depth + beyond, pitch)
    lines = [np.array([(-beyond, y), (width + beyond, y)], np.float32) for y in rows]
    if squared:
        columns = np.arange(start - pitch * np.ceil(beyond / pitch), width + beyond, pitch)
        lines += [np.array([(x, -beyond), (x, depth + beyond)], np.float32) for x in columns]
    return lines
