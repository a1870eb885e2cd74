import numpy as np
import pytest

from pipeline.labels.matching import digits_near, distance_to, precision_and_recall
from pipeline.reader.component import Component, union
from pipeline.synthetic.page import SyntheticPage


def written(width: int, *bars: tuple[int, int]) -> SyntheticPage:
    """A page whose digits are upright bars, each given by its left edge and width."""
    inks = []
    for left, thickness in bars:
        columns, rows = np.meshgrid(np.arange(left, left + thickness), np.arange(20, 80))
        inks.append(np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float32))
    return SyntheticPage(np.zeros((100, width, 3), np.uint8), "1" * len(bars), tuple(inks), ("plain",))


def bar(left: int, thickness: int, height: int = 60) -> Component:
    return Component(left, 20, np.ones((height, thickness), np.uint8))


PAGE = written(200, (30, 8), (90, 8))


@pytest.mark.parametrize(
    ("component", "low", "high"),
    [
        (bar(30, 8), 1, 1),
        (bar(29, 10), 1, 1),
        (bar(30, 8, height=45), 0.7, 0.8),
        (bar(30, 16), 0.5, 0.7),
        (union([bar(30, 8), bar(90, 8)]), 0.45, 0.55),
        (bar(60, 8), 0, 0),
    ],
)
def test_agreement_is_the_lesser_of_precision_and_recall(
    component: Component, low: float, high: float
) -> None:
    assert low <= min(precision_and_recall(PAGE.inks[0], 1.0, component)) <= high


@pytest.mark.parametrize(
    ("component", "expected"),
    [(bar(30, 8), 1), (bar(30, 60), 1), (bar(30, 8, height=30), 0.52), (bar(60, 8), 0)],
)
def test_recall_is_of_the_digit_alone(component: Component, expected: float) -> None:
    assert precision_and_recall(PAGE.inks[0], 1.0, component)[1] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_agreement_counts_in_pixels_of_the_picture(scale: float) -> None:
    size = round(60 / scale), round(8 / scale)
    component = Component(round(30 / scale), round(20 / scale), np.ones(size, np.uint8))
    assert min(precision_and_recall(PAGE.inks[0], scale, component)) > 0.95


def test_distance_is_zero_on_the_ink_and_grows_beside_it() -> None:
    away = distance_to(PAGE.inks[0], 1.0, bar(30, 20))
    assert away.shape == (60, 20)
    assert (away[:, :8] == 0).all()
    assert away[30, 8:14] == pytest.approx(np.arange(1, 7), abs=0.1)


def test_only_digits_whose_box_is_met_are_near() -> None:
    assert digits_near(PAGE, 1.0, bar(30, 8)) == [0]
    assert digits_near(PAGE, 1.0, bar(35, 70)) == [0, 1]
    assert digits_near(PAGE, 1.0, bar(120, 8)) == []
    assert digits_near(PAGE, 2.0, Component(45, 10, np.ones((30, 4), np.uint8))) == [1]
