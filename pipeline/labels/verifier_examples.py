"""What the verifier learns from: candidates of generated pages, and what it would meet there too seldom.

Letters and mirrored digits join those candidates that are no digit, and forms of digits that are rare in MNIST
those that are.
"""

import cv2
import numpy as np

from pipeline.common.params import Distortion, Mixture
from pipeline.reader.crops import NO_DIGIT, crop_alone
from pipeline.reader.split import Splitter
from pipeline.synthetic.digit_forms import draw_digits
from pipeline.synthetic.letter_forms import draw_letters

# Digits that are none once mirrored, turned by a quarter, or upside down.
MIRRORED, TURNED, UPSIDE_DOWN = (3, 4, 7, 9), (2, 3, 4, 5, 7), (4, 7)


def add_examples(
    images: np.ndarray,
    labels: np.ndarray,
    crops: np.ndarray,
    truths: np.ndarray,
    splitter: Splitter,
    mixture: Mixture,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """What the verifier learns from.

    Args:
        images: uint8 N×28×28 of training digits, ink bright on 0.
        labels: N integers from 0 to 9.
        crops: uint8 M×28×28×2, candidates as the verifier sees them.
        truths: M integers, 0 to 9, or 10 for no whole digit.
        splitter: Parts digits that touch.
        mixture: How much joins the candidates, as shares of their number.
        seed: Decides letters and drawn digits, and which digits join.

    Returns:
        Crops and truths, as those given, and more of both.
    """
    rng = np.random.default_rng(seed)
    count = max(1, round(mixture.drawn * len(crops)))
    some = rng.choice(len(images), min(len(images), round(mixture.mnist * len(crops))), replace=False)
    drawn, values = draw_digits(count, rng)
    drawn_letters = draw_letters(max(1, round(mixture.letters * len(crops))), splitter, rng)
    turned = turned_digits(images[some[:count]], labels[some[:count]])
    none = np.concatenate([drawn_letters, crop_alone(turned)])
    return (
        np.concatenate([crops, crop_alone(images[some]), crop_alone(drawn), none]),
        np.concatenate([truths, labels[some], values, np.full(len(none), NO_DIGIT)]),
    )


def distort(crop: np.ndarray, distortion: Distortion, rng: np.random.Generator) -> np.ndarray:
    """Turned, slanted, stretched and shifted a little: uint8 28×28×2, as it was."""
    matrix = np.eye(2) + rng.normal(0, distortion.linear, (2, 2))
    shift = 13.5 - matrix @ [13.5, 13.5] + rng.normal(0, distortion.shift, 2)
    return cv2.warpAffine(crop, np.column_stack([matrix, shift]), (28, 28))


def turned_digits(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Strokes as a hand draws them, and yet no digits: uint8 N×28×28."""
    mirrored = images[np.isin(labels, MIRRORED)][:, :, ::-1]
    turned = np.rot90(images[np.isin(labels, TURNED)], axes=(1, 2))
    upside_down = images[np.isin(labels, UPSIDE_DOWN)][:, ::-1]
    return np.concatenate([mirrored, turned, upside_down])
