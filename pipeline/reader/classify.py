"""28×28 batch → calibrated probabilities."""

import numpy as np

from .network import Network


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
