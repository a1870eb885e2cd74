"""Who becomes champion, in a real MLflow store."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.entities.model_registry import ModelVersion

from pipeline import files, register, tracking
from pipeline.stage import StageError

MNIST, SAMPLE = "mirror example.org", "scikit-learn digits sample"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, in a folder with test images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    set_test_images(b"MNIST's test images")
    tracking.connect()
    return tmp_path


def set_test_images(content: bytes) -> None:
    path = files.split_path("test")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def measured(accuracy: float, low: float, source: str = MNIST) -> dict[str, Any]:
    return {"data": {"source": source}, "test": {"accuracy": accuracy, "accuracy_low": low}}


def add(metrics: dict[str, Any]) -> ModelVersion:
    """Register a version, without a model in it, and decide on it."""
    test = files.split_path("test")
    with mlflow.start_run() as run:
        mlflow.set_tag(f"md5.{test.as_posix()}", tracking.file_digest(test))
        mlflow.log_metrics({f"test.{name}": value for name, value in metrics["test"].items()})
    client = mlflow.MlflowClient()
    if not client.search_registered_models(f"name = '{tracking.NAME}'"):
        client.create_registered_model(tracking.NAME)
    tags = {"data.source": metrics["data"]["source"]}
    version = client.create_model_version(tracking.NAME, run.info.artifact_uri, run.info.run_id, tags=tags)
    register.decide(version, metrics)
    return client.get_model_version(tracking.NAME, version.version)


def holder(alias: str) -> str | None:
    version = tracking.find_alias(alias)
    return str(version.version) if version else None


def test_nobody_holds_an_alias_of_a_model_that_is_not_there() -> None:
    assert holder(tracking.CHAMPION) is None


def test_the_first_is_champion_and_a_better_one_takes_over() -> None:
    add(measured(0.990, 0.988))
    assert holder(tracking.CHAMPION) == "1"
    add(measured(0.995, 0.993))
    assert holder(tracking.CHAMPION) == "2"


def test_a_slightly_lower_accuracy_is_not_measurably_worse() -> None:
    add(measured(0.995, 0.9935))
    add(measured(0.994, 0.9925))
    assert holder(tracking.CHAMPION) == "2"


def test_a_measurably_worse_one_is_challenger_and_says_why() -> None:
    add(measured(0.995, 0.9935))
    worse = add(measured(0.990, 0.988))
    assert holder(tracking.CHAMPION) == "1"
    assert holder(tracking.CHALLENGER) == "2"
    assert "0.9900 lies below 0.9935" in worse.tags[tracking.DECIDED]


def test_the_sample_never_displaces_real_data() -> None:
    add(measured(0.90, 0.88))
    add(measured(0.99, 0.98, source=SAMPLE))
    assert holder(tracking.CHAMPION) == "1"


def test_real_data_displaces_the_sample() -> None:
    add(measured(0.99, 0.98, source=SAMPLE))
    set_test_images(b"other images")
    add(measured(0.90, 0.88))
    assert holder(tracking.CHAMPION) == "2"


def test_accuracies_on_other_test_images_are_not_compared() -> None:
    add(measured(0.995, 0.9935))
    set_test_images(b"the user's own")
    add(measured(0.90, 0.88, source="user"))
    assert holder(tracking.CHAMPION) == "2"


def test_a_decision_stands_when_a_person_moved_the_alias() -> None:
    add(measured(0.990, 0.988))
    second = add(measured(0.995, 0.993))
    mlflow.MlflowClient().set_registered_model_alias(tracking.NAME, tracking.CHAMPION, "1")
    register.decide(second, measured(0.995, 0.993))
    assert holder(tracking.CHAMPION) == "1"


def test_a_version_left_undecided_by_a_kill_is_decided_later() -> None:
    add(measured(0.990, 0.988))
    undecided = add(measured(0.995, 0.993))
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(tracking.NAME, tracking.CHAMPION, "1")
    client.delete_model_version_tag(tracking.NAME, undecided.version, tracking.DECIDED)
    register.decide(client.get_model_version(tracking.NAME, undecided.version), measured(0.995, 0.993))
    assert holder(tracking.CHAMPION) == "2"


def test_experiments_in_a_copy_use_the_store_of_the_original(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = store / ".dvc/tmp/exps/standalone/tmp123"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert tracking.repository() == store


def test_a_store_that_cannot_be_opened_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (store / "broken.db").write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/broken.db")
    with pytest.raises(StageError, match=r"broken\.db.*failed"):
        tracking.connect()
