"""How every network learns: by batches made in the background, at a rate that climbs and then falls."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.common.params import Training
from pipeline.learning.callbacks import BeginEpoch, LearningRate
from pipeline.learning.muon import Muon
from pipeline.learning.prefetch import Batches


def make_repeatable(seed: int) -> None:
    """Let all chance follow from `seed`, in a TensorFlow that repeats itself bit by bit.

    What the determinism costs is in README.md, under "The same weights again".
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def compile_model(model: keras.Model, settings: Training, loss: Any, metrics: Sequence[str] = ()) -> None:
    """Give the model its loss and its optimizer; `fit` sets the learning rate."""
    rate, decay = settings.learning_rate, settings.weight_decay
    optimizers = {
        "adam": lambda: keras.optimizers.Adam(rate),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=decay),
        "muon": lambda: Muon(model.layers[-1], rate, decay),
    }
    # XLA ("auto" compiles with it where it can) took four times as long for these convolutions on CPUs.
    model.compile(optimizers[settings.optimizer](), loss=loss, metrics=list(metrics), jit_compile=False)
    # `fit` would do so in the first step, and then trace the step a second time; a backup loads into what exists.
    model.optimizer.build(model.trainable_variables)


def fit(
    model: keras.Model,
    batches: Batches,
    settings: Training,
    *,
    validation: Batches | None = None,
    first_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    precision: type[np.floating] = np.float32,
) -> None:
    """Train a compiled model for `settings.epochs`.

    Args:
        batches: What it learns from.
        validation: What it is evaluated on after each epoch.
        first_epoch: The epoch to begin with, counted from 0; those before it count for the learning rate.
        callbacks: Called after those that begin an epoch and set the rate.
        precision: Of `learning_rates`.
    """
    rates = learning_rates(settings, settings.epochs * len(batches), precision)
    model.fit(
        batches.dataset(),
        validation_data=validation.dataset() if validation else None,
        epochs=settings.epochs,
        initial_epoch=first_epoch,
        callbacks=[BeginEpoch(batches), LearningRate(rates, len(batches)), *callbacks],
        shuffle=False,  # the batches are shuffled; Keras would do so again, by chance that a backup does not hold
        verbose=1 if sys.stdout.isatty() else 2,
    )


def learning_rates(
    settings: Training, steps: int, precision: type[np.floating] = np.float32
) -> Callable[[int], Any]:
    """The learning rate of each of so many steps, by the step's number from 0.

    Args:
        precision: In which rates are computed. The last bit of a rate decides the bytes of the weights: the digits'
            network that is in use was trained by rates computed in float64 and rounded, the others in float32.
    """
    if settings.warmup is None:
        return lambda step: settings.learning_rate
    climbing = int(settings.warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        precision(settings.start * settings.learning_rate),
        steps - climbing + int(settings.overrun * steps),
        warmup_target=precision(settings.learning_rate),
        warmup_steps=climbing,
    )
