"""Candidates → verified candidates: what the verifier makes of each; doubtful components are split first."""

from typing import NamedTuple

import cv2
import numpy as np

from .binarize import Ink
from .candidates import Candidate, combine_components, split_lines
from .classifier import Classifier
from .component import Component
from .crops import NO_DIGIT, crop_alone, make_crops
from .lines import find_lines
from .normalize import SIDE
from .split import Splitter

# What is one digit with this probability is not split: 3,300 of 3,600 pages were read so, 3,298 with everything split.
SURELY_ONE = 0.99
# By how much rarer what is no digit is than among the verifier's examples, of which two in five are none: on pages,
# where 5 instead of 2.5 read 11 more of 9,195 scanned digits and lost one letter at most, and among pictures of
# MNIST's size.
PAGE_ODDS, MNIST_ODDS = 5.0, 500.0


class Candidates(NamedTuple):
    """The candidates of a page.

    Attributes:
        lines: All ink, in lines of components.
        all: What may be a digit, N of them.
        images: uint8 N×28×28, as the classifier sees them.
        crops: uint8 N×28×28×2, near and context, as the verifier sees them.
        probabilities: float32 N×11, the verifier's: of each digit, and of no digit.
    """

    lines: list[list[Component]]
    all: list[Candidate]
    images: np.ndarray
    crops: np.ndarray
    probabilities: np.ndarray


def find_candidates(
    ink: Ink, splitter: Splitter, verifier: Classifier, split_all: bool = False
) -> Candidates:
    """The candidates on a page; components of which the verifier is in doubt are split, and verified again.

    Most digits are surely one digit as they are, and the splitter takes longer than the verifier.

    Args:
        ink: The page's.
        splitter: Splits components in which digits touch.
        verifier: 11 classes, of crops.
        split_all: Split all components, also what is surely one digit.
    """
    lines = find_lines(ink)
    if split_all:
        return verify(ink, split_lines(lines, splitter), verifier)
    whole = verify(ink, lines, verifier)
    parts = split_lines(lines, splitter, keep=find_surely_whole(whole))
    return verify(ink, parts, verifier) if sum(map(len, parts)) > sum(map(len, lines)) else whole


def verify(ink: Ink, lines: list[list[Component]], verifier: Classifier) -> Candidates:
    """The candidates among lines of components, each verified by itself."""
    candidates = combine_components(lines)
    images, crops = make_crops(ink, [candidate.component for candidate in candidates])
    probabilities = shift_odds(verifier.probabilities(crops), PAGE_ODDS)
    return Candidates(lines, candidates, images, crops, probabilities)


def find_surely_whole(candidates: Candidates) -> set[tuple[int, int]]:
    """Line and number in it of each component that is surely a digit by itself."""
    return {
        (candidate.line, candidate.first)
        for candidate, none in zip(candidates.all, candidates.probabilities[:, NO_DIGIT], strict=True)
        if candidate.first == candidate.last and none <= 1 - SURELY_ONE
    }


def take_for_mnist(pixels: np.ndarray, ink: Ink, verifier: Classifier) -> Candidates:
    """A picture of 28×28 pixels as one digit that has MNIST's form already: one candidate, or none without ink."""
    if not ink.mask.any():
        none = np.empty((0, SIDE, SIDE), np.uint8)
        return Candidates([], [], none, crop_alone(none), np.empty((0, NO_DIGIT + 1), np.float32))
    x, y, width, height = cv2.boundingRect(ink.mask)
    component = Component(x, y, ink.mask[y : y + height, x : x + width])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    inked = cv2.resize(ink.mask, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    if inked.any() and not inked.all() and grey[inked].mean() < grey[~inked].mean():
        grey = 255 - grey
    image = (grey - grey.min())[None]
    crops = crop_alone(image)
    probabilities = shift_odds(verifier.probabilities(crops), MNIST_ODDS)
    # However wide it is: MNIST has digits that lie nearly flat; on a page that is a scribble.
    return Candidates([[component]], [Candidate(0, 0, 0, component)], image, crops, probabilities)


def shift_odds(probabilities: np.ndarray, odds: float) -> np.ndarray:
    """The verifier's probabilities, N×11, where digits are `odds` times as frequent as it took them to be (Bayes)."""
    weighted = probabilities.copy()
    weighted[:, :NO_DIGIT] *= np.float32(odds)
    return weighted / weighted.sum(axis=1, keepdims=True)
