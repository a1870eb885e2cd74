"""Readings of a video without flicker: digits are tracked from frame to frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.reader.reading import Box, Digit, Reading

# Two boxes show the same digit if they overlap by this share of their union (intersection over union), or if their
# centres are closer than this share of their height.
_OVERLAP, _NEAR = 0.25, 0.5
# Votes of earlier frames are multiplied by this at each frame.
_MEMORY = 0.8
# A digit appears once it has been read in this many frames, and goes once it was missed in this many in a row.
_SHOWN_AFTER, _GONE_AFTER = 3, 8
# At each frame a box moves this share of the way to where the digit is now.
_EASE = 0.8


@dataclass
class _Track:
    """One digit that is tracked.

    Attributes:
        votes: The confidences of each of the ten digits summed over the frames, older ones fading.
        box: x, y, width, height in pixels, smoothed.
        last: The latest reading of the digit that is shown.
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
        # A different reading is not shown until it has the most votes.
        shown = digit if digit.digit == self.votes.argmax() else self.last
        self.last = replace(shown, line=digit.line)
        self.seen += 1
        self.missed = 0

    def digit(self) -> Digit:
        x, y, width, height = (round(side) for side in self.box)
        agreed = float(self.votes[self.last.digit] / self.votes.sum())
        return replace(self.last, confidence=min(self.last.confidence, agreed), box=(x, y, width, height))


class Smoother:
    """Tracks the digits of a video."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []

    def follow(self, reading: Reading) -> Reading:
        """Take in the reading of the next frame, and return it without flicker.

        A digit appears after three frames, goes after eight in which it was not read, and changes when most of its
        recent readings agree.
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
        # Digits that were read in few frames go sooner: most are mistakes.
        self._tracks = [track for track in self._tracks if track.missed < min(_GONE_AFTER, track.seen + 1)]
        shown = [track.digit() for track in self._tracks if track.seen >= _SHOWN_AFTER]
        shown.sort(key=lambda digit: (digit.line, digit.box[0]))
        return replace(reading, digits=tuple(shown))


def _nearest(box: Box, tracks: Sequence[_Track]) -> _Track | None:
    """The track that the box continues; None if all are elsewhere."""
    fits = [(_fit(np.array(box, float), track.box), k) for k, track in enumerate(tracks)]
    best, k = max(fits, default=(0.0, 0))
    return tracks[k] if best > 0 else None


def _fit(one: np.ndarray, other: np.ndarray) -> float:
    """How well two boxes agree; above 0 if they may show the same digit."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    overlap = common / float(one[2] * one[3] + other[2] * other[3] - common)
    distance = float(np.linalg.norm(one[:2] + one[2:] / 2 - other[:2] - other[2:] / 2))
    nearness = 1 - distance / (_NEAR * max(one[3], other[3], 1))
    return max(overlap if overlap > _OVERLAP else 0.0, 0.5 * nearness)
