"""A real MLflow store with a registered reader whose networks are the simplest there can be."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

READER = Path(__file__).parents[2] / "pipeline" / "reader"


@dataclass(frozen=True)
class Store:
    """An MLflow store: its tracking URI, and a way to register one more version as champion.

    `register(suffix)` appends Python source to the version's reader.py and returns the version.
    """

    uri: str
    register: Callable[[str], str]


@pytest.fixture(scope="session")
def networks(cuts_nothing: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Networks that take everything for a 7, as LiteRT files, and their calibration."""
    import keras

    folder = tmp_path_factory.mktemp("networks")
    for name, channels, classes in (("digits", 1, 10), ("verifier", 2, 11)):
        dense = keras.layers.Dense(classes, activation="softmax", kernel_initializer="zeros")
        network = keras.Sequential([keras.Input((28, 28, channels)), keras.layers.Flatten(), dense])
        dense.bias.assign(6.0 * np.eye(classes)[7])
        network.export(str(folder / f"{name}.tflite"), format="litert", verbose=False)
    (folder / "splitter.tflite").write_bytes(cuts_nothing)
    (folder / "calibration.json").write_text(json.dumps({"temperature": 1.0}))
    return {
        "digits": folder / "digits.tflite",
        "cutter": folder / "splitter.tflite",
        "judge": folder / "verifier.tflite",
        "calibration": folder / "calibration.json",
    }


def make_store(folder: Path, networks: dict[str, Path]) -> Store:
    import mlflow

    uri = f"sqlite:///{folder / 'mlflow.db'}"

    def register(suffix: str = "") -> str:
        code = folder / "code"
        shutil.rmtree(code, ignore_errors=True)
        shutil.copytree(READER, code, ignore=shutil.ignore_patterns("__pycache__"))
        with (code / "reader.py").open("a") as file:
            file.write(suffix)
        with pytest.MonkeyPatch.context() as patch:
            # mlflow.set_tracking_uri would outlast the test.
            patch.setenv("MLFLOW_TRACKING_URI", uri)
            client = mlflow.MlflowClient()
            known = client.get_experiment_by_name("digit-reader")
            experiment = (
                known.experiment_id
                if known
                else client.create_experiment("digit-reader", (folder / "artifacts").as_uri())
            )
            with mlflow.start_run(experiment_id=experiment):
                info = mlflow.pyfunc.log_model(
                    name="reader",
                    python_model=str(code / "mlflow_model.py"),
                    artifacts={"code": str(code), **{name: str(path) for name, path in networks.items()}},
                    pip_requirements=["mlflow"],
                    registered_model_name="digit-reader",
                )
            version = str(info.registered_model_version)
            client.set_registered_model_alias("digit-reader", "champion", version)
        shutil.rmtree(code)
        return version

    return Store(uri, register)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, networks: dict[str, Path]) -> Store:
    """A store with one version, the champion."""
    made = make_store(tmp_path_factory.mktemp("store"), networks)
    made.register("")
    return made


@pytest.fixture
def own_store(
    tmp_path: Path, store: Store, networks: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Store:
    """A copy of the store that a test may change; it is the one in use meanwhile."""
    shutil.copy(store.uri.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    made = make_store(tmp_path, networks)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.uri)
    return made


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a picture of two digits, one of one, an empty sheet, and a file that is no picture."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for name, text in (("two.png", "7 7"), ("more/one.jpg", "7"), ("sheet.png", "")):
        sheet = np.full((200, 300), 245, np.uint8)
        cv2.putText(sheet, text, (60, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 8, cv2.LINE_AA)
        cv2.imwrite(str(folder / name), sheet)
    (folder / "notes.txt").write_text("milk, bread")
    (folder / ".hidden").write_text("not to be read")
    return folder
