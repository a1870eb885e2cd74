"""Digits → lines of digits, in reading order."""

import numpy as np

from .component import Component
from .lines import group_into_lines, typical_height

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# The slope is told anew from the lines that it makes, until they stay as they are, and at most so often.
ROUNDS = 3


def in_reading_order(digits: list[Component]) -> list[list[int]]:
    """Indices of the digits, a list for each line from the top, each from the left.

    Candidates stand on lines of all that is ink. Once it is known what is a digit, the lines are found anew from
    digits alone, levelled by the slope that all lines have on the average, and with flat ones, as a 2 may be, as high
    as others: fewer are torn apart or mixed up.
    """
    height = typical_height(digits)
    lines: list[list[int]] = []
    for _ in range(ROUNDS):
        before, slope = lines, common_slope([[digits[i].middle for i in line] for line in lines])
        levelled = [level(digit, slope, height) for digit in digits]
        index = {id(component): i for i, component in enumerate(levelled)}
        lines = [
            [index[id(component)] for component in sorted(line, key=lambda component: component.middle[0])]
            for line in group_into_lines(levelled, height)
        ]
        if lines == before:
            break
    return lines


def common_slope(lines: list[list[tuple[float, float]]]) -> float:
    """By how much y grows with x along lines of points (x, y): least squares, one slope for all lines."""
    apart = np.concatenate([np.empty((0, 2)), *(np.array(line) - np.mean(line, axis=0) for line in lines)])
    x, y = apart.T
    return float(x @ y / (x @ x)) if x.any() else 0.0


def level(digit: Component, slope: float, height: float) -> Component:
    """A box where the digit would stand on a level page, at least so high."""
    x, y = digit.middle
    tall = round(max(digit.height, height))
    return Component(digit.x, round(y - slope * x - tall / 2), np.ones((tall, digit.width), np.uint8))
