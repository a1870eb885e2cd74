import numpy as np
import tensorflow as tf

from pipeline.learning.prefetch import in_background


def test_batches_come_in_order_each_with_its_own_size_and_type() -> None:
    made: list[int] = []

    def make(number: int) -> tuple[np.ndarray, np.ndarray]:
        made.append(int(number))
        size = 3 if number < 30 else 1
        return np.full((size, 2, 2), number, np.float32), np.full(size, number, np.uint8)

    dataset = in_background(
        make, 31, [tf.TensorSpec((None, 2, 2), tf.float32), tf.TensorSpec((None,), tf.uint8)]
    )
    batches = iter(dataset)
    next(batches)
    assert len(made) < 31, "not all of them are made at once"
    numbers = [(images.shape[0], int(values[0]), float(images[0, 0, 0])) for images, values in batches]
    assert numbers == [(3 if number < 30 else 1, number, float(number)) for number in range(1, 31)]


def test_tensorflow_does_not_wait_for_a_tuner_once_the_batches_are_used_up() -> None:
    dataset = in_background(
        lambda number: (np.zeros(1, np.float32),), 1, [tf.TensorSpec((None,), tf.float32)]
    )
    assert dataset.options().autotune.enabled is False
