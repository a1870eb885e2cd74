"""The three splits: complete, reproducible, apart from each other, and told about truly."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.common.stage import StageError
from pipeline.ingest import ingest
from pipeline.mnist import csv_format
from pipeline.preprocess import SAMPLES_PER_DIGIT, preprocess

RAW = Path("data/raw")
OUTPUTS = [
    *(Path("data/prepared") / f"{split}.npz" for split in ("train", "validation", "test")),
    *(
        Path("reports/data") / name
        for name in ("samples.png", "class_balance.png", "classes.csv", "splits.json")
    ),
]

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def some_digits(seed: int, count: int) -> Digits:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, np.resize(np.arange(10, dtype=np.uint8), count)


def set_params(validation: object = 0.25, seed: int = 1) -> None:
    params = {
        "base": {"seed": seed},
        "ingest": {"mirrors": []},
        "preprocess": {"validation": validation},
    }
    Path("params.yaml").write_text(yaml.safe_dump(params))


def prepare(train: Digits, test: Digits) -> None:
    """Put the two CSVs in place and run both stages."""
    RAW.mkdir(parents=True, exist_ok=True)
    (RAW / "mnist_train.csv").write_bytes(csv_format.encode(*train))
    (RAW / "mnist_test.csv").write_bytes(csv_format.encode(*test))
    ingest()
    preprocess()


def prepared(split: str) -> Digits:
    with np.load(f"data/prepared/{split}.npz") as arrays:
        return arrays["images"], arrays["labels"]


def as_set(digits: Digits) -> set[tuple[bytes, int]]:
    return {(image.tobytes(), int(label)) for image, label in zip(*digits, strict=True)}


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_SOURCE", raising=False)
    set_params()


def test_each_image_goes_into_one_split_with_its_label() -> None:
    train, test = some_digits(1, 80), some_digits(2, 30)
    prepare(train, test)
    for split in ("train", "validation", "test"):
        images, labels = prepared(split)
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (len(labels), 28, 28)
    assert as_set(prepared("train")) | as_set(prepared("validation")) == as_set(train)
    assert not as_set(prepared("train")) & as_set(prepared("validation"))
    np.testing.assert_array_equal(prepared("test")[0], test[0])
    np.testing.assert_array_equal(prepared("test")[1], test[1])
    np.testing.assert_array_equal(np.bincount(prepared("validation")[1]), np.full(10, 2))


def test_images_keep_the_order_of_the_csv() -> None:
    train = some_digits(1, 80)
    prepare(train, some_digits(2, 30))
    rows = {image.tobytes(): row for row, image in enumerate(train[0])}
    for split in ("train", "validation"):
        order = [rows[image.tobytes()] for image in prepared(split)[0]]
        assert order == sorted(order)


def test_same_seed_same_bytes() -> None:
    prepare(some_digits(1, 80), some_digits(2, 30))
    first = [path.read_bytes() for path in OUTPUTS]
    preprocess()
    assert [path.read_bytes() for path in OUTPUTS] == first
    set_params(seed=2)
    preprocess()
    assert OUTPUTS[1].read_bytes() != first[1]


def test_images_in_two_splits_are_removed_from_the_side_that_gives_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, labels = some_digits(1, 80)
    test = some_digits(2, 30)
    images[:20] = images[20:40]  # pairs with one label, of which the split may part some
    images[70:80] = test[0][:10]
    prepare((images, labels), test)
    train, validation = (prepared(split)[0] for split in ("train", "validation"))
    in_train, in_validation, in_test = (
        {image.tobytes() for image in part} for part in (train, validation, test[0])
    )
    assert not in_train & in_validation
    assert not (in_train | in_validation) & in_test
    assert len(prepared("test")[0]) == 30, "the test data stays whole"
    assert in_train | in_validation == {image.tobytes() for image in images[:70]}, (
        "no image is lost altogether"
    )
    summary = json.loads(Path("reports/data/splits.json").read_text())
    assert summary["duplicates_removed"] == 80 - len(train) - len(validation) > 10
    assert f"{summary['duplicates_removed']} images removed" in capsys.readouterr().out


def test_reports_say_what_is_there() -> None:
    prepare(some_digits(1, 80), some_digits(2, 30))
    assert json.loads(Path("reports/data/splits.json").read_text()) == {
        "source": "user",
        "train": 60,
        "validation": 20,
        "test": 30,
        "duplicates_removed": 0,
    }
    lines = Path("reports/data/classes.csv").read_text().splitlines()
    assert lines == ["digit,train,validation,test", *(f"{digit},6,2,3" for digit in range(10))]
    for name in "samples.png", "class_balance.png":
        content = (Path("reports/data") / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert b"matplotlib" not in content.lower()


def test_figures_show_the_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: dict[str, Figure] = {}
    monkeypatch.setattr("pipeline.preprocess._save", lambda figure, path: figures.update({path.name: figure}))
    images, labels = some_digits(1, 80)
    labels[40:] = np.resize([0, 1, 1, 1], 40)  # a 1 now stands for more than a digit in ten
    labels[50:60] = np.arange(10)
    prepare((images, labels), some_digits(2, 30))

    (axes,) = figures["class_balance.png"].axes
    for split, bars in zip(("train", "validation", "test"), axes.containers, strict=True):
        counts = np.bincount(prepared(split)[1], minlength=10)
        assert isinstance(bars, BarContainer)
        assert [bar.get_height() for bar in bars] == pytest.approx(100 * counts / counts.sum())
        assert bars.get_label() == f"{split} ({counts.sum()})"

    (axes,) = figures["samples.png"].axes
    sheet = np.asarray(axes.images[0].get_array())
    for digit in range(10):
        of_digit = prepared("train")[0][prepared("train")[1] == digit]
        for place, image in enumerate(of_digit[:SAMPLES_PER_DIGIT]):
            shown = sheet[28 * digit : 28 * (digit + 1), 28 * place : 28 * (place + 1)]
            np.testing.assert_array_equal(shown, image)


def test_two_sources_are_both_named() -> None:
    prepare(some_digits(1, 80), some_digits(2, 30))
    record = json.loads((RAW / "source.json").read_text())
    record["test"]["source"] = "mirror one"
    (RAW / "source.json").write_text(json.dumps(record))
    preprocess()
    summary = json.loads(Path("reports/data/splits.json").read_text())
    assert summary["source"] == "train: user; test: mirror one"


def test_csvs_that_ingest_has_not_checked_are_refused() -> None:
    with pytest.raises(StageError, match=r"mnist_train\.csv is not there or not checked yet; run `python"):
        preprocess()
    prepare(some_digits(1, 80), some_digits(2, 30))
    (RAW / "mnist_test.csv").write_bytes(csv_format.encode(*some_digits(3, 30)))
    with pytest.raises(StageError, match=r"mnist_test\.csv is not there or not checked yet"):
        preprocess()


def test_one_file_as_both_is_refused() -> None:
    digits = some_digits(1, 80)
    with pytest.raises(
        StageError, match=r"the train split has no image of 0, .* are the two CSVs .* the same"
    ):
        prepare(digits, digits)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(StageError, match=r"mnist_train\.csv cannot be split: .*preprocess\.validation"):
        prepare(some_digits(1, 12), some_digits(2, 30))


@pytest.mark.parametrize("share", [0, 1, -0.1, 5000, "a tenth", None, True])
def test_a_share_that_is_none_is_refused(share: object) -> None:
    set_params(validation=share)
    with pytest.raises(StageError, match=r"params\.yaml: preprocess\.validation is .*; it should be"):
        prepare(some_digits(1, 80), some_digits(2, 30))
