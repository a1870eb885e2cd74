import numpy as np
import pytest

from pipeline import cutouts, scenes
from pipeline.reader.atom import Atom
from pipeline.reader.views import NO_DIGIT
from tests.conftest import Digits


def cut_out(
    digits: Digits, cutter: bytes, seed: int, effects: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[np.ndarray, np.ndarray, str]:
    """What is cut out of ten pages with these effects: views, truths, and all digits that stand there."""
    written = [scenes.page(*digits, number, seed, effects, cutouts.TALLEST) for number in range(10)]
    monkeypatch.setattr(scenes, "page", lambda images, labels, number, *others, **more: written[number])
    pages = [cutouts.of_page(*digits, number, seed, cutter) for number in range(10)]
    _, views, truths = zip(*pages, strict=True)
    all_digits = "".join(scene.truth for scene in written).replace("\n", "")
    return np.concatenate(views), np.concatenate(truths), all_digits


def test_a_candidate_with_the_ink_of_a_digit_is_that_digit(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, truths, written = cut_out(digits, cuts_nothing, 3, ["plain"], monkeypatch)
    assert views.shape == (len(truths), 28, 28, 2)
    assert views.dtype == np.uint8
    found = "".join(map(str, truths[truths != NO_DIGIT]))
    assert len(found) >= 0.8 * len(written)
    assert all(found.count(digit) <= 1.2 * written.count(digit) for digit in "0123456789")


def test_a_page_without_digits_has_only_none(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, truths, _ = cut_out(digits, cuts_nothing, 4, ["empty", "distractors"], monkeypatch)
    assert len(truths) > 10
    assert set(truths) == {NO_DIGIT}


def test_two_digits_that_were_not_parted_are_none(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, truths, written = cut_out(digits, cuts_nothing, 5, ["touching"], monkeypatch)
    assert 5 < (truths != NO_DIGIT).sum() < 0.8 * len(written)
    assert (truths == NO_DIGIT).sum() > 8


@pytest.mark.parametrize(
    ("held", "truth"),
    [
        ([(30, 40)], 8),  # the thick bar alone
        ([(80, 4)], 1),  # the thin one alone
        ([(30, 40), (80, 4)], NO_DIGIT),  # both, of which the thin one is a tenth of the ink
        ([(30, 16)], NO_DIGIT),  # less than half of one
        ([(30, 26)], -1),  # not clear
    ],
)
def test_what_holds_most_of_a_second_digit_is_none(held: list[tuple[int, int]], truth: int) -> None:
    thick, thin = (upright_bar(left, width) for left, width in ((30, 40), (80, 4)))
    inks = tuple(np.argwhere(bar)[:, ::-1].astype(np.float32) for bar in (thick, thin))
    scene = scenes.Scene(np.zeros((100, 120, 3), np.uint8), "81", inks, ("plain",))
    mask = np.logical_or.reduce([upright_bar(*bar) for bar in held]).astype(np.uint8)
    assert cutouts.truth_of(Atom(0, 0, mask), scene, 1.0) == truth


def upright_bar(left: int, width: int) -> np.ndarray:
    """Bool 100×120."""
    page = np.zeros((100, 120), bool)
    page[20:80, left : left + width] = True
    return page


def test_candidates_depend_on_the_seed_alone(digits: Digits, cuts_nothing: bytes) -> None:
    first, again, other = (
        cutouts.of_pages(*digits, seed=seed, pages=9, cutter=cuts_nothing) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert other[0].shape != first[0].shape or not np.array_equal(other[0], first[0])


def test_images_show_the_digits_alone_and_views_what_is_around(digits: Digits, cuts_nothing: bytes) -> None:
    images, views, truths = cutouts.of_pages(*digits, seed=1, pages=12, cutter=cuts_nothing)
    assert images.shape == (len(truths), 28, 28)
    assert views.shape == (*images.shape, 2)
    assert (views[..., 0] >= images).all()
    assert (views[..., 0] > images).any()
