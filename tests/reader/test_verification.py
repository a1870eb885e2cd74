"""What the verifier makes of candidates, and when touching digits are split."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from pipeline.reader.classifier import Classifier
from pipeline.reader.crops import NO_DIGIT
from pipeline.reader.reader import find_digits
from pipeline.reader.split import Splitter
from pipeline.reader.verification import find_candidates, shift_odds
from tests.reader.drawing import SEVEN, TIED, ZERO, page


def verifying(*none: float) -> Classifier:
    """A verifier that takes all it is shown the first, second… time for no digit with these probabilities."""
    of_times = iter(none)

    def probabilities(crops: np.ndarray) -> np.ndarray:
        no_digit = next(of_times)
        verified = np.full((len(crops), 11), (1 - no_digit) / 10, np.float32)
        verified[:, NO_DIGIT] = no_digit
        return verified

    return cast(Classifier, SimpleNamespace(probabilities=probabilities))


def test_a_page_takes_what_the_verifier_thinks_rather_none_for_a_digit_unless_it_is_sure(
    no_splitter: Splitter,
) -> None:
    ink = page((SEVEN, 150, 80), shape=(240, 420))
    for none, found in ((0.8, 1), (0.9, 0)):
        candidates = find_candidates(ink, no_splitter, verifying(none))
        assert len(find_digits(candidates).lines) == found


def test_only_what_is_not_surely_one_digit_is_split_and_verified_again(bridge_splitter: Splitter) -> None:
    ink = page((ZERO, 150, 80), (TIED, 150, 80), (ZERO, 210, 84))
    doubtful, sure = (
        find_candidates(ink, bridge_splitter, verifying(*none)) for none in ((0.9, 0.001), (0.001,))
    )
    assert [len(line) for line in doubtful.lines] == [2]
    assert [len(line) for line in sure.lines] == [1]
    all_split = find_candidates(ink, bridge_splitter, verifying(0.001), split_all=True)
    assert [len(line) for line in all_split.lines] == [2]


def test_odds_shift_the_verifier_as_bayes_says() -> None:
    verified = np.full((1, 11), 0.05, np.float32)
    verified[0, NO_DIGIT] = 0.5
    assert shift_odds(verified, 1.0) == pytest.approx(verified)
    assert shift_odds(verified, 9.0)[0, NO_DIGIT] == pytest.approx(0.1)
