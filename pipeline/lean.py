"""How far the digits of a hand lean, and other digits leaned as far.

A few corrected digits are far from all that a hand will write. MNIST's digits, leaned like them, come nearer to it.
"""

import cv2
import numpy as np

from pipeline.reader.log import slant
from pipeline.reader.normalize import BOX, CENTRE, SIDE
from pipeline.reader.views import INNER, START, SURROUNDINGS

# So many digits of each value tell how far it leans by itself.
COMPARED = 500
# What the near view shows at (x, y) the far one shows at SMALLER · (x, y) + MOVED.
SMALLER = INNER / SIDE
MOVED = START + (SMALLER - 1) / 2


def leans(images: np.ndarray, labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray) -> np.ndarray:
    """How much farther each digit leans to the right than others of its value do, in pixels for each pixel up: float N.

    Args:
        images, labels: uint8 N×28×28, ink bright on 0, also with what stands around it, dimmer, as near views
            show it, and N integers from 0 to 9.
        others, other_labels: The same of M others, such as MNIST's, with each value among them.
    """
    usual = np.array([_slants(others[other_labels == value][:COMPARED]).mean() for value in range(10)])
    return _slants(images) - usual[labels]


def leaned(views: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Digits leaned to the right by so many pixels for each pixel up, in MNIST's form again.

    Args:
        views: uint8 N×28×28×2, near and far; what stands around a digit leans with it.
        amounts: float N.

    Returns:
        uint8 N×28×28×2.
    """
    result = views.copy()
    for k, (view, amount) in enumerate(zip(views, amounts, strict=True)):
        y, x = np.nonzero(view[..., 0] > SURROUNDINGS)
        if not len(x):
            continue
        slanted = x - amount * y
        factor = BOX / (1 + max(np.ptp(slanted), np.ptp(y)))
        shear = factor * np.array([[1, -amount], [0, 1]])
        move = CENTRE - factor * np.array([slanted.mean(), y.mean()])
        farther = SMALLER * move + MOVED - shear @ [MOVED, MOVED]
        for channel, shift in enumerate((move, farther)):
            result[k, ..., channel] = cv2.warpAffine(
                view[..., channel], np.column_stack([shear, shift]), (SIDE, SIDE)
            )
    return result


def _slants(images: np.ndarray) -> np.ndarray:
    return np.array([slant(image) for image in images * (images > SURROUNDINGS)])
