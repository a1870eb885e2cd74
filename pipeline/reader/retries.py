"""When a picture is read again, as its negative or turned, and which reading of it is kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .lines import FULL_HEIGHT
from .reading import Box, Reading

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# A picture that shows at least SEVERAL_THINGS, of which less than LITTLE_READ are surely digits, may lie on its side;
# it does if at least MOSTLY_DIGITS of what it shows are digits once it is turned, more than FEW_OTHERS of them no 1s.
SEVERAL_THINGS, LITTLE_READ, MOSTLY_DIGITS, FEW_OTHERS = 4, 0.5, 0.75, 2
# Of a picture whose polarity was mistaken, most digits have this confidence once it is taken for its negative. At
# 0.99 a letter was read as a 6; without a bound, something on 10 of 1,000 pages without digits.
CLEAR_DIGIT = 0.999


def count(reading: Reading) -> tuple[int, float]:
    """How many things of a digit's size a reading has, and how many digits of it are right, by their confidences."""
    heights = [digit.box[3] for digit in reading.digits]
    least = FULL_HEIGHT * float(np.median(heights)) if heights else 0.0
    rejected = sum(max(rejection.box[2:]) >= least for rejection in reading.refusals)
    return len(reading.digits) + rejected, sum(digit.confidence for digit in reading.digits)


def is_doubtful(reading: Reading) -> bool:
    """Whether little of what a picture shows was read: it may lie on its side, or be taken for its own negative."""
    seen, sure = count(reading)
    return sure < LITTLE_READ * seen


def is_clearer(negative: Reading, reading: Reading) -> bool:
    """Whether the reading of a picture taken for its negative says that this is the right polarity.

    Between letters and scribbles there is paper in the form of digits, too, but of doubtful ones.
    """
    seen, sure = count(negative)
    clear = sum(digit.confidence >= CLEAR_DIGIT for digit in negative.digits) > len(negative.digits) / 2
    return clear and sure >= MOSTLY_DIGITS * seen and sure > count(reading)[1]


def is_upright(turned: Reading, _: Reading) -> bool:
    """Whether the reading of a turned picture says that it lay on its side before.

    Dashes become 1s once they are turned, so 1s count for no more than all other digits together, and an M may become
    a 3, so one or two others say nothing.
    """
    seen, sure = count(turned)
    others = sum(digit.confidence for digit in turned.digits if digit.digit != 1)
    return seen >= SEVERAL_THINGS and others > FEW_OTHERS and min(sure, 2 * others) >= MOSTLY_DIGITS * seen


class Retry(NamedTuple):
    """A way to read a picture again of which little was read.

    Attributes:
        inverted: Whether it is taken for the other polarity.
        quarters: By how many quarters it is turned (np.rot90); of several the surest reading counts.
        least: How many things a picture shows at least for this to be tried.
        accepts: Whether the new reading is kept instead of the one before.
    """

    inverted: bool
    quarters: tuple[int, ...]
    least: int
    accepts: Callable[[Reading, Reading], bool]


RETRIES = (
    Retry(inverted=True, quarters=(0,), least=0, accepts=is_clearer),
    Retry(inverted=False, quarters=(1, 3), least=SEVERAL_THINGS, accepts=is_upright),
)


def turn_back(reading: Reading, quarters: int) -> Reading:
    """The reading of a picture that was turned by 0, 1 or 3 quarters (np.rot90), in pixels of the picture as it was."""
    if quarters == 0:
        return reading
    height, width = reading.size[1], reading.size[0]

    def back(box: Box) -> Box:
        x, y, box_width, box_height = box
        if quarters == 1:
            return width - y - box_height, x, box_height, box_width
        return y, height - x - box_width, box_height, box_width

    return move_boxes(reading, back, (height, width))


def enlarge(reading: Reading, size: tuple[int, int]) -> Reading:
    """The reading of a picture that was made smaller, in pixels of the picture as it was: `size` is height, width."""
    rows, columns = size[0] / reading.size[0], size[1] / reading.size[1]

    def whole(box: Box) -> Box:
        left, top = int(box[0] * columns), int(box[1] * rows)
        right, bottom = round((box[0] + box[2]) * columns), round((box[1] + box[3]) * rows)
        return left, top, right - left, bottom - top

    return move_boxes(reading, whole, size)


def move_boxes(reading: Reading, moved: Callable[[Box], Box], size: tuple[int, int]) -> Reading:
    """The reading with each box moved, of a picture of `size`: height, width."""
    return replace(
        reading,
        digits=tuple(replace(digit, box=moved(digit.box)) for digit in reading.digits),
        refusals=tuple(replace(rejection, box=moved(rejection.box)) for rejection in reading.refusals),
        size=size,
    )
