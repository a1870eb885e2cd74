"""What the splitter learns from: components of generated pages, and where in them two digits touch."""

import cv2
import numpy as np

from pipeline.labels.matching import digits_near, distance_to
from pipeline.reader import lines
from pipeline.reader.binarize import Ink, find_ink
from pipeline.reader.component import Component
from pipeline.reader.split import GAP, ROWS, WINDOW, may_hold_several, scale_to_rows
from pipeline.synthetic.page import SyntheticPage, make_page

# Pixels. Digits are drawn no higher: the network sees them at ROWS rows. Chosen before it was measured.
SPLITTER_PAGES_TALLEST = 80
# Shares of the component's height, chosen before they were measured. Ink this near to two digits belongs to both; ink
# this far from every digit belongs to something else. Small components have the least distances, in working pixels.
NEAR_BOTH, LEAST_NEAR_BOTH = 0.025, 1.0
FAR_FROM_ALL, LEAST_FAR_FROM_ALL = 0.06, 2.5
# The farther of two digits, and what is no digit, may lie this many times as far from a split as NEAR_BOTH says.
FARTHER = 1.3
# Ink of something else counts if its area is more than this many times the square of NEAR_BOTH's distance.
LEAST_OTHER = 4
# A pixel at ROWS rows is a split if more than this share of it is.
SPLIT_SHARE = 0.35

Example = tuple[np.ndarray, np.ndarray]


def find_examples(images: np.ndarray, labels: np.ndarray, number: int, seed: int) -> list[Example]:
    """Generate page `number` and return its components that may hold several digits.

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
            (scale_to_rows(split_target(page, ink, c)) > SPLIT_SHARE).astype(np.uint8),
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
    near_both = max(NEAR_BOTH * component.height, LEAST_NEAR_BOTH)
    far = max(FAR_FROM_ALL * component.height, LEAST_FAR_FROM_ALL)
    split = (away[0] <= near_both) & (away[1] <= FARTHER * near_both) if len(away) > 1 else none > 0
    other = component.mask * (away[0] > far)
    if other.sum() > LEAST_OTHER * near_both**2:
        to_other = cv2.distanceTransform(1 - other, cv2.DIST_L2, 5)
        split |= (to_other <= FARTHER * near_both) & (away[0] <= far)
    return component.mask * split


def fill_windows(examples: list[Example], rng: np.random.Generator) -> Example:
    """Set all examples in a row, in random order, and cut it as the network sees it: two uint8 N×ROWS×WINDOW×1."""
    gap = np.zeros((ROWS, GAP), np.uint8)
    order = rng.permutation(len(examples))
    rows = [np.hstack([part for i in order for part in (gap, examples[i][kind])]) for kind in (0, 1)]
    count = max(1, rows[0].shape[1] // WINDOW)
    missing = max(0, count * WINDOW - rows[0].shape[1])
    start = int(rng.integers(0, max(1, rows[0].shape[1] - count * WINDOW + 1)))
    cut = [np.pad(row, ((0, 0), (0, missing)))[:, start : start + count * WINDOW] for row in rows]
    crops, truths = (row.reshape(ROWS, count, WINDOW).transpose(1, 0, 2)[..., None] for row in cut)
    return crops, truths
