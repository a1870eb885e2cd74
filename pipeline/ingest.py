"""Stage 1: obtain MNIST's two CSVs and check them.

    python -m pipeline.ingest                                  # your own files, or the public mirrors
    MNIST_SOURCE=~/mnist python -m pipeline.ingest             # a folder with mnist_train.csv, mnist_test.csv
    MNIST_SOURCE=https://host/mnist python -m pipeline.ingest  # the same below a URL; .gz and .zip too

Makes data/raw/mnist_train.csv, data/raw/mnist_test.csv and data/raw/source.json, which says of each
where it is from.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.common import params
from pipeline.common.stage import StageError, run, whole_file
from pipeline.mnist import csv_format
from pipeline.mnist.mirrors import (
    FORMS,
    SUFFIXES,
    Mirror,
    RawCSV,
    canonical,
    from_folder,
    from_mirror,
    from_url,
)
from pipeline.mnist.record import CSV_SPLITS, RAW, RECORD, SAMPLE, USER, csv_path, read_record, sha256

DOWNLOADS = RAW / "downloads.part"


def ingest() -> None:
    """Put checked training and test CSVs in place.

    Raises:
        StageError: A file is refused, only one of the two is there, or MNIST_SOURCE cannot be used.
    """
    mirrors = params.read(params.Ingest, "ingest").mirrors
    record = read_record()
    present = {split: path for split in CSV_SPLITS if (path := _present(split, record))}
    if len(present) == len(CSV_SPLITS):
        obtained = {split: _keep(path, split, record) for split, path in present.items()}
    else:
        _refuse_half_a_pair(present, record)
        obtained = _obtain(mirrors, present)
    _store(obtained)
    for split, csv in obtained.items():
        print(f"{csv_path(split)}: {csv.rows:,} digits, source: {csv.source}")
    if os.environ.get("MNIST_SOURCE") and any(csv.content is None for csv in obtained.values()):
        print(f"MNIST_SOURCE was not asked, as the CSVs are there; to fetch anew, delete {RAW}/mnist_*.csv")


def _present(split: str, record: dict[str, dict[str, Any]]) -> Path | None:
    """The file of `split` in data/raw, if any. A recorded sample counts as absent: better may be had now."""
    for suffix in SUFFIXES:
        path = RAW / f"mnist_{split}{suffix}"
        if path.exists() and _recorded_source(path, split, record) != SAMPLE:
            return path
    return None


def _recorded_source(path: Path, split: str, record: dict[str, dict[str, Any]]) -> str:
    """Where `path` is from; whatever is not, byte for byte, what we recorded is the user's own."""
    entry = record.get(split, {})
    return entry["source"] if entry and entry["sha256"] == sha256(path) else USER


def _keep(path: Path, split: str, record: dict[str, dict[str, Any]]) -> RawCSV:
    """Check the file at `path`; a CSV stays byte for byte, a packed one is to be unpacked beside it."""
    images, labels = csv_format.read(path)
    csv_format.check_classes(path, labels)
    source = _recorded_source(path, split, record)
    if path == csv_path(split):
        return RawCSV(source, sha256(path), len(labels), content=None)
    return canonical(source, (images, labels))


def _refuse_half_a_pair(present: dict[str, Path], record: dict[str, dict[str, Any]]) -> None:
    """Never fill up the user's own data with somebody else's: the two would not belong together."""
    for split, path in present.items():
        if _recorded_source(path, split, record) == USER:
            other = csv_path("test" if split == "train" else "train")
            raise StageError(f"{path} is there and {other} is not; put it beside, or take {path} away")


def _obtain(mirrors: list[dict[str, Any]], present: dict[str, Path]) -> dict[str, RawCSV]:
    """Obtain both CSVs from MNIST_SOURCE or else from the first mirror that has them or else the sample."""
    shutil.rmtree(DOWNLOADS, ignore_errors=True)
    try:
        if place := os.environ.get("MNIST_SOURCE"):
            return _from_place(place)
        return _from_mirrors(mirrors, present)
    finally:
        shutil.rmtree(DOWNLOADS, ignore_errors=True)


def _from_place(place: str) -> dict[str, RawCSV]:
    try:
        if place.startswith(("http://", "https://")):
            return from_url(place, DOWNLOADS)
        return from_folder(Path(place))
    except StageError as error:
        # The user named this place: taking the data from elsewhere would not be what was asked for.
        raise StageError(f"MNIST_SOURCE cannot be used: {error}") from error


def _from_mirrors(mirrors: list[dict[str, Any]], present: dict[str, Path]) -> dict[str, RawCSV]:
    failures = []
    for entry in mirrors:
        mirror = _mirror(entry)
        try:
            return from_mirror(mirror, DOWNLOADS)
        except StageError as error:
            failures.append(f"{mirror.name}: {error}")
            print(f"warning: mirror {failures[-1]}", file=sys.stderr)
    if present:
        # An earlier run was stopped between the two files. What is there is real and must not give way.
        (there,) = present.values()
        raise StageError(
            f"only {there} is there, and no mirror can be reached for the other CSV; set MNIST_SOURCE, or "
            f"delete {there} to go on with the {SAMPLE}"
        )
    _warn_of_sample(failures)
    from pipeline.mnist.sample import embedded_sample

    pairs = embedded_sample(params.read(params.Base, "base").seed)
    return {split: canonical(SAMPLE, pair) for split, pair in zip(CSV_SPLITS, pairs, strict=True)}


def _mirror(entry: Any) -> Mirror:
    try:
        mirror = Mirror(**entry)
        if mirror.form not in FORMS or set(mirror.sha256) != set(CSV_SPLITS):
            raise TypeError(f"form is one of {', '.join(FORMS)}; sha256 has train and test")
    except TypeError as error:
        raise StageError(f"params.yaml: ingest.mirrors: {entry!r}: {error}") from None
    return mirror


def _warn_of_sample(failures: list[str]) -> None:
    lines = [
        f"MNIST COULD NOT BE OBTAINED. Going on with the {SAMPLE}:",
        "1,797 digits instead of 70,000. The pipeline runs, but its results say little about MNIST.",
        "",
        "Tried:",
        f"  files in {RAW}: none",
        "  environment variable MNIST_SOURCE: not set",
        *(f"  mirror {failure}" for failure in failures),
        "",
        "What to do, any of these:",
        f"  put mnist_train.csv and mnist_test.csv (or .csv.gz, .csv.zip) into {RAW}",
        "  set MNIST_SOURCE to a folder or URL that holds them",
        "  mend the network",
        "Then: dvc repro --force ingest && dvc repro",
    ]
    print("\n".join(["!" * 100, *(f"! {line}".rstrip() for line in lines), "!" * 100]), file=sys.stderr)


def _store(obtained: dict[str, RawCSV]) -> None:
    """Write the record and the CSVs, in an order in which a kill at any moment does no harm.

    The record goes first: a CSV without it would pass for the user's own at the next run. For the same
    reason what is to be replaced is deleted before its record is.
    """
    contents = {split: csv.content for split, csv in obtained.items() if csv.content is not None}
    for split in contents:
        csv_path(split).unlink(missing_ok=True)
    record = {
        split: {"source": csv.source, "sha256": csv.sha256, "rows": csv.rows}
        for split, csv in obtained.items()
    }
    with whole_file(RECORD) as file:
        file.write(json.dumps(record, indent=2).encode() + b"\n")
    for split, content in contents.items():
        with whole_file(csv_path(split)) as file:
            file.write(content)


if __name__ == "__main__":
    run(ingest)
