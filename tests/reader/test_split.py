import cv2
import numpy as np
import pytest

from pipeline.reader.component import Component
from pipeline.reader.split import Splitter


def chain(balls: int, size: int = 80) -> Component:
    """Discs in a row, each tied to the next by a thin bar."""
    mask = np.zeros((size + 1, balls * size + (balls - 1) * size // 2 + 1), np.uint8)
    for ball in range(balls):
        middle = size // 2 + ball * 3 * size // 2, size // 2
        cv2.circle(mask, middle, size // 2, 1, cv2.FILLED)
        if ball:
            cv2.line(mask, (middle[0] - 3 * size // 2, middle[1]), middle, 1, max(1, size // 16))
    return Component(7, 11, mask)


@pytest.mark.parametrize("size", [24, 80, 300])
@pytest.mark.parametrize("balls", [1, 2, 3, 9])
def test_a_component_falls_apart_at_its_split_logits(
    bridge_splitter: Splitter, balls: int, size: int
) -> None:
    component = chain(balls, size)
    (parts,) = bridge_splitter.split([component], 0)
    assert len(parts) == balls


def test_cutting_loses_no_ink(bridge_splitter: Splitter) -> None:
    component = chain(4)
    (parts,) = bridge_splitter.split([component], 0)
    again = np.zeros_like(component.mask)
    for part in parts:
        x, y = part.x - component.x, part.y - component.y
        again[y : y + part.height, x : x + part.width] += part.mask
    assert np.array_equal(again, component.mask)


def test_a_bridge_goes_to_what_is_nearest(bridge_splitter: Splitter) -> None:
    component = chain(2)
    (parts,) = bridge_splitter.split([component], 0)
    left, right = sorted(parts, key=lambda part: part.x)
    assert left.width == pytest.approx(100, abs=6)
    assert right.width == pytest.approx(100, abs=6)


def test_components_of_any_number_are_cut_as_each_alone(bridge_splitter: Splitter) -> None:
    components = [chain(balls) for balls in (2, 1, 5, 3, 8, 1, 2)]
    together = bridge_splitter.split(components, 0)
    alone = [bridge_splitter.split([component], 0)[0] for component in components]
    assert [len(parts) for parts in together] == [len(parts) for parts in alone] == [2, 1, 5, 3, 8, 1, 2]


def test_narrow_low_and_overlong_components_stay_whole(bridge_splitter: Splitter) -> None:
    narrow = Component(0, 0, np.ones((80, 30), np.uint8))
    low, overlong = chain(3, 30), chain(20)
    assert bridge_splitter.split([narrow, low, overlong], 40) == [[narrow], [low], [overlong]]


def test_nothing_to_cut(bridge_splitter: Splitter) -> None:
    assert bridge_splitter.split([], 0) == []
