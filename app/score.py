"""Score the reader on labelled pictures: `digits score MANIFEST.csv`."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.common.stage import StageError
from pipeline.evaluation.scoring import Outcome, summarize, time_reading
from pipeline.registry.champion import why_unread

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader


class ManifestError(StageError):
    """The manifest cannot be used."""


@dataclass(frozen=True)
class Labelled:
    """A row of a manifest.

    Attributes:
        name: The path as the manifest gives it.
        path: Where the picture is; paths in the manifest are relative to its folder.
        truth: The digits, lines joined with a newline; empty for no digit.
        groups: The values of each further column, in which `;` separates several.
    """

    name: str
    path: Path
    truth: str
    groups: dict[str, list[str]]


def load_manifest(path: Path) -> list[Labelled]:
    """Load a CSV with the columns `path`, `truth` (lines joined with `/`) and any columns to group by.

    Raises:
        ManifestError: It cannot be opened, is not such a CSV, or has a truth that is not made of digits.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            missing = {"path", "truth"} - set(rows.fieldnames or ())
            if missing:
                raise ManifestError(f"{path} has no column {' and no column '.join(sorted(missing))}")
            labelled = [_labelled(row, path, rows.line_num) for row in rows]
    except OSError as error:
        raise ManifestError(f"{path} cannot be opened ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} is not a CSV file in UTF-8 ({error})") from None
    if not labelled:
        raise ManifestError(f"{path} lists no pictures")
    return labelled


def _labelled(row: dict[str, Any], manifest: Path, line: int) -> Labelled:
    where = f"{manifest}, line {line}"
    if None in row or None in row.values():
        raise ManifestError(f"{where}: the row has more or fewer values than the header")
    name, truth = row.pop("path").strip(), row.pop("truth").strip()
    if not name:
        raise ManifestError(f"{where}: the path is empty")
    lines = truth.split("/") if truth else []
    if not all(digits.isascii() and digits.isdigit() for digits in lines):
        raise ManifestError(f'{where}: the truth "{truth}" is not digits with / between the lines')
    groups = {
        column: [value.strip() for value in values.split(";") if value.strip()]
        for column, values in row.items()
    }
    return Labelled(name, manifest.parent / name, "\n".join(lines), groups)


def outcomes(reader: "Reader", pictures: Iterable[Labelled]) -> Iterator[Outcome]:
    """Read the pictures one by one."""
    for picture in pictures:
        yield time_reading(reader, picture.path, picture.truth, why_unread)[1]


def report(pictures: list[Labelled], results: list[Outcome]) -> dict[str, Any]:
    """What `digits score --json` prints: figures for all pictures and for each group, and what was misread."""
    pairs = list(zip(pictures, results, strict=True))
    columns: dict[str, dict[str, list[Outcome]]] = {}
    for picture, outcome in pairs:
        for column, values in picture.groups.items():
            for value in values:
                columns.setdefault(column, {}).setdefault(value, []).append(outcome)
    return {
        **summarize(results),
        "groups": {
            column: {value: summarize(groups[value]) for value in sorted(groups)}
            for column, groups in columns.items()
        },
        "misread": [
            {"path": picture.name, "truth": outcome.truth, "text": outcome.text}
            for picture, outcome in pairs
            if not outcome.exact and outcome.error is None
        ],
        "unreadable": [
            {"path": picture.name, "error": outcome.error}
            for picture, outcome in pairs
            if outcome.error is not None
        ],
    }


def as_text(figures: dict[str, Any]) -> str:
    """The same for a person: a table, and what was misread."""
    tables = [("", {"all pictures": figures}), *figures["groups"].items()]
    width = max(len(value) for _, groups in tables for value in groups) + 2
    header = f"{'pictures':>9}{'exact':>9}{'digit errors':>14}{'rejected':>9}{'ECE':>8}{'seconds':>9}"
    lines = [" " * width + header]
    for column, groups in tables:
        lines += ["", column] if column else []
        for value, group in groups.items():
            shares = (group["exact"], group["digit_error_rate"], group["rejected"], group["ece"])
            exact, errors, rejected, ece = ("–" if s is None else f"{100 * s:.1f} %" for s in shares)
            lines.append(
                f"{value:<{width}}{group['pictures']:>9}{exact:>9}{errors:>14}{rejected:>9}{ece:>8}"
                f"{group['seconds']:>9.3f}"
            )
    lines += ["", "misread"] if figures["misread"] else []
    for row in figures["misread"]:
        truth, text = (row[key].replace("\n", "/") or "nothing" for key in ("truth", "text"))
        lines.append(f"{row['path']}: {text} instead of {truth}")
    return "\n".join(lines)
