import numpy as np
import pytest

from pipeline import cutouts, scenes
from pipeline.reader.views import NO_DIGIT
from tests.conftest import Digits


def cut_out(
    digits: Digits, cutter: bytes, seed: int, effects: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[np.ndarray, np.ndarray, str]:
    """What is cut out of ten pages with these effects: views, truths, and all digits that stand there."""
    written = [scenes.page(*digits, number, seed, effects, cutouts.TALLEST) for number in range(10)]
    monkeypatch.setattr(scenes, "page", lambda images, labels, number, *others: written[number])
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
