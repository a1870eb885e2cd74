"""Image in, numbers out: the steps in order."""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import picture
from .binarize import LONGEST_SIDE, find_ink
from .candidates import Candidate
from .choice import choose_digits, leave_out_words
from .classifier import Classifier
from .component import Component
from .crops import NO_DIGIT
from .lines import FULL_HEIGHT, typical_height
from .normalize import SIDE
from .order import in_reading_order
from .reading import Box, Digit, Reading, Rejection
from .retries import RETRIES, count, enlarge, is_doubtful, turn_back
from .split import Splitter
from .verification import Candidates, find_candidates, take_for_mnist

# The classifier's share in what it and the verifier agree on. The verifier has seen more digits of pages; but without
# the classifier 14 of 9,064 scanned digits and 4 of 3,295 pages are lost.
CLASSIFIER_SHARE = 0.4


class Reader:
    """Reads handwritten digits in pictures.

    Args:
        splitter: Splits components in which digits touch.
        classifier: Tells which digit a 28×28 picture shows: 10 classes.
        verifier: Tells which digit a candidate shows, or that it is no whole digit: 11 classes.
        page_temperature: Divides the logits of what is read on pages, by classifier and verifier together; fitted on
            pages so that confidences are true frequencies. The classifier has its own for single digits.
    """

    def __init__(
        self,
        splitter: Splitter,
        classifier: Classifier,
        verifier: Classifier,
        page_temperature: float = 1.0,
    ) -> None:
        self.splitter = splitter
        self.classifier = classifier
        self.verifier = verifier
        self.page_temperature = page_temperature

    def read(self, source: bytes | bytearray | str | Path | np.ndarray) -> Reading:
        """Read a picture: what `picture.load` takes.

        Raises:
            PictureError: The source is no picture that can be read.
        """
        start = time.perf_counter()
        pixels, size = picture.load_to_read(source, LONGEST_SIDE)
        reading = self._read_as_it_lies(pixels)
        for retry in RETRIES:
            if is_doubtful(reading) and count(reading)[0] >= retry.least:
                again = {
                    quarters: self._read_as_it_lies(np.rot90(pixels, quarters), retry.inverted)
                    for quarters in retry.quarters
                }
                quarters = max(again, key=lambda quarters: count(again[quarters])[1])
                if retry.accepts(again[quarters], reading):
                    reading = turn_back(again[quarters], quarters)
        if pixels.shape[:2] != (SIDE, SIDE):
            reading = replace(
                reading, digits=tuple(temper(digit, self.page_temperature) for digit in reading.digits)
            )
        if reading.size != size:
            reading = enlarge(reading, size)
        return replace(reading, milliseconds=1000 * (time.perf_counter() - start))

    def _read_as_it_lies(self, pixels: np.ndarray, inverted: bool = False) -> Reading:
        size = pixels.shape[0], pixels.shape[1]
        ink = find_ink(pixels, inverted)
        if size == (SIDE, SIDE):
            candidates = take_for_mnist(pixels, ink, self.verifier)
        else:
            candidates = find_candidates(ink, self.splitter, self.verifier)
        found = find_digits(candidates)
        read = [k for line in found.lines for k in line]
        probabilities = self.classifier.probabilities(candidates.images[read])
        if size == (SIDE, SIDE):
            # There is nothing around the digit that the verifier could know better by.
            probabilities = probabilities * (1 - candidates.probabilities[read, NO_DIGIT, None])
        else:
            probabilities = combine(probabilities, candidates.probabilities[read])
        boxes = [original_box(candidates.all[k].component, ink.scale, size) for k in read]
        line_of = [number for number, line in enumerate(found.lines) for _ in line]
        digits = tuple(map(make_digit, probabilities, boxes, line_of, candidates.images[read]))
        return Reading(digits, reject(candidates, read, found.in_words, ink.scale, size), size, 0.0)


class Found(NamedTuple):
    """The digits among the candidates of a page.

    Attributes:
        lines: Indices of those that are read, in lines from the top, each from the left.
        in_words: Indices of those that stand in words, and are not.
    """

    lines: list[list[int]]
    in_words: list[int]


def find_digits(candidates: Candidates) -> Found:
    """Choose the digits among candidates, leave out words, and put the rest in reading order."""
    digits = choose_digits(candidates)
    read = leave_out_words(candidates, digits)
    order = in_reading_order([candidates.all[k].component for k in read])
    lines = [[read[i] for i in line] for line in order]
    return Found(lines, [k for k in digits if k not in read])


def combine(classified: np.ndarray, verified: np.ndarray) -> np.ndarray:
    """Probabilities of each digit, N×10, on which classifier (N×10) and verifier (N×11) agree.

    Their weighted geometric mean (Genest and Zidek 1986, "Combining probability distributions"), times the
    probability that it is a digit at all.
    """
    both = classified**CLASSIFIER_SHARE * verified[:, :NO_DIGIT] ** (1 - CLASSIFIER_SHARE) + 1e-9
    return both / both.sum(axis=1, keepdims=True) * (1 - verified[:, NO_DIGIT, None])


def make_digit(probabilities: np.ndarray, box: Box, line: int, image: np.ndarray) -> Digit:
    """A digit of its probabilities, float 10."""
    runner_up, digit = np.argsort(probabilities)[-2:].tolist()
    confidence, next_best = float(probabilities[digit]), float(probabilities[runner_up])
    return Digit(digit, confidence, box, line, runner_up, image, next_best, probabilities)


def temper(digit: Digit, temperature: float) -> Digit:
    """A digit with the logits of its probabilities, that it is none among them, divided by a temperature.

    Powers of probabilities, normalized, are the same as divided logits (Guo et al. 2017, "On calibration of modern
    neural networks").
    """
    if digit.probabilities is None or temperature == 1:
        return digit
    given = np.append(digit.probabilities, 1 - np.sum(digit.probabilities))
    powers = np.maximum(given, 1e-9) ** (1 / temperature)
    probabilities = powers[:-1] / powers.sum()
    confidence, next_best = float(probabilities[digit.digit]), float(probabilities[digit.runner_up])
    return replace(digit, confidence=confidence, runner_up_confidence=next_best, probabilities=probabilities)


def reject(
    candidates: Candidates, read: list[int], in_words: list[int], scale: float, size: tuple[int, int]
) -> tuple[Rejection, ...]:
    """What was seen and not read, and why."""
    used = places_of(candidates.all[k] for k in read)
    words = places_of(candidates.all[k] for k in in_words)
    height = typical_height([candidates.all[k].component for k in read])

    def reason(line: int, i: int) -> str:
        if (line, i) in words:
            return "stands in a word"
        too_small = candidates.lines[line][i].height < FULL_HEIGHT * height
        return "too small" if too_small else "looks like no digit"

    return tuple(
        Rejection(original_box(component, scale, size), reason(number, i))
        for number, line in enumerate(candidates.lines)
        for i, component in enumerate(line)
        if (number, i) not in used
    )


def places_of(candidates: Iterable[Candidate]) -> set[tuple[int, int]]:
    """Line and number in it of each component of some candidates."""
    return set().union(*(candidate.places for candidate in candidates))


def original_box(component: Component, scale: float, size: tuple[int, int]) -> Box:
    """The box of a component in pixels of the original picture."""
    left, top = int(component.x * scale), int(component.y * scale)
    right = min(size[1], max(left + 1, round((component.x + component.width) * scale)))
    bottom = min(size[0], max(top + 1, round((component.y + component.height) * scale)))
    return left, top, right - left, bottom - top
