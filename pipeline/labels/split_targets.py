"""What the splitter learns from: components of generated pages, and where in them two digits touch."""

import cv2
import numpy as np

from pipeline.labels.matching import digits_near, distance_to
from pipeline.reader import lines
from pipeline.reader.binarize import Ink, find_ink
from pipeline.reader.component import Component
from pipeline.reader.split import GAP, ROWS, WINDOW, may_hold_several, scale_to_rows
from pipeline.synthetic.page import SyntheticPage, make_page

# Digits are drawn at most so high, in pixels: the network sees them at ROWS rows.
SPLITTER_PAGES_TALLEST = 80
# Within this share of the component's height, ink is of both digits that touch; and so far from a digit is
# ink of something else.
BOTH, NEITHER = 0.025, 0.06

Example = tuple[np.ndarray, np.ndarray]


def find_examples(images: np.ndarray, labels: np.ndarray, number: int, seed: int) -> list[Example]:
    """The components of page `number` that may hold several digits.

    Args:
        images: uint8 N×28×28 of digits, ink bright on 0.
        labels: N integers from 0 to 9.

    Returns:
        For each the share of ink, uint8 ROWS×W from 0 to 255, and 1 on the splits, uint8 ROWS×W.
    """
    # Every third page is of the usual mixture; on the others digits touch.
    page = make_page(
        images,
        labels,
        number,
        seed,
        tallest=SPLITTER_PAGES_TALLEST,
        always="touching" if number % 3 else None,
    )
    ink = find_ink(page.picture)
    components = lines.find_components(ink.mask)
    least = lines.FULL_HEIGHT * lines.typical_height(components)
    return [
        (
            np.rint(255 * scale_to_rows(c.mask)).astype(np.uint8),
            (scale_to_rows(split_target(page, ink, c)) > 0.35).astype(np.uint8),
        )
        for c in components
        if c.height >= max(least, lines.SMALLEST_DIGIT) and may_hold_several(c)
    ]


def split_target(page: SyntheticPage, ink: Ink, component: Component) -> np.ndarray:
    """Where in a component a digit meets another, or what is no digit: uint8 H×W, 1 on these pixels."""
    none = np.zeros_like(component.mask)
    near = digits_near(page, ink.scale, component)
    if not near:
        return none
    away = np.sort([distance_to(page.inks[number], ink.scale, component) for number in near], axis=0)
    both = max(BOTH * component.height, 1.0)
    neither = max(NEITHER * component.height, 2.5)
    split = (away[0] <= both) & (away[1] <= 1.3 * both) if len(away) > 1 else none > 0
    other = component.mask * (away[0] > neither)
    if other.sum() > 4 * both**2:
        to_other = cv2.distanceTransform(1 - other, cv2.DIST_L2, 5)
        split |= (to_other <= 1.3 * both) & (away[0] <= neither)
    return component.mask * split


def fill_windows(examples: list[Example], rng: np.random.Generator) -> Example:
    """All examples in a row, in random order, as the network sees them: two uint8 N×ROWS×WINDOW×1."""
    gap = np.zeros((ROWS, GAP), np.uint8)
    order = rng.permutation(len(examples))
    rows = [np.hstack([part for i in order for part in (gap, examples[i][kind])]) for kind in (0, 1)]
    count = max(1, rows[0].shape[1] // WINDOW)
    missing = max(0, count * WINDOW - rows[0].shape[1])
    start = int(rng.integers(0, max(1, rows[0].shape[1] - count * WINDOW + 1)))
    cut = [np.pad(row, ((0, 0), (0, missing)))[:, start : start + count * WINDOW] for row in rows]
    crops, truths = (row.reshape(ROWS, count, WINDOW).transpose(1, 0, 2)[..., None] for row in cut)
    return crops, truths
