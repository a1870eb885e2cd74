"""Ink → connected components, grouped into text lines."""

import cv2
import numpy as np

from .binarize import Ink
from .component import Component

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# Shares of the height of the digits, by which everything on a page scales.
SPECK_SIZE = 0.2  # what is smaller in both directions is dust, a full stop or noise
FULL_HEIGHT = 0.5  # what is at least this high shapes the line; bars and dots belong to their neighbour
FRAMED_HEIGHT = 0.3  # what holds something of this share of its own height is a frame around it
# Working pixels. A digit is at least this high or wide.
SMALLEST_DIGIT = 6
# What lies along the picture's border with more than this share of its longer side is no digit, which crosses the
# border with its strokes only.
ALONG_BORDER = 0.5
# Two components stand at one level if they share this share of the lower one's height; two lines continue each other if
# their levels differ by less than this share of the lower one's height.
SAME_LEVEL = 0.4


def find_lines(ink: Ink) -> list[list[Component]]:
    """Connected components in reading order: lines from the top, each from the left."""
    components = find_components(ink.mask)
    height = typical_height(components)
    components = [
        c for c in components if max(c.width, c.height) >= max(SPECK_SIZE * height, SMALLEST_DIGIT / 2)
    ]
    lines = group_into_lines(components, height)
    return [sorted(line, key=lambda component: component.middle[0]) for line in lines]


def group_by_gap(line: list[Component], gap: float) -> list[list[int]]:
    """Indices of the components of a line, in groups with gaps wider than `gap` between them."""
    found: list[list[int]] = []
    right = -np.inf
    for i, component in enumerate(line):
        if component.x - right > gap:
            found.append([])
        found[-1].append(i)
        right = max(right, component.x + component.width)
    return found


def find_components(mask: np.ndarray) -> list[Component]:
    """8-connected components, without those that run along the border of the picture, and without frames.

    A table edge, a hand or the dark corner of a photo lies along the border; a digit that leaves the
    picture crosses it by its strokes only.
    """
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    if count == 1:  # the paper alone
        return []
    boxes = find_bounding_boxes(mask, labels, count - 1)
    border = np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1]))
    contact = np.bincount(border, minlength=len(boxes) + 1)[1:]
    kept = (contact <= ALONG_BORDER * boxes[:, 2:].max(axis=1)) & ~find_frames(boxes)
    components = []
    for i in np.flatnonzero(kept):
        x, y, width, height = map(int, boxes[i])
        part = labels[y : y + height, x : x + width] == i + 1
        components.append(Component(x, y, part.astype(np.uint8)))
    return components


def find_bounding_boxes(mask: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Of components 1 to `count` of the mask: int N×4, x, y, width, height.

    By their contours: a quarter of the time of cv2.connectedComponentsWithStats.
    """
    boxes = np.zeros((count, 4), int)
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for contour, (_, _, _, parent) in zip(contours, hierarchy[0], strict=True):
        if parent < 0:  # else it is that of a hole
            x, y = contour[0, 0]
            boxes[labels[y, x] - 1] = cv2.boundingRect(contour)
    return boxes


def find_frames(boxes: np.ndarray) -> np.ndarray:
    """Which boxes hold another of some height: those of tables, circles and sheets, bool N.

    boxes: int N×4, x, y, width, height.
    """
    left, top, width, height = boxes.T
    right, bottom = left + width, top + height
    # Only what is as high as the higher half can hold a digit; specks are many and need not be compared.
    large = np.flatnonzero(height >= np.quantile(height, 0.5))
    found = np.zeros(len(boxes), bool)
    for i in large:
        inside = (left > left[i]) & (top > top[i]) & (right < right[i]) & (bottom < bottom[i])
        found[i] = bool((inside & (height > FRAMED_HEIGHT * height[i])).any())
    return found


def typical_height(components: list[Component]) -> float:
    """The median of the heights, weighted so that neither many specks nor a few long lines outvote digits.

    The weight is the shorter side: small for a speck, and for a line as well. What is smaller than any
    digit does not count.
    """
    components = [
        component for component in components if max(component.width, component.height) >= SMALLEST_DIGIT
    ]
    if not components:
        return 0.0
    heights = np.array([component.height for component in components])
    weights = np.array([min(component.width, component.height) for component in components])
    order = np.argsort(heights)
    share = np.cumsum(weights[order])
    return float(heights[order][np.searchsorted(share, share[-1] / 2)])


def group_into_lines(components: list[Component], height: float) -> list[list[Component]]:
    """Components that stand on one line, the lines from the top.

    Each full-height component is linked to its nearest neighbour on the right at the same level, if it is
    that one's nearest on the left: a line may climb, sink or have staggered digits.
    """
    full = sorted((c for c in components if c.height >= FULL_HEIGHT * height), key=lambda c: c.middle[0])
    line_of = list(range(len(full)))
    neighbours = [find_nearest(full, i, 1) for i in range(len(full))]
    for i, j in enumerate(neighbours):
        if j is not None and find_nearest(full, j, -1) == i:
            line_of[j] = line_of[i]
    lines = [[c for c, line in zip(full, line_of, strict=True) if line == n] for n in sorted(set(line_of))]
    lines = merge_level_lines(lines)
    lines.sort(key=lambda line: np.mean([c.middle[1] for c in line]))
    for small in components:
        if small.height < FULL_HEIGHT * height and lines:
            min(
                lines,
                key=lambda line: min(measure_gap(small, c) for c in line if c.height >= FULL_HEIGHT * height),
            ).append(small)
    return lines


def find_nearest(components: list[Component], i: int, step: int) -> int | None:
    """Index of the nearest component at the level of component i, right (step 1) or left (-1) of it.

    The components are sorted by x.
    """
    this = components[i]
    j = i + step
    while 0 <= j < len(components):
        other = components[j]
        shared = min(this.y + this.height, other.y + other.height) - max(this.y, other.y)
        if shared >= SAME_LEVEL * min(this.height, other.height):
            return j
        j += step
    return None


def merge_level_lines(lines: list[list[Component]]) -> list[list[Component]]:
    """Put together lines that continue each other."""
    merged: list[list[Component]] = []
    for line in sorted(lines, key=lambda line: line[0].x):
        for other in merged:
            gap = abs(np.mean([c.middle[1] for c in other[-3:]]) - np.mean([c.middle[1] for c in line[:3]]))
            if other[-1].middle[0] < line[0].middle[0] and gap < SAME_LEVEL * min(
                typical_height(line), typical_height(other)
            ):
                other.extend(line)
                break
        else:
            merged.append(list(line))
    return merged


def measure_gap(a: Component, b: Component) -> float:
    """Gap between two boxes."""
    dx = max(a.x - b.x - b.width, b.x - a.x - a.width, 0)
    dy = max(a.y - b.y - b.height, b.y - a.y - a.height, 0)
    return float(np.hypot(dx, dy))
