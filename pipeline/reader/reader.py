"""Image in, numbers out: the steps in order."""

import time
from pathlib import Path

import numpy as np

from . import ink, picture, segment
from .classify import Classifier
from .ink import Ink
from .normalize import among_others, normalize
from .reading import Box, Digit, Reading, Refusal
from .segment import Atom, Candidate

# The judge's last class: not one whole digit.
NO_DIGIT = 10


class Reader:
    """Reads handwritten digits in pictures.

    Args:
        classifier: Tells which digit a 28×28 picture shows: 10 classes.
        judge: Tells which digit a candidate shows, or that it is no whole digit: 11 classes.
    """

    def __init__(self, classifier: Classifier, judge: Classifier) -> None:
        self.classifier = classifier
        self.judge = judge

    def read(self, source: bytes | bytearray | str | Path | np.ndarray) -> Reading:
        """Read a picture: what `picture.load` takes.

        Raises:
            PictureError: The source is no picture that can be read.
        """
        start = time.perf_counter()
        pixels = picture.load(source)
        found = ink.find_ink(pixels)
        lines = segment.find_lines(found)
        candidates = segment.find_candidates(lines)
        digits: list[Digit] = []
        refusals: list[Refusal] = []
        if candidates:
            images, views = look(found, candidates)
            probabilities, whole = self._classify(images, views)
            kept = choose(lines, candidates, whole * probabilities.max(axis=1))
            for k in kept:
                runner_up, digit = np.argsort(probabilities[k])[-2:].tolist()
                confidence = float(whole[k] * probabilities[k, digit])
                box = original_box(candidates[k].atom, found.scale, pixels.shape[:2])
                digits.append(Digit(digit, confidence, box, candidates[k].line, runner_up, images[k]))
            refusals = refuse(lines, [candidates[k] for k in kept], found.scale, pixels.shape[:2])
        milliseconds = 1000 * (time.perf_counter() - start)
        return Reading(tuple(digits), tuple(refusals), pixels.shape[:2], milliseconds)

    def _classify(self, images: np.ndarray, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of the digits, N×10, and of being one whole digit, N."""
        judged = self.judge.probabilities(views)
        return self.classifier.probabilities(images), 1 - judged[:, NO_DIGIT]


def look(ink: Ink, candidates: list[Candidate]) -> tuple[np.ndarray, np.ndarray]:
    """The candidates as MNIST shows digits, and the same among what stands around them: uint8 N×28×28."""
    images, views = [], []
    for candidate in candidates:
        atom = candidate.atom
        image, (left, top, side) = normalize(crop(ink.contrast, atom), atom.mask)
        images.append(image)
        views.append(among_others(image, ink.mask, (left + atom.x, top + atom.y, side)))
    return np.stack(images), np.stack(views)


def crop(array: np.ndarray, atom: Atom) -> np.ndarray:
    return array[atom.y : atom.y + atom.height, atom.x : atom.x + atom.width]


def choose(lines: list[list[Atom]], candidates: list[Candidate], probability: np.ndarray) -> list[int]:
    """Indices of the candidates that together explain each line best, in reading order.

    Each atom belongs to one chosen candidate or to none. A candidate counts by its log odds of being a
    digit, so that what is rather none is left out; dynamic programming finds the best sum.
    """
    kept: list[int] = []
    odds = np.log(np.clip(probability, 0.001, 0.999) / np.clip(1 - probability, 0.001, 0.999))
    for number, line in enumerate(lines):
        ending: dict[int, list[int]] = {}
        for k, candidate in enumerate(candidates):
            if candidate.line == number:
                ending.setdefault(candidate.last, []).append(k)
        best: list[tuple[float, list[int]]] = [(0.0, [])]
        for last in range(len(line)):
            options = [best[last]]
            for k in ending.get(last, []):
                score, chosen = best[candidates[k].first]
                options.append((score + float(odds[k]), [*chosen, k]))
            best.append(max(options, key=lambda option: option[0]))
        kept.extend(best[-1][1])
    return kept


def refuse(lines: list[list[Atom]], kept: list[Candidate], scale: float, size: tuple[int, int]) -> list[Refusal]:
    """What was seen and not read."""
    used = {(c.line, i) for c in kept for i in range(c.first, c.last + 1)}
    return [
        Refusal(original_box(atom, scale, size), "not a digit")
        for number, line in enumerate(lines)
        for i, atom in enumerate(line)
        if (number, i) not in used
    ]


def original_box(atom: Atom, scale: float, size: tuple[int, int]) -> Box:
    """The box of an atom in pixels of the original picture."""
    left, top = int(atom.x * scale), int(atom.y * scale)
    right = min(size[1], max(left + 1, round((atom.x + atom.width) * scale)))
    bottom = min(size[0], max(top + 1, round((atom.y + atom.height) * scale)))
    return left, top, right - left, bottom - top
