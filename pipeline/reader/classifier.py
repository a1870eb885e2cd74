"""28×28 batch → calibrated probabilities."""

import cv2
import numpy as np

from .network import Network
from .normalize import CENTRE

# Below this probability (1.3 % of validation images, 3.7 % of digits on pages) a digit is looked at again, at these
# sizes: some strokes run together, or come apart, at one size and not at another.
SURE_ENOUGH = 0.99
LOOK_SIZES = (0.9, 1.1)


class Classifier:
    """A network that tells what a 28×28 picture shows.

    Args:
        model: A LiteRT model, float32 N×28×28×K of 0 to 1 in, softmax N×C out.
        temperature: Divides the logits; fitted so that probabilities are true frequencies (Guo et al. 2017,
            "On calibration of modern neural networks").
    """

    def __init__(self, model: bytes, temperature: float = 1.0) -> None:
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.temperature = temperature
        self._network = Network(model)

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32 N×C, of uint8 N×28×28, or N×28×28×K, ink bright on 0."""
        batch = pictures[..., None] if pictures.ndim == 3 else pictures
        expected = self._network.input_shape
        if batch.shape[1:] != expected or batch.dtype != np.uint8:
            raise ValueError(
                f"pictures must be uint8 N×{'×'.join(map(str, expected))}, "
                f"got {pictures.dtype} {'×'.join(map(str, pictures.shape))}"
            )
        powers = self._network(batch.astype(np.float32) / 255) ** np.float32(1 / self.temperature)
        return powers / powers.sum(axis=1, keepdims=True)


class TTAClassifier(Classifier):
    """A classifier of single digits that looks again, at other sizes, at those of which it is unsure.

    Their probabilities are the mean of what it says each time (Krizhevsky et al. 2012, "ImageNet classification with
    deep convolutional neural networks", section 4.1). Of MNIST's digits it is unsure of about one in a hundred.
    """

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32 N×C, of uint8 N×28×28, ink bright on 0."""
        classify = super().probabilities
        probabilities = classify(pictures)
        unsure = probabilities.max(axis=1) < SURE_ENOUGH
        if unsure.any():
            again = [classify(resize_digits(pictures[unsure], size)) for size in LOOK_SIZES]
            probabilities[unsure] = np.mean([probabilities[unsure], *again], axis=0)
        return probabilities


def resize_digits(pictures: np.ndarray, size: float) -> np.ndarray:
    """Pictures, uint8 N×28×28, with what they show so many times as large, about their centre."""
    move = CENTRE * (1 - size)
    matrix = np.array([[size, 0, move], [0, size, move]])
    return np.stack([cv2.warpAffine(picture, matrix, picture.shape) for picture in pictures])
