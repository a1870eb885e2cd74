"""Put the reader into MLflow's registry, and make it champion if the gate lets it pass.

    python -m pipeline.register

Runs on each `dvc repro`, whatever was rebuilt, and ends in the same state however often it runs: a reader that is
registered already is not registered again, and a store that was lost is filled again from the files that are in Git.
In a fresh clone these are all there is: datasets and Keras's files are logged where they are there, and nothing that
only a build needs is imported. Killed at any point, the next run finishes what is missing.
"""

import base64
import hashlib
import warnings
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import cv2
import mlflow
import numpy as np
import pandas as pd
import yaml
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from pipeline.common import params, paths
from pipeline.common.stage import run
from pipeline.evaluation import comparison
from pipeline.mnist.record import SAMPLE, sha256
from pipeline.reader.version import digest_code
from pipeline.registry import gate, promotion, tracking

LOCK = Path("dvc.lock")
# Distributions that the reader needs to read; the versions installed here go with the model.
REQUIREMENTS = ("mlflow", "ai-edge-litert", "numpy", "opencv-python-headless", "pillow")

BLOCKS: dict[str, type[params.Block]] = {
    "base": params.Base,
    "preprocess": params.Preprocess,
    "splitter": params.Splitter,
    "candidates": params.Candidates,
    "verifier": params.Verifier,
    "feedback": params.Feedback,
    "train": params.Train,
    "evaluate": params.Evaluate,
    "gate": params.Gate,
}


def register() -> None:
    """Register the reader unless it is registered, and decide whether it becomes the champion."""
    summary = paths.read_json(paths.TRAINING)
    metrics = paths.read_json(paths.METRICS)
    identity = reader_identity()
    tracking.connect()
    with tracking.reachable():
        version = tracking.find_version(identity)
        if version is None:
            described = describe_run(summary, metrics, identity)
            version = register_version(described, metrics, identity)
            print(f"Registered {tracking.NAME} version {version.version}.")
        else:
            print(f"{tracking.NAME} version {version.version} is this reader; nothing to register.")
        decide(version, metrics)


def reader_identity() -> str:
    """SHA-256 over all that makes up a version, and over what was measured of it."""
    digest = hashlib.sha256()
    for path in [*paths.READER_PARTS.values(), paths.METRICS]:
        content = digest_code(path) if path.is_dir() else sha256(path)
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()


def describe_run(summary: dict[str, Any], metrics: dict[str, Any], identity: str) -> Run:
    """The run of the training, with all that is known of the reader; made again where the store lost it."""
    trained = tracking.find_run(summary["digest"], finished=True, identity=identity)
    with mlflow.start_run(
        run_id=trained.info.run_id if trained else None,
        run_name=summary["architecture"],
        tags={tracking.TRAINING: summary["digest"], tracking.IDENTITY: identity},
    ) as active:
        if trained is None:
            log_history()
            mlflow.set_tag("restored", "from files, without training")
        mlflow.set_tags(provenance(metrics))
        mlflow.log_params(flatten(parameters() | {"recipe": summary["recipe"]}))
        mlflow.log_param("parameters", summary["parameters"])
        mlflow.log_metrics(numbers(metrics))
        log_datasets(metrics)
        mlflow.log_artifacts(str(paths.REPORTS), "reports")
        for path in (paths.KERAS_MODEL, paths.HDF5_MODEL, paths.TRAINING, paths.READINGS, params.PARAMS):
            if path.exists():
                mlflow.log_artifact(str(path), tracking.ARTIFACTS)
        return active


def parameters() -> dict[str, Any]:
    """The blocks of params.yaml that have a share in a version; of the recipes, the one used is in training.json."""
    return {name: params.read(block, name).model_dump() for name, block in BLOCKS.items()}


def log_history() -> None:
    """The metrics of each epoch, as `train` logs them while it runs."""
    history = pd.read_csv(paths.HISTORY)
    for epoch, *metrics in history.itertuples(index=False):
        tracking.log_epoch(epoch - 1, dict(zip(history.columns[1:], metrics, strict=True)))


def provenance(metrics: dict[str, Any]) -> dict[str, str]:
    """Tags that say which data and files made this reader, by the hashes in dvc.lock.

    Which commit trained it, and on which machine, `train` has written there.
    """
    try:
        stages = yaml.safe_load(LOCK.read_text())["stages"].values()
    except FileNotFoundError:  # the stages were run without DVC
        stages = []
    made = [out for stage in stages for out in stage.get("outs", [])]
    return {"data.source": metrics["data"]["source"]} | {
        f"md5.{out['path']}": out["md5"] for out in made if out["path"].startswith(("data/", "models/"))
    }


def log_datasets(metrics: dict[str, Any]) -> None:
    """The splits as the run's inputs, with DVC's hashes as their digests."""
    for split, context in (("train", "training"), ("validation", "validation"), ("test", "testing")):
        path = paths.split_path(split)
        if not path.exists():
            continue
        images, labels = paths.read_split(split)
        with warnings.catch_warnings():
            # A path could be one of two kinds of source, MLflow says; they are the same class.
            warnings.filterwarnings("ignore", message="The specified dataset source can be interpreted")
            dataset = from_numpy(
                images,
                source=path.as_posix(),
                targets=labels,
                name=f"mnist-{split}",
                digest=tracking.file_digest(path),
            )
        mlflow.log_input(dataset, context=context, tags={"source": metrics["data"]["source"]})


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Those leaves of reports/metrics.json that are numbers, named by their path."""
    return {name: value for name, value in flatten(metrics).items() if isinstance(value, int | float)}


def register_version(described: Run, metrics: dict[str, Any], identity: str) -> ModelVersion:
    """Log the reader as a model of its run, and register it."""
    with mlflow.start_run(run_id=described.info.run_id):
        model = mlflow.pyfunc.log_model(
            name="reader",
            python_model=str(paths.READER_PARTS["code"] / "mlflow_model.py"),
            artifacts={
                name: str(path.resolve())
                for name, path in {**paths.READER_PARTS, "card": paths.MODEL_CARD}.items()
            },
            input_example=example(),
            pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],
        )
    tags = {tracking.IDENTITY: identity, "data.source": metrics["data"]["source"]}
    return mlflow.register_model(model.model_uri, tracking.NAME, tags=tags)


def example() -> list[str]:
    """What the model takes, as JSON holds it: a drawn 7 as PNG in base64."""
    drawing = np.full((100, 100), 255, np.uint8)
    cv2.polylines(drawing, [np.array([(25, 20), (75, 20), (45, 80)])], False, 0, 8)
    _, png = cv2.imencode(".png", drawing)
    return [base64.b64encode(png.tobytes()).decode()]


def decide(version: ModelVersion, metrics: dict[str, Any]) -> None:
    """Make the version challenger and, if the gate has no objection, champion.

    A version is decided upon once: whoever later moves the alias by hand is not overruled by the next repro.
    """
    number = str(version.version)
    champion = tracking.find_alias(tracking.CHAMPION)
    if champion is None:
        promotion.promote(number, "the first version")
        print(f"Version {number} is champion: the first version.")
        return
    if tracking.DECIDED in version.tags:
        return
    if str(champion.version) == number:
        # Killed between the promotion and its trace.
        promotion.promote(number, "passed the gate")
        return
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(tracking.NAME, tracking.CHALLENGER, number)
    reasons, table = examine(champion, metrics)
    decision = "; ".join(reasons) or f"passed the gate against version {champion.version}"
    verdict = "challenger" if reasons else "champion"
    client.update_model_version(tracking.NAME, number, f"**{verdict.capitalize()}**: {decision}.\n\n{table}")
    if reasons:
        client.set_model_version_tag(
            tracking.NAME, number, tracking.DECIDED, f"stayed challenger: {decision}"
        )
    else:
        promotion.promote(number, decision)
    print(f"Version {number} is {verdict}: {decision}.\n{table}")


def examine(champion: ModelVersion, metrics: dict[str, Any]) -> tuple[list[str], str]:
    """Compare the new version with the champion on the same pictures.

    Returns:
        Why the new version must not take the champion's place, empty if it may; and the comparison as a table.
    """
    if metrics["data"]["source"] == SAMPLE != champion.tags["data.source"]:
        return ["it was trained on the embedded sample, the champion on real data"], ""
    settings = params.read(params.Gate, "gate")
    challenger = comparison.load(paths.READINGS)
    readings = challenger.rename(columns={"text": "challenger"}).assign(
        champion=comparison.find_texts(champion, challenger)
    )
    comparisons = gate.compare(readings)
    reasons = gate.objections(comparisons, settings.level, settings.smallest.model_dump())
    return reasons, gate.as_markdown(comparisons, str(champion.version))


if __name__ == "__main__":
    run(register)
