"""Where MNIST can come from when the user has not put it in place: a folder, a URL, a mirror, a sample."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pooch
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline.common.stage import StageError
from pipeline.mnist import csv_format
from pipeline.mnist.record import CSV_SPLITS

SUFFIXES = (".csv", ".csv.gz", ".csv.zip")

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class RawCSV:
    """A checked CSV: where it is from and what is in it. `content` is None for a file already in place."""

    source: str
    sha256: str
    rows: int
    content: bytes | None


@dataclass(frozen=True)
class Mirror:
    """A public copy of MNIST, as params.yaml lists it.

    `form` says what stands under `urls`: "csv" (train, test), "npz" (one file as Keras has it) or "idx"
    (train images, train labels, test images, test labels). `sha256` holds, under "train" and "test", the
    hashes of the canonical CSVs that must come out, so the same digits are accepted in any form.
    """

    name: str
    form: str
    urls: list[str]
    sha256: dict[str, str]


def canonical(source: str, digits: Digits) -> RawCSV:
    """Return `digits` (images uint8 N×28×28, labels uint8 N) as a canonical CSV."""
    content = csv_format.encode(*digits)
    return RawCSV(source, hashlib.sha256(content).hexdigest(), len(digits[1]), content)


def from_folder(folder: Path) -> dict[str, RawCSV]:
    """Read mnist_train and mnist_test (.csv, .csv.gz or .csv.zip) from `folder`."""
    if not folder.is_dir():
        raise StageError(f"{folder} is neither a folder nor an http(s) URL")
    found = {}
    for split in CSV_SPLITS:
        paths = [folder / f"mnist_{split}{suffix}" for suffix in SUFFIXES]
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            raise StageError(f"{folder} holds no mnist_{split}.csv, nor a .gz or .zip of it")
        # The folder's last name only: the same data must be called the same on every machine.
        found[split] = _read_checked(path, f"MNIST_SOURCE folder {folder.resolve().name}")
    return found


def from_url(url: str, downloads: Path) -> dict[str, RawCSV]:
    """Download mnist_train and mnist_test (.csv, .csv.gz or .csv.zip) from below `url`."""
    found = {}
    for split in CSV_SPLITS:
        path = _download_first(_below(url, f"mnist_{split}"), downloads)
        found[split] = _read_checked(path, f"MNIST_SOURCE {_shown(url)}")
    return found


def from_mirror(mirror: Mirror, downloads: Path) -> dict[str, RawCSV]:
    """Download MNIST from `mirror` and verify it.

    Raises:
        StageError: The mirror cannot be reached, or what it has is not MNIST.
    """
    decode, count = FORMS[mirror.form]
    if len(mirror.urls) != count:
        raise StageError(f"form {mirror.form} needs {count} urls, params.yaml lists {len(mirror.urls)}")
    paths = [_download(url, downloads) for url in mirror.urls]
    try:
        found = {
            split: canonical(f"mirror {mirror.name}", digits)
            for split, digits in zip(CSV_SPLITS, decode(paths), strict=True)
        }
    except Exception as error:  # whatever a decoder makes of foreign bytes, the next mirror is to be tried
        raise StageError(f"what it sent is not MNIST as {mirror.form} ({error})") from error
    for split in CSV_SPLITS:
        if found[split].sha256 != mirror.sha256[split]:
            raise StageError(f"its {split} digits are not those expected (sha256 {found[split].sha256})")
    return found


def _read_checked(path: Path, source: str) -> RawCSV:
    images, labels = csv_format.read(path)
    csv_format.check_classes(path, labels)
    return canonical(source, (images, labels))


def _decode_csv(paths: list[Path]) -> tuple[Digits, Digits]:
    train, test = paths
    return csv_format.read(train), csv_format.read(test)


def _decode_npz(paths: list[Path]) -> tuple[Digits, Digits]:
    with np.load(paths[0]) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _decode_idx(paths: list[Path]) -> tuple[Digits, Digits]:
    train_images, train_labels, test_images, test_labels = map(_read_idx, paths)
    return (train_images, train_labels), (test_images, test_labels)


def _read_idx(path: Path) -> NDArray[np.uint8]:
    """Read LeCun's idx form: 0, 0, 8 for uint8, the number of axes, their big-endian lengths, the values."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":  # some servers and proxies unpack it on the way
        content = gzip.decompress(content)
    if content[:3] != b"\0\0\x08":
        raise ValueError("no idx file of uint8")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape.tolist())


# Each form's decoder and its number of files.
FORMS: dict[str, tuple[Callable[[list[Path]], tuple[Digits, Digits]], int]] = {
    "csv": (_decode_csv, 2),
    "npz": (_decode_npz, 1),
    "idx": (_decode_idx, 4),
}


def _below(url: str, name: str) -> list[str]:
    """The addresses of `name` with each suffix below `url`, whose query (a token, say) is kept."""
    parts = urlsplit(url)
    stem = f"{parts.path.rstrip('/')}/{name}"
    return [urlunsplit(parts._replace(path=stem + suffix)) for suffix in SUFFIXES]


def _shown(url: str) -> str:
    """`url` without password and query, fit for a record or a message."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _download_first(urls: list[str], folder: Path) -> Path:
    """Download the first of `urls` that can be had."""
    reasons = []
    for url in urls:
        try:
            return _download(url, folder)
        except StageError as error:
            reasons.append(str(error))
    raise StageError("; ".join(reasons))


def _download(url: str, folder: Path) -> Path:
    """Download `url` into `folder`, whole or not at all."""
    pooch.get_logger().setLevel("WARNING")  # its INFO lines would name the address with its token
    # A bar of our own, as pooch leaves its one open when a download fails. The total is a stand-in until
    # pooch knows it: a bar without one counts as none. `disable=None`: only where somebody looks on.
    name = urlsplit(url).path.rpartition("/")[2]
    bar = tqdm(desc=name, total=1, unit="B", unit_scale=True, leave=False, disable=None)
    downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=(5, 30))
    try:
        with bar:
            # No hash here: what counts is checked after decoding, where it is the same for all forms.
            return Path(pooch.retrieve(url, known_hash=None, path=folder, downloader=downloader))
    except (OSError, ValueError) as error:
        response = getattr(error, "response", None)
        reason = f"HTTP {response.status_code}" if response is not None else _root_cause(error)
        raise StageError(f"{_shown(url)}: {reason}") from error


def _root_cause(error: BaseException) -> str:
    """What lies under the HTTP libraries' wrapping, such as `[Errno 111] Connection refused`."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
