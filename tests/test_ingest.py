"""Where the CSVs come from, in which order, and that nothing half-written or mislabelled is left behind."""

import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from pipeline.common.stage import StageError
from pipeline.ingest import ingest
from pipeline.mnist import csv_format
from pipeline.mnist.record import SAMPLE
from pipeline.mnist.sample import mnist_form

REPOSITORY = Path(__file__).parent.parent
TRAIN, TEST, RECORD = (
    Path("data/raw") / name for name in ("mnist_train.csv", "mnist_test.csv", "source.json")
)

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def some_digits(seed: int, count: int = 60) -> Digits:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, np.resize(np.arange(10, dtype=np.uint8), count)


TRAIN_DIGITS, TEST_DIGITS = some_digits(1), some_digits(2, 30)
TRAIN_CSV, TEST_CSV = csv_format.encode(*TRAIN_DIGITS), csv_format.encode(*TEST_DIGITS)
SHA256 = {"train": hashlib.sha256(TRAIN_CSV).hexdigest(), "test": hashlib.sha256(TEST_CSV).hexdigest()}


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place to run the stage in, with no mirror that could be reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    list_mirrors([])
    return tmp_path


def list_mirrors(mirrors: list[dict[str, Any]]) -> None:
    Path("params.yaml").write_text(yaml.safe_dump({"base": {"seed": 1}, "ingest": {"mirrors": mirrors}}))


class Server(ThreadingHTTPServer):
    """Serves the files of a dictionary; `spoil` may say how an answer to a path goes wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.spoil: dict[str, str] = {}
        self.asked: list[str] = []
        self.half_sent = threading.Event()
        self.go_on = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        how = self.server.spoil.get(path)
        if path not in self.server.files or how == "error":
            self.send_error(500 if how else 404)
            return
        content = self.server.files[path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        if how == "hang":
            self.server.half_sent.set()
            self.server.go_on.wait(20)
        if how is None:
            self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


def idx(array: NDArray[np.uint8]) -> bytes:
    lengths = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(
        file, x_train=TRAIN_DIGITS[0], y_train=TRAIN_DIGITS[1], x_test=TEST_DIGITS[0], y_test=TEST_DIGITS[1]
    )
    return file.getvalue()


FORMS = {
    "csv": [TRAIN_CSV.partition(b"\n")[2], TEST_CSV.partition(b"\n")[2]],
    "npz": [npz()],
    "idx": [gzip.compress(idx(array)) for array in (*TRAIN_DIGITS, *TEST_DIGITS)],
    "idx, unpacked on the way": [idx(array) for array in (*TRAIN_DIGITS, *TEST_DIGITS)],
}


def mirror(server: Server, form: str, name: str = "one") -> dict[str, Any]:
    """Put `form` on the server and return the entry for params.yaml."""
    urls = []
    for number, content in enumerate(FORMS[form]):
        path = f"/{name}/{number}"
        server.files[path] = content
        urls.append(server.url + path)
    return {"name": name, "form": form.partition(",")[0], "urls": urls, "sha256": dict(SHA256)}


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def sources() -> list[str]:
    """The recorded sources, after checking that the record is true and nothing else lies about."""
    record = json.loads(RECORD.read_text())
    for split, path in ("train", TRAIN), ("test", TEST):
        assert record[split]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert record[split]["rows"] == len(csv_format.read(path)[1])
    assert not list(RECORD.parent.glob("*.part*"))
    return [record[split]["source"] for split in ("train", "test")]


# The user's own files


def test_own_files_are_kept_byte_for_byte() -> None:
    mine = TRAIN_CSV.partition(b"\n")[2].replace(b"\n", b"\r\n")
    put(TRAIN, mine)
    put(TEST, b"\xef\xbb\xbf" + TEST_CSV)
    ingest()
    assert TRAIN.read_bytes() == mine
    assert TEST.read_bytes() == b"\xef\xbb\xbf" + TEST_CSV
    assert sources() == ["user", "user"]


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_own_packed_files_are_unpacked(packed: str) -> None:
    for path, content in (TRAIN, TRAIN_CSV), (TEST, TEST_CSV):
        put(path.with_suffix(f".csv.{packed}"), pack(content, packed))
    ingest()
    assert (TRAIN.read_bytes(), TEST.read_bytes()) == (TRAIN_CSV, TEST_CSV)
    assert sources() == ["user", "user"]


def pack(csv: bytes, how: str) -> bytes:
    if how == "gz":
        return gzip.compress(csv)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mnist.csv", csv)
    return file.getvalue()


def test_own_packed_file_is_not_looked_at_beside_a_csv() -> None:
    put(TRAIN, TRAIN_CSV)
    put(TRAIN.with_suffix(".csv.gz"), b"not even gzip")
    put(TEST, TEST_CSV)
    ingest()
    assert sources() == ["user", "user"]


def test_own_files_come_before_mnist_source(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    put(TRAIN, TRAIN_CSV)
    put(TEST, TEST_CSV)
    monkeypatch.setenv("MNIST_SOURCE", "nowhere")
    ingest()
    assert sources() == ["user", "user"]
    assert "MNIST_SOURCE was not asked" in capsys.readouterr().out


@pytest.mark.parametrize(("there", "absent"), [(TRAIN, TEST), (TEST, TRAIN)])
def test_half_a_pair_is_never_filled_up(there: Path, absent: Path, server: Server) -> None:
    put(there, TRAIN_CSV)
    list_mirrors([mirror(server, "npz")])
    with pytest.raises(StageError, match=f"{there} is there and {absent} is not"):
        ingest()
    assert not absent.exists()
    assert server.asked == []


def test_refused_own_file_ends_in_one_message_and_stays() -> None:
    bad = TRAIN_CSV.replace(b"\n1,", b"\n11,", 1)
    put(TRAIN, bad)
    put(TEST, TEST_CSV)
    ended = subprocess.run(command(), env=environment(), capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: {TRAIN}, row 3, column 1: label '11' is outside 0..9. ")
    assert ended.stderr.count("\n") == 1
    assert TRAIN.read_bytes() == bad
    assert not RECORD.exists()


def test_own_file_with_fewer_classes_is_refused() -> None:
    put(TRAIN, csv_format.encode(TRAIN_DIGITS[0][:9], TRAIN_DIGITS[1][:9]))
    put(TEST, TEST_CSV)
    with pytest.raises(StageError, match="fewer than 10 classes: no image of 9"):
        ingest()


# MNIST_SOURCE


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zip"])
@pytest.mark.parametrize("kind", ["folder", "url"])
def test_mnist_source(kind: str, suffix: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for split, csv in ("train", TRAIN_CSV), ("test", TEST_CSV):
        content = csv if suffix == ".csv" else pack(csv, suffix.rpartition(".")[2])
        put(Path(f"elsewhere/mnist_{split}{suffix}"), content)
        server.files[f"/digits/mnist_{split}{suffix}"] = content
    place = "elsewhere" if kind == "folder" else f"{server.url}/digits"
    monkeypatch.setenv("MNIST_SOURCE", place)
    ingest()
    assert (TRAIN.read_bytes(), TEST.read_bytes()) == (TRAIN_CSV, TEST_CSV)
    shown = f"MNIST_SOURCE {'folder ' if kind == 'folder' else ''}{place}"
    assert sources() == [shown, shown]
    ingest()
    assert sources() == [shown, shown], "a second run remembers where the files are from"


def test_mnist_source_keeps_a_token_to_itself(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    place = server.url.replace("//", "//me:secret@") + "/digits/?token=secret"
    monkeypatch.setenv("MNIST_SOURCE", place)
    with pytest.raises(StageError, match="HTTP 404") as caught:
        ingest()
    assert "secret" not in str(caught.value)
    server.files |= {"/digits/mnist_train.csv": TRAIN_CSV, "/digits/mnist_test.csv": TEST_CSV}
    ingest()
    assert server.asked[-1] == "/digits/mnist_test.csv?token=secret"
    assert "secret" not in RECORD.read_text()


@pytest.mark.parametrize("how", ["no folder", "no test", "refused csv", "404", "truncated", "no server"])
def test_mnist_source_that_cannot_be_used(how: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    list_mirrors([mirror(server, "npz")])
    put(Path("elsewhere/mnist_train.csv"), TRAIN_CSV if how == "no test" else b"")
    server.files["/mnist_train.csv"] = TRAIN_CSV
    server.spoil["/mnist_train.csv"] = "cut"
    place, reason = {
        "no folder": ("nowhere", "nowhere is neither a folder nor an http"),
        "no test": ("elsewhere", r"elsewhere holds no mnist_test\.csv"),
        "refused csv": ("elsewhere", r"elsewhere/mnist_train\.csv, row 1: the file is empty"),
        "404": (f"{server.url}/nothing", r"/nothing/mnist_train\.csv: HTTP 404"),
        "truncated": (server.url, r"mnist_train\.csv: .*IncompleteRead"),
        "no server": (closed_port(), r"mnist_train\.csv: .*refused"),
    }[how]
    monkeypatch.setenv("MNIST_SOURCE", place)
    with pytest.raises(StageError, match=f"MNIST_SOURCE cannot be used: .*{reason}"):
        ingest()
    assert not TRAIN.exists()
    assert not any(path.startswith("/one") for path in server.asked), "no silent fall-through to the mirrors"


def closed_port() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


# The mirrors


@pytest.mark.parametrize("form", FORMS)
def test_mirrors_of_all_forms_give_the_same_files(form: str, server: Server) -> None:
    list_mirrors([mirror(server, form)])
    ingest()
    assert (TRAIN.read_bytes(), TEST.read_bytes()) == (TRAIN_CSV, TEST_CSV)
    assert sources() == ["mirror one", "mirror one"]


FAILURES = {
    "no server": "refused",
    "error": "HTTP 500",
    "cut": "IncompleteRead",
    "other digits": "its test digits are not those expected",
    "web page": "what it sent is not MNIST as",
    "too few urls": "urls, params.yaml lists",
}


@pytest.mark.parametrize("form", ["csv", "npz", "idx"])
@pytest.mark.parametrize("failure", FAILURES)
def test_next_mirror_is_tried(failure: str, form: str, server: Server, capsys: Any) -> None:
    first, second = mirror(server, form, "first"), mirror(server, "npz", "second")
    last = "/first/" + first["urls"][-1].rpartition("/")[2]
    if failure == "no server":
        first["urls"] = [closed_port() for _ in first["urls"]]
    elif failure in ("error", "cut"):
        server.spoil[last] = failure
    elif failure == "other digits":
        first["sha256"]["test"] = "0" * 64
    elif failure == "web page":
        server.files[last] = b"<html>\n<p>Moved.</p>\n</html>"
    elif failure == "too few urls":
        first["urls"].pop()
    list_mirrors([first, second])
    ingest()
    assert sources() == ["mirror second", "mirror second"]
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: mirror first: ")
    assert FAILURES[failure] in warnings[0]


def test_mirror_that_params_yaml_describes_wrongly(server: Server) -> None:
    good = mirror(server, "npz")
    bads: list[Any] = [
        good | {"form": "png"},
        good | {"sha256": {}},
        good | {"extra": 1},
        {"name": "one"},
        "one",
    ]
    for bad in bads:
        list_mirrors([bad])
        with pytest.raises(StageError, match=r"params\.yaml: ingest\.mirrors"):
            ingest()


def test_mirrors_that_are_no_list() -> None:
    Path("params.yaml").write_text("base: {seed: 1}\ningest:\n  mirrors:\n")
    with pytest.raises(StageError, match=r"params\.yaml: ingest\.mirrors is None; it should be a valid list"):
        ingest()


# The sample


def test_sample_is_the_loud_last_resort(capsys: Any) -> None:
    list_mirrors(
        [{"name": "far away", "form": "npz", "urls": [f"{closed_port()}/mnist.npz"], "sha256": SHA256}]
    )
    ingest()
    assert sources() == [SAMPLE, SAMPLE]
    warning = capsys.readouterr().err
    for said in ["COULD NOT BE OBTAINED", "1,797 digits", "far away", "refused", "MNIST_SOURCE", "data/raw"]:
        assert said in warning
    (train_images, train_labels), (_, test_labels) = csv_format.read(TRAIN), csv_format.read(TEST)
    assert (len(train_labels), len(test_labels)) == (1437, 360)
    for labels in train_labels, test_labels:
        assert np.bincount(labels).min() > 0.09 * len(labels), "split by class"
    assert (train_images.max(axis=(1, 2)) == 255).all()


def test_sample_is_the_same_each_time() -> None:
    ingest()
    first = TRAIN.read_bytes(), TEST.read_bytes(), RECORD.read_bytes()
    ingest()
    assert (TRAIN.read_bytes(), TEST.read_bytes(), RECORD.read_bytes()) == first


def test_sample_gives_way_to_the_real_data(server: Server) -> None:
    ingest()
    list_mirrors([mirror(server, "idx")])
    ingest()
    assert sources() == ["mirror one", "mirror one"]


def test_sample_gives_way_to_own_packed_files() -> None:
    ingest()
    put(TRAIN.with_suffix(".csv.gz"), gzip.compress(TRAIN_CSV))
    put(TEST.with_suffix(".csv.gz"), gzip.compress(TEST_CSV))
    ingest()
    assert sources() == ["user", "user"]
    assert TRAIN.read_bytes() == TRAIN_CSV


def test_sample_is_never_mixed_with_own_files() -> None:
    ingest()
    put(TRAIN, TRAIN_CSV)
    with pytest.raises(StageError, match=f"{TRAIN} is there and {TEST} is not"):
        ingest()
    put(TEST, TEST_CSV)
    ingest()
    assert sources() == ["user", "user"]


def test_mnist_form() -> None:
    small = np.zeros((8, 8))
    small[1:7, 3:5] = 16.0
    large = mnist_form(small)
    rows, columns = np.nonzero(large > 127)
    assert 19 <= np.ptp(rows) + 1 <= 21, "fills the 20 pixel box"
    assert 6 <= np.ptp(columns) + 1 <= 8, "keeps its aspect"
    assert np.average(np.arange(28), weights=large.sum(axis=1)) == pytest.approx(14, abs=0.2)
    assert np.average(np.arange(28), weights=large.sum(axis=0)) == pytest.approx(14, abs=0.2)


# What a run remembers of the runs before


def test_changed_download_is_the_users_own(server: Server) -> None:
    list_mirrors([mirror(server, "npz")])
    ingest()
    put(TRAIN, TEST_CSV)
    ingest()
    assert sources() == ["user", "mirror one"]


def test_lost_half_of_a_download_is_fetched_again(server: Server) -> None:
    list_mirrors([mirror(server, "npz")])
    ingest()
    TEST.unlink()
    ingest()
    assert sources() == ["mirror one", "mirror one"]
    TEST.unlink()
    list_mirrors([])
    with pytest.raises(StageError, match=f"only {TRAIN} is there, and no mirror can be reached"):
        ingest()
    assert TRAIN.read_bytes() == TRAIN_CSV, "real data does not give way to the sample"


def test_damaged_record() -> None:
    put(RECORD, b"{")
    with pytest.raises(StageError, match=r"source\.json is damaged"):
        ingest()


# kill -9


def command() -> list[str]:
    return [sys.executable, "-m", "pipeline.ingest"]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPOSITORY)}


def test_kill_during_a_download(server: Server) -> None:
    list_mirrors([mirror(server, "npz")])
    server.spoil["/one/0"] = "hang"
    process = subprocess.Popen(command(), env=environment(), stderr=subprocess.DEVNULL)
    assert server.half_sent.wait(20)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not TRAIN.exists()
    assert not TEST.exists()
    server.spoil.clear()
    ingest()
    assert sources() == ["mirror one", "mirror one"]


KILLED_AT = """
import os, pathlib, signal, sys

def killing(function):
    def killed(*args, **kwargs):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return killed

steps = int(sys.argv[1])
os.fsync = killing(os.fsync)
pathlib.Path.replace = killing(pathlib.Path.replace)
pathlib.Path.unlink = killing(pathlib.Path.unlink)
from pipeline.ingest import ingest
ingest()
"""


def test_kill_at_any_step_of_writing(server: Server) -> None:
    """Before each write, replacement and deletion while real data takes the sample's place."""
    ingest()
    sample = {path: path.read_bytes() for path in (TRAIN, TEST, RECORD)}
    list_mirrors([mirror(server, "npz")])
    for step in range(1, 100):
        for path, content in sample.items():
            put(path, content)
        killed = [sys.executable, "-c", KILLED_AT, str(step)]
        ended = subprocess.run(killed, env=environment(), capture_output=True, check=False)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        for path, whole in (TRAIN, TRAIN_CSV), (TEST, TEST_CSV):
            assert not path.exists() or path.read_bytes() in (whole, sample[path])
        ingest()
        assert sources() == ["mirror one", "mirror one"], f"killed at step {step}"
    assert step > 8
