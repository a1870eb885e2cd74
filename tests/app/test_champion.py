"""The registered reader: found, loaded, self-contained, and its errors."""

import base64
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline.registry import champion
from pipeline.registry.champion import load_champion
from pipeline.registry.store import RegistryError
from tests.app.conftest import Store, make_store


def sheet_with_a_seven() -> np.ndarray:
    sheet = np.full((200, 200), 245, np.uint8)
    cv2.putText(sheet, "7", (60, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 8, cv2.LINE_AA)
    return sheet


def as_png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def is_sevens(text: str) -> bool:
    """Whether something was read, and all of it by the test's network, which takes every ink for a 7."""
    return set(text) == {"7"}


@pytest.fixture
def loaded(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    return mlflow.pyfunc.load_model("models:/digit-reader@champion")


def test_the_champion_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    reader, version = load_champion()
    assert version == "1"
    assert is_sevens(reader.read(sheet_with_a_seven()).text)


def test_the_tables_say_what_mlflow_says(own_store: Store, tmp_path: Path) -> None:
    """Fails if MLflow changes its tables: then `champion` has to change with it."""
    client = mlflow.MlflowClient(own_store.uri)
    second = own_store.register("")
    client.set_registered_model_alias("digit-reader", "champion", "1")
    client.create_registered_model("another")
    client.create_model_version("another", str(tmp_path))
    client.set_registered_model_alias("another", "champion", "1")
    for version in ("1", second):
        folder = client.get_model_version_download_uri("digit-reader", version)
        assert champion._query(champion._VERSION, version) == [(version, folder)]
    assert champion._query(champion._CHAMPION, "champion") == champion._query(champion._VERSION, "1")
    assert champion._query(champion._VERSION, "3") == []
    client.delete_registered_model_alias("digit-reader", "champion")
    assert champion._query(champion._CHAMPION, "champion") == []


def test_mlflow_is_asked_where_its_tables_are_not_as_expected(own_store: Store) -> None:
    with sqlite3.connect(own_store.uri.removeprefix("sqlite:///")) as connection:
        connection.execute("ALTER TABLE model_versions RENAME COLUMN storage_location TO stored_at")
    assert champion._query(champion._VERSION, "1") is None


def test_mlflow_finds_and_loads_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # A database with a query in its URI is left to MLflow.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{store.uri}?timeout=5")
    reader, version = load_champion()
    assert version == "1"
    assert is_sevens(reader.read(sheet_with_a_seven()).text)


def test_folders_are_named_by_paths_and_by_uris(tmp_path: Path) -> None:
    folder = tmp_path / "my models, 50 % é"
    assert champion._local_folder(str(folder)) == folder
    assert champion._local_folder(folder.as_uri()) == folder
    assert champion._local_folder("s3://bucket/models") is None
    assert champion._local_folder("mlflow-artifacts:/1/models") is None


def test_a_store_in_a_folder_with_a_space(
    tmp_path: Path, networks: dict[str, Path], empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my projects"
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    made = make_store(folder, networks)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.uri)
    version = made.register("")
    monkeypatch.setattr(champion, "_load_through_mlflow", None)
    assert load_champion()[1] == version


def test_each_version_reads_with_its_own_code(own_store: Store) -> None:
    old_reader, old = load_champion()
    new = own_store.register(
        "\n\ndef read(self, source):\n    return Reading((), milliseconds=42.0)\n\n\nReader.read = read\n"
    )
    new_reader, new_version = load_champion()
    assert (old, new_version) == ("1", new)
    assert new_reader.read(sheet_with_a_seven()).milliseconds == 42
    assert is_sevens(old_reader.read(sheet_with_a_seven()).text)

    models: list[Any] = [mlflow.pyfunc.load_model(f"models:/digit-reader/{each}") for each in (old, new)]
    (by_old,), (by_new,) = (model.predict([as_png(sheet_with_a_seven())]) for model in models)
    assert is_sevens(by_old["text"])
    assert by_new["text"] == ""

    mlflow.MlflowClient(own_store.uri).set_registered_model_alias("digit-reader", "champion", old)
    reader, version = load_champion()
    assert version == old
    assert is_sevens(reader.read(sheet_with_a_seven()).text)


def test_a_version_imports_nothing_of_the_repository(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys, mlflow, numpy;"
        "model = mlflow.pyfunc.load_model('models:/digit-reader@champion');"
        "print(model.predict([numpy.full((99, 99), 255, numpy.uint8)])[0]['text']);"
        "assert not {'pipeline', 'app', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    environment = {"MLFLOW_TRACKING_URI": store.uri}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)


def test_predict_takes_bytes_base64_arrays_and_lists(loaded: Any) -> None:
    sheet = sheet_with_a_seven()
    encoded = as_png(sheet)
    readings = loaded.predict([encoded, base64.b64encode(encoded).decode(), sheet, sheet.tolist()])
    assert len(readings) == 4
    assert all(is_sevens(reading["text"]) for reading in readings)
    assert readings[0]["digits"][0]["digit"] == 7
    table = pd.DataFrame({"picture": [encoded, encoded]})
    assert all(is_sevens(reading["text"]) for reading in loaded.predict(table))


def test_predict_answers_bad_pictures_one_by_one(loaded: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(as_png(sheet_with_a_seven()))
    bad = [b"no picture", b"", "no base64!", str(tmp_path / "secret.png"), [[1, 2], [3]], np.zeros((0, 4))]
    *errors, good = loaded.predict([*bad, as_png(sheet_with_a_seven())])
    for error in errors:
        assert {name for name, value in error.items() if value is not None} == {"error"}
        assert "\n" not in error["error"]
    assert is_sevens(good["text"])


def test_the_scoring_server_takes_base64(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    payload = f'{{"inputs": ["{base64.b64encode(as_png(sheet_with_a_seven())).decode()}"]}}'
    answer = mlflow.pyfunc.load_model("models:/digit-reader@champion")
    from mlflow.pyfunc.scoring_server import invocations

    result = invocations(payload, "application/json", answer, None)
    assert result.status == 200
    assert '"text": "7' in result.response


def test_loading_needs_neither_tensorflow_nor_mlflow(store: Store) -> None:
    code = (
        "import sys; from pipeline.registry.champion import load_champion; load_champion();"
        "assert not {'tensorflow', 'keras', 'mlflow', 'pandas'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"MLFLOW_TRACKING_URI": store.uri})


def test_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    with pytest.raises(RegistryError, match="run `make`"):
        load_champion()
    assert not list(tmp_path.iterdir())


def test_without_a_champion(own_store: Store) -> None:
    mlflow.MlflowClient(own_store.uri).delete_registered_model_alias("digit-reader", "champion")
    with pytest.raises(RegistryError, match="run `make`"):
        load_champion()
    # MLflow's own way of saying so is understood, too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"{own_store.uri}?timeout=5")
        with pytest.raises(RegistryError, match="run `make`"):
            load_champion()


def test_damaged_files(own_store: Store) -> None:
    version = own_store.register("")
    uri = mlflow.MlflowClient(own_store.uri).get_model_version_download_uri("digit-reader", version)
    folder = champion._local_folder(uri)
    assert folder is not None
    for name in ("digits.tflite", "calibration.json", "reader.py", "MLmodel"):
        (path,) = folder.rglob(name)
        sound = path.read_bytes()
        for damage in ("cut short", "missing"):
            path.unlink() if damage == "missing" else path.write_bytes(sound[:10])
            with pytest.raises(
                RegistryError, match=f"version {version} of digit-reader cannot be loaded"
            ) as caught:
                load_champion()
            assert "\n" not in str(caught.value)
        path.write_bytes(sound)
    assert load_champion()[1] == version


def test_a_database_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").write_text("not a database at all" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    with pytest.raises(RegistryError, match=r"mlflow\.db cannot be used") as caught:
        load_champion()
    assert "\n" not in str(caught.value)


def test_a_server_that_is_down() -> None:
    # In a process of its own: MLflow remembers the settings for servers of its first use.
    code = "from pipeline.registry.champion import load_champion; load_champion()"
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert time.monotonic() - start < 30
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith(
        "pipeline.registry.store.StoreError: the MLflow store http://127.0.0.1:9 cannot be used"
    )
