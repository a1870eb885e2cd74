"""MLflow as the pipeline uses it: its store, and the runs and versions in it.

Only `train` (while it runs) and `register` write to MLflow. Everything a run holds can be made again from the files
that DVC keeps, so `register` fills a lost store again without training.
"""

import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.registry import store
from pipeline.registry.store import CHALLENGER as CHALLENGER
from pipeline.registry.store import CHAMPION as CHAMPION
from pipeline.registry.store import NAME as NAME
from pipeline.registry.store import StoreError

# The folder of a run's artifacts for what was made besides the reader and the reports.
ARTIFACTS = "files"

# Tags by which runs and versions are found again.
TRAINING = "training.digest"
IDENTITY = "reader.identity"
DECIDED = "promotion"  # of a version: what was decided on it, and why


def connect() -> None:
    """Open the store, and create the experiment if it is not there.

    Raises:
        StoreError: The store cannot be reached or opened.
    """
    root = store.repository()
    uri = store.tracking_uri(root)
    _open(uri)
    with reachable():
        if mlflow.get_experiment_by_name(NAME) is None:
            local = uri.startswith("sqlite:")
            mlflow.create_experiment(NAME, (root / "mlruns").as_uri() if local else None)
        mlflow.set_experiment(NAME)


@contextmanager
def existing_store() -> Iterator[None]:
    """Open the store as it is: unlike `connect`, this creates nothing.

    Raises:
        RegistryError: There is no store yet, or it cannot be reached or opened.
    """
    store.find_database()
    _open(store.tracking_uri())
    with reachable():
        yield


def _open(uri: str) -> None:
    # A server that is down must be reported within half a minute; MLflow would try for over ten.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Failures are raised; the rest is MLflow talking about itself.
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(uri)
    try:
        with reachable():
            mlflow.MlflowClient()
    # The driver of the database that the address names is not installed.
    except ImportError as error:
        raise StoreError(uri, store.summarize_error(error)) from None


@contextmanager
def reachable() -> Iterator[None]:
    """Report any failure of the store as a StoreError, which names its address and says what to do."""
    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError) as error:
        raise StoreError(mlflow.get_tracking_uri(), store.summarize_error(error)) from error


def training_run(digest: str, name: str) -> mlflow.ActiveRun:
    """Resume the run of this training if it was interrupted, or begin one."""
    interrupted = find_run(digest, finished=False)
    return mlflow.start_run(
        run_id=interrupted.info.run_id if interrupted else None,
        run_name=name,
        tags={TRAINING: digest},
        log_system_metrics=True,
    )


def log_epoch(epoch: int, metrics: dict[str, float]) -> None:
    """Log the metrics of an epoch, counted from 0, to the active run."""
    mlflow.log_metrics({f"train.{name}": value for name, value in metrics.items()}, step=epoch + 1)


def find_run(digest: str, *, finished: bool, identity: str | None = None) -> Run | None:
    """The newest run of the training `digest` that is finished, or that was interrupted.

    Runs that already describe another reader than `identity` are passed over: their metrics are that reader's.
    """
    runs = mlflow.search_runs(
        experiment_names=[NAME], filter_string=f"tags.`{TRAINING}` = '{digest}'", output_format="list"
    )
    for run in runs:
        if (run.info.status == "FINISHED") == finished and run.data.tags.get(IDENTITY, identity) == identity:
            return run
    return None


def find_version(identity: str) -> ModelVersion | None:
    """The version of the registered model whose files are those of `identity`."""
    found = mlflow.MlflowClient().search_model_versions(
        f"name = '{NAME}' and tags.`{IDENTITY}` = '{identity}'"
    )
    return found[0] if found else None


def find_alias(alias: str) -> ModelVersion | None:
    """The version that `alias` points to; None if there is no such alias, or no model yet."""
    try:
        return mlflow.MlflowClient().get_model_version_by_alias(NAME, alias)
    except MlflowException as error:
        # What MLflow says of an unknown model, and of an unknown alias.
        if error.error_code in (
            ErrorCode.Name(RESOURCE_DOES_NOT_EXIST),
            ErrorCode.Name(INVALID_PARAMETER_VALUE),
        ):
            return None
        raise


def find_model() -> RegisteredModel | None:
    """The registered model; None if nothing was registered yet."""
    client = mlflow.MlflowClient()
    found = client.search_registered_models(f"name = '{NAME}'")
    # Aliases are not among what a search returns.
    return client.get_registered_model(NAME) if found else None


def versions() -> list[ModelVersion]:
    """All versions of the registered model, the newest first."""
    found = mlflow.MlflowClient().search_model_versions(f"name = '{NAME}'")
    return sorted(found, key=lambda version: int(version.version), reverse=True)


def metrics_of(version: ModelVersion) -> dict[str, float]:
    """The metrics of a version's run; none if the run was deleted."""
    try:
        return dict(mlflow.get_run(str(version.run_id)).data.metrics)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return {}
        raise


def file_digest(path: Path) -> str:
    """MD5 of a file, in hexadecimal: what DVC writes into dvc.lock for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def git_state() -> dict[str, str]:
    """The commit that is checked out, and whether code and parameters are as they were committed.

    What `dvc repro` itself writes (dvc.lock, models/, reports/) does not count as a change. Without Git, or outside a
    repository, both are "unknown".
    """
    unknown = {"commit": "unknown", "clean": "unknown"}
    if shutil.which("git") is None:
        return unknown
    status = [
        "status",
        "--porcelain",
        "--",
        ".",
        ":(exclude)dvc.lock",
        ":(exclude)models",
        ":(exclude)reports",
    ]
    commit, changes = (
        subprocess.run(["git", *command], capture_output=True, text=True, check=False)
        for command in (["rev-parse", "HEAD"], status)
    )
    if commit.returncode or changes.returncode:
        return unknown
    return {"commit": commit.stdout.strip(), "clean": "no" if changes.stdout.strip() else "yes"}
