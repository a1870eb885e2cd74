"""Image in, numbers out: the steps in order."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from . import picture
from .binarize import LONGEST_SIDE, Ink, find_ink
from .classifier import Classifier
from .component import Component
from .crops import NO_DIGIT, crop_alone, make_crops
from .lines import FULL, Candidate, find_candidates, find_lines, groups, split_lines, typical_height
from .normalize import SIDE
from .order import in_reading_order
from .reading import Box, Digit, Reading, Rejection
from .split import Splitter

# By how much rarer what is no digit is than among the verifier's examples, of which two in five are none: on pages, and
# among pictures of MNIST's size.
PAGE_ODDS, MNIST_ODDS = 5.0, 500.0
# The classifier's share in what it and the verifier agree on; the verifier has seen more digits of pages.
CLASSIFIER_SHARE = 0.4
# What is read as a digit counts as one beside others from this probability.
SURELY = 0.9
# What is one digit with this probability is not cut.
WHOLE = 0.99
# No candidate counts as surer than this, of being a digit or of being none.
LEAST = 0.001
# Of a picture whose polarity was mistaken, most digits have this confidence once it is taken for its negative.
CLEAR = 0.999
# A gap of this share of the digits' height separates words.
WORD_GAP = 0.6
# A picture that shows at least SEVERAL things, of which less than DOUBTFUL are surely digits, may lie on its side;
# it does if at least SURE of what it shows are digits once it is turned, more than FEW of them no 1s.
SEVERAL, DOUBTFUL, SURE, FEW = 4, 0.5, 0.75, 2
# In a number, the ink that is rejected is at most this share of the digits'.
MOST_REJECTED = 0.6


class Reader:
    """Reads handwritten digits in pictures.

    Args:
        splitter: Parts digits that touch.
        classifier: Tells which digit a 28×28 picture shows: 10 classes.
        verifier: Tells which digit a candidate shows, or that it is no whole digit: 11 classes.
    """

    def __init__(self, splitter: Splitter, classifier: Classifier, verifier: Classifier) -> None:
        self.splitter = splitter
        self.classifier = classifier
        self.verifier = verifier

    def read(self, source: bytes | bytearray | str | Path | np.ndarray) -> Reading:
        """Read a picture: what `picture.load` takes.

        Raises:
            PictureError: The source is no picture that can be read.
        """
        start = time.perf_counter()
        pixels, size = picture.load_to_read(source, LONGEST_SIDE)
        reading = self._read_as_it_lies(pixels)
        if is_doubtful(reading):
            inverted = self._read_as_it_lies(pixels, inverted=True)
            if is_clearer(inverted, reading):
                reading = inverted
        if is_doubtful(reading) and seen_and_sure(reading)[0] >= SEVERAL:
            turned = {quarters: self._read_as_it_lies(np.rot90(pixels, quarters)) for quarters in (1, 3)}
            quarters = max(turned, key=lambda quarters: seen_and_sure(turned[quarters])[1])
            if is_upright(turned[quarters]):
                reading = turn_back(turned[quarters], quarters)
        if reading.size != size:
            reading = enlarge(reading, size)
        return replace(reading, milliseconds=1000 * (time.perf_counter() - start))

    def _read_as_it_lies(self, pixels: np.ndarray, inverted: bool = False) -> Reading:
        size = pixels.shape[0], pixels.shape[1]
        ink = find_ink(pixels, inverted)
        if size == (SIDE, SIDE):
            found = find_in_mnist_form(pixels, ink, self.verifier)
        else:
            found = find_on_page(ink, self.splitter, self.verifier)
        kept = [k for line in found.read for k in line]
        line_of = [number for number, line in enumerate(found.read) for _ in line]
        chosen = [found.candidates[k] for k in kept]
        boxes = [original_box(candidate.component, ink.scale, size) for candidate in chosen]
        probabilities = self.classifier.probabilities(found.images[kept])
        if size == (SIDE, SIDE):
            # There is nothing around the digit that the verifier could know better by.
            probabilities = probabilities * (1 - found.verified[kept, NO_DIGIT, None])
        else:
            probabilities = agree(probabilities, found.verified[kept])
        digits = tuple(map(as_digit, probabilities, boxes, line_of, found.images[kept]))
        in_words = [found.candidates[k] for k in found.digits if k not in kept]
        rejections = reject(found.lines, chosen, in_words, ink.scale, size)
        return Reading(digits, rejections, size, 0.0)


class Verified(NamedTuple):
    """What may be digits, and what the verifier makes of each by itself.

    Attributes:
        candidates: N of them.
        images: uint8 N×28×28, as the classifier sees them.
        crops: uint8 N×28×28×2, as the verifier sees them.
        probabilities: float32 N×11.
    """

    candidates: list[Candidate]
    images: np.ndarray
    crops: np.ndarray
    probabilities: np.ndarray


class Found(NamedTuple):
    """What was found in a picture.

    Attributes:
        lines: All ink, in lines of components.
        candidates: What may be a digit, N of them.
        images: uint8 N×28×28, as the classifier sees them.
        crops: uint8 N×28×28×2, as the verifier sees them.
        verified: float32 N×11, the verifier's probabilities in the light of what else there is.
        digits: Indices of the candidates that are digits.
        read: Those of them that do not stand in words, in lines from the top, each from the left.
    """

    lines: list[list[Component]]
    candidates: list[Candidate]
    images: np.ndarray
    crops: np.ndarray
    verified: np.ndarray
    digits: list[int]
    read: list[list[int]]


def find_on_page(ink: Ink, splitter: Splitter, verifier: Classifier, split_all: bool = False) -> Found:
    """The digits among the ink of a page.

    What is surely one digit as it is, as most digits are, is not cut: the splitter takes longer than the verifier.

    split_all: Cut that, too.
    """
    lines = find_lines(ink)
    seen = verify_candidates(ink, lines, verifier)
    components = split_lines(lines, splitter, () if split_all else surely_whole(seen))
    if sum(map(len, components)) > sum(map(len, lines)):
        lines, seen = components, verify_candidates(ink, components, verifier)
    digits, verified = find_digits(lines, seen.candidates, seen.probabilities)
    kept = without_words(lines, seen.candidates, digits)
    in_order = in_reading_order([seen.candidates[k].component for k in kept])
    read = [[kept[i] for i in line] for line in in_order]
    return Found(lines, seen.candidates, seen.images, seen.crops, verified, digits, read)


def verify_candidates(ink: Ink, lines: list[list[Component]], verifier: Classifier) -> Verified:
    """The candidates among lines of components."""
    candidates = find_candidates(lines)
    images, crops = make_crops(ink, candidates)
    return Verified(candidates, images, crops, with_odds(verifier.probabilities(crops), PAGE_ODDS))


def surely_whole(seen: Verified) -> set[tuple[int, int]]:
    """Line and number in it of each component that is surely a digit by itself."""
    return {
        (candidate.line, candidate.first)
        for candidate, none in zip(seen.candidates, seen.probabilities[:, NO_DIGIT], strict=True)
        if candidate.first == candidate.last and none <= 1 - WHOLE
    }


def find_in_mnist_form(pixels: np.ndarray, ink: Ink, verifier: Classifier) -> Found:
    """A picture of 28×28 pixels as one digit that has MNIST's form already, if it is one."""
    lines, images = mnist_form(pixels, ink)
    # However wide it is: MNIST has digits that lie nearly flat; on a page that is a scribble.
    candidates = [Candidate(number, 0, 0, line[0]) for number, line in enumerate(lines)]
    crops = crop_alone(images)
    digits, verified = find_digits(lines, candidates, with_odds(verifier.probabilities(crops), MNIST_ODDS))
    return Found(lines, candidates, images, crops, verified, digits, [digits] if digits else [])


def seen_and_sure(reading: Reading) -> tuple[int, float]:
    """How many things of a digit's size a reading has, and how many digits of it are right, by their confidences."""
    heights = [digit.box[3] for digit in reading.digits]
    least = FULL * float(np.median(heights)) if heights else 0.0
    rejected = sum(max(rejection.box[2:]) >= least for rejection in reading.refusals)
    return len(reading.digits) + rejected, sum(digit.confidence for digit in reading.digits)


def is_doubtful(reading: Reading) -> bool:
    """Whether little of what a picture shows was read: it may lie on its side, or be taken for its own negative."""
    seen, sure = seen_and_sure(reading)
    return sure < DOUBTFUL * seen


def is_clearer(inverted: Reading, reading: Reading) -> bool:
    """Whether the reading of a picture taken for the other polarity says that this is the right one.

    Between letters and scribbles there is paper in the form of digits, too, but of doubtful ones.
    """
    seen, sure = seen_and_sure(inverted)
    clear = sum(digit.confidence >= CLEAR for digit in inverted.digits) > len(inverted.digits) / 2
    return clear and sure >= SURE * seen and sure > seen_and_sure(reading)[1]


def is_upright(reading: Reading) -> bool:
    """Whether the reading of a turned picture says that it lay on its side before.

    Dashes become 1s once they are turned, so 1s count for no more than all other digits together, and an M may become
    a 3, so one or two others say nothing.
    """
    seen, sure = seen_and_sure(reading)
    others = sum(digit.confidence for digit in reading.digits if digit.digit != 1)
    return seen >= SEVERAL and others > FEW and min(sure, 2 * others) >= SURE * seen


def turn_back(reading: Reading, quarters: int) -> Reading:
    """The reading of a picture that was turned by 1 or 3 quarters (np.rot90), in pixels of the picture as it was."""
    height, width = reading.size[1], reading.size[0]

    def back(box: Box) -> Box:
        x, y, box_width, box_height = box
        if quarters == 1:
            return width - y - box_height, x, box_height, box_width
        return y, height - x - box_width, box_height, box_width

    return with_boxes(reading, back, (height, width))


def enlarge(reading: Reading, size: tuple[int, int]) -> Reading:
    """The reading of a picture that was made smaller, in pixels of the picture as it was: `size` is height, width."""
    rows, columns = size[0] / reading.size[0], size[1] / reading.size[1]

    def whole(box: Box) -> Box:
        left, top = int(box[0] * columns), int(box[1] * rows)
        right, bottom = round((box[0] + box[2]) * columns), round((box[1] + box[3]) * rows)
        return left, top, right - left, bottom - top

    return with_boxes(reading, whole, size)


def with_boxes(reading: Reading, moved: Callable[[Box], Box], size: tuple[int, int]) -> Reading:
    """The reading with each box moved, of a picture of `size`: height, width."""
    return replace(
        reading,
        digits=tuple(replace(digit, box=moved(digit.box)) for digit in reading.digits),
        refusals=tuple(replace(rejection, box=moved(rejection.box)) for rejection in reading.refusals),
        size=size,
    )


def mnist_form(pixels: np.ndarray, ink: Ink) -> tuple[list[list[Component]], np.ndarray]:
    """A picture of 28×28 pixels as one digit that has MNIST's form already.

    Returns: Its lines, one component of all ink; uint8 N×28×28, N at most 1.
    """
    if not ink.mask.any():
        return [], np.empty((0, SIDE, SIDE), np.uint8)
    x, y, width, height = cv2.boundingRect(ink.mask)
    component = Component(x, y, ink.mask[y : y + height, x : x + width])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    inked = cv2.resize(ink.mask, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    if inked.any() and not inked.all() and grey[inked].mean() < grey[~inked].mean():
        grey = 255 - grey
    return [[component]], (grey - grey.min())[None]


def with_odds(verified: np.ndarray, odds: float | np.ndarray) -> np.ndarray:
    """The verifier's probabilities, N×11, where digits are `odds` times as frequent as it took them to be (Bayes).

    odds: One number, or for each of the N its own.
    """
    weighted = verified.copy()
    weighted[:, :NO_DIGIT] *= np.reshape(odds, (-1, 1)).astype(np.float32)
    return weighted / weighted.sum(axis=1, keepdims=True)


def find_digits(
    lines: list[list[Component]], candidates: list[Candidate], verified: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """Which candidates are digits, in the light of what else stands on their line.

    verified: The verifier's probabilities, N×11, of each candidate by itself.

    Returns: Indices of the digits, in reading order; the verifier's probabilities in that light.
    """
    alone = choose(lines, candidates, 1 - verified[:, NO_DIGIT])
    verified = with_odds(verified, odds_beside(lines, candidates, alone, 1 - verified[:, NO_DIGIT]))
    return choose(lines, candidates, 1 - verified[:, NO_DIGIT]), verified


def odds_beside(
    lines: list[list[Component]], candidates: list[Candidate], found: list[int], probability: np.ndarray
) -> np.ndarray:
    """By how much likelier each of N candidates is a digit for what else stands on its line, float N.

    Where others are surely digits, it is rather one too, ill-written; among scribbles and letters rather not. What is
    lower than digits, as dots and dashes, does not count and is left as it is.

    found: Indices of the candidates that are digits, if each is taken by itself.
    probability: float N, that a candidate is a digit, by itself.
    """
    height = typical_height([candidates[k].component for k in found])
    digit_of = {
        (candidates[k].line, i): k for k in found for i in range(candidates[k].first, candidates[k].last + 1)
    }
    sure = {place: k for place, k in digit_of.items() if probability[k] >= SURELY}
    rejected = {
        (number, i)
        for number, line in enumerate(lines)
        for i, component in enumerate(line)
        if (number, i) not in digit_of and is_as_high(component, height)
    }
    digits_on = Counter(candidates[k].line for k in set(sure.values()))
    rejected_on = Counter(number for number, _ in rejected)
    odds = np.ones(len(candidates))
    for k, candidate in enumerate(candidates):
        if candidate.component.height >= FULL * height:
            places = [(candidate.line, i) for i in range(candidate.first, candidate.last + 1)]
            digits = digits_on[candidate.line] - len({sure[place] for place in places if place in sure})
            others = rejected_on[candidate.line] - len(rejected.intersection(places))
            odds[k] = (1 + digits) / (1 + others)
    return odds


def choose(lines: list[list[Component]], candidates: list[Candidate], probability: np.ndarray) -> list[int]:
    """Indices of the candidates that together explain each line best, in reading order.

    Each component belongs to one chosen candidate or to none. Dynamic programming finds the best sum of `scores`.

    probability: float N, that a candidate is a digit.
    """
    kept: list[int] = []
    odds = scores(candidates, probability)
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


def scores(candidates: list[Candidate], probability: np.ndarray) -> np.ndarray:
    """How much each of N candidates speaks for itself, float N: above 0 what is rather a digit.

    Its log odds of being a digit, for each pixel of its ink, so that a digit that was cut in vain counts as much
    whole as in pieces, and a speck beside a digit next to nothing.
    """
    sure = np.clip(probability, LEAST, 1 - LEAST)
    return amounts_of_ink(candidates) * np.log(sure / (1 - sure))


def amounts_of_ink(candidates: list[Candidate]) -> np.ndarray:
    """How many pixels of ink each of N candidates has, float N."""
    return np.array([candidate.component.mask.sum() for candidate in candidates], float)


def without_words(lines: list[list[Component]], candidates: list[Candidate], kept: list[int]) -> list[int]:
    """Those kept candidates that do not stand in a word of letters.

    A letter may look like a digit, but its neighbours do not: in a group of components without a wide gap the ink
    of what was rejected must not outweigh most of the digits'. Dots and dashes, or what is far higher than the
    digits, do not count.
    """
    remaining = []
    for number, line in enumerate(lines):
        on_line = [k for k in kept if candidates[k].line == number]
        digit_of = {i: k for k in on_line for i in range(candidates[k].first, candidates[k].last + 1)}
        height = typical_height([candidates[k].component for k in on_line])
        for group in groups(line, WORD_GAP * height):
            read = sum(line[i].mask.sum() for i in group if i in digit_of)
            rejected = sum(
                line[i].mask.sum() for i in group if i not in digit_of and is_as_high(line[i], height)
            )
            if rejected <= MOST_REJECTED * read:
                remaining += sorted({digit_of[i] for i in group if i in digit_of}, key=on_line.index)
    return remaining


def is_as_high(component: Component, height: float) -> bool:
    """Whether a component is about as high as digits of some height: no dot or dash, nor far higher."""
    return FULL * height <= component.height <= 2 * height


def agree(classified: np.ndarray, verified: np.ndarray) -> np.ndarray:
    """Probabilities of each digit, N×10, on which classifier (N×10) and verifier (N×11) agree.

    Their weighted geometric mean (Genest and Zidek 1986, "Combining probability distributions"), times the
    probability that it is a digit at all.
    """
    both = classified**CLASSIFIER_SHARE * verified[:, :NO_DIGIT] ** (1 - CLASSIFIER_SHARE) + 1e-9
    return both / both.sum(axis=1, keepdims=True) * (1 - verified[:, NO_DIGIT, None])


def as_digit(probabilities: np.ndarray, box: Box, line: int, image: np.ndarray) -> Digit:
    """A digit of its probabilities, float 10."""
    runner_up, digit = np.argsort(probabilities)[-2:].tolist()
    confidence, next_best = float(probabilities[digit]), float(probabilities[runner_up])
    return Digit(digit, confidence, box, line, runner_up, image, next_best)


def reject(
    lines: list[list[Component]],
    kept: list[Candidate],
    in_words: list[Candidate],
    scale: float,
    size: tuple[int, int],
) -> tuple[Rejection, ...]:
    """What was seen and not read, and why; `in_words` are the digits that `without_words` left out."""
    used = places_of(kept)
    words = places_of(in_words)
    height = typical_height([candidate.component for candidate in kept])

    def reason(line: int, i: int) -> str:
        if (line, i) in words:
            return "stands in a word"
        return "too small" if lines[line][i].height < FULL * height else "looks like no digit"

    return tuple(
        Rejection(original_box(component, scale, size), reason(number, i))
        for number, line in enumerate(lines)
        for i, component in enumerate(line)
        if (number, i) not in used
    )


def places_of(candidates: list[Candidate]) -> set[tuple[int, int]]:
    """Line and number in it of each component of some candidates."""
    return {(c.line, i) for c in candidates for i in range(c.first, c.last + 1)}


def original_box(component: Component, scale: float, size: tuple[int, int]) -> Box:
    """The box of a component in pixels of the original picture."""
    left, top = int(component.x * scale), int(component.y * scale)
    right = min(size[1], max(left + 1, round((component.x + component.width) * scale)))
    bottom = min(size[0], max(top + 1, round((component.y + component.height) * scale)))
    return left, top, right - left, bottom - top
