"""The app's server: its start, and the WebSocket of the page Live."""

import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from app import server, serving
from tests.app.conftest import Store
from tests.app.test_champion import as_png, sheet_with_a_seven
from tests.conftest import ROOT, free_port


@pytest.fixture
def address(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    port = free_port()
    routes = [WebSocketRoute("/frames", server.frames)]
    serving = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error"))
    thread = threading.Thread(target=serving.run)
    thread.start()
    while not serving.started:
        time.sleep(0.01)
    yield f"ws://127.0.0.1:{port}/frames"
    serving.should_exit = True
    thread.join()


def answers(address: str, *frames: bytes) -> list[dict[str, Any]]:
    """Send all frames at once, then receive as many answers."""
    with connect(address) as socket:
        for frame in frames:
            socket.send(frame)
        return [json.loads(socket.recv(timeout=30)) for _ in frames]


def test_each_frame_is_answered_in_order_and_a_bad_one_ends_nothing(address: str) -> None:
    seven = as_png(sheet_with_a_seven())
    first, bad, empty, *rest = answers(f"{address}?version=1", seven, b"no picture", b"", seven, seven, seven)
    assert first["boxes"] == [], "a digit is shown once it was read in three frames"
    assert set(bad) == set(empty) == {"error"}
    assert "it is not a picture" in bad["error"]
    boxes = rest[-1]["boxes"]
    assert {box["label"] for box in boxes} == {"7"}
    assert all(len(box["box"]) == 4 and 0 < box["confidence"] <= 1 for box in boxes)
    assert "version 1" in rest[-1]["html"]
    assert "data:image/png;base64," in rest[-1]["html"]


def test_a_version_that_is_not_there_is_said(address: str) -> None:
    (answer,) = answers(f"{address}?version=99", as_png(sheet_with_a_seven()))
    assert "there is no version 99 of digit-reader" in answer["error"]


def test_pages_of_others_are_refused(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403
    own = address.replace("ws://", "http://").removesuffix("/frames")
    with connect(f"{address}?version=1", origin=Origin(own)) as socket:
        socket.send(as_png(sheet_with_a_seven()))
        assert "html" in json.loads(socket.recv(timeout=30))


def test_a_frame_that_is_too_large_closes_the_connection(address: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), np.uint8)
    frame = cv2.imencode(".png", noise)[1].tobytes()
    with connect(address) as socket:
        socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_the_server_is_up_before_what_reads_is_imported() -> None:
    code = "import sys, app.server; print({'numpy', 'cv2', 'scipy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_reads_is_there_before_the_first_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setattr(serving, "champion", serving.Champion())
    serving.shared_reader.clear()
    try:
        server.prepare()
        monkeypatch.delattr(serving, "load_version")
        assert serving.reader_in_use().version == "1"
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        serving.shared_reader.clear()


def test_without_a_reader_the_server_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    monkeypatch.setattr(serving, "champion", serving.Champion())
    server.prepare()
    gc.unfreeze()
