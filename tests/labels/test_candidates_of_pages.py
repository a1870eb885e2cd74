import numpy as np
import pytest

from pipeline.common.params import Candidates
from pipeline.labels import candidates_of_pages
from pipeline.reader.component import Component
from pipeline.reader.crops import NO_DIGIT
from pipeline.synthetic.page import SyntheticPage, make_page
from tests.conftest import Digits, settings

SETTINGS = settings(Candidates, "candidates")


def few_pages(count: int) -> Candidates:
    return SETTINGS.model_copy(update={"pages": count})


def cut_out(
    digits: Digits, splitter: bytes, seed: int, effects: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[np.ndarray, np.ndarray, str]:
    """What is cut out of ten pages with these effects: crops, truths, and all digits that stand there."""
    written = [
        make_page(*digits, number, seed, effects, candidates_of_pages.CANDIDATE_PAGES_TALLEST)
        for number in range(10)
    ]
    monkeypatch.setattr(
        candidates_of_pages, "make_page", lambda images, labels, number, *others, **more: written[number]
    )
    pages = [candidates_of_pages.cut_page(*digits, number, seed, SETTINGS, splitter) for number in range(10)]
    _, crops, truths = zip(*pages, strict=True)
    all_digits = "".join(page.truth for page in written).replace("\n", "")
    return np.concatenate(crops), np.concatenate(truths), all_digits


def test_a_candidate_with_the_ink_of_a_digit_is_that_digit(
    digits: Digits, cuts_nothing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops, truths, written = cut_out(digits, cuts_nothing, 3, ["plain"], monkeypatch)
    assert crops.shape == (len(truths), 28, 28, 2)
    assert crops.dtype == np.uint8
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
    page = SyntheticPage(np.zeros((100, 120, 3), np.uint8), "81", inks, ("plain",))
    mask = np.logical_or.reduce([upright_bar(*bar) for bar in held]).astype(np.uint8)
    assert candidates_of_pages.find_truth(Component(0, 0, mask), page, 1.0) == truth


def upright_bar(left: int, width: int) -> np.ndarray:
    """Bool 100×120."""
    page = np.zeros((100, 120), bool)
    page[20:80, left : left + width] = True
    return page


def test_candidates_depend_on_the_seed_alone(digits: Digits, cuts_nothing: bytes) -> None:
    first, again, other = (
        candidates_of_pages.cut_pages(*digits, few_pages(10), cuts_nothing, seed) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert other[0].shape != first[0].shape or not np.array_equal(other[0], first[0])


def test_images_show_the_digits_alone_and_crops_what_is_around(digits: Digits, cuts_nothing: bytes) -> None:
    images, crops, truths = candidates_of_pages.cut_pages(*digits, few_pages(12), cuts_nothing, seed=1)
    assert images.shape == (len(truths), 28, 28)
    assert crops.shape == (*images.shape, 2)
    assert (crops[..., 0] >= images).all()
    assert (crops[..., 0] > images).any()
