"""What all trainings have in common."""

import math

import keras
import numpy as np
import pytest

from pipeline.common.params import Splitter, Training
from pipeline.learning import networks, trainer
from pipeline.learning.digit_batches import DigitBatches
from tests.conftest import settings

WARMED = Training(epochs=10, batch_size=16, optimizer="adam", learning_rate=0.01, warmup=0.2, start=0.05)


def test_the_rate_climbs_over_the_warm_up_and_falls_to_zero() -> None:
    rates = [float(trainer.learning_rates(WARMED, 40)(step)) for step in range(41)]
    climb = [0.01 * (1 + 19 * step / 8) / 20 for step in range(8)]
    fall = [0.01 * (1 + math.cos(math.pi * step / 32)) / 2 for step in range(33)]
    assert rates == pytest.approx(climb + fall, rel=1e-5, abs=1e-9)


def test_an_overrun_leaves_a_rate_at_the_end() -> None:
    rates = trainer.learning_rates(settings(Splitter, "splitter"), 1000)
    assert float(rates(0)) == pytest.approx(0.0001)
    assert float(rates(200)) == pytest.approx(0.004)
    # Four fifths of the half cosine.
    assert float(rates(1000)) == pytest.approx(0.004 * (1 + math.cos(0.8 * math.pi)) / 2)


def test_without_warm_up_the_rate_stays() -> None:
    constant = WARMED.model_copy(update={"warmup": None})
    assert {trainer.learning_rates(constant, 40)(step) for step in range(40)} == {0.01}


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_each_step_has_its_rate_whatever_the_epoch_that_a_training_begins_with(
    precision: type[np.floating],
) -> None:
    """One that was interrupted goes on with the rate it had."""
    batches = DigitBatches(np.zeros((50, 28, 28), np.uint8), np.arange(50) % 10, WARMED.batch_size, seed=3)
    model = networks.build("quick_cnn")
    trainer.compile_model(model, WARMED, "categorical_crossentropy")
    had = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: had.append(float(model.optimizer.learning_rate))
    )
    for first, last in ((0, 4), (4, 10)):
        part = WARMED.model_copy(update={"epochs": last})
        rates = trainer.learning_rates(part, last * len(batches), precision)
        trainer.fit(model, batches, part, first_epoch=first, callbacks=[watch], precision=precision)
        assert had == [float(np.float32(rates(step))) for step in range(first * 4, last * 4)]
        had.clear()
