"""MNIST's CSV dialects: what is read, what is refused and with which words, what is written."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.common.stage import StageError
from pipeline.mnist import csv_format
from pipeline.mnist.csv_format import CSVError

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]

KAGGLE_HEADER = ",".join(["label", *(f"pixel{n}" for n in range(784))])


@pytest.fixture
def digits() -> Digits:
    """60 random images, six of each class."""
    random = np.random.default_rng(1)
    return random.integers(0, 256, (60, 28, 28), dtype=np.uint8), np.tile(np.arange(10, dtype=np.uint8), 6)


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_csv", ".csv"), content)
    return packed.getvalue()


def body(csv: bytes) -> bytes:
    return csv.partition(b"\n")[2]


DIALECTS: dict[str, Callable[[bytes], bytes]] = {
    "canonical": lambda csv: csv,
    "Kaggle's header": lambda csv: KAGGLE_HEADER.encode() + b"\n" + body(csv),
    "no header": body,
    "no last line end": lambda csv: csv.rstrip(b"\n"),
    "CRLF": lambda csv: csv.replace(b"\n", b"\r\n"),
    "CR": lambda csv: csv.replace(b"\n", b"\r"),
    "byte order mark": lambda csv: b"\xef\xbb\xbf" + csv,
    "byte order mark, no header": lambda csv: b"\xef\xbb\xbf" + body(csv),
    "spaces": lambda csv: csv.replace(b",", b", "),
    "blank lines": lambda csv: csv.replace(b"\n", b"\n\n"),
    "gzip": gzip.compress,
    "gzip, CRLF, no header": lambda csv: gzip.compress(body(csv).replace(b"\n", b"\r\n")),
    "zip": lambda csv: zipped(mnist_csv=csv),
    "zip with a readme": lambda csv: zipped(mnist_csv=csv, readme=b"text"),
    "zip from macOS": lambda csv: zipped(**{"mnist_csv": csv, "__MACOSX/._mnist_csv": b"\0"}),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_give_the_same_digits(dialect: str, digits: Digits, tmp_path: Path) -> None:
    path = tmp_path / "digits"  # what it is shows in the content, not in the name
    path.write_bytes(DIALECTS[dialect](csv_format.encode(*digits)))
    images, labels = csv_format.read(path)
    assert images.dtype == labels.dtype == np.uint8
    np.testing.assert_array_equal(images, digits[0])
    np.testing.assert_array_equal(labels, digits[1])


def test_one_row_is_read(digits: Digits, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(csv_format.encode(digits[0][:1], digits[1][:1]))
    assert csv_format.read(path)[0].shape == (1, 28, 28)


def test_canonical_form_to_the_byte() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 0, 1], images[1, 27, 27] = 7, 255
    header, first, second, end = csv_format.encode(images, np.array([3, 9], np.uint8)).decode().split("\n")
    assert header.startswith("label,1x1,1x2,")
    assert header.endswith(",28x27,28x28")
    assert first == "3,0,7" + ",0" * 782
    assert second == "9" + ",0" * 783 + ",255"
    assert end == ""


def test_more_rows_than_one_part_are_written(tmp_path: Path) -> None:
    labels = np.resize(np.arange(10, dtype=np.uint8), 5000)
    images = np.broadcast_to((labels * 25)[:, None, None], (5000, 28, 28)).copy()
    path = tmp_path / "many.csv"
    path.write_bytes(csv_format.encode(images, labels))
    np.testing.assert_array_equal(csv_format.read(path)[0], images)


def test_wrong_arrays_are_refused(digits: Digits) -> None:
    images, labels = digits
    wrongs: list[Any] = [
        (images / 255, labels),
        (images[:5], labels),
        (images, labels + 1),
        (images, labels / 1),
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="must be uint8"):
            csv_format.encode(*wrong)


def put(row: int, column: int, text: str) -> Callable[[bytes], bytes]:
    """Replace the field at `row` and `column`, both from 1 and the header counted, by `text`."""

    def change(csv: bytes) -> bytes:
        lines = csv.split(b"\n")
        fields = lines[row - 1].split(b",")
        fields[column - 1] = text.encode()
        lines[row - 1] = b",".join(fields)
        return b"\n".join(lines)

    return change


def without_first_column(csv: bytes) -> bytes:
    return b"\n".join(line.partition(b",")[2] for line in csv.split(b"\n"))


def label_last(csv: bytes) -> bytes:
    lines = (line.partition(b",") for line in csv.splitlines())
    return b"\n".join(pixels + b"," + label for label, _, pixels in lines)


REFUSED: dict[str, tuple[Callable[[bytes], bytes], int | None, int | None, str]] = {
    "value too large": (put(5, 7, "256"), 5, 7, "value '256' is outside 0..255"),
    "value that would wrap round": (put(5, 7, "300"), 5, 7, "value '300' is outside 0..255"),
    "negative value": (put(5, 785, "-1"), 5, 785, "value '-1' is outside 0..255"),
    "huge value": (put(2, 2, "9" * 5000), 2, 2, "is outside 0..255"),
    "fraction": (put(9, 3, "3.5"), 9, 3, "value '3.5' is not written as a whole number"),
    "whole number as a fraction": (put(9, 3, "3.0"), 9, 3, "value '3.0' is not written as a whole number"),
    "label too large": (put(61, 1, "10"), 61, 1, "label '10' is outside 0..9"),
    "negative label": (put(61, 1, "-1"), 61, 1, "label '-1' is outside 0..9"),
    "text": (put(4, 4, "abc"), 4, 4, "value 'abc' is text, not a number"),
    "text for a label": (put(4, 1, "seven"), 4, 1, "label 'seven' is text, not a number"),
    "quotes": (put(4, 4, '"12"'), 4, 4, "value '\"12\"' is text, not a number"),
    "digits of another script": (put(4, 4, "٣"), 4, 4, "value '٣' is not written as a whole number"),
    "NaN": (put(3, 10, "NaN"), 3, 10, "value 'NaN' is not a number"),
    "nan for a label": (put(3, 1, "nan"), 3, 1, "label 'nan' is not a number"),
    "missing value": (put(3, 10, ""), 3, 10, "the value is missing"),
    "missing label": (put(3, 1, ""), 3, 1, "the label is missing"),
    "fault after blank lines": (
        lambda csv: put(5, 7, "300")(csv).replace(b"\n", b"\n\n"), 9, 7, "value '300' is outside 0..255",
    ),
    "fault with no header": (lambda csv: body(put(2, 7, "300")(csv)), 1, 7, "value '300' is outside 0..255"),
    "fault with CRLF": (
        lambda csv: put(5, 785, "300")(csv).replace(b"\n", b"\r\n"), 5, 785, "value '300' is outside 0..255",
    ),
    "fault in gzip": (
        lambda csv: gzip.compress(put(5, 7, "x")(csv)), 5, 7, "value 'x' is text, not a number",
    ),
    "fault in zip": (lambda csv: zipped(a_csv=put(5, 7, "x")(csv)), 5, 7, "value 'x' is text, not a number"),
    "a column too few": (
        lambda csv: csv.rstrip().rpartition(b",")[0], 61, None, "columns: 784 instead of 785",
    ),
    "a column too many": (put(8, 2, "1,2"), 8, None, "columns: 786 instead of 785"),
    "a comma at each row's end": (
        lambda csv: body(csv).replace(b"\n", b",\n"), 1, None, "columns: 786 instead of 785",
    ),
    "cut off in a row": (lambda csv: csv[:-900], 61, None, "instead of 785"),
    "semicolons": (lambda csv: csv.replace(b",", b";"), 1, None, "columns: 1 instead of 785"),
    "empty": (lambda csv: b"", 1, None, "the file is empty"),
    "only line ends": (lambda csv: b"\n\n", 1, None, "the file is empty or begins with an empty line"),
    "only a byte order mark": (lambda csv: b"\xef\xbb\xbf", 1, None, "the file is empty"),
    "only a header": (lambda csv: csv.partition(b"\n")[0] + b"\n", 2, None, "has a header but no digits"),
    "missing labels": (without_first_column, 1, None, "the labels are missing"),
    "missing labels, no header": (
        lambda csv: without_first_column(body(csv)), 1, None, "the labels are missing",
    ),
    "label in the last column": (label_last, 1, 1, "unknown header: '1x1' where 'label' is expected"),
    "columns in another order": (
        lambda csv: csv.replace(b"1x2,1x3", b"1x3,1x2", 1),
        1, 3, "unknown header: '1x3' where '1x2' is expected",
    ),
    "Kaggle's columns in another order": (
        lambda csv: KAGGLE_HEADER.replace("pixel4,pixel5", "pixel5,pixel4").encode() + b"\n" + body(csv),
        1, 6, "unknown header: 'pixel5' where 'pixel4' is expected",
    ),
    "truncated gzip": (
        lambda csv: gzip.compress(csv)[:-4000], None, None, "the packed file is cut off or damaged",
    ),
    "gzip without its checksum": (
        lambda csv: gzip.compress(csv)[:-6], 62, None, "the packed file is cut off or damaged",
    ),
    "damaged gzip": (
        lambda csv: (packed := gzip.compress(csv))[:-8] + b"\1\2\3\4" + packed[-4:],
        62, None, "the packed file is cut off or damaged",
    ),
    "truncated zip": (lambda csv: zipped(a_csv=csv)[:-4000], None, None, "the zip cannot be read"),
    "zip with no CSV": (lambda csv: zipped(readme=b"text"), None, None, "the zip holds 0 CSVs (none)"),
    "zip with several CSVs": (
        lambda csv: zipped(a_csv=csv, b_csv=csv), None, None, "the zip holds 2 CSVs (a.csv, b.csv)",
    ),
    "UTF-16": (lambda csv: csv.decode().encode("utf-16"), 1, 1, "bytes that are not UTF-8 text"),
    "Latin-1 in a row": (
        lambda csv: put(6, 5, "é")(csv).decode().encode("latin-1"), 6, 5, "bytes that are not UTF-8 text",
    ),
    "Latin-1 in the header": (
        lambda csv: csv.replace(b"1x3", b"\xe9", 1), 1, 4, "bytes that are not UTF-8 text",
    ),
    "a picture": (
        lambda csv: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 1, 1, "bytes that are not UTF-8 text",
    ),
    "zero bytes": (lambda csv: bytes(200_000), 1, None, "columns: 1 instead of 785"),
    "a web page": (
        lambda csv: b"<html>\n<p>404, not found</p>\n</html>", 1, None, "columns: 1 instead of 785",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_with_file_row_column_and_reason(fault: str, digits: Digits, tmp_path: Path) -> None:
    spoil, row, column, reason = REFUSED[fault]
    path = tmp_path / "mine.csv"
    path.write_bytes(spoil(csv_format.encode(*digits)))
    with pytest.raises(CSVError) as caught:
        csv_format.read(path)
    message = str(caught.value)
    assert reason in message
    assert message.startswith(str(path))
    if fault != "truncated gzip":  # there the row depends on the packer
        assert (caught.value.row, caught.value.column) == (row, column)
    assert "truncated gzip" not in fault or caught.value.row is not None
    assert (f", row {row}" in message) == (row is not None) or fault == "truncated gzip"
    assert (f", column {column}:" in message) == (column is not None)
    assert message.endswith(".")
    assert message.count(". ") == 1, "the reason, then what to do"
    assert len(message) < 400


def test_fewer_than_ten_classes(digits: Digits, tmp_path: Path) -> None:
    labels = np.where(digits[1] > 7, 0, digits[1]).astype(np.uint8)
    with pytest.raises(CSVError, match=r"mine\.csv: has fewer than 10 classes: no image of 8, 9\. "):
        csv_format.check_classes(tmp_path / "mine.csv", labels)
    csv_format.check_classes(tmp_path / "mine.csv", digits[1])


def test_refused_csv_is_a_fault_of_the_stage_and_a_value_error() -> None:
    assert issubclass(CSVError, StageError)
    assert issubclass(CSVError, ValueError)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        csv_format.read(tmp_path / "nothing.csv")
