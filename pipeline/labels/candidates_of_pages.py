"""Candidates of generated pages, and what each of them is."""

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

# A candidate agrees with a digit as well as the lesser of precision and recall. One that does at least so well is that
# digit; one that does with all of them at most so well is none. What lies between is left out.
DIGIT, NONE = 0.8, 0.65
# What holds so much of a second digit is none either: beside an 8, all of a 1 may be less than a fifth of the ink.
SECOND = 0.5
# Digits are drawn at most so high, in pixels: the networks see them at 28.
CANDIDATE_PAGES_TALLEST = 100

Examples = tuple[np.ndarray, np.ndarray, np.ndarray]


def cut_pages(
    images: np.ndarray, labels: np.ndarray, settings: Candidates, splitter: bytes, seed: int
) -> Examples:
    """Candidates of generated pages.

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
    """The candidates of page `number` whose truth is clear, as `cut_pages` returns them.

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
    """The digit that a component is, NO_DIGIT, or -1 if that is not clear."""
    digits = [int(digit) for digit in page.truth if digit.isdigit()]
    near = digits_near(page, scale, component)
    found = [precision_and_recall(page.inks[number], scale, component) for number in near]
    if sum(recall >= SECOND for _, recall in found) > 1:
        return NO_DIGIT
    agreements = [min(both) for both in found]
    best = max(agreements, default=0.0)
    if best >= DIGIT:
        return digits[near[agreements.index(best)]]
    return NO_DIGIT if best <= NONE else -1
