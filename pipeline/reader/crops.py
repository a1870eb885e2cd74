"""Candidates → what the networks see of them.

The digits' network sees a candidate alone, as MNIST shows digits; the verifier sees two crops of it among what stands
around it: near, at the same size, and context, smaller, with its neighbours. By itself half a 0 is a 1; beside the
other half it is not. By itself a piece of a ruled line is a 1, too; beside digits that are twice as high it is not.
"""

import cv2
import numpy as np

from .binarize import Ink
from .component import Component
from .normalize import SIDE, Field, normalize

# The verifier's last class: not one whole digit.
NO_DIGIT = 10
# Brightness of what stands around a candidate; its own ink goes up to 255.
SURROUNDINGS = 96
# Of the context crop's 28 pixels this many, in the middle, show what the near one does.
INNER = 10
START = (SIDE - INNER) // 2


def make_crops(ink: Ink, components: list[Component]) -> tuple[np.ndarray, np.ndarray]:
    """N candidates as MNIST shows digits, uint8 N×28×28, and their near and context crops, uint8 N×28×28×2."""
    images = np.zeros((len(components), SIDE, SIDE), np.uint8)
    around = np.zeros((*images.shape, 2), np.uint8)
    for k, component in enumerate(components):
        contrast = ink.contrast[
            component.y : component.y + component.height, component.x : component.x + component.width
        ]
        images[k], (left, top, side) = normalize(contrast, component.mask)
        near = left + component.x, top + component.y, side
        around[k, ..., 0] = surroundings(ink.mask, near)
        around[k, ..., 1] = surroundings(ink.mask, widen_to_context(near))
    return images, np.maximum(crop_alone(images), around)


def widen_to_context(field: Field) -> Field:
    """The square that the context crop shows, where the near one shows `field`."""
    left, top, side = field
    more = side * START / INNER
    return left - more, top - more, side + 2 * more


def surroundings(ink: np.ndarray, field: Field) -> np.ndarray:
    """All ink (uint8 H×W, 1 on it) in a square of the picture, dim: uint8 28×28."""
    left, top, side = field
    x0, y0, x1, y1 = round(left), round(top), round(left + side), round(top + side)
    height, width = ink.shape
    seen = np.zeros((y1 - y0, x1 - x0), np.uint8)
    part = ink[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    y, x = max(y0, 0) - y0, max(x0, 0) - x0
    seen[y : y + part.shape[0], x : x + part.shape[1]] = part * np.uint8(SURROUNDINGS)
    return cv2.resize(seen, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def crop_alone(images: np.ndarray) -> np.ndarray:
    """Both crops of digits around which there is nothing: uint8 N×28×28×2, of uint8 N×28×28."""
    crops = np.zeros((*images.shape, 2), np.uint8)
    crops[..., 0] = images
    middle = slice(START, START + INNER)
    for crop, image in zip(crops, images, strict=True):
        crop[middle, middle, 1] = cv2.resize(image, (INNER, INNER), interpolation=cv2.INTER_AREA)
    return crops
