"""Distortions of 28×28 digits, by which a training set of many hands stands in for all hands."""

import cv2
import numpy as np

SIZE = 28
# The elastic field is drawn on this many points a side and interpolated: a field as smooth as the Gaussian
# filtering of Simard et al. (2003, "Best practices for convolutional neural networks") at a small part of
# its cost.
ELASTIC_POINTS = 5


def distort(
    digits: np.ndarray,
    rng: np.random.Generator,
    *,
    rotation: float,
    shear: float,
    scale: float,
    shift: float,
    elastic: float,
) -> np.ndarray:
    """Each digit turned, slanted, resized, moved and bent by amounts of its own.

    Args:
        digits: uint8, N×28×28, ink bright on 0.
        rng: where the amounts come from; the same generator state gives the same result.
        rotation: largest turn either way, in degrees.
        shear: largest slant either way, as the tangent of its angle.
        scale: largest change of width and of height, as a fraction.
        shift: largest move, in pixels.
        elastic: standard deviation of the bending at each point of the field, in pixels.

    Returns:
        uint8, N×28×28.
    """
    count = len(digits)
    maps = _affine_maps(count, rng, rotation=rotation, shear=shear, scale=scale, shift=shift)
    if elastic > 0:
        field = rng.standard_normal((count, ELASTIC_POINTS, ELASTIC_POINTS, 2), dtype=np.float32) * elastic
        for index in range(count):
            maps[index] += cv2.resize(field[index], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    distorted = np.empty_like(digits)
    for index in range(count):
        distorted[index] = cv2.remap(
            digits[index], maps[index, ..., 0], maps[index, ..., 1], cv2.INTER_LINEAR
        )
    return distorted


def _affine_maps(
    count: int, rng: np.random.Generator, *, rotation: float, shear: float, scale: float, shift: float
) -> np.ndarray:
    """For each output pixel the (x, y) it is taken from, float32, N×28×28×2."""
    angle = np.deg2rad(rng.uniform(-rotation, rotation, count))
    slant = rng.uniform(-shear, shear, count)
    stretch = rng.uniform(1 - scale, 1 + scale, (2, count))
    cosine, sine = np.cos(angle), np.sin(angle)
    # Rows: source x and y as a combination of the output's x and y, about the centre.
    matrix = np.array(
        [
            [cosine * stretch[0], (cosine * slant - sine) * stretch[0]],
            [sine * stretch[1], (sine * slant + cosine) * stretch[1]],
        ]
    )
    offset = rng.uniform(-shift, shift, (2, count))
    centre = (SIZE - 1) / 2
    y, x = np.mgrid[:SIZE, :SIZE] - centre
    maps = np.einsum("ijn,jhw->nhwi", matrix, np.stack([x, y])) + offset.T[:, None, None, :] + centre
    return np.ascontiguousarray(maps, np.float32)
