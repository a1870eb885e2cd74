"""A report on what has been read: how much, how confidently, how fast, and whether it still looks like training data.

    python -m pipeline.evaluation.monitor [readings.db]

From the log of readings (by default the one that DIGITS_LOG names), data/feedback/ and data/prepared/validation.npz,
it also tells whether the reader should be retrained.
"""

import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from pipeline.common import params, paths
from pipeline.common.stage import StageError, run
from pipeline.evaluation import comparison
from pipeline.labels import feedback
from pipeline.reader import log
from pipeline.registry import tracking
from pipeline.synthetic.page import make_pages

# What is measured of a digit, and what the report calls it.
LOOKS = {"ink": "ink", "stroke": "stroke width", "slant": "slant", "confidence": "confidence"}
# Number of generated pages whose digits are compared with those that were read.
PAGES = 150


@dataclass(frozen=True)
class Drift:
    """How far one figure of the digits that were read is from what is expected.

    Attributes:
        figure: A key of `LOOKS`.
        read, expected: Its means.
        distance: The Kolmogorov-Smirnov statistic, the largest difference between the cumulative distributions: 0 if
            they are equal, 1 if they do not overlap.
        p: The probability of such a distance by chance.
    """

    figure: str
    read: float
    expected: float
    distance: float
    p: float


def monitor() -> None:
    """Print the report."""
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(log.FILE)
    if not path:
        raise StageError(
            f"no log of readings; set {log.FILE}=readings.db where pictures are read, then here, too"
        )
    settings = params.read(params.Monitor, "monitor")
    readings, digits = load(Path(path))
    tracking.connect()
    with tracking.reachable():
        champion = tracking.find_alias(tracking.CHAMPION)
        if champion is None:
            raise StageError("there is no champion to compare what was read with; run `dvc repro`")
        reader = comparison.load_reader(champion)
        trained_on = corrections_of(str(champion.run_id))
    drifts = compare(digits, reference(reader))
    waiting = len(feedback.load()) - trained_on
    print(report(readings, digits, drifts))
    reasons = due(drifts, len(digits), waiting, settings)
    print("\nRetraining is due: " + "; ".join(reasons) + "." if reasons else "\nRetraining is not due.")


def load(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The readings and the digits in a log, as `pipeline.reader.log` keeps them, without the pictures.

    Raises:
        StageError: There is no such file, or it is not a log that this code can read.
    """
    if not path.is_file():
        raise StageError(f"there is no log of readings at {path}; is {log.FILE} set where pictures are read?")
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        ) as connection:
            log.layout_of(connection)
            columns = "id, time, origin, version, text, error, refusals, milliseconds"
            readings = pd.read_sql_query(f"SELECT {columns} FROM readings", connection)
            columns = "reading, digit, confidence, ink, stroke, slant"
            digits = pd.read_sql_query(f"SELECT {columns} FROM digits", connection)
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise StageError(f"{path} cannot be read as a log of readings ({error})") from None
    return readings, digits


def corrections_of(run_id: str) -> int:
    """How many corrections there were when a version was trained."""
    return int(mlflow.get_run(run_id).data.metrics.get("data.corrections", 0))


def reference(reader: Any) -> pd.DataFrame:
    """Digits as the champion reads them on pages like those that it was made for: the columns of `LOOKS`.

    The pages are generated from validation digits, with every pen, paper and light there is.
    """
    images, labels = paths.read_split("validation")
    read = [
        digit
        for page in make_pages(images, labels, PAGES, comparison.page_seed())
        for digit in reader.read(page.picture).digits
    ]
    rows = [(*log.measure_digit(digit.image), float(digit.confidence)) for digit in read]
    return pd.DataFrame(rows, columns=list(LOOKS))


def compare(digits: pd.DataFrame, expected: pd.DataFrame) -> list[Drift]:
    """How far what was read is from what is expected, for each of `LOOKS`; empty if nothing was read."""
    drifts = []
    for column in LOOKS if len(digits) else ():
        read, known = digits[column].to_numpy(), expected[column].to_numpy()
        test = ks_2samp(read, known)
        drifts.append(
            Drift(column, float(read.mean()), float(known.mean()), float(test.statistic), float(test.pvalue))
        )
    return drifts


def due(drifts: list[Drift], digits: int, waiting: int, settings: params.Monitor) -> list[str]:
    """Why the reader should be trained anew; empty if it need not."""
    reasons = []
    if waiting >= settings.corrections:
        reasons.append(f"{waiting} corrected pictures have come since the champion was made")
    if digits >= settings.digits:
        for it in drifts:
            if it.distance > settings.distance and it.p < settings.level:
                reasons.append(
                    f"{LOOKS[it.figure]} has moved from {it.expected:.3f} to {it.read:.3f} on average "
                    f"(distance {it.distance:.2f})"
                )
    return reasons


def report(readings: pd.DataFrame, digits: pd.DataFrame, drifts: list[Drift]) -> str:
    """All figures as Markdown."""
    lines = [f"# Readings, as of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC", ""]
    if not len(readings):
        return "\n".join([*lines, "None yet."])
    read = readings[readings["error"].isna()]
    by_day = readings.assign(
        day=readings["time"].str[:10], failed=readings["error"].notna(), empty=readings["text"] == ""
    )
    by_day = by_day.merge(
        digits.groupby("reading")["confidence"].min(), left_on="id", right_index=True, how="left"
    )
    lines += [
        "| day | pictures | unreadable | no digit | rejected marks | lowest confidence, mean | ms, median | ms, 95 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for day, group in by_day.groupby("day"):
        times = group["milliseconds"].dropna()
        slow = f"{times.median():.0f} | {times.quantile(0.95):.0f}" if len(times) else "– | –"
        confidence = f"{group['confidence'].mean():.3f}" if group["confidence"].notna().any() else "–"
        lines.append(
            f"| {day} | {len(group)} | {group['failed'].mean():.1%} | {group['empty'].mean():.1%} "
            f"| {group['refusals'].fillna(0).mean():.1f} | {confidence} | {slow} |"
        )
    origins = ", ".join(f"{origin} {count}" for origin, count in readings["origin"].value_counts().items())
    versions = ", ".join(
        f"{version} ({count})" for version, count in readings["version"].value_counts().items()
    )
    lines += ["", f"{len(readings)} pictures, {len(read)} of them read: {origins}; by version {versions}."]
    shares = np.bincount(digits["digit"].astype(int), minlength=10) / max(1, len(digits))
    lines += ["", "| digit | " + " | ".join(map(str, range(10))) + " |", "|---" * 11 + "|"]
    lines.append("| share | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    lines += [
        "",
        f"{len(digits)} digits, compared with those that the champion reads on generated pages:",
        "",
    ]
    lines += ["| | read | expected | distance | p |", "|---|---|---|---|---|"]
    lines += [
        f"| {LOOKS[it.figure]} | {it.read:.3f} | {it.expected:.3f} | {it.distance:.2f} | {it.p:.2g} |"
        for it in drifts
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(monitor)
