"""Which digit of a generated page the ink that the reader found belongs to."""

import cv2
import numpy as np

from pipeline.reader.component import Component
from pipeline.synthetic.page import SyntheticPage

# Working pixels around a component that count, too: blur and the reader's threshold shift an edge by one or two.
MARGIN = 3
# Ink this near to a digit counts as its own: a share of the component's longer side, but at least so many working
# pixels. Chosen before it was measured.
TOLERANCE, LEAST_TOLERANCE = 0.03, 1.5


def digits_near(page: SyntheticPage, scale: float, component: Component) -> list[int]:
    """Return the numbers of a page's digits whose box overlaps a component's; `scale` as in `Ink`."""
    near = []
    for number, (x, y, width, height) in enumerate(page.boxes):
        apart = (
            x > (component.x + component.width) * scale
            or y > (component.y + component.height) * scale
            or x + width < component.x * scale
            or y + height < component.y * scale
        )
        if not apart:
            near.append(number)
    return near


def distance_to(ink: np.ndarray, scale: float, component: Component) -> np.ndarray:
    """Measure how far each pixel of a component's box is from a digit's ink: working pixels, float32 H×W.

    Args:
        ink: The digit's pixels in the picture, float32 N×2 (x, y).
        scale: As in `Ink`.
        component: A component of the reader.
    """
    absent = 1 - rasterize_ink(ink, scale, component)
    away = cv2.distanceTransform(absent, cv2.DIST_L2, 5)
    return away[MARGIN:-MARGIN, MARGIN:-MARGIN]


def precision_and_recall(ink: np.ndarray, scale: float, component: Component) -> tuple[float, float]:
    """Precision and recall of a component as a digit: the share of its ink that is the digit's, and the share of the
    digit's ink that is the component's, each from 0 to 1, with TOLERANCE at the edges.
    """
    tolerance = max(LEAST_TOLERANCE, TOLERANCE * max(component.width, component.height))
    digit = rasterize_ink(ink, scale, component)
    own = np.pad(component.mask, MARGIN)
    to_digit = cv2.distanceTransform(1 - digit, cv2.DIST_L2, 5)
    to_own = cv2.distanceTransform(1 - own, cv2.DIST_L2, 5)
    precision = (own * (to_digit <= tolerance)).sum() / own.sum()
    covered = (digit * (to_own <= tolerance)).sum() / max(1, digit.sum())
    # Of the digit, only a part may lie in the component's box at all.
    places = np.floor(ink / scale).astype(int) - (component.x - MARGIN, component.y - MARGIN)
    inside = ((places >= 0) & (places < (own.shape[1], own.shape[0]))).all(axis=1).mean()
    return float(precision), float(covered * inside)


def rasterize_ink(ink: np.ndarray, scale: float, component: Component) -> np.ndarray:
    """Draw a digit's ink within a component's box and MARGIN around it: uint8, 1 on ink."""
    shape = component.height + 2 * MARGIN, component.width + 2 * MARGIN
    mask = np.zeros(shape, np.uint8)
    columns, rows = (np.floor(ink / scale).astype(int) - (component.x - MARGIN, component.y - MARGIN)).T
    inside = (columns >= 0) & (rows >= 0) & (columns < shape[1]) & (rows < shape[0])
    mask[rows[inside], columns[inside]] = 1
    # Where the reader enlarges a picture, its pixels lie apart.
    reach = int(np.ceil(1 / scale))
    return cv2.dilate(mask, np.ones((reach, reach), np.uint8)) if reach > 1 else mask
