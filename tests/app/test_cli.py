"""`digits read` and `digits score` as a person runs them."""

import csv
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app import cli
from app.folder import COLUMNS
from tests.app.conftest import Store

ROOT = Path(__file__).parents[2]
# Pictures in a folder: so many that reading them lasts, however late a test on a busy machine comes to interrupt it.
MANY = 600


@pytest.fixture
def digits(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command in this process and return its exit code."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)

    def run(*arguments: str | Path) -> int:
        try:
            return cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            return int(stop.code or 0)

    return run


def start(uri: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    """Run a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_sevens(text: str) -> bool:
    return set(text) == {"7"}


def test_read_prints_what_is_written(
    digits: Callable[..., int], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert digits("read", pictures / "more" / "one.jpg") == 0
    assert is_sevens(capsys.readouterr().out.rstrip("\n"))
    assert digits("read", pictures / "sheet.png") == 0
    assert capsys.readouterr().out == "\n"
    assert digits("read", pictures / "two.png", pictures / "sheet.png") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{pictures / 'two.png'}: 7")
    assert second == f"{pictures / 'sheet.png'}: "


def test_read_json(digits: Callable[..., int], pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digits("read", pictures / "two.png", pictures / "notes.txt", "--json") == 1
    out, err = capsys.readouterr()
    reading, failure = map(json.loads, out.splitlines())
    assert set(reading) == {"path", "text", "digits", "milliseconds", "model_version"}
    assert set(reading["digits"][0]) == {"digit", "confidence", "box", "line", "runner_up"}
    assert reading["path"] == str(pictures / "two.png")
    assert reading["model_version"] == "1"
    assert set(failure) == {"path", "error"}
    assert err == ""


def test_read_goes_on_after_a_bad_picture(
    digits: Callable[..., int], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = pictures / "missing.png"
    assert digits("read", missing, pictures / "notes.txt", pictures / "two.png") == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{pictures / 'two.png'}: 7")
    first, second = err.splitlines()
    assert first == f"digits: {missing}: there is no such file; check the path"
    assert second.startswith(f"digits: {pictures / 'notes.txt'}: it is not a picture")


def test_annotate_draws_on_copies(digits: Callable[..., int], pictures: Path, tmp_path: Path) -> None:
    same_name = pictures / "two.png", pictures / "more" / "two.png"
    same_name[1].write_bytes(same_name[0].read_bytes())
    before = same_name[0].read_bytes()
    seen = tmp_path / "seen" / "deep"
    assert digits("read", *same_name, pictures / "more" / "one.jpg", "--annotate", seen) == 0
    assert sorted(path.name for path in seen.iterdir()) == ["one.png", "two-2.png", "two.png"]
    assert same_name[0].read_bytes() == before
    assert np.ptp(np.asarray(Image.open(seen / "one.png")), axis=2).max() > 50, "nothing coloured was drawn"


def test_annotate_into_a_file_is_an_error(
    digits: Callable[..., int], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert digits("read", pictures / "two.png", "--annotate", pictures / "notes.txt") == 1
    assert "notes.txt cannot be written to" in capsys.readouterr().err


def test_a_folder_into_csv(
    digits: Callable[..., int], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = pictures / "out.csv"
    assert digits("read", pictures, "--csv", out) == 1
    rows = rows_of(out)
    assert tuple(rows[0]) == COLUMNS
    assert [row["path"] for row in rows] == ["more/one.jpg", "notes.txt", "sheet.png", "two.png"]
    assert is_sevens(rows[0]["text"])
    assert 0 < float(rows[0]["confidence"]) <= 1
    assert rows[1]["error"].startswith("it is not a picture")
    assert (rows[2]["text"], rows[2]["confidence"]) == ("", "")
    assert {row["model_version"] for row in rows} == {"1"}
    assert capsys.readouterr().err.startswith("digits: notes.txt: it is not a picture")
    (pictures / "notes.txt").unlink()
    assert digits("read", pictures, "--csv", out) == 0
    assert [row["path"] for row in rows_of(out)] == ["more/one.jpg", "sheet.png", "two.png"]


def test_a_folder_goes_on_where_it_stopped(
    digits: Callable[..., int], pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    (pictures / "notes.txt").unlink()
    done = ["more/one.jpg", "from before", "0.5", "1.0", "1", ""]
    other_version = ["sheet.png", "from version 0", "0.5", "1.0", "0", ""]
    with out.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, done, other_version])
        file.write('two.png,"cut sh')
    assert digits("read", pictures, "--csv", out) == 0
    texts = {row["path"]: row["text"] for row in rows_of(out)}
    assert texts["more/one.jpg"] == "from before"
    assert texts["sheet.png"] == ""
    assert is_sevens(texts["two.png"])
    assert len(rows_of(out)) == 3


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_folder(signal_number: int, store: Store, pictures: Path, tmp_path: Path) -> None:
    picture = (pictures / "two.png").read_bytes()
    many = tmp_path / "many"
    many.mkdir()
    for number in range(MANY):
        (many / f"{number:03}.png").write_bytes(picture)
    out = tmp_path / "out.csv"
    process = start(store.uri, "read", many, "--csv", out)
    deadline = time.monotonic() + 30
    while not out.exists() or len(out.read_bytes().splitlines()) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal_number)
    _, err = process.communicate(timeout=30)
    before = out.read_bytes().splitlines()
    assert 3 <= len(before) < MANY
    assert process.returncode == (130 if signal_number == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in err

    process = start(store.uri, "read", many, "--csv", out)
    process.communicate(timeout=60)
    assert process.returncode == 0
    after = out.read_bytes().splitlines()
    assert after[: len(before) - 1] == before[:-1], "what was read has been read again"
    assert [row["path"] for row in rows_of(out)] == [f"{number:03}.png" for number in range(MANY)]


def test_odd_names_and_a_reader_that_fails(
    own_store: Store, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_store.register("\n\ndef read(self, source):\n    raise TypeError('a\\nb')\n\n\nReader.read = read\n")
    odd = os.fsdecode(os.fsencode(pictures) + b"/\xff,\n.png")
    Path(odd).write_bytes((pictures / "two.png").read_bytes())
    assert cli.main(["read", str(pictures), "--csv", str(tmp_path / "out.csv")]) == 1
    errors = capsys.readouterr().err
    assert errors.count("the reader failed on this picture; please report it (TypeError: a)") == 5
    assert len(list(csv.reader((tmp_path / "out.csv").open(newline="", errors="surrogateescape")))) == 6
    assert cli.main(["read", odd, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["path"] == odd


def test_foreign_files_are_not_overwritten(
    digits: Callable[..., int], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content in ("name,amount\nmilk,2\n", "\x00\xff binary", "\n"):
        foreign = tmp_path / "mine.csv"
        foreign.write_bytes(content.encode("latin-1"))
        assert digits("read", pictures, "--csv", foreign) == 1
        assert "give another --csv" in capsys.readouterr().err
        assert foreign.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["read", "pictures"], "is a folder; add --csv OUT.csv"),
        (["read", "pictures/two.png", "--csv", "out.csv"], "--csv takes one folder"),
        (["read", "pictures", "--csv", "out.csv", "--json"], "--csv takes one folder"),
        (["read"], "the following arguments are required"),
        (["paint"], "invalid choice"),
        ([], "the following arguments are required"),
    ],
)
def test_wrong_commands(
    arguments: list[str],
    message: str,
    digits: Callable[..., int],
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(pictures.parent)
    assert digits(*arguments) == 2
    assert message in capsys.readouterr().err


def test_folders_that_cannot_be_used(
    digits: Callable[..., int], tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert digits("read", tmp_path / "empty", "--csv", tmp_path / "out.csv") == 1
    assert "holds no files" in capsys.readouterr().err
    assert digits("read", pictures, "--csv", tmp_path / "nowhere" / "out.csv") == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


MANIFEST = """path,truth,paper,tags
more/one.jpg,7,plain,small;blue
two.png,12/34,plain,blue
sheet.png,,plain,
missing.png,5,ruled,small
"""


def test_score_json(digits: Callable[..., int], pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "manifest.csv").write_text(MANIFEST)
    assert digits("score", pictures / "manifest.csv", "--json") == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures["model_version"] == "1"
    assert figures["pictures"] == 4
    assert figures["unreadable"] == [
        {"path": "missing.png", "error": "there is no such file; check the path"}
    ]
    assert {"path": "two.png", "truth": "12\n34"}.items() <= figures["misread"][-1].items()
    assert set(figures["groups"]) == {"paper", "tags"}
    assert {value: group["pictures"] for value, group in figures["groups"]["tags"].items()} == {
        "blue": 2,
        "small": 2,
    }
    assert figures["groups"]["paper"]["ruled"]["exact"] == 0
    assert figures["groups"]["paper"]["ruled"]["ece"] is None


def test_score_for_people(
    digits: Callable[..., int], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "manifest.csv").write_text("\ufeffpath,truth\ntwo.png,12/34\nsheet.png,\n", encoding="utf-8")
    assert digits("score", pictures / "manifest.csv") == 0
    out = capsys.readouterr().out
    assert "all pictures          2   50.0 %" in out
    assert "instead of 12/34" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path,text\na.png,1\n", "has no column truth"),
        (b"", "has no column path and no column truth"),
        (b"path,truth\n", "lists no pictures"),
        (b"path,truth\na.png,1x\n", 'line 2: the truth "1x" is not digits'),
        (b"path,truth\na.png,1//2\n", 'line 2: the truth "1//2" is not digits'),
        ("path,truth\na.png,٣\n".encode(), "is not digits"),
        (b"path,truth\na.png\n", "line 2: the row has more or fewer values"),
        (b"path,truth\na.png,1,2\n", "line 2: the row has more or fewer values"),
        (b"path,truth\n,1\n", "line 2: the path is empty"),
        (b"path,truth\n\xff\xfe,1\n", "is not a CSV file in UTF-8"),
        (b'path,truth\n"a.png,1\n', "is not a CSV file in UTF-8"),
    ],
)
def test_bad_manifests(
    content: bytes,
    message: str,
    digits: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "manifest.csv").write_bytes(content)
    assert digits("score", tmp_path / "manifest.csv") == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_manifests_that_are_none(
    digits: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "missing.csv"):
        assert digits("score", path) == 1
        assert "cannot be opened" in capsys.readouterr().err


def test_processes_end_with_the_right_codes(store: Store, pictures: Path, tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path / 'none.db'}"
    cases = [
        ((store.uri, "read", pictures / "two.png"), 0),
        ((store.uri, "read", pictures / "notes.txt"), 1),
        ((nowhere, "read", pictures / "two.png"), 1),
        ((store.uri, "read", pictures), 2),
    ]
    processes = [(start(*arguments), code) for arguments, code in cases]
    for process, code in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Traceback" not in err


def test_a_closed_pipe_is_no_error(store: Store, pictures: Path) -> None:
    process = start(store.uri, "read", *[pictures / "two.png"] * 50)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_start_to_answer_within_two_seconds(store: Store, pictures: Path) -> None:
    # Seconds of the processor, which do not depend on what else it does; nothing here waits for anything.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out, _ = start(store.uri, "read", pictures / "more" / "one.jpg", "--json").communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert is_sevens(json.loads(out)["text"])
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_nothing_on_the_way_to_a_reading_needs_posix(store: Store, pictures: Path) -> None:
    """What Windows lacks is missing here, too, while the command line and all of the app are imported."""
    code = f"""
import sys
sys.modules.update(dict.fromkeys(("fcntl", "grp", "pwd", "pty", "resource", "termios", "tty")))
import app.cli, app.feedback, app.live, app.server, app.versions, app.video
sys.exit(app.cli.main(["read", {str(pictures / "two.png")!r}]))
"""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": store.uri}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert is_sevens(done.stdout.strip())


def test_readings_are_logged_if_asked_for(
    digits: Callable[..., int], pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITS_LOG", str(tmp_path / "readings.db"))
    assert digits("read", pictures / "two.png", pictures / "notes.txt") == 1
    connection = sqlite3.connect(tmp_path / "readings.db")
    rows = connection.execute("SELECT origin, version, text, error FROM readings").fetchall()
    connection.close()
    (text, no_error), (no_text, error) = (row[2:] for row in rows)
    assert [row[:2] for row in rows] == [("cli", "1")] * 2
    assert is_sevens(text)
    assert "not a picture" in error
    assert no_error is no_text is None
