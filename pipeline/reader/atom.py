"""Atoms: the pieces of ink of which digits are made."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Atom:
    """Ink that is never divided.

    x, y: Of its upper left corner, in working pixels of the picture.
    mask: uint8, 1 on ink, tight.
    """

    x: int
    y: int
    mask: np.ndarray

    @property
    def width(self) -> int:
        return int(self.mask.shape[1])

    @property
    def height(self) -> int:
        return int(self.mask.shape[0])

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


def part(atom: Atom, mask: np.ndarray) -> Atom:
    """What a mask, uint8 of the atom's shape and not empty, leaves of it."""
    x, y, width, height = cv2.boundingRect(mask)
    tight = np.ascontiguousarray(mask[y : y + height, x : x + width])
    return Atom(atom.x + x, atom.y + y, tight)


def union(atoms: list[Atom]) -> Atom:
    """Several atoms as one."""
    if len(atoms) == 1:
        return atoms[0]
    left, top = min(a.x for a in atoms), min(a.y for a in atoms)
    right, bottom = max(a.x + a.width for a in atoms), max(a.y + a.height for a in atoms)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for a in atoms:
        mask[a.y - top : a.y - top + a.height, a.x - left : a.x - left + a.width] |= a.mask
    return Atom(left, top, mask)


def overlap(one: Atom, other: Atom) -> int:
    """Pixels that are ink of both."""
    left, right = max(one.x, other.x), min(one.x + one.width, other.x + other.width)
    top, bottom = max(one.y, other.y), min(one.y + one.height, other.y + other.height)
    if left >= right or top >= bottom:
        return 0
    parts = [a.mask[top - a.y : bottom - a.y, left - a.x : right - a.x] for a in (one, other)]
    return int((parts[0] & parts[1]).sum())
