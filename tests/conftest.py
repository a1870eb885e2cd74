"""A small project for the tests: a copy of this repository's code and stages, on data that need no network."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import mlflow
import numpy as np
import pytest
import yaml
from sklearn.datasets import load_digits

from pipeline.common.params import AnyBlock

Digits = tuple[np.ndarray, np.ndarray]

ROOT = Path(__file__).parents[1]
CODE = (
    *("pipeline", "dvc.yaml", "params.yaml", "pyproject.toml", ".gitignore", ".dvcignore"),
    *(
        ".dvc/config",
        ".dvc/.gitignore",
        "data/.gitignore",
        "data/raw/.gitignore",
        "data/prepared/.gitignore",
        "models/.gitignore",
    ),
)
# Long enough for one repro on a busy machine; a test that hangs ends by it.
PATIENCE = 300


@pytest.fixture(autouse=True)
def leave_no_store() -> Iterator[None]:
    """Let no test's MLflow store be the next one's: `mlflow.set_tracking_uri` outlasts the test."""
    yield
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # what it is before it is first set


class Project:
    """A repository with its own DVC cache and MLflow store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "MNIST_", "DVC_"))
        } | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            # MLflow asks for the machine's load every ten seconds; these trainings are over before that.
            "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1",
        }

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output holds stdout and stderr as a terminal shows them."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def repro(self, *arguments: str, **environment: str) -> str:
        """Run `dvc repro`, which must succeed, and return its output."""
        done = self.run("dvc", "repro", *arguments, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def kill(self, *command: str, when: Callable[[], bool]) -> None:
        """Start a command and kill it and its children, without notice, as soon as `when()` holds."""
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE
        try:
            while not when():
                assert process.poll() is None, "the command ended before the moment to kill it came"
                assert time.monotonic() < deadline, "the moment to kill the command never came"
                time.sleep(0.002)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def set_params(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text())
        change(params)
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def copy(self, to: Path) -> "Project":
        shutil.copytree(self.root, to, symlinks=True)
        return Project(to)


def make_small(params: dict[str, Any]) -> None:
    """Few epochs and pages, and mirrors where nobody answers: what is left is scikit-learn's sample."""
    port = free_port()
    for mirror in params["ingest"]["mirrors"]:
        mirror["urls"] = [f"http://127.0.0.1:{port}/{url.rsplit('/', 1)[1]}" for url in mirror["urls"]]
    for recipe in params["recipes"].values():
        recipe["epochs"] = 3
    params["splitter"] |= {"pages": 30, "epochs": 1}
    params["candidates"] |= {"pages": 30}
    params["verifier"] |= {"epochs": 1}
    params["evaluate"] = {"pages": 30, "calibration_pages": 10}
    params["gate"]["smallest"] = {"test": 100, "pages": 10, "feedback": 5}


def settings(kind: type[AnyBlock], *keys: str, **changes: Any) -> AnyBlock:
    """A block of this repository's params.yaml, with changes."""
    block = yaml.safe_load((ROOT / "params.yaml").read_text())
    for key in keys:
        block = block[key]
    return kind.model_validate(block | changes)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project as it was cloned; copy it before changing it."""
    project = Project(tmp_path_factory.mktemp("fresh") / "project")
    for name in CODE:
        source, target = ROOT / name, project.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    project.set_params(make_small)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    for arguments in (
        ("init", "--quiet"),
        ("add", "."),
        (*identity, "commit", "--quiet", "--message", "Start"),
    ):
        assert project.run("git", *arguments).returncode == 0
    return project


@pytest.fixture(scope="session")
def built(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first `dvc repro`, whose output is in `first.log`; copy it before changing it."""
    project = fresh.copy(tmp_path_factory.mktemp("built") / "project")
    (project.root / "first.log").write_text(project.repro())
    return project


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an MLflow store with nothing in it, to be copied: making one takes seconds."""
    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator["Server"]:
    folder = tmp_path / "mlflow"
    server = Server(folder, f"sqlite:///{folder}/server.db", str(folder / "artifacts"))
    yield server
    server.stop()


class Server:
    """A real `mlflow server`, not yet started: its folder, and where runs and their files go."""

    def __init__(self, folder: Path, store: str, artifacts: str) -> None:
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self._store, self._artifacts = store, artifacts
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1"),
                *("--backend-store-uri", self._store, "--artifacts-destination", self._artifacts),
            ],
            cwd=self.folder,
            stdout=(self.folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def splitter_model(folder: Path, share: float) -> bytes:
    """A network for the splitter that takes for a split where less than a share of a column is ink."""
    import keras

    from pipeline.reader.split import ROWS, WINDOW

    sums = keras.layers.Conv2D(1, (2 * ROWS - 1, 1), padding="same")
    network = keras.Sequential([keras.Input((ROWS, WINDOW, 1)), sums])
    sums.set_weights([np.full((2 * ROWS - 1, 1, 1, 1), -4.0), np.array([4.0 * share * ROWS])])
    path = folder / "splitter.tflite"
    network.export(str(path), format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture(scope="session")
def cuts_bridges(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of a splitter that parts what hangs together by a thin bridge."""
    return splitter_model(tmp_path_factory.mktemp("bridges"), 0.09)


@pytest.fixture(scope="session")
def cuts_nothing(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of a splitter that parts nothing."""
    return splitter_model(tmp_path_factory.mktemp("nothing"), -1)


@pytest.fixture(scope="session")
def digits() -> Digits:
    """Handwritten digits of the size of MNIST's: uint8 N×28×28 and their values."""
    data = load_digits()
    large = [cv2.resize(image, (20, 20), interpolation=cv2.INTER_CUBIC) for image in data.images[:400] * 16]
    images = np.pad(np.stack(large).clip(0, 255), ((0, 0), (4, 4), (4, 4)))
    return images.astype(np.uint8), data.target[:400]
