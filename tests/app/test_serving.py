"""One reader for all sessions, and the champion as it is now."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import numpy as np
import pytest

from app import serving
from pipeline.reader import log
from pipeline.registry.store import RegistryError, StoreError
from tests.app.conftest import Store
from tests.app.test_champion import as_png, is_sevens, sheet_with_a_seven


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As after the start of the app, and asking for the champion each time."""
    monkeypatch.setattr(serving, "champion", serving.Champion())
    monkeypatch.setattr(serving, "_FRESH", 0.0)
    monkeypatch.setattr(serving, "_FRESH_FAILURE", 0.0)
    serving.shared_reader.clear()
    yield
    serving.shared_reader.clear()


def test_twenty_sessions_share_one_reader_and_read_at_once(
    own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_store.register("")
    loaded = []
    load = serving.load_version

    def counted(version: str) -> object:
        loaded.append(version)
        time.sleep(0.2)
        return load(version)

    monkeypatch.setattr(serving, "load_version", counted)
    blank, seven = np.full((200, 200), 245, np.uint8), sheet_with_a_seven()

    def session(number: int) -> tuple[int, list[str]]:
        pictures = [seven if (number + k) % 2 else blank for k in range(10)]
        readers = {id(reader): reader for reader in (serving.reader_in_use() for _ in pictures)}
        (reader,) = readers.values()
        return id(reader), [reader.read(picture).text for picture in pictures]

    with ThreadPoolExecutor(20) as sessions:
        answers = list(sessions.map(session, range(20)))
    assert len(loaded) == 1
    assert len({reader for reader, _ in answers}) == 1
    for number, (_, texts) in enumerate(answers):
        assert [is_sevens(text) for text in texts] == [bool((number + k) % 2) for k in range(10)]


def test_readings_are_logged_if_asked_for_and_frames_are_not(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setenv(log.FILE, str(tmp_path / "readings.db"))
    monkeypatch.setenv(log.PICTURES, "1")
    seven = as_png(sheet_with_a_seven())
    reader = serving.reader_in_use()
    reading = reader.read(seven)
    assert is_sevens(reading.text)
    with pytest.raises(Exception, match="not a picture"):
        reader.read(b"milk, bread")
    assert is_sevens(reader.read_frame(seven).text)
    with sqlite3.connect(tmp_path / "readings.db") as connection:
        rows = connection.execute("SELECT origin, version, text, error, picture FROM readings").fetchall()
    (first, second) = rows
    assert first == ("app", reader.version, reading.text, None, seven)
    assert second[:3] == ("app", reader.version, None)
    assert "not a picture" in second[3]


def test_a_new_champion_is_picked_up_and_a_chosen_version_stays(own_store: Store) -> None:
    first = serving.reader_in_use()
    new = own_store.register("\n# another version\n")
    assert serving.reader_in_use().version == new != first.version
    assert serving.reader_in_use(first.version) is first
    mlflow.MlflowClient(own_store.uri).set_registered_model_alias("digit-reader", "champion", first.version)
    assert serving.reader_in_use() is first


def test_while_the_store_is_down_the_last_champion_reads_on(
    own_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = serving.reader_in_use()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert serving.reader_in_use() is reader
    assert isinstance(serving.champion.failure, StoreError)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own_store.uri)
    assert serving.reader_in_use() is reader
    assert serving.champion.failure is None


def test_without_a_champion_there_is_no_reader(own_store: Store) -> None:
    serving.reader_in_use()
    mlflow.MlflowClient(own_store.uri).delete_registered_model_alias("digit-reader", "champion")
    with pytest.raises(RegistryError, match="run `make`"):
        serving.reader_in_use()


def test_a_failure_is_remembered_for_a_while(own_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(serving, "_FRESH", 60.0)

    def ask() -> str:
        asked.append(1)
        raise RegistryError("no reader is in use yet")

    monkeypatch.setattr(serving, "find_champion", ask)
    for _ in range(3):
        with pytest.raises(RegistryError):
            serving.reader_in_use()
    assert len(asked) == 1
    serving.champion.forget()
    with pytest.raises(RegistryError):
        serving.reader_in_use()
    assert len(asked) == 2
