"""Numbers that stay while a video runs: what was read in single frames, followed over time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.reader.reading import Box, Digit, Reading

# A digit of the next frame is the same one if the boxes overlap by this share of their union, or the centres
# are nearer than this share of the height.
_OVERLAP, _NEAR = 0.25, 0.5
# What earlier frames say counts this share of what the next one says.
_MEMORY = 0.8
# A digit is shown once it was read in so many frames, and until it was missed in so many in a row.
_SHOWN_AFTER, _GONE_AFTER = 3, 8
# Share of the way that a shown box goes to the new one in each frame.
_EASE = 0.8


@dataclass
class _Track:
    """One digit that is followed.

    Attributes:
        votes: Sum of the confidences of each of the ten digits, older ones fading.
        box: x, y, width, height in pixels, eased.
        last: As it was read the last time that what is shown was read.
    """

    votes: np.ndarray
    box: np.ndarray
    last: Digit
    seen: int = 0
    missed: int = 0

    def see(self, digit: Digit) -> None:
        self.votes = self.votes * _MEMORY
        self.votes[digit.digit] += digit.confidence
        self.box = self.box + _EASE * (np.array(digit.box, float) - self.box)
        # A frame that says otherwise changes nothing of what is shown until it has the most votes.
        shown = digit if digit.digit == self.votes.argmax() else self.last
        self.last = replace(shown, line=digit.line)
        self.seen += 1
        self.missed = 0

    def digit(self) -> Digit:
        x, y, width, height = (round(side) for side in self.box)
        agreed = float(self.votes[self.last.digit] / self.votes.sum())
        return replace(self.last, confidence=min(self.last.confidence, agreed), box=(x, y, width, height))


class Smoother:
    """Follows the digits of a video."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []

    def follow(self, reading: Reading) -> Reading:
        """The reading of the next frame, without what flickers.

        A digit appears after three frames and goes after eight in which it was not read; it changes when most of
        what was read lately says so.
        """
        unseen = list(self._tracks)
        for digit in reading.digits:
            track = _nearest(digit.box, unseen)
            if track is None:
                track = _Track(np.zeros(10), np.array(digit.box, float), digit)
                self._tracks.append(track)
            else:
                unseen.remove(track)
            track.see(digit)
        for track in unseen:
            track.missed += 1
        # What was hardly ever read was a mistake; it goes at once.
        self._tracks = [track for track in self._tracks if track.missed < min(_GONE_AFTER, track.seen + 1)]
        shown = [track.digit() for track in self._tracks if track.seen >= _SHOWN_AFTER]
        shown.sort(key=lambda digit: (digit.line, digit.box[0]))
        return replace(reading, digits=tuple(shown))


def _nearest(box: Box, tracks: Sequence[_Track]) -> _Track | None:
    """The track that the box goes on with; None if all are elsewhere."""
    fits = [(_fit(np.array(box, float), track.box), k) for k, track in enumerate(tracks)]
    best, k = max(fits, default=(0.0, 0))
    return tracks[k] if best > 0 else None


def _fit(one: np.ndarray, other: np.ndarray) -> float:
    """How well two boxes agree, above 0 if they may be the same digit's."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    overlap = common / float(one[2] * one[3] + other[2] * other[3] - common)
    distance = float(np.linalg.norm(one[:2] + one[2:] / 2 - other[:2] - other[2:] / 2))
    nearness = 1 - distance / (_NEAR * max(one[3], other[3], 1))
    return max(overlap if overlap > _OVERLAP else 0.0, 0.5 * nearness)
