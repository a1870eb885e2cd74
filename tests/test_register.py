"""Who becomes champion, in a real MLflow store."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from mlflow.entities.model_registry import ModelVersion

from pipeline import register
from pipeline.common import params, paths
from pipeline.common.stage import StageError
from pipeline.registry import promotion, tracking
from pipeline.registry.store import repository

MNIST, SAMPLE = "mirror example.org", "scikit-learn digits sample"
PARTS = {name: path for name, path in paths.READER_PARTS.items() if name != "code"}
GATE = {"level": 0.05, "smallest": {"test": 300, "pages": 100, "feedback": 20}}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    params.PARAMS.write_text(yaml.safe_dump({"gate": GATE}))
    tracking.connect()
    return tmp_path


def write_readings(misread: int, of: int = 1000) -> None:
    """What a version read on MNIST's test images: the first `misread` of them wrong."""
    rows = [
        {"kind": "test", "picture": f"{k:016x}", "truth": "5", "text": "6" if k < misread else "5"}
        for k in range(of)
    ]
    paths.READINGS.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(paths.READINGS, index=False)


def measured(source: str = MNIST) -> dict[str, Any]:
    return {"data": {"source": source}}


def undecided(misread: int, source: str = MNIST) -> ModelVersion:
    """Register a version, without a model in it, that read the test images so."""
    write_readings(misread)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(paths.READINGS), tracking.ARTIFACTS)
    client = mlflow.MlflowClient()
    if not client.search_registered_models(f"name = '{tracking.NAME}'"):
        client.create_registered_model(tracking.NAME)
    tags = {"data.source": source}
    return client.create_model_version(tracking.NAME, run.info.artifact_uri, run.info.run_id, tags=tags)


def fresh(version: ModelVersion) -> ModelVersion:
    return mlflow.MlflowClient().get_model_version(tracking.NAME, str(version.version))


def add(misread: int, source: str = MNIST) -> ModelVersion:
    version = undecided(misread, source)
    register.decide(version, measured(source))
    return fresh(version)


def holder(alias: str) -> str | None:
    version = tracking.find_alias(alias)
    return str(version.version) if version else None


def test_the_identity_covers_every_file_of_the_reader(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = store / "reader"
    files = [
        code / "reader.py",
        code / "room/inner.py",
        code / "room/table.json",
        paths.METRICS,
        *PARTS.values(),
    ]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"as it was")
    monkeypatch.setattr(paths, "READER_PARTS", {"code": code, **PARTS})
    before = register.reader_identity()
    seen = {before}
    for path in files:
        path.write_bytes(b"changed")
        seen.add(register.reader_identity())
        path.write_bytes(b"as it was")
    assert len(seen) == 1 + len(files)
    (code / "room/inner.py").rename(code / "room/outer.py")
    assert register.reader_identity() not in seen
    (code / "room/outer.py").rename(code / "room/inner.py")
    (code / "room/__pycache__").mkdir()
    (code / "room/__pycache__/inner.cpython-311.pyc").write_bytes(b"compiled")
    assert register.reader_identity() == before


def test_nobody_holds_an_alias_of_a_model_that_is_not_there() -> None:
    assert holder(tracking.CHAMPION) is None


def test_the_first_is_champion_and_a_better_one_takes_over() -> None:
    add(misread=12)
    assert holder(tracking.CHAMPION) == "1"
    better = add(misread=5)
    assert holder(tracking.CHAMPION) == "2"
    assert holder(tracking.CHALLENGER) is None
    assert better.tags[tracking.DECIDED] == "became champion: passed the gate against version 1"
    assert "**Champion**" in str(better.description)
    assert "98.80% | 99.50%" in str(better.description)


def test_an_equal_one_takes_over() -> None:
    add(misread=5)
    add(misread=5)
    assert holder(tracking.CHAMPION) == "2"


def test_a_worse_one_is_challenger_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    add(misread=5)
    worse = add(misread=12)
    assert holder(tracking.CHAMPION) == "1"
    assert holder(tracking.CHALLENGER) == "2"
    reason = "misreads 7 that the champion reads, and reads 0 that the champion misreads (p = 0.0078)"
    assert reason in worse.tags[tracking.DECIDED]
    assert reason in str(worse.description)
    assert reason in capsys.readouterr().out
    assert "99.50% | 98.80%" in str(worse.description)


def test_a_challenger_is_followed_by_the_next_one() -> None:
    add(misread=5)
    add(misread=20)
    add(misread=12)
    assert holder(tracking.CHAMPION) == "1"
    assert holder(tracking.CHALLENGER) == "3"


def test_the_sample_never_displaces_real_data() -> None:
    add(misread=50)
    sample = add(misread=0, source=SAMPLE)
    assert holder(tracking.CHAMPION) == "1"
    assert "embedded sample" in sample.tags[tracking.DECIDED]


def test_real_data_displaces_the_sample() -> None:
    add(misread=50, source=SAMPLE)
    add(misread=40)
    assert holder(tracking.CHAMPION) == "2"


def test_a_decision_stands_when_a_person_moved_the_alias() -> None:
    add(misread=12)
    second = add(misread=5)
    promotion.rollback("it misreads my sevens")
    register.decide(second, measured())
    assert holder(tracking.CHAMPION) == "1"


def test_a_champion_that_cannot_be_read_with_leaves_the_decision_open() -> None:
    add(misread=5)
    version = undecided(misread=0)
    write_readings(misread=0, of=1001)  # one more picture than the champion has read
    with pytest.raises(StageError, match=r"version 1 .* cannot be loaded .* `digits promote`"):
        register.decide(version, measured())
    assert holder(tracking.CHAMPION) == "1"
    assert holder(tracking.CHALLENGER) == "2"
    write_readings(misread=0)
    register.decide(fresh(version), measured())
    assert holder(tracking.CHAMPION) == "2"


STEPS = (
    "set_registered_model_alias",
    "update_model_version",
    "set_registered_model_tag",
    "set_model_version_tag",
    "delete_registered_model_alias",
)


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_promotion_leaves_one_champion_and_is_finished_later(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(misread=12)
    version = undecided(misread=5)
    interrupt_after(step, monkeypatch, lambda: register.decide(version, measured()))
    assert holder(tracking.CHAMPION) in ("1", "2")

    register.decide(fresh(version), measured())

    assert holder(tracking.CHAMPION) == "2"
    assert fresh(version).tags[tracking.DECIDED].startswith("became champion: passed the gate")
    assert [(move.before, move.version) for move in promotion.moves()] == [(None, "1"), ("1", "2")]


def interrupt_after(step: str, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do the work until this step of it has been written to the store, and no further."""
    done = getattr(mlflow.MlflowClient, step)

    def last(*arguments: Any, **named: Any) -> None:
        done(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, step, last)
        with pytest.raises(KeyboardInterrupt):
            work()


def test_experiments_in_a_copy_use_the_store_of_the_original(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = store / ".dvc/tmp/exps/standalone/tmp123"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert repository() == store


def test_a_store_that_cannot_be_opened_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (store / "broken.db").write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/broken.db")
    with pytest.raises(StageError, match=r"broken\.db cannot be used"):
        tracking.connect()
