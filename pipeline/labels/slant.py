"""How far the digits of a hand slant, and other digits slanted as far.

A few corrected digits are far from all that a hand will write. MNIST's digits, slanted like them, come nearer to it.
"""

import cv2
import numpy as np

from pipeline.reader.crops import INNER, START, SURROUNDINGS
from pipeline.reader.log import measure_slant
from pipeline.reader.normalize import BOX, CENTRE, SIDE

# Digits of each value by which its usual slant is measured; chosen before it was measured.
COMPARED = 500
# What the near crop shows at (x, y), the context one shows at CONTEXT_SCALE · (x, y) + CONTEXT_SHIFT: pixels of a crop.
CONTEXT_SCALE = INNER / SIDE
CONTEXT_SHIFT = START + (CONTEXT_SCALE - 1) / 2


def excess_slants(
    images: np.ndarray, labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray
) -> np.ndarray:
    """How much more each digit slants to the right than others of its value: float N, pixels per pixel of height.

    Args:
        images, labels: uint8 N×28×28, ink bright on 0, also with what stands around it, dimmer, as near crops
            show it, and N integers from 0 to 9.
        others, other_labels: The same of M others, such as MNIST's, with each value among them.
    """
    usual = np.array([_slants(others[other_labels == value][:COMPARED]).mean() for value in range(10)])
    return _slants(images) - usual[labels]


def add_slant(crops: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Digits slanted to the right by so many pixels for each pixel up, in MNIST's form again.

    Args:
        crops: uint8 N×28×28×2, near and context; what stands around a digit slants with it.
        amounts: float N.

    Returns:
        uint8 N×28×28×2.
    """
    result = crops.copy()
    for k, (crop, amount) in enumerate(zip(crops, amounts, strict=True)):
        y, x = np.nonzero(crop[..., 0] > SURROUNDINGS)
        if not len(x):
            continue
        slanted = x - amount * y
        factor = BOX / (1 + max(np.ptp(slanted), np.ptp(y)))
        shear = factor * np.array([[1, -amount], [0, 1]])
        move = CENTRE - factor * np.array([slanted.mean(), y.mean()])
        of_context = CONTEXT_SCALE * move + CONTEXT_SHIFT - shear @ [CONTEXT_SHIFT, CONTEXT_SHIFT]
        for channel, shift in enumerate((move, of_context)):
            result[k, ..., channel] = cv2.warpAffine(
                crop[..., channel], np.column_stack([shear, shift]), (SIDE, SIDE)
            )
    return result


def _slants(images: np.ndarray) -> np.ndarray:
    return np.array([measure_slant(image) for image in images * (images > SURROUNDINGS)])
