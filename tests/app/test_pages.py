"""The pages' words, through Streamlit's own test; what needs a browser is in tests/browser/."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from streamlit.testing.v1 import AppTest

from app import report, serving
from pipeline.reader import log
from pipeline.registry import tracking
from tests.app.conftest import Store
from tests.conftest import ROOT

VIEWS = ROOT / "app" / "views"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(serving, "champion", serving.Champion())
    monkeypatch.setattr("app.panel.champion", serving.champion)
    for cached in (serving.shared_reader, report.fetch):
        cached.clear()
    yield
    serving.shared_reader.clear()


def opened(name: str) -> AppTest:
    page = AppTest.from_file(str(VIEWS / f"{name}.py"), default_timeout=60).run()
    assert not page.exception, page.exception
    return page


@pytest.mark.parametrize("name", ["draw", "upload", "camera", "live", "model"])
def test_without_a_store_a_page_says_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    page = opened(name)
    (error,) = page.error
    assert "There is no reader to read with" in error.value
    assert "make" in error.value
    assert not list(tmp_path.iterdir()), "MLflow made a database"


def test_after_a_champion_came_try_again_goes_on(own_store: Store) -> None:
    client = mlflow.MlflowClient(own_store.uri)
    client.delete_registered_model_alias("digit-reader", "champion")
    page = opened("upload")
    assert len(page.error) == 1
    client.set_registered_model_alias("digit-reader", "champion", "1")
    page.button[0].click().run()
    assert not page.error
    assert [button.label for button in page.button] == ["Blackboard", "Desk", "Notebook", "Postcode"]


def test_a_sample_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    page = opened("upload")
    page.button[0].click().run()
    assert not page.exception
    assert not page.error
    assert set(page.text_input[0].value or "nothing") <= set("7/")


def test_a_picture_is_read_once_however_often_its_page_runs(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setenv(log.FILE, str(tmp_path / "readings.db"))

    def script() -> None:
        import streamlit as st

        from app import panel

        panel.read(st.session_state.source, panel.use_reader(), st.session_state.request)

    page = AppTest.from_function(script, default_timeout=60)
    # Another picture is read, and the same one if that is asked for; what cannot be read says so each time.
    for source, request, logged in ((b"a", 0, 1), (b"a", 0, 1), (b"b", 0, 2), (b"b", 1, 3), (b"b", 1, 3)):
        page.session_state.source, page.session_state.request = source, request
        page.run()
        assert not page.exception
        assert "cannot be read" in page.error[0].value
        with sqlite3.connect(tmp_path / "readings.db") as connection:
            assert connection.execute("SELECT count(*) FROM readings").fetchone() == (logged,)


def test_a_version_without_reports_is_shown_as_such(own_store: Store) -> None:
    own_store.register("\n# the second\n")
    client = mlflow.MlflowClient(own_store.uri)
    client.set_model_version_tag("digit-reader", "2", tracking.DECIDED, "reads pages better")
    page = opened("model")
    assert any("reads pages better" in caption.value for caption in page.caption)
    assert [metric.value for metric in page.metric] == ["unknown"] * 4
    assert any("has no test results" in info.value for info in page.info)
    assert page.selectbox[0].options == [
        "the champion, currently version 2",
        "version 2 (champion)",
        "version 1",
    ]
    page.selectbox[0].select("1").run()
    assert page.session_state[serving.CHOSEN] == "1"
    page.selectbox[0].select("champion").run()
    assert page.session_state[serving.CHOSEN] is None


def test_a_damaged_version_is_named(own_store: Store) -> None:
    version = own_store.register("\nraise ImportError('rotten')\n")
    (error,) = opened("draw").error
    assert f"version {version} of digit-reader cannot be loaded" in error.value.replace("Version", "version")


def test_no_page_imports_tensorflow_or_mlflow(store: Store) -> None:
    """Either takes more memory than all else; MLflow is asked by a process that ends."""
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
import app.server
for name in ("draw", "upload", "camera", "live", "model"):
    page = AppTest.from_file("{VIEWS}/" + name + ".py", default_timeout=60).run()
    assert not page.exception and not page.error, (name, page.exception, page.error)
assert not {{"tensorflow", "keras", "mlflow"}} & set(sys.modules), "imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={"MLFLOW_TRACKING_URI": store.uri})
