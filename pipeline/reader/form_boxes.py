"""Boxes and tables out of the ink, what is written in them left whole."""

import cv2
import numpy as np

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# What a box holds is at least this share of its longer side long; and at least this share of a table's boxes hold
# something.
HELD_LENGTH, FILLED_SHARE = 0.15, 0.1
# A contour has straight sides if it lies nowhere farther from them than this share of its length, and they enclose
# little more than it does: it is this share of their area.
STRAIGHT, ENCLOSED = 0.03, 0.9
# Walls are nowhere more than this many times as thick as on average.
THICKEST = 1.3


def erase_boxes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mask (uint8 H×W, 1 on ink) without the walls of boxes and tables, however small in the picture.

    A box is a hole in the ink with four sides. It is one of a form, and not of squared paper or in a digit, if it or
    others within the same walls hold ink. What a box holds and what runs into a wall stays.

    Returns: The mask without walls, and 1 on what lies within boxes: both uint8 H×W.
    """
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    inner: list[list[int]] = [[] for _ in contours]
    depth = [0] * len(contours)
    # A contour comes after the one that it lies in.
    for contour, (_, _, _, outer) in enumerate(hierarchy[0] if contours else ()):
        if outer >= 0:
            inner[outer].append(contour)
            depth[contour] = depth[outer] + 1
    cleaned, within = mask.copy(), np.zeros_like(mask)
    for outline, holes in enumerate(inner):
        # The contours of even depth are outlines of ink, those of odd depth are holes in it.
        if depth[outline] % 2 or not any(inner[hole] for hole in holes):
            continue
        boxes = [hole for hole in holes if has_four_sides(contours[hole])]
        full = sum(
            any(
                measure_longer_side(contours[ink]) >= HELD_LENGTH * measure_longer_side(contours[box])
                for ink in inner[box]
            )
            for box in boxes
        )
        if full and full >= FILLED_SHARE * len(boxes):
            walled = [contours[box] for box in boxes]
            remove_walls(cleaned, contours[outline], [contours[hole] for hole in holes], walled)
            cv2.drawContours(within, walled, -1, 1, cv2.FILLED)
    return cleaned, within


def measure_longer_side(contour: np.ndarray) -> int:
    """Of the contour's bounding box, in pixels."""
    return max(cv2.boundingRect(contour)[2:])


def has_four_sides(contour: np.ndarray) -> bool:
    """Whether a contour (int N×1×2) is a quadrilateral, but for small bends of its sides."""
    corners = cv2.approxPolyDP(contour, STRAIGHT * cv2.arcLength(contour, True), True)
    return (
        len(corners) == 4
        and cv2.isContourConvex(corners)
        and cv2.contourArea(contour) >= ENCLOSED * cv2.contourArea(corners)
    )


def remove_walls(
    mask: np.ndarray, outline: np.ndarray, holes: list[np.ndarray], boxes: list[np.ndarray]
) -> None:
    """Set what lies as near to a box, or to what is around the outline, as the walls are thick to 0 in the mask.

    outline, holes: Contours (int N×1×2) of one connected piece of ink.
    boxes: Those of the holes that are boxes.
    """
    left, top, width, height = cv2.boundingRect(outline)
    at = (1 - left, 1 - top)
    ink = np.zeros((height + 2, width + 2), np.uint8)
    cv2.drawContours(ink, [outline, *holes], -1, 1, cv2.FILLED, offset=at)
    # The contour of a hole runs on the ink around it.
    cv2.drawContours(ink, holes, -1, 1, offset=at)
    length = sum(cv2.arcLength(contour, True) for contour in (outline, *holes))
    reach = round(THICKEST * 2 * np.count_nonzero(ink) / length)
    paper = np.zeros_like(ink)
    if has_four_sides(outline):
        cv2.drawContours(paper, [outline], -1, 1, cv2.FILLED, offset=at)
        paper = 1 - paper
    cv2.drawContours(paper, boxes, -1, 1, cv2.FILLED, offset=at)
    walls = ink * (cv2.distanceTransform(1 - paper, cv2.DIST_L2, 5) <= reach)
    mask[top : top + height, left : left + width] &= 1 - walls[1:-1, 1:-1]
