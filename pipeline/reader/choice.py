"""Candidates → digits: those that together explain each line best, without letters of words."""

import numpy as np

from .candidates import Candidate
from .component import Component
from .crops import NO_DIGIT
from .lines import FULL_HEIGHT, group_by_gap, typical_height
from .verification import Candidates

# Where no measurement is named, a value was chosen while looking at generated pages and at other people's pictures, and
# has not been varied by itself.
# No candidate counts as surer than this, of being a digit or of being none.
LEAST_PROBABILITY = 0.001
# A gap of this share of the digits' height separates words. 0.4 and 0.5 read 2 of 3,600 pages more; 0.6 is careful with
# spaced letters.
WORD_GAP = 0.6
# In a number, the ink that is rejected is at most this share of the digits'.
MOST_REJECTED = 0.6


def choose_digits(candidates: Candidates) -> list[int]:
    """Indices of the candidates that together explain each line best, from the left.

    Each component belongs to one chosen candidate or to none; the sum of their `scores` is the highest.
    """
    odds = scores(candidates.all, 1 - candidates.probabilities[:, NO_DIGIT])
    return best_sequence(candidates, odds) or []


def align(candidates: Candidates, digits: list[int]) -> list[int] | None:
    """Indices of the candidates, one for each of the digits, that are likeliest to be just these, line after line.

    A candidate counts as it does in `choose_digits`, and by the probability that it is the digit whose turn it is.

    Returns:
        None if there are fewer places than digits.
    """
    probabilities = candidates.probabilities
    odds = scores(candidates.all, 1 - probabilities[:, NO_DIGIT])
    likely = probabilities[:, :NO_DIGIT] / probabilities[:, :NO_DIGIT].sum(axis=1, keepdims=True)
    # None counts as less probable than LEAST_PROBABILITY, so that a doubtful one does not decide the whole alignment.
    likelihood = amounts_of_ink(candidates.all)[:, None] * np.log(np.maximum(likely, LEAST_PROBABILITY))
    return best_sequence(candidates, odds[:, None] + likelihood[:, digits])


def best_sequence(candidates: Candidates, values: np.ndarray) -> list[int] | None:
    """Candidates that share no component and have the highest sum of values, by dynamic programming.

    Args:
        candidates: N of them.
        values: float N, what each is worth, for any number of candidates; or float N×K, what each is worth as the
            first, second, … of exactly K.

    Returns:
        Their indices, in the order of the lines; None if there are not K.
    """
    counted = values.ndim == 2
    ending: dict[tuple[int, int], list[int]] = {}
    for k, candidate in enumerate(candidates.all):
        ending.setdefault((candidate.line, candidate.last), []).append(k)
    # By how many candidates were taken, the best sum so far, and the last one taken with those before it.
    best: dict[int, tuple[float, tuple | None]] = {0: (0.0, None)}
    for number, line in enumerate(candidates.lines):
        up_to = [best]
        for last in range(len(line)):
            now = dict(up_to[last])
            for k in ending.get((number, last), []):
                for taken, (total, before) in up_to[candidates.all[k].first].items():
                    if counted and taken == values.shape[1]:
                        continue
                    total += float(values[k, taken] if counted else values[k])
                    after = taken + counted
                    if after not in now or total > now[after][0]:
                        now[after] = (total, (k, before))
            up_to.append(now)
        best = up_to[-1]
    wanted = values.shape[1] if counted else 0
    if wanted not in best:
        return None
    chosen, link = [], best[wanted][1]
    while link is not None:
        k, link = link
        chosen.append(k)
    return chosen[::-1]


def scores(candidates: list[Candidate], probability: np.ndarray) -> np.ndarray:
    """How much each of N candidates speaks for itself, float N: above 0 what is rather a digit.

    Its log odds of being a digit, for each pixel of its ink, so that a digit that was split in vain counts as much
    whole as in pieces, and a speck beside a digit next to nothing.
    """
    sure = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return amounts_of_ink(candidates) * np.log(sure / (1 - sure))


def amounts_of_ink(candidates: list[Candidate]) -> np.ndarray:
    """How many pixels of ink each of N candidates has, float N."""
    return np.array([candidate.component.mask.sum() for candidate in candidates], float)


def leave_out_words(candidates: Candidates, digits: list[int]) -> list[int]:
    """Those of the digits that do not stand in a word of letters.

    A letter may look like a digit, but its neighbours do not: in a group of components without a wide gap the ink
    of what was rejected must not outweigh most of the digits'. Dots and dashes, or what is far higher than the
    digits, do not count.
    """
    remaining = []
    for number, line in enumerate(candidates.lines):
        on_line = [k for k in digits if candidates.all[k].line == number]
        digit_of = {i: k for k in on_line for _, i in candidates.all[k].places}
        height = typical_height([candidates.all[k].component for k in on_line])
        for group in group_by_gap(line, WORD_GAP * height):
            read = sum(line[i].mask.sum() for i in group if i in digit_of)
            rejected = sum(
                line[i].mask.sum() for i in group if i not in digit_of and is_as_high(line[i], height)
            )
            if rejected <= MOST_REJECTED * read:
                remaining += sorted({digit_of[i] for i in group if i in digit_of}, key=on_line.index)
    return remaining


def is_as_high(component: Component, height: float) -> bool:
    """Whether a component is about as high as digits of some height: no dot or dash, nor far higher."""
    return FULL_HEIGHT * height <= component.height <= 2 * height
