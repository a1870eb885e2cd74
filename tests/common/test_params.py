"""params.yaml: what is missing or wrong is named."""

from pathlib import Path

import pytest

from pipeline.common.params import load
from pipeline.common.stage import StageError


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_named_blocks_are_loaded() -> None:
    Path("params.yaml").write_text("base: {seed: 3}\ntrain: {rate: 1.0e-3, name: a}\nother: {}\n")
    params = load("base", "train")
    assert set(params) == {"base", "train"}
    assert params["base"]["seed"] == 3
    assert params["train"]["name"] == "a"
    assert params["train"].number("rate", 0, 1) == 0.001


def test_missing_key_is_named() -> None:
    Path("params.yaml").write_text("train: {}")
    with pytest.raises(StageError, match=r"^params\.yaml: train\.rate is missing$"):
        load("train")["train"]["rate"]


@pytest.mark.parametrize("value", ["1e-3", "two", "[1]", "yes", "2", ".nan", ""])
def test_value_that_is_no_number_in_range_is_named(value: str) -> None:
    Path("params.yaml").write_text(f"train:\n  rate: {value}\n")
    with pytest.raises(StageError, match=r"^params\.yaml: train\.rate is .*; allowed is a number in 0\.\.1$"):
        load("train")["train"].number("rate", 0, 1)


def test_whole_numbers() -> None:
    Path("params.yaml").write_text("train: {epochs: 3, size: 3.5}")
    train = load("train")["train"]
    assert train.whole_number("epochs", 1, 5) == 3
    with pytest.raises(StageError, match=r"train\.size is 3\.5; allowed is a whole number in 1\.\.5$"):
        train.whole_number("size", 1, 5)


@pytest.mark.parametrize("content", ["", "base: {seed: 1}", "train:", "train: 3", "[1, 2]"])
def test_missing_block_is_named(content: str) -> None:
    Path("params.yaml").write_text(content)
    with pytest.raises(StageError, match=r"^params\.yaml: the block `train:` with its keys is missing$"):
        load("train")


def test_file_that_is_not_there() -> None:
    with pytest.raises(StageError, match=r"no params\.yaml in .*; run the stages from the repository's root"):
        load("train")


def test_file_that_is_no_yaml() -> None:
    Path("params.yaml").write_text("train: [1, 2")
    with pytest.raises(StageError, match=r"params\.yaml is not valid YAML: .*"):
        load("train")
