import numpy as np
import pytest

from pipeline.reader.component import Component
from pipeline.reader.order import in_reading_order

SIDE = 40


def written(rows: list[str], slope: float = 0.0, row: int = 70) -> list[Component]:
    """A digit for each sign: `o` is as high as wide, `_` flat, `^` stands a little higher; a blank leaves a gap."""
    digits = []
    for number, signs in enumerate(rows):
        for place, sign in enumerate(signs):
            if sign == " ":
                continue
            height = 10 if sign == "_" else SIDE
            x = 100 + place * 60
            foot = 300 + number * row + slope * x - (14 if sign == "^" else 0)
            digits.append(Component(x, round(foot - height), np.ones((height, SIDE), np.uint8)))
    return digits


def shuffled(digits: list[Component]) -> tuple[list[Component], list[int]]:
    order = np.random.default_rng(3).permutation(len(digits))
    return [digits[i] for i in order], order.tolist()


@pytest.mark.parametrize(
    ("rows", "slope"),
    [
        (["ooooo", "ooo"], 0.0),
        (["ooo_o^o", "o_o"], 0.0),
        (["oooo   oo"], 0.25),
        (["ooo^ooo", "oooo"], -0.2),
        (["oooooooo", "ooo oooo", "oooooo"], 0.25),
    ],
)
def test_lines_are_whole_however_they_lean_and_whatever_their_gaps(rows: list[str], slope: float) -> None:
    digits, order = shuffled(written(rows, slope))
    lines = [[order[i] for i in line] for line in in_reading_order(digits)]
    number = iter(range(len(digits)))
    assert lines == [[next(number) for _ in signs.replace(" ", "")] for signs in rows]


def test_no_digits_have_no_lines() -> None:
    assert in_reading_order([]) == []
