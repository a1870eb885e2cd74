"""params.yaml: what is missing or wrong is named."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from pipeline.common.params import Block, read
from pipeline.common.stage import StageError


class Inner(Block):
    many: int = Field(ge=1, le=5)


class Settings(Block):
    rate: float = Field(ge=0, le=1)
    kind: Literal["a", "b"] = "a"
    inner: Inner | None = None


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_block_is_read() -> None:
    Path("params.yaml").write_text(
        "train: {rate: 1.0e-3, kind: b, inner: {many: 3}}\nother: {a: {rate: 1}}\n"
    )
    assert read(Settings, "train") == Settings(rate=0.001, kind="b", inner=Inner(many=3))
    assert read(Settings, "other", "a").rate == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "train.rate is missing"),
        ("{rate: 1e-3}", "train.rate is '1e-3'; it should be a valid number"),
        ("{rate: [1]}", "train.rate is [1]; it should be a valid number"),
        ("{rate: yes}", "train.rate is True; it should be a valid number"),
        ("{rate: }", "train.rate is None; it should be a valid number"),
        ("{rate: .nan}", "train.rate is nan; it should be a finite number"),
        ("{rate: 2}", "train.rate is 2; it should be less than or equal to 1"),
        ("{rate: 0, kind: c}", "train.kind is 'c'; it should be 'a' or 'b'"),
        ("{rate: 0, inner: {many: 3.5}}", "train.inner.many is 3.5; it should be a valid integer"),
        ("{rate: 0, inner: 3}", "the block `train.inner:` with its keys is missing"),
        ("{rate: 0, epoch: 3}", "train.epoch is no parameter"),
    ],
)
def test_what_is_missing_or_not_allowed_is_named(content: str, message: str) -> None:
    Path("params.yaml").write_text(f"train: {content}\n")
    with pytest.raises(StageError) as raised:
        read(Settings, "train")
    assert str(raised.value) == f"params.yaml: {message}"


def test_all_that_is_wrong_is_named_at_once() -> None:
    Path("params.yaml").write_text("train: {kind: c, inner: {many: 9}}")
    with pytest.raises(StageError) as raised:
        read(Settings, "train")
    assert [line.split()[1] for line in str(raised.value).splitlines()] == [
        "train.rate",
        "train.kind",
        "train.inner.many",
    ]


@pytest.mark.parametrize("content", ["", "base: {seed: 1}", "train:", "train: 3", "[1, 2]"])
def test_missing_block_is_named(content: str) -> None:
    Path("params.yaml").write_text(content)
    with pytest.raises(StageError, match=r"^params\.yaml: the block `train:` with its keys is missing$"):
        read(Settings, "train")


def test_file_that_is_not_there() -> None:
    with pytest.raises(StageError, match=r"no params\.yaml in .*; run the stages from the repository's root"):
        read(Settings, "train")


def test_file_that_is_no_yaml() -> None:
    Path("params.yaml").write_text("train: [1, 2")
    with pytest.raises(StageError, match=r"params\.yaml is not valid YAML: .*"):
        read(Settings, "train")
