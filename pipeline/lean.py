"""How far the digits of a hand lean, and other digits leaned as far.

A few corrected digits are far from all that a hand will write. MNIST's digits, leaned like them, come nearer to it.
"""

import cv2
import numpy as np

from pipeline.reader.log import slant
from pipeline.strokes import seen_alone

# So many of MNIST's digits of each value tell how far it leans by itself.
COMPARED = 500
# A digit is leaned at this many pixels to each of its own, so that its edges stay sharp.
FINE = 4


def leans(images: np.ndarray, labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray) -> np.ndarray:
    """How much farther each digit leans to the right than others of its value do, in pixels for each pixel up: float N.

    Args:
        images, labels: uint8 N×28×28, ink bright on 0, and N integers from 0 to 9.
        others, other_labels: The same of M others, such as MNIST's, with each value among them.
    """
    usual = [
        np.mean([slant(image) for image in others[other_labels == value][:COMPARED]]) for value in range(10)
    ]
    return np.array([slant(image) - usual[label] for image, label in zip(images, labels, strict=True)])


def leaned(images: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Digits in MNIST's form, leaned to the right by so many pixels for each pixel up: uint8 N×28×28."""
    result = np.empty_like(images)
    for k, (image, amount) in enumerate(zip(images, amounts, strict=True)):
        # What leans reaches beyond its own square.
        large = cv2.resize(
            np.pad(image, image.shape[1]), None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC
        )
        result[k] = seen_alone(_sheared(large, amount))
    return result


def leaned_views(views: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """The same of candidates as the judge sees them, together with what stands around them."""
    result = np.empty_like(views)
    for k, (view, amount) in enumerate(zip(views, amounts, strict=True)):
        result[k] = _sheared(view, amount)
    return result


def _sheared(image: np.ndarray, amount: float) -> np.ndarray:
    middle = (len(image) - 1) / 2
    return cv2.warpAffine(image, np.array([[1, -amount, amount * middle], [0, 1, 0]]), image.shape[::-1])
