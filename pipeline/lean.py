"""How far the digits of a hand lean, and other digits leaned as far.

A few corrected digits are far from all that a hand will write. MNIST's digits, leaned like them, come nearer to it.
"""

import cv2
import numpy as np

from pipeline.reader.log import slant
from pipeline.reader.normalize import BOX, CENTRE, SURROUNDINGS

# So many digits of each value tell how far it leans by itself.
COMPARED = 500


def leans(images: np.ndarray, labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray) -> np.ndarray:
    """How much farther each digit leans to the right than others of its value do, in pixels for each pixel up: float N.

    Args:
        images, labels: uint8 N×28×28, ink bright on 0, also with what stands around it, dimmer, and N integers
            from 0 to 9.
        others, other_labels: The same of M others, such as MNIST's, with each value among them.
    """
    usual = np.array([_slants(others[other_labels == value][:COMPARED]).mean() for value in range(10)])
    return _slants(images) - usual[labels]


def leaned(images: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Digits in MNIST's form, leaned to the right by so many pixels for each pixel up and brought to that form again.

    Args:
        images: uint8 N×28×28, also with what stands around them, dimmer, which then leans with them.
        amounts: float N.

    Returns:
        uint8 N×28×28.
    """
    result = np.empty_like(images)
    for k, (image, amount) in enumerate(zip(images, amounts, strict=True)):
        y, x = np.nonzero(image > SURROUNDINGS)
        if not len(x):
            result[k] = image
            continue
        slanted = x - amount * y
        factor = BOX / (1 + max(np.ptp(slanted), np.ptp(y)))
        centre = CENTRE - factor * np.array([slanted.mean(), y.mean()])
        shear = np.array([[factor, -factor * amount, centre[0]], [0, factor, centre[1]]])
        result[k] = cv2.warpAffine(image, shear, image.shape[::-1])
    return result


def _slants(images: np.ndarray) -> np.ndarray:
    return np.array([slant(image) for image in images * (images > SURROUNDINGS)])
