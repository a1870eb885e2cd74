"""A training that several devices or machines share comes out like that of one, within chance."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.entities import Run

from pipeline.common import paths
from pipeline.registry import tracking
from tests.conftest import PATIENCE, Project, free_port
from tests.test_pipeline import store_of

TRAIN = ("python", "-m", "pipeline.train")
# Two of a processor's devices stand in for two GPUs.
TRAIN_ON_TWO_DEVICES = (
    *("python", "-c"),
    """
import tensorflow as tf
from pipeline import train
from pipeline.learning import distribute
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
distribute.strategy = lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
train.train()
""",
)

# Without batch normalization and dropout, nothing is left to chance.
LINEAR_ON_ONE_AND_TWO_DEVICES = (
    *("python", "-c"),
    """
import keras, numpy as np, tensorflow as tf
from pipeline.common import paths
from pipeline.common.params import Recipe
from pipeline.learning import distribute, trainer
from pipeline.learning.digit_batches import DigitBatches

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
recipe = Recipe(
    epochs=2, batch_size=50, optimizer="adam", learning_rate=0.001, warmup=0.2, from_pages=0.0, augmentation=None
)

def trained(strategy):
    trainer.make_repeatable(1)
    with strategy.scope():
        model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        trainer.compile_model(model, recipe, "categorical_crossentropy")
    before = model.get_weights()[0]
    trainer.fit(model, DigitBatches(*paths.read_split("train"), size=50, seed=1, smallest=2), recipe)
    return before, distribute.weights(model, strategy)[0]

start, alone = trained(tf.distribute.get_strategy())
_, shared = trained(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
print("learned", np.abs(alone - start).max(), "apart", np.abs(alone - shared).max())
""",
)


# By then the averages of batch normalization have settled, which decide what a network of few steps makes of an image.
EPOCHS = 8


@pytest.fixture(scope="module")
def trained(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that one device trained for EPOCHS."""

    def train_longer(params: dict[str, Any]) -> None:
        # Slowly enough that to the end more than a few images decide the loss.
        params["recipes"][params["train"]["architecture"]] |= {"epochs": EPOCHS, "learning_rate": 0.003}

    project = built.copy(tmp_path_factory.mktemp("trained") / "project")
    project.set_params(train_longer)
    done = project.run(*TRAIN)
    assert done.returncode == 0, done.stdout
    return project


def history(project: Project) -> pd.DataFrame:
    return pd.read_csv(project.root / paths.HISTORY)


def trainings(project: Project) -> list[Run]:
    """The runs of a project."""
    client = store_of(project)
    experiment = client.get_experiment_by_name(tracking.NAME)
    assert experiment
    return list(client.search_runs([experiment.experiment_id]))


def assert_learned_alike(shared: Project, alone: Project) -> None:
    """Batch normalization sees half of each batch, so the same numbers cannot come out."""
    one, other = history(shared), history(alone)
    assert one["epoch"].tolist() == other["epoch"].tolist()
    assert one["loss"].to_numpy() == pytest.approx(other["loss"].to_numpy(), rel=0.25)
    # Three standard deviations of such a difference on 120 images.
    assert one["val_accuracy"].iloc[-1] == pytest.approx(other["val_accuracy"].iloc[-1], abs=0.12)


def test_two_machines_train_as_one(trained: Project, tmp_path: Path) -> None:
    workers = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    machines = [trained.copy(tmp_path / str(index)) for index in range(2)]
    processes = []
    for index, machine in enumerate(machines):
        (machine.root / paths.LITERT_MODEL).unlink()
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                TRAIN,
                cwd=machine.root,
                env=machine.environment | {"TF_CONFIG": json.dumps(task)},
                stdout=(machine.root / "log").open("wb"),
                stderr=subprocess.STDOUT,
            )
        )
    try:
        for process, machine in zip(processes, machines, strict=True):
            assert process.wait(PATIENCE) == 0, (machine.root / "log").read_text()
    finally:
        for process in processes:
            process.kill()
    first, second = ((machine.root / paths.LITERT_MODEL).read_bytes() for machine in machines)
    assert first == second
    assert first != (trained.root / paths.LITERT_MODEL).read_bytes()
    assert_learned_alike(machines[0], trained)
    # Each training is one run, and it is the first machine's.
    runs = [trainings(machine) for machine in machines]
    before = len(trainings(trained))
    assert [len(of_machine) for of_machine in runs] == [before + 1, before]
    assert all("train.seconds" in run.data.metrics for of_machine in runs for run in of_machine)


def test_two_devices_of_a_machine_train_as_one(trained: Project, tmp_path: Path) -> None:
    project = trained.copy(tmp_path / "project")
    done = project.run(*TRAIN_ON_TWO_DEVICES)
    assert done.returncode == 0, done.stdout
    assert (project.root / paths.LITERT_MODEL).read_bytes() != (
        trained.root / paths.LITERT_MODEL
    ).read_bytes()
    assert_learned_alike(project, trained)


def test_devices_share_out_the_batches_of_one(built: Project) -> None:
    done = built.run(*LINEAR_ON_ONE_AND_TWO_DEVICES)
    assert done.returncode == 0, done.stdout
    _, learned, _, apart = done.stdout.splitlines()[-1].split()
    # But for what the order of sums does to the last bits, which Adam enlarges where gradients are near 0.
    assert float(apart) < 0.02 * float(learned)


@pytest.mark.parametrize(
    "config", ["no JSON", '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 7}}']
)
def test_a_bad_tf_config_is_named(config: str, built: Project) -> None:
    done = built.run(*TRAIN, TF_CONFIG=config)
    assert done.returncode == 1
    assert "error: TF_CONFIG" in done.stdout
    assert "Traceback" not in done.stdout
