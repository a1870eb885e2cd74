"""Candidates → what the networks see of them."""

import numpy as np

from .ink import Ink
from .normalize import SIDE, among_others, normalize
from .segment import Candidate

# The judge's last class: not one whole digit.
NO_DIGIT = 10


def look(ink: Ink, candidates: list[Candidate]) -> tuple[np.ndarray, np.ndarray]:
    """The candidates as MNIST shows digits, and the same among what stands around them: uint8 N×28×28."""
    images = np.zeros((len(candidates), SIDE, SIDE), np.uint8)
    views = images.copy()
    for k, candidate in enumerate(candidates):
        atom = candidate.atom
        contrast = ink.contrast[atom.y : atom.y + atom.height, atom.x : atom.x + atom.width]
        images[k], (left, top, side) = normalize(contrast, atom.mask)
        views[k] = among_others(images[k], ink.mask, (left + atom.x, top + atom.y, side))
    return images, views
