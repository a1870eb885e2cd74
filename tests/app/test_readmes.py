"""What the READMEs say: every file, target, module, option and parameter that they name exists, and commands run."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import cv2
import mlflow
import numpy as np
import pytest
import yaml

from app.cli import make_parser
from tests.app.conftest import Store
from tests.conftest import ROOT

README = ROOT / "README.md"
READMES = [
    README,
    *(ROOT / f"{folder}/README.md" for folder in ("pipeline", "pipeline/reader", "app")),
    ROOT / "reports" / "experiments.md",
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)?(#[^)\s]+)?\)")

each_readme = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.relative_to(ROOT).as_posix())


def blocks(readme: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [text for name, text in FENCE.findall(readme.read_text()) if name == language]


def commands(readme: Path) -> Iterator[list[str]]:
    """The commands in the shell blocks that begin with one of ours, as lists of words."""
    for block in blocks(readme, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in line.split(" && "):
                if re.match(r"(digits|make|dvc|python) ", command):
                    yield shlex.split(command, comments=True)


def code_spans(readme: Path) -> list[str]:
    """What stands in backticks within the text."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", readme.read_text()))


def anchors(readme: Path) -> set[str]:
    """The anchors that GitHub gives headings."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", readme.read_text()), re.MULTILINE)
    texts = [re.sub(r"\[(.*?)\]\([^)]*\)", r"\1", title).lower() for title in titles]
    return {"#" + re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


def test_the_readme_is_short() -> None:
    assert len(README.read_text().split()) <= 1500


@each_readme
def test_links_lead_somewhere(readme: Path) -> None:
    for path, anchor in LINK.findall(readme.read_text()):
        if path.startswith(("http:", "https:")):
            continue
        target = (readme.parent / path).resolve() if path else readme
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target), f"{path}{anchor}"


@each_readme
def test_files_that_are_named_exist(readme: Path) -> None:
    made = ("data/", "models/", "reports/")  # by stages or by users
    for span in code_spans(readme):
        if re.fullmatch(r"(pipeline|app|tests)/[\w./-]+|[\w-]+\.(yaml|toml|lock)", span):
            assert (ROOT / span).exists() or (readme.parent / span).exists(), span
        elif span.startswith(made) and re.fullmatch(r"[\w./-]+", span):
            # In Git, or named by dvc.yaml as what a stage makes.
            known = (ROOT / "dvc.yaml").read_text() + (ROOT / "pipeline/common/paths.py").read_text()
            folder = span.rstrip("/").rsplit("/", 1)[0]
            assert (ROOT / span).exists() or span in known or folder in known, span


@each_readme
def test_targets_modules_and_options_that_are_named_exist(readme: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [*commands(readme), *(span.split() for span in code_spans(readme))]
    for words in named:
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words
        elif words[:2] == ["python", "-m"] and words[2].split(".")[0] in ("pipeline", "app", "tests"):
            assert find_spec(words[2]), words


@each_readme
def test_commands_of_digits_have_these_options(readme: Path) -> None:
    for words in commands(readme):
        if words[0] == "digits":
            make_parser().parse_args(words[1:])
    # In the text a command may stand without its arguments.
    for span in code_spans(readme):
        words = span.split()
        if words[0] == "digits" and len(words) > 1:
            usage = make_parser().format_help()
            assert set(words[1].split("|")) <= set(re.findall(r"\w+", usage)), span


@each_readme
def test_parameters_that_are_set_or_named_exist(readme: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    set_by_commands = [
        word.split("=")[0]
        for words in commands(readme)
        for before, word in pairwise(words)
        if before in ("-S", "--set-param")
    ]
    # A span such as `gate.level`; `train.npz` is a file.
    named = [
        span
        for span in code_spans(readme)
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", span)
        and span.split(".")[0] in params
        and not span.endswith((".npz", ".tflite"))
    ]
    for name in [*set_by_commands, *named]:
        block = params
        for key in name.split("."):
            assert key in block, name
            block = block[key]


def test_the_readme_s_commands_run(own_store: Store, tmp_path: Path) -> None:
    """But for `digits correct`, which writes into the project; test_feedback runs it on a copy."""
    for _ in range(3):
        own_store.register("")
    client = mlflow.MlflowClient(own_store.uri)
    client.set_registered_model_alias("digit-reader", "champion", "1")
    sheet = np.full((200, 200), 245, np.uint8)
    cv2.putText(sheet, "7", (60, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 8, cv2.LINE_AA)
    (tmp_path / "scans").mkdir()
    for name in ("photo.jpg", "scan.png", "scans/one.png"):
        cv2.imwrite(str(tmp_path / name), sheet)

    outputs = []
    for words in commands(README):
        if words[0] == "digits" and words[1] != "correct":
            done = subprocess.run(
                [sys.executable, "-m", "app.cli", *words[1:]],
                cwd=tmp_path,
                env={"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": own_store.uri, "PATH": ""},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (words, done.stderr)
            outputs.append(done.stdout)
    assert outputs[0] == "7\n"
    assert "readings.csv" in {path.name for path in tmp_path.iterdir()}
    assert "version 4 is now champion" in outputs[-2]
    assert "version 1 is now champion" in outputs[-1]


def test_the_readme_s_python_runs(own_store: Store, tmp_path: Path) -> None:
    sheet = np.full((200, 200), 245, np.uint8)
    cv2.putText(sheet, "7", (60, 140), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 8, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "photo.jpg"), sheet)
    (code,) = blocks(README, "python")
    code = code.replace("mlflow.pyfunc.load_model", "print(mlflow.pyfunc.load_model").replace(
        ".read()])", ".read()]))"
    )
    assert (tmp_path / "mlflow.db").is_file(), "the store that the README names"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "'text': '7'" in done.stdout
