"""Candidates of generated pages, and what each of them is."""

from functools import lru_cache, partial

import numpy as np

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
# Of one page at most so many candidates that are no digit, for each that is one, but always a few.
MOST_NONE, FEW = 2.0, 4
# Digits are drawn at most so high, in pixels: the networks see them at 28.
TALLEST = 100

Examples = tuple[np.ndarray, np.ndarray, np.ndarray]


def of_pages(images: np.ndarray, labels: np.ndarray, seed: int, pages: int, splitter: bytes) -> Examples:
    """Candidates of generated pages.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides the pages.
        pages: Their number; on every third of them digits touch.
        splitter: The model that parts digits that touch.

    Returns:
        Images, uint8 M×28×28, their crops, uint8 M×28×28×2, and truths, uint8 M.
    """
    written = add_drawn_digits(images, labels, seed)
    found = map_pages(partial(of_page, splitter=splitter), *written, pages, seed)
    seen, crops, truths = zip(*found, strict=True)
    return np.concatenate(seen), np.concatenate(crops), np.concatenate(truths)


def of_page(images: np.ndarray, labels: np.ndarray, number: int, seed: int, splitter: bytes) -> Examples:
    """The candidates of page `number` whose truth is clear, as `of_pages` returns them."""
    page = make_page(images, labels, number, seed, tallest=TALLEST, always=None if number % 3 else "touching")
    ink = find_ink(page.picture)
    found = propose(ink, _loaded(splitter))
    truths = np.array([truth_of(candidate.component, page, ink.scale) for candidate in found], int)
    digits, none = np.flatnonzero((truths >= 0) & (truths != NO_DIGIT)), np.flatnonzero(truths == NO_DIGIT)
    none = np.random.default_rng([seed, number]).permutation(none)[: max(FEW, round(MOST_NONE * len(digits)))]
    kept = np.concatenate([digits, none])
    return *make_crops(ink, [found[k].component for k in kept]), truths[kept].astype(np.uint8)


@lru_cache(maxsize=1)
def _loaded(splitter: bytes) -> Splitter:
    return Splitter(splitter)


def truth_of(component: Component, page: SyntheticPage, scale: float) -> int:
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
