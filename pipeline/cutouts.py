"""Candidates of generated pages, and what each of them is."""

from functools import lru_cache, partial

import numpy as np

from pipeline import scenes
from pipeline.ground_truth import digits_near, precision_and_recall
from pipeline.reader import segment
from pipeline.reader.atom import Atom
from pipeline.reader.cut import Cutter
from pipeline.reader.ink import find_ink
from pipeline.reader.views import NO_DIGIT, look
from pipeline.strokes import with_numerals

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


def of_pages(images: np.ndarray, labels: np.ndarray, seed: int, pages: int, cutter: bytes) -> Examples:
    """Candidates of generated pages.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides the pages.
        pages: Their number; on every third of them digits touch.
        cutter: The model that parts digits that touch.

    Returns:
        Images, uint8 M×28×28, their views, uint8 M×28×28×2, and truths, uint8 M.
    """
    written = with_numerals(images, labels, seed)
    found = scenes.for_pages(partial(of_page, cutter=cutter), *written, pages, seed)
    seen, views, truths = zip(*found, strict=True)
    return np.concatenate(seen), np.concatenate(views), np.concatenate(truths)


def of_page(images: np.ndarray, labels: np.ndarray, number: int, seed: int, cutter: bytes) -> Examples:
    """The candidates of page `number` whose truth is clear, as `of_pages` returns them."""
    scene = scenes.page(
        images, labels, number, seed, tallest=TALLEST, always=None if number % 3 else "touching"
    )
    ink = find_ink(scene.picture)
    found = segment.find_candidates(segment.cut_lines(segment.find_lines(ink), _loaded(cutter)))
    truths = np.array([truth_of(candidate.atom, scene, ink.scale) for candidate in found], int)
    digits, none = np.flatnonzero((truths >= 0) & (truths != NO_DIGIT)), np.flatnonzero(truths == NO_DIGIT)
    none = np.random.default_rng([seed, number]).permutation(none)[: max(FEW, round(MOST_NONE * len(digits)))]
    kept = np.concatenate([digits, none])
    return *look(ink, [found[k] for k in kept]), truths[kept].astype(np.uint8)


@lru_cache(maxsize=1)
def _loaded(cutter: bytes) -> Cutter:
    return Cutter(cutter)


def truth_of(atom: Atom, scene: scenes.Scene, scale: float) -> int:
    """The digit that an atom is, NO_DIGIT, or -1 if that is not clear."""
    digits = [int(digit) for digit in scene.truth if digit.isdigit()]
    near = digits_near(scene, scale, atom)
    found = [precision_and_recall(scene.inks[number], scale, atom) for number in near]
    if sum(recall >= SECOND for _, recall in found) > 1:
        return NO_DIGIT
    agreements = [min(both) for both in found]
    best = max(agreements, default=0.0)
    if best >= DIGIT:
        return digits[near[agreements.index(best)]]
    return NO_DIGIT if best <= NONE else -1
