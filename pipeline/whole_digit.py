"""What the judge learns from: what the reader itself cuts out of generated pages.

A candidate that is a digit's ink is that digit, any other is none. Letters and mirrored digits join those that
are none, and forms of digits that are rare in MNIST join the digits.
"""

from functools import lru_cache, partial

import cv2
import numpy as np

from pipeline import scenes
from pipeline.ground_truth import agreement, digits_near
from pipeline.reader import segment
from pipeline.reader.atom import Atom
from pipeline.reader.cut import Cutter
from pipeline.reader.ink import find_ink
from pipeline.reader.reader import NO_DIGIT, look
from pipeline.strokes import letters, numerals

# A candidate that agrees with a digit at least so well is that digit; with all of them at most so well, it is none.
# What lies between is left out.
DIGIT, NONE = 0.8, 0.65
# Of one page at most so many candidates that are no digit, for each that is one.
MOST_NONE = 2.0
# Digits are drawn at most so high, in pixels: the judge sees them at 28.
TALLEST = 100
# Digits that are none once mirrored, turned by a quarter, or upside down.
MIRRORED, TURNED, UPSIDE_DOWN = (3, 4, 7, 9), (2, 3, 4, 5, 7), (4, 7)


def examples(
    images: np.ndarray, labels: np.ndarray, seed: int, pages: int, cutter: bytes
) -> tuple[np.ndarray, np.ndarray]:
    """What the judge learns from.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        seed: Decides pages, letters and numerals.
        pages: Number of pages from which candidates are cut; on every third of them digits touch.
        cutter: The model that parts digits that touch.

    Returns:
        uint8 M×28×28, and M integers, 0 to 9, or 10 for no whole digit.
    """
    rng = np.random.default_rng(seed)
    drawn, values = numerals(max(pages, len(images) // 10), rng)
    pool = np.concatenate([images, drawn]), np.concatenate([labels, values])
    from_pages = scenes.for_pages(partial(judged_candidates, cutter=cutter), *pool, pages, seed)
    some = rng.choice(len(images), min(len(images), 2 * pages), replace=False)
    plain = images[some], labels[some]
    none = np.concatenate([letters(pages, rng), turned_digits(*(part[:pages] for part in plain))])
    sets = [*from_pages, plain, (drawn[:pages], values[:pages]), (none, np.full(len(none), NO_DIGIT))]
    views, truths = zip(*sets, strict=True)
    return np.concatenate(views), np.concatenate(truths)


def distort(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned, slanted, stretched and shifted a little: uint8 28×28."""
    matrix = np.eye(2) + rng.normal(0, 0.07, (2, 2))
    shift = 13.5 - matrix @ [13.5, 13.5] + rng.normal(0, 0.5, 2)
    return cv2.warpAffine(view, np.column_stack([matrix, shift]), (28, 28))


def judged_candidates(
    images: np.ndarray, labels: np.ndarray, number: int, seed: int, cutter: bytes
) -> tuple[np.ndarray, np.ndarray]:
    """The candidates of page `number` whose truth is clear, as the judge sees them, and that truth.

    Returns: uint8 M×28×28, and M integers, 0 to 9, or 10 for no whole digit.
    """
    scene = scenes.page(images, labels, number, seed, None if number % 3 else ["touching"], TALLEST)
    ink = find_ink(scene.picture)
    candidates = segment.find_candidates(segment.find_lines(ink, loaded(cutter)))
    truths = np.array([truth_of(candidate.atom, scene, ink.scale) for candidate in candidates], int)
    digits, none = np.flatnonzero((truths >= 0) & (truths != NO_DIGIT)), np.flatnonzero(truths == NO_DIGIT)
    most = max(4, round(MOST_NONE * len(digits)))
    none = np.random.default_rng([seed, number]).permutation(none)[:most]
    kept = np.concatenate([digits, none])
    return look(ink, [candidates[k] for k in kept])[1], truths[kept]


@lru_cache(maxsize=1)
def loaded(cutter: bytes) -> Cutter:
    return Cutter(cutter)


def truth_of(atom: Atom, scene: scenes.Scene, scale: float) -> int:
    """The digit that an atom is, NO_DIGIT, or -1 if that is not clear."""
    digits = [int(digit) for digit in scene.truth if digit.isdigit()]
    near = digits_near(scene, scale, atom)
    agreements = [agreement(scene.inks[number], scale, atom) for number in near]
    best = max(agreements, default=0.0)
    if best >= DIGIT:
        return digits[near[agreements.index(best)]]
    return NO_DIGIT if best <= NONE else -1


def turned_digits(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Strokes as a hand draws them, and yet no digits: uint8 N×28×28."""
    mirrored = images[np.isin(labels, MIRRORED)][:, :, ::-1]
    turned = np.rot90(images[np.isin(labels, TURNED)], axes=(1, 2))
    upside_down = images[np.isin(labels, UPSIDE_DOWN)][:, ::-1]
    return np.concatenate([mirrored, turned, upside_down])
