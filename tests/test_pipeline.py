"""The whole pipeline as a user runs it: a real DVC repository and a real MLflow store, on scikit-learn's sample."""

import hashlib
import json
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from pipeline.common import paths
from pipeline.common.params import Feedback
from pipeline.evaluation import comparison
from pipeline.mnist import csv_format
from pipeline.reader import version as stored
from pipeline.reader.crops import NO_DIGIT
from pipeline.registry import tracking
from pipeline.synthetic.page import SyntheticPage, make_page
from tests.conftest import Project, Server, settings

STAGES = (
    "ingest", "preprocess", "splitter", "candidates", "verifier", "corrections", "train", "evaluate", "register",
)  # fmt: skip

GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.org")


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """A project that was built and may be changed."""
    return built.copy(tmp_path / "project")


def store_of(project: Project) -> mlflow.MlflowClient:
    """A client of the project's own store."""
    return mlflow.MlflowClient(f"sqlite:///{project.root}/mlflow.db")


def versions(client: mlflow.MlflowClient) -> list[ModelVersion]:
    return list(client.search_model_versions(f"name = '{tracking.NAME}'"))


def champion(client: mlflow.MlflowClient) -> ModelVersion:
    return client.get_model_version_by_alias(tracking.NAME, tracking.CHAMPION)


def number(version: ModelVersion) -> int:
    """MLflow gives a version's number as text or as a number, as the store may be."""
    return int(version.version)


def run_of(client: mlflow.MlflowClient, version: ModelVersion) -> Run:
    return client.get_run(str(version.run_id))


def ran(output: str) -> list[str]:
    """The stages that a `dvc repro` ran."""
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def metrics(project: Project) -> dict[str, dict[str, float]]:
    return json.loads((project.root / paths.METRICS).read_text())


def test_without_network_the_sample_is_taken_loudly(built: Project) -> None:
    assert "MNIST COULD NOT BE OBTAINED" in (built.root / "first.log").read_text()
    assert metrics(built)["data"]["source"] == "scikit-learn digits sample"
    client = store_of(built)
    version = champion(client)
    assert version.tags["data.source"] == "scikit-learn digits sample"
    assert run_of(client, version).data.tags["data.source"] == "scikit-learn digits sample"


def test_the_run_says_which_data_and_code_made_the_version(built: Project) -> None:
    client = store_of(built)
    run = run_of(client, champion(client))
    epochs = client.get_metric_history(run.info.run_id, "train.val_accuracy")
    artifacts = {item.path for item in client.list_artifacts(run.info.run_id, "reports/test")}
    commit = built.run("git", "rev-parse", "HEAD").stdout.strip()
    assert run.data.tags["git.commit"] == commit
    assert run.data.tags["git.clean"] == "yes"
    lock = (built.root / "dvc.lock").read_text()
    assert run.inputs is not None
    inputs = {data.dataset.name: data.dataset.digest for data in run.inputs.dataset_inputs}
    assert set(inputs) == {"mnist-train", "mnist-validation", "mnist-test"}
    assert all(f"md5: {digest}" in lock for digest in inputs.values())
    assert f"md5: {run.data.tags['md5.models/digits.tflite']}" in lock
    assert run.data.params["train.architecture"] == "batchnorm_cnn"
    assert [metric.step for metric in epochs] == [1, 2, 3]
    assert run.data.metrics["test.accuracy"] == metrics(built)["test"]["accuracy"]
    assert any(name.startswith("system/") for name in run.data.metrics)
    assert {f"reports/test/{name}.png" for name in ("confusion", "reliability", "misread")} <= artifacts


def test_the_champion_reads_as_the_networks_it_was_made_of(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(built.root / paths.split_path("test")) as test:
        images = list(test["images"][:20])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{built.root}/mlflow.db")
    model = mlflow.pyfunc.load_model(f"models:/{tracking.NAME}@{tracking.CHAMPION}")
    parts = paths.READER_PARTS | {
        name: built.root / path for name, path in paths.READER_PARTS.items() if name != "code"
    }
    reader = stored.build(parts)
    texts = [reading["text"] for reading in model.predict(images)]
    assert texts == [reader.read(image).text for image in images]
    assert model.metadata.signature is not None
    card = Path(mlflow.artifacts.download_artifacts(f"models:/{tracking.NAME}@{tracking.CHAMPION}"))
    text = (card / "artifacts/model_card.md").read_text()
    assert f"{metrics(built)['test']['accuracy']:.2%}" in text
    assert model.predict(model.input_example)[0]["error"] is None
    assert any(texts)


def test_a_second_repro_only_looks_at_the_registry(project: Project) -> None:
    assert ran(project.repro()) == ["register"]
    client = store_of(project)
    assert len(versions(client)) == 1


def test_a_lost_store_is_filled_again_without_training(project: Project) -> None:
    (project.root / "mlflow.db").unlink()
    shutil.rmtree(project.root / "mlruns")
    assert ran(project.repro()) == ["register"]
    client = store_of(project)
    version = champion(client)
    run = run_of(client, version)
    assert run.data.metrics["test.accuracy"] == metrics(project)["test"]["accuracy"]
    assert len(client.get_metric_history(run.info.run_id, "train.val_accuracy")) == 3
    assert client.list_artifacts(run.info.run_id, "reports/test")


def correct(project: Project, pages: list[SyntheticPage]) -> list[str]:
    """Keep pages with their truths, as the app does; return the names they are kept under."""
    names = []
    for page in pages:
        encoded = cv2.imencode(".png", page.picture)[1].tobytes()
        names.append(hashlib.sha256(encoded).hexdigest())
        folder = project.root / paths.FEEDBACK / names[-1]
        folder.mkdir(parents=True)
        (folder / "picture.png").write_bytes(encoded)
        (folder / "correction.json").write_text(json.dumps({"truth": page.truth}))
    return names


def some_pages(project: Project, count: int, seed: int = 1) -> list[SyntheticPage]:
    with np.load(project.root / paths.split_path("validation")) as digits:
        images, labels = digits["images"], digits["labels"]
        return [make_page(images, labels, number, seed, ["plain"]) for number in range(count)]


def test_a_clone_has_the_champion_without_data_and_builds_what_is_missing(
    project: Project, tmp_path: Path
) -> None:
    assert project.run(*GIT, "add", ".").returncode == 0
    assert project.run(*GIT, "commit", "--quiet", "--message", "Build").returncode == 0
    assert project.run("git", "clone", "--quiet", ".", str(tmp_path / "clone")).returncode == 0
    clone = Project(tmp_path / "clone")

    for _ in range(2):
        assert ran(clone.repro("--allow-missing")) == ["register"]

    client = store_of(clone)
    assert len(versions(client)) == 1
    run = run_of(client, champion(client))
    assert run.data.metrics["test.accuracy"] == metrics(project)["test"]["accuracy"]
    made = run_of(store_of(project), champion(store_of(project))).data.tags
    name = "md5.data/prepared/test.npz"
    assert run.data.tags[name] == made[name]
    assert not any(clone.root.glob("data/*/*.npz"))
    assert clone.run("git", "status", "--porcelain").stdout == ""

    clone.set_params(lambda params: params["evaluate"].update(calibration_pages=11))
    stages = ran(clone.repro())
    assert "splitter" not in stages
    assert "evaluate" in stages
    assert clone.run("git", "status", "--porcelain", "models/*.tflite").stdout == ""


def test_corrections_are_trained_on_or_evaluated_on(project: Project) -> None:
    names = correct(project, some_pages(project, 12))

    output = project.repro()

    assert ran(output) == ["corrections", "train", "evaluate", "register"]
    report = pd.read_csv(project.root / paths.CORRECTIONS_REPORT, dtype=str, keep_default_na=False)
    assert sorted(report["picture"]) == sorted(names)
    training = report[report["side"] == "train"]
    with np.load(project.root / paths.CANDIDATES) as candidates:
        cut_pages = int((candidates["truths"] != NO_DIGIT).sum())
    with np.load(project.root / paths.split_path("corrections")) as cut:
        digits = training["digits"].astype(int).sum()
        slanted = settings(Feedback, "feedback").slanted
        # Then digits of pages that slant like them; so small a project has fewer than it would take.
        assert len(cut["images"]) == len(cut["labels"]) == digits + min(slanted, cut_pages) > cut_pages > 0
        assert cut["labels"][:digits].tolist() == [
            int(digit)
            for truth in training["truth"][training["digits"] != "0"]
            for digit in truth.replace("/", "")
        ]
    evaluating = report[report["side"] == "evaluation"]
    assert len(evaluating) > 0
    assert metrics(project)["feedback"]["pictures"] == len(evaluating)
    readings = comparison.load(project.root / paths.READINGS)
    known = {name[:16] for name in evaluating["picture"]}
    assert set(readings["picture"][readings["kind"] == "feedback"]) == known
    client = store_of(project)
    assert len(versions(client)) == 2
    assert "| corrected pictures |" in str(client.get_model_version(tracking.NAME, "2").description)

    assert ran(project.repro()) == ["register"]
    assert all((project.root / paths.FEEDBACK / name / "picture.png").is_file() for name in names)


def test_corrections_that_were_deleted_are_forgotten(project: Project) -> None:
    correct(project, some_pages(project, 3))
    assert "corrections" in ran(project.repro("corrections"))
    shutil.rmtree(project.root / paths.FEEDBACK)
    assert "corrections" in ran(project.repro("corrections"))
    assert list((project.root / paths.FEEDBACK).iterdir()) == []
    with np.load(project.root / paths.split_path("corrections")) as cut:
        assert len(cut["labels"]) == 0


def test_a_bad_correction_is_named(project: Project) -> None:
    (name,) = correct(project, some_pages(project, 1))
    (project.root / paths.FEEDBACK / name / "correction.json").write_text('{"truth": "12x"}')
    done = project.run("dvc", "repro", "corrections")
    assert done.returncode != 0
    assert f"error: data/feedback/{name}: the truth in correction.json" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_champion_reads_the_pictures_that_are_new_to_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own code and networks: here they are those that the project has now."""
    project.set_params(lambda params: params["evaluate"].update(pages=33))
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.root}/mlflow.db")
    tracking.connect()
    pictures = list(comparison.load_pictures("pages"))
    tasks = pd.DataFrame([comparison.make_row("pages", picture, "", "") for picture in pictures])
    version = tracking.find_alias(tracking.CHAMPION)
    assert version is not None
    stored_now = comparison.stored_texts(version)
    assert [comparison.digest(picture) in stored_now for picture in pictures] == [True] * 30 + [False] * 3
    reader = stored.build(paths.READER_PARTS)
    expected = ["".join(reader.read(picture).text.split()) for picture in pictures]
    assert comparison.find_texts(version, tasks) == expected


# What stands on disk when a stage is in its middle; those that write at their end are killed by `is_busy`.
MIDDLE = {
    "ingest": "data/raw/source.json",
    "preprocess": "data/prepared/train.npz",
    "train": "models/backup/*/last.weights.h5",
    "corrections": "models/verifier.tflite",
    "evaluate": "models/calibration.json",
    "register": "mlruns/models/*",
}


def is_busy(stage: str) -> bool:
    """Whether a stage has been at work for longer than its imports take, or its worker processes are."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-2:] == ["-m", f"pipeline.{stage}"]:
            with suppress(psutil.NoSuchProcess):
                workers = [worker.cpu_times().user for worker in process.children(recursive=True)]
                return process.cpu_times().user > 6 or max(workers, default=0) > 0.5
    return False


def is_in_the_middle(project: Project, stage: str) -> bool:
    return any(project.root.glob(MIDDLE[stage])) if stage in MIDDLE else is_busy(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_is_made_up_for(stage: str, fresh: Project, built: Project, tmp_path: Path) -> None:
    lost = {
        "train": ["models/digits.*", "models/training.json", "reports/training/history.csv"],
        "splitter": ["models/splitter.tflite"],
        "candidates": ["data/prepared/candidates.npz"],
        "verifier": ["models/verifier.keras"],
        "corrections": ["models/verifier.tflite", "data/prepared/corrections.npz"],
        "evaluate": ["models/calibration.json"],
    }
    if stage in ("ingest", "preprocess"):
        project = fresh.copy(tmp_path / "project")
    else:  # what comes before is taken from the project that is built, so that only this stage is left to do
        project = built.copy(tmp_path / "project")
        (project.root / "mlflow.db").unlink()
        shutil.rmtree(project.root / "mlruns")
        for pattern in lost.get(stage, []):
            for path in project.root.glob(pattern):
                path.unlink()
        # DVC would take from its cache what is to be made.
        shutil.rmtree(project.root / ".dvc/cache")
    project.kill("dvc", "repro", stage, when=lambda: is_in_the_middle(project, stage))
    if stage not in MIDDLE:
        assert not any((project.root / name).exists() for name in lost[stage]), "it was over already"

    output = project.repro()

    assert stage in ran(output)
    if stage == "train":
        assert "Going on after epoch" in output
    same = (
        "models/digits.tflite",
        "models/verifier.tflite",
        "models/calibration.json",
        "reports/metrics.json",
        "data/raw/mnist_train.csv",
    )
    for name in same:
        assert (project.root / name).read_bytes() == (built.root / name).read_bytes(), name
    assert not any(project.root.rglob("*.part"))
    client = store_of(project)
    assert len(versions(client)) == 1
    assert number(champion(client)) == 1


def test_own_csvs_are_kept_and_rebuilt_from(project: Project) -> None:
    for split in ("train", "test"):
        path = project.root / f"data/raw/mnist_{split}.csv"
        images, labels = csv_format.read(path)
        path.write_bytes(csv_format.encode(images[::-1][:700], labels[::-1][:700]))
    mine = (project.root / "data/raw/mnist_train.csv").read_bytes()

    assert ran(project.repro()) == list(STAGES)

    assert (project.root / "data/raw/mnist_train.csv").read_bytes() == mine
    assert metrics(project)["data"]["source"] == "user"
    client = store_of(project)
    assert len(versions(client)) == 2


def would_run(project: Project) -> set[str]:
    return set(ran(project.run("dvc", "repro", "--dry").stdout))


def test_a_parameter_reruns_only_what_depends_on_it(project: Project) -> None:
    project.set_params(lambda params: params["recipes"]["conv_conv_pool_two_dropouts"].update(epochs=9))
    assert would_run(project) == {"register"}
    project.set_params(lambda params: params["recipes"]["batchnorm_cnn"].update(epochs=9))
    assert {"train", "evaluate", "register"} >= would_run(project) >= {"train"}
    project.set_params(lambda params: params["preprocess"].update(validation=0.2))
    assert "preprocess" in would_run(project)
    assert "ingest" not in would_run(project)


def test_an_experiment_with_another_architecture(project: Project) -> None:
    assert project.run(*GIT, "add", ".").returncode == 0
    assert project.run(*GIT, "commit", "--quiet", "--message", "Build").returncode == 0

    architecture = "conv_pool_conv_pool_one_dropout"
    done = project.run(
        "dvc", "exp", "run", "--name", "other", "--set-param", f"train.architecture={architecture}"
    )
    assert done.returncode == 0, done.stdout

    shown = project.run("dvc", "exp", "show", "--csv")
    assert architecture in shown.stdout
    difference = project.run("dvc", "metrics", "diff", "--json")
    assert "test.accuracy" in difference.stdout
    plots = project.run("dvc", "plots", "show", "--out", "plots")
    assert plots.returncode == 0, plots.stdout
    page = (project.root / "plots/index.html").read_text()
    assert all(name in page for name in ("Confusion matrix", "val_accuracy", "misread.png"))
    assert project.run("dvc", "dag").returncode == 0
    client = store_of(project)
    assert {run_of(client, version).data.params["train.architecture"] for version in versions(client)} == {
        "batchnorm_cnn",
        architecture,
    }


def test_a_server_that_is_down_and_comes_up(project: Project, mlflow_server: Server) -> None:
    for stage in ("train", "register"):
        start = time.monotonic()
        done = project.run("python", "-m", f"pipeline.{stage}", MLFLOW_TRACKING_URI=mlflow_server.address)
        assert done.returncode == 1
        assert mlflow_server.address in done.stdout
        assert "Traceback" not in done.stdout
        # The bound, wide of what it takes: a server that is down refuses at once.
        assert time.monotonic() - start < 60

    mlflow_server.start()
    project.repro(MLFLOW_TRACKING_URI=mlflow_server.address)

    client = mlflow.MlflowClient(mlflow_server.address)
    assert [number(version) for version in versions(client)] == [1]
    run = run_of(client, champion(client))
    assert run.data.metrics["test.accuracy"] == metrics(project)["test"]["accuracy"]
    assert list((mlflow_server.folder / "artifacts").rglob("digits.tflite"))


def stop_after_first_epoch(server: Server, project: Project) -> None:
    while not any(project.root.glob("models/backup/*/last.weights.h5")):
        time.sleep(0.002)
    server.stop()


def test_a_server_that_goes_down_while_training(
    built: Project, tmp_path: Path, mlflow_server: Server
) -> None:
    project = built.copy(tmp_path / "project")
    mlflow_server.start()
    project.environment["MLFLOW_TRACKING_URI"] = mlflow_server.address
    watcher = threading.Thread(target=stop_after_first_epoch, args=(mlflow_server, project))
    watcher.start()
    done = project.run("python", "-m", "pipeline.train")
    watcher.join()
    assert done.returncode == 1
    assert mlflow_server.address in done.stdout
    assert "Traceback" not in done.stdout

    mlflow_server.start()
    done = project.run("python", "-m", "pipeline.train")
    assert done.returncode == 0, done.stdout
    assert "Going on after epoch" in done.stdout
    assert (project.root / paths.LITERT_MODEL).read_bytes() == (built.root / paths.LITERT_MODEL).read_bytes()


def test_an_export_that_differs_from_what_was_trained_is_refused(project: Project) -> None:
    """LiteRT's weights are stored as they are, so a changed byte of the largest one is a changed weight."""
    model = bytearray((project.root / paths.LITERT_MODEL).read_bytes())
    middle = len(model) // 2
    model[middle : middle + 4000] = bytes(4000)
    (project.root / paths.LITERT_MODEL).unlink()
    (project.root / paths.LITERT_MODEL).write_bytes(model)
    done = project.run("python", "-m", "pipeline.evaluate")
    assert done.returncode == 1
    assert "does not agree" in done.stdout
    assert "Traceback" not in done.stdout
