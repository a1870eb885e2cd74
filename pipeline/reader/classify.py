"""28×28 batch → calibrated probabilities."""

import numpy as np

from .network import Network


class Classifier:
    """A network that tells what a 28×28 picture shows.

    Args:
        model: A LiteRT model, float32 N×28×28×1 of 0 to 1 in, softmax N×C out.
        temperature: Divides the logits; fitted so that probabilities are true frequencies (Guo et al. 2017,
            "On calibration of modern neural networks").
    """

    def __init__(self, model: bytes, temperature: float = 1.0) -> None:
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.temperature = temperature
        self._network = Network(model)

    def probabilities(self, digits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32 N×C, of uint8 N×28×28 digits, ink bright on 0."""
        if digits.ndim != 3 or digits.shape[1:] != (28, 28) or digits.dtype != np.uint8:
            raise ValueError(
                f"digits must be uint8 N×28×28, got {digits.dtype} {'×'.join(map(str, digits.shape))}"
            )
        powers = self._network(digits[..., None].astype(np.float32) / 255) ** np.float32(1 / self.temperature)
        return powers / powers.sum(axis=1, keepdims=True)
