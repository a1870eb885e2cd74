"""28×28 batch → calibrated probabilities, through LiteRT."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Classifier:
    """A network that tells what a 28×28 picture shows.

    Args:
        model: A LiteRT model, float32 N×28×28×1 of 0 to 1 in, softmax N×C out.
        temperature: Divides the logits; fitted so that probabilities are true frequencies (Guo et al. 2017,
            "On calibration of modern neural networks").
        threads: Threads of one call.
    """

    def __init__(self, model: bytes, temperature: float = 1.0, threads: int = 1) -> None:
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.temperature = temperature
        self._interpreter = Interpreter(model_content=model, num_threads=threads)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._classes = int(self._interpreter.get_output_details()[0]["shape"][1])
        self._batch = 0

    def probabilities(self, digits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float32 N×C, of uint8 N×28×28 digits, ink bright on 0."""
        if digits.ndim != 3 or digits.shape[1:] != (28, 28) or digits.dtype != np.uint8:
            raise ValueError(
                f"digits must be uint8 N×28×28, got {digits.dtype} {'×'.join(map(str, digits.shape))}"
            )
        if not len(digits):
            return np.empty((0, self._classes), np.float32)
        if len(digits) != self._batch:
            self._interpreter.resize_tensor_input(self._input, (len(digits), 28, 28, 1))
            self._interpreter.allocate_tensors()
            self._batch = len(digits)
        self._interpreter.set_tensor(self._input, digits[..., None].astype(np.float32) / 255)
        self._interpreter.invoke()
        powers = self._interpreter.get_tensor(self._output) ** np.float32(1 / self.temperature)
        return powers / powers.sum(axis=1, keepdims=True)
