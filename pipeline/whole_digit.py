"""What the judge learns from: candidates of generated pages, and what it would meet there too seldom.

Letters and mirrored digits join those candidates that are no digit, and forms of digits that are rare in MNIST
those that are.
"""

import cv2
import numpy as np

from pipeline.letters import letters
from pipeline.reader.cut import Cutter
from pipeline.reader.views import NO_DIGIT, alone
from pipeline.strokes import numerals

# As many numerals and turned digits each as this share of the candidates; of letters and of MNIST's own digits.
SHARE, OF_LETTERS, OF_MNIST = 0.08, 0.15, 0.4
# Digits that are none once mirrored, turned by a quarter, or upside down.
MIRRORED, TURNED, UPSIDE_DOWN = (3, 4, 7, 9), (2, 3, 4, 5, 7), (4, 7)


def examples(
    images: np.ndarray,
    labels: np.ndarray,
    views: np.ndarray,
    truths: np.ndarray,
    cutter: Cutter,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """What the judge learns from.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        views: uint8 M×28×28×2, candidates as the judge sees them.
        truths: M integers, 0 to 9, or 10 for no whole digit.
        cutter: Parts digits that touch.
        seed: Decides letters and numerals, and which digits join.

    Returns:
        Views and truths, as those given, and more of both.
    """
    rng = np.random.default_rng(seed)
    count = max(1, round(SHARE * len(views)))
    some = rng.choice(len(images), min(len(images), round(OF_MNIST * len(views))), replace=False)
    drawn, values = numerals(count, rng)
    drawn_letters = letters(max(1, round(OF_LETTERS * len(views))), cutter, rng)
    turned = turned_digits(images[some[:count]], labels[some[:count]])
    none = np.concatenate([drawn_letters, alone(turned)])
    return (
        np.concatenate([views, alone(images[some]), alone(drawn), none]),
        np.concatenate([truths, labels[some], values, np.full(len(none), NO_DIGIT)]),
    )


def distort(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned, slanted, stretched and shifted a little: uint8 28×28×2, as it was."""
    matrix = np.eye(2) + rng.normal(0, 0.07, (2, 2))
    shift = 13.5 - matrix @ [13.5, 13.5] + rng.normal(0, 0.5, 2)
    return cv2.warpAffine(view, np.column_stack([matrix, shift]), (28, 28))


def turned_digits(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Strokes as a hand draws them, and yet no digits: uint8 N×28×28."""
    mirrored = images[np.isin(labels, MIRRORED)][:, :, ::-1]
    turned = np.rot90(images[np.isin(labels, TURNED)], axes=(1, 2))
    upside_down = images[np.isin(labels, UPSIDE_DOWN)][:, ::-1]
    return np.concatenate([mirrored, turned, upside_down])
