"""Candidates cut out of generated pages, each labelled with the digit it is, or as none."""

from functools import lru_cache, partial

import numpy as np

from pipeline.common.params import Candidates
from pipeline.labels.matching import digits_near, precision_and_recall
from pipeline.reader.binarize import find_ink
from pipeline.reader.candidates import propose
from pipeline.reader.component import Component
from pipeline.reader.crops import NO_DIGIT, make_crops
from pipeline.reader.split import Splitter
from pipeline.synthetic.digit_forms import add_drawn_digits
from pipeline.synthetic.page import SyntheticPage, make_page, map_pages

# A candidate agrees with a digit as well as the lesser of precision and recall, shares from 0 to 1. If that is at least
# DIGIT_AGREEMENT, it is that digit; if it is at most NONE_AGREEMENT with every digit, it is none; what lies between is
# left out. Both were chosen before they were measured.
DIGIT_AGREEMENT, NONE_AGREEMENT = 0.8, 0.65
# A candidate that holds this share of the ink of a second digit is no digit either: beside an 8, all of a 1 may be less
# than a fifth of the ink. Brought 14 of 3,600 generated pages (reports/experiments.md).
SECOND_DIGIT_RECALL = 0.5
# Pixels. Digits are drawn no higher: the networks see them at 28. Chosen before it was measured.
CANDIDATE_PAGES_TALLEST = 100

Examples = tuple[np.ndarray, np.ndarray, np.ndarray]


def cut_pages(
    images: np.ndarray, labels: np.ndarray, settings: Candidates, splitter: bytes, seed: int
) -> Examples:
    """Generate pages, cut them into candidates as the reader does, and label these.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        settings: How many pages, and how many candidates of each that are no digit.
        splitter: The model that parts digits that touch.
        seed: Decides the pages.

    Returns:
        Images, uint8 M×28×28, their crops, uint8 M×28×28×2, and truths, uint8 M.
    """
    written = add_drawn_digits(images, labels, seed)
    cut = partial(cut_page, settings=settings, splitter=splitter)
    found = map_pages(cut, *written, settings.pages, seed)
    seen, crops, truths = zip(*found, strict=True)
    return np.concatenate(seen), np.concatenate(crops), np.concatenate(truths)


def cut_page(
    images: np.ndarray, labels: np.ndarray, number: int, seed: int, settings: Candidates, splitter: bytes
) -> Examples:
    """Generate page `number` and return its candidates whose truth is clear, in the form of `cut_pages`.

    On every third page digits touch.
    """
    page = make_page(
        images,
        labels,
        number,
        seed,
        tallest=CANDIDATE_PAGES_TALLEST,
        always=None if number % 3 else "touching",
    )
    ink = find_ink(page.picture)
    found = propose(ink, _loaded(splitter))
    truths = np.array([find_truth(candidate.component, page, ink.scale) for candidate in found], int)
    digits, none = np.flatnonzero((truths >= 0) & (truths != NO_DIGIT)), np.flatnonzero(truths == NO_DIGIT)
    most = max(settings.least_none, round(settings.none_per_digit * len(digits)))
    none = np.random.default_rng([seed, number]).permutation(none)[:most]
    kept = np.concatenate([digits, none])
    return *make_crops(ink, [found[k].component for k in kept]), truths[kept].astype(np.uint8)


@lru_cache(maxsize=1)
def _loaded(splitter: bytes) -> Splitter:
    return Splitter(splitter)


def find_truth(component: Component, page: SyntheticPage, scale: float) -> int:
    """Return the digit that a component is, NO_DIGIT, or -1 if that is not clear; `scale` as in `Ink`."""
    digits = [int(digit) for digit in page.truth if digit.isdigit()]
    near = digits_near(page, scale, component)
    found = [precision_and_recall(page.inks[number], scale, component) for number in near]
    if sum(recall >= SECOND_DIGIT_RECALL for _, recall in found) > 1:
        return NO_DIGIT
    agreements = [min(both) for both in found]
    best = max(agreements, default=0.0)
    if best >= DIGIT_AGREEMENT:
        return digits[near[agreements.index(best)]]
    return NO_DIGIT if best <= NONE_AGREEMENT else -1
