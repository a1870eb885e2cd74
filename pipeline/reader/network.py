"""A network as LiteRT runs it."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Network:
    """A network with one input and one output, float32, whose first dimension is the batch.

    Args:
        model: A LiteRT model.
    """

    def __init__(self, model: bytes) -> None:
        # One thread: the networks are so small that more would wait for each other.
        self._interpreter = Interpreter(model_content=model, num_threads=1)
        taken, given = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._input, self._output = taken["index"], given["index"]
        self._batch = 0
        self.input_shape = tuple(map(int, taken["shape"][1:]))
        self.output_shape = tuple(map(int, given["shape"][1:]))

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """The output, float32 N×…, for a batch, float32 N×…."""
        if not len(batch):
            return np.empty((0, *self.output_shape), np.float32)
        if len(batch) != self._batch:
            self._interpreter.resize_tensor_input(self._input, batch.shape)
            self._interpreter.allocate_tensors()
            self._batch = len(batch)
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        output: np.ndarray = self._interpreter.get_tensor(self._output)
        return output
