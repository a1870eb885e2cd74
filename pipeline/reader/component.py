"""Components: the pieces of ink of which digits are made."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Component:
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


def part(component: Component, mask: np.ndarray) -> Component:
    """What a mask, uint8 of the component's shape and not empty, leaves of it."""
    x, y, width, height = cv2.boundingRect(mask)
    tight = np.ascontiguousarray(mask[y : y + height, x : x + width])
    return Component(component.x + x, component.y + y, tight)


def union(components: list[Component]) -> Component:
    """Several components as one."""
    if len(components) == 1:
        return components[0]
    left, top = min(a.x for a in components), min(a.y for a in components)
    right, bottom = max(a.x + a.width for a in components), max(a.y + a.height for a in components)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for a in components:
        mask[a.y - top : a.y - top + a.height, a.x - left : a.x - left + a.width] |= a.mask
    return Component(left, top, mask)


def overlap(one: Component, other: Component) -> int:
    """Pixels that are ink of both."""
    left, right = max(one.x, other.x), min(one.x + one.width, other.x + other.width)
    top, bottom = max(one.y, other.y), min(one.y + one.height, other.y + other.height)
    if left >= right or top >= bottom:
        return 0
    parts = [a.mask[top - a.y : bottom - a.y, left - a.x : right - a.x] for a in (one, other)]
    return int((parts[0] & parts[1]).sum())
