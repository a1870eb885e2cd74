"""The champion behind MLflow's own server, as `make serve` starts it."""

import base64
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.app.conftest import Store
from tests.conftest import PATIENCE, ROOT, free_port


def command(port: int) -> list[str]:
    """What the Makefile runs, on another port."""
    recipe = (ROOT / "Makefile").read_text().split("\nserve:")[1].split("\n\n")[0]
    line = " ".join(recipe.splitlines()[1:]).replace("\\", "")
    cores = "$$(python -c 'import os; print(os.cpu_count())')"
    values = {"$(HOST)": "127.0.0.1", "$(PORT)": str(port), cores: "2"}
    for name, value in values.items():
        assert name in line
        line = line.replace(name, value)
    return shlex.split(line)


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's log of readings."""
    return tmp_path_factory.mktemp("readings") / "readings.db"


@pytest.fixture(scope="module")
def address(store: Store, readings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command(port),
        env={**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": store.uri, "DIGITS_LOG": str(readings)},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    deadline = time.monotonic() + PATIENCE
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            urllib.request.urlopen(f"{url}/ping", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
    yield url
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def post(address: str, body: bytes, content_type: str = "application/json") -> tuple[int, Any]:
    request = urllib.request.Request(f"{address}/invocations", body, {"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sheet(sevens: int, scale: int = 1) -> str:
    """A picture of that many digits, as the server takes it."""
    page = np.full((200, 80 + 90 * sevens), 245, np.uint8)
    for number in range(sevens):
        cv2.putText(page, "7", (40 + 90 * number, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 8, cv2.LINE_AA)
    picture = cv2.resize(page, None, fx=scale, fy=scale)
    return base64.b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()


def test_ping_and_version(address: str) -> None:
    for path in ("ping", "version"):
        with urllib.request.urlopen(f"{address}/{path}", timeout=60) as answer:
            assert answer.status == 200


def test_pictures_are_answered_one_by_one_and_broken_ones_say_why(address: str) -> None:
    broken = base64.b64encode(b"not a picture").decode()
    status, answer = post(address, json.dumps({"inputs": [sheet(2), broken, "***"]}).encode())
    assert status == 200
    two, no_picture, no_base64 = answer["predictions"]
    assert two["text"] == "77"
    assert len(two["digits"]) == 2
    assert "not a picture in a known format" in no_picture["error"]
    assert "not base64" in no_base64["error"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_line_in_the_readme_works(address: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(base64.b64decode(sheet(3)))
    line = re.search(r"^echo .*\n  curl .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert line is not None
    command = line[0].replace("http://127.0.0.1:5001", address)
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["predictions"][0]["text"] == "777"


def test_readings_are_logged(address: str, readings: Path) -> None:
    def logged() -> list[tuple]:
        connection = sqlite3.connect(readings)
        try:
            return connection.execute("SELECT origin, version, text FROM readings").fetchall()
        finally:
            connection.close()

    post(address, json.dumps({"inputs": [sheet(4)]}).encode())
    assert logged()[-1] == ("server", "1", "7777")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"inputs"', "valid JSON"),
        (b"{}", "'inputs' key"),
        (b'{"inputs": "abc"}', "Expected list"),
        (b"[]", "must be a JSON dictionary"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [["x"]]}}', "'inputs' key"),
    ],
)
def test_a_bad_request_is_refused_with_the_reason(address: str, body: bytes, reason: str) -> None:
    status, answer = post(address, body)
    assert status == 400
    assert reason in answer


def test_many_clients_at_once_lose_nothing(address: str) -> None:
    """Threads that share an interpreter without taking turns get errors and each other's answers."""
    asked = [(number % 4 + 1, number % 3 + 1) for number in range(120)]
    bodies = [json.dumps({"inputs": [sheet(*size)] * 2}).encode() for size in asked]
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda body: post(address, body), bodies))
    assert {status for status, _ in answers} == {200}
    read = [[row["text"] for row in answer["predictions"]] for _, answer in answers]
    assert read == [["7" * sevens] * 2 for sevens, _ in asked]
