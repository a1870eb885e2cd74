"""Aligning what was cut with what is written; what corrections do to a build is in test_pipeline.py."""

from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest

from pipeline import corrections
from pipeline.labels import slant
from pipeline.labels.feedback import Correction
from pipeline.reader.candidates import Candidate
from pipeline.reader.choice import align as align_candidates
from pipeline.reader.classifier import Classifier
from pipeline.reader.component import Component, union
from pipeline.reader.crops import NO_DIGIT, crop_alone
from pipeline.reader.split import Splitter
from pipeline.reader.verification import Candidates
from pipeline.synthetic import digit_forms

# Two lines: the first of three components, of which any two neighbours may also be one digit, the second of one.
LINES = [
    [Component(10 * k, 0, np.ones((20, 8), np.uint8)) for k in range(3)],
    [Component(0, 50, np.ones((20, 8), np.uint8))],
]
CANDIDATES = [
    Candidate(line, first, last, LINES[line][first])
    for line, first, last in [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 2), (0, 2, 2), (1, 0, 0)]
]


def verified(*, digits: dict[int, int], sure: float = 0.9) -> np.ndarray:
    """What the verifier makes of the candidates: these are these digits, the others rather none."""
    table = np.full((len(CANDIDATES), 11), (1 - sure) / 10)
    table[:, 10] = sure
    for candidate, digit in digits.items():
        table[candidate] = (1 - sure) / 10
        table[candidate, digit] = sure
    return table


def align(table: np.ndarray, truth: str) -> list[int] | None:
    crops = np.zeros((len(CANDIDATES), 28, 28, 2), np.uint8)
    candidates = Candidates(LINES, CANDIDATES, crops[..., 0], crops, table)
    return align_candidates(candidates, [int(digit) for digit in truth])


def test_the_likeliest_candidates_spell_the_truth() -> None:
    assert align(verified(digits={0: 4, 3: 7, 5: 2}), "472") == [0, 3, 5]
    assert align(verified(digits={1: 4, 4: 7, 5: 2}), "472") == [1, 4, 5]


def test_what_is_not_in_the_truth_is_left_out() -> None:
    assert align(verified(digits={0: 4, 2: 1, 4: 7, 5: 2}), "472") == [0, 4, 5]


def test_what_the_verifier_takes_for_no_digit_is_found_for_the_truth_s_sake() -> None:
    assert align(verified(digits={0: 4, 4: 7}), "472") == [0, 4, 5]


def test_a_misread_digit_is_aligned_by_its_neighbours() -> None:
    assert align(verified(digits={0: 4, 2: 1, 4: 3, 5: 2}), "4732") == [0, 2, 4, 5]


def test_more_digits_than_places_are_not_aligned() -> None:
    assert align(verified(digits={0: 4, 2: 7, 4: 3, 5: 2}), "47321") is None


def test_a_picture_without_digits_has_none_to_align() -> None:
    assert align(verified(digits={0: 4}), "") == []


def test_two_digits_that_the_verifier_is_sure_are_one_are_parted_for_the_truth_s_sake(
    cuts_bridges: bytes,
) -> None:
    paper = np.full((200, 300), 255, np.uint8)
    for x in (110, 170):
        cv2.ellipse(paper, (x, 100), (22, 40), 0, 0, 360, 20, 8)
    cv2.line(paper, (132, 102), (148, 102), 20, 5)
    picture = cv2.imencode(".png", paper)[1].tobytes()

    def probabilities(crops: np.ndarray) -> np.ndarray:
        sure_of_zero = np.full((len(crops), 11), 0.0001, np.float32)
        sure_of_zero[:, 0] = 0.999
        return sure_of_zero

    verifier = cast(Classifier, SimpleNamespace(probabilities=probabilities))
    cut = corrections.extract_digits(
        Correction("", picture, "00"), Splitter(cuts_bridges), verifier, least=0.1
    )
    assert cut is not None
    assert cut.labels.tolist() == [0, 0]
    assert cut.how == corrections.ALIGNED


@pytest.mark.parametrize(
    ("quarters", "read_as", "found"), [(0, 7, True), (1, 1, True), (3, 1, True), (1, 7, False)]
)
def test_a_picture_on_its_side_is_cut_if_most_of_it_is_read_once_it_is_turned(
    cuts_nothing: bytes, quarters: int, read_as: int, found: bool
) -> None:
    paper = np.full((200, 300), 255, np.uint8)
    for x in (60, 140, 220):
        cv2.line(paper, (x, 60), (x + 6, 130), 20, 12)
    lying = cv2.imencode(".png", np.rot90(paper, quarters))[1].tobytes()

    def probabilities(crops: np.ndarray) -> np.ndarray:
        """Upright strokes are a digit, level ones are none."""
        said = np.full((len(crops), 11), 0.0001, np.float32)
        for row, crop in zip(said, crops, strict=True):
            _, _, width, height = cv2.boundingRect((crop[..., 0] > 128).astype(np.uint8))
            row[read_as if height > width else NO_DIGIT] = 0.999
        return said

    verifier = cast(Classifier, SimpleNamespace(probabilities=probabilities))
    cut = corrections.extract_digits(
        Correction("", lying, "111"), Splitter(cuts_nothing), verifier, least=0.1
    )
    assert (cut is not None) == found
    if cut is not None:
        assert cut.labels.tolist() == [1, 1, 1]
        assert (cut.digits > 128).any(axis=2).sum(axis=1).min() >= 18, "upright again"


def test_what_nearly_is_a_digit_is_neither_that_nor_none() -> None:
    speck = Component(8, 0, np.ones((2, 1), np.uint8))
    with_speck = Candidate(0, 0, 1, union([LINES[0][0], speck]))
    far = Candidate(0, 3, 3, LINES[0][2])
    cut = [CANDIDATES[0], with_speck, CANDIDATES[3], far]
    kept, truths = corrections.candidates_with_truth(cut, [0], np.array([4]))
    assert kept.tolist() == [0, 2, 3]
    assert truths.tolist() == [4, NO_DIGIT, NO_DIGIT]


def test_others_lean_as_the_corrected_digits_do_and_nothing_does_without_any() -> None:
    drawn = digit_forms.draw_digits(50, np.random.default_rng(0))
    seen = crop_alone(drawn[0]), drawn[1]
    for amounts, count in ((np.array([0.5, 0.6]), 20), (np.empty(0), 0)):
        like_them, theirs = corrections.sample_slanted(*seen, amounts, 20, drawn, np.random.default_rng(1))
        assert len(like_them) == len(theirs) == count
    slanted, theirs = corrections.sample_slanted(*seen, np.array([0.5]), 50, drawn, np.random.default_rng(1))
    now = slant.excess_slants(slanted[..., 0], theirs, *drawn)
    assert np.mean(now) == pytest.approx(0.5, abs=0.1)
    # Not only on average: each as far as the hand does, however far it slanted.
    assert np.std(now) < 0.5 * np.std(slant.excess_slants(*drawn, *drawn))


def test_what_is_no_digit_slants_so_much_farther_than_it_did() -> None:
    pieces, values = digit_forms.draw_digits(100, np.random.default_rng(0))
    none = np.full(len(pieces), NO_DIGIT)
    slanted, truths = corrections.sample_slanted(
        crop_alone(pieces), none, np.array([0.4]), 100, (pieces, values), np.random.default_rng(1)
    )
    assert (truths == NO_DIGIT).all()
    order = np.random.default_rng(1).permutation(100)
    before = slant.excess_slants(pieces[order], values[order], pieces, values)
    after = slant.excess_slants(slanted[..., 0], values[order], pieces, values)
    assert np.mean(after - before) == pytest.approx(0.4, abs=0.1)
