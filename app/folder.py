"""Read all pictures of a folder into a CSV file: `digits read FOLDER --csv OUT.csv`."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.common.stage import StageError
from pipeline.registry.champion import why_unread

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader

# On some systems file names need not be valid text; they are preserved byte for byte.
_BYTES = "surrogateescape"

COLUMNS = ("path", "text", "confidence", "milliseconds", "model_version", "error")


class FolderError(StageError):
    """The folder or the CSV file cannot be used."""


def read_folder(reader: "Reader", version: str, folder: Path, out: Path) -> list[tuple[str, str]]:
    """Read the pictures of a folder and its subfolders, without hidden files.

    Each picture becomes one row, written as soon as it is read: its path within the folder, its text with lines
    joined with `/`, the lowest confidence of its digits. If the CSV file exists, pictures that it already has from this
    version are not read again, so an interrupted run resumes where it stopped.

    Returns:
        Path and reason of each file that could not be read.

    Raises:
        FolderError: The folder holds no files, or the CSV file cannot be written or is not from this command.
    """
    from tqdm import tqdm

    files = _files(folder, out)
    unreadable = []
    try:
        done = _resume(out, version)
        with out.open("a", newline="", encoding="utf-8", errors=_BYTES) as file:
            rows = csv.writer(file)
            # None disables the progress bar where there is no terminal.
            for path in tqdm(files, unit="picture", disable=None):
                name = path.relative_to(folder).as_posix()
                if name in done:
                    continue
                try:
                    reading = reader.read(path)
                except Exception as error:
                    unreadable.append((name, why_unread(error)))
                    rows.writerow((name, "", "", "", version, why_unread(error)))
                else:
                    confidence = min((digit.confidence for digit in reading.digits), default=None)
                    least = "" if confidence is None else f"{confidence:.4f}"
                    text = reading.text.replace("\n", "/")
                    rows.writerow((name, text, least, f"{reading.milliseconds:.1f}", version, ""))
                file.flush()
    except OSError as error:
        raise FolderError(f"{out} cannot be written ({error.strerror}); give another --csv") from None
    return unreadable


def _files(folder: Path, out: Path) -> list[Path]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.resolve() != out.resolve()
    ]
    if not files:
        raise FolderError(f"{folder} holds no files")
    return files


def _resume(out: Path, version: str) -> set[str]:
    """Prepare the CSV file, and return the paths that need not be read again.

    Rows of unreadable files and of other versions are removed, and so is a last row that was cut short.
    """
    kept: list[list[str]] = []
    if out.exists() and out.stat().st_size:
        with out.open(newline="", encoding="utf-8", errors=_BYTES) as file:
            header, *rows = csv.reader(file)
        if tuple(header) != COLUMNS:
            raise FolderError(f"{out} exists and is not from `digits read`; give another --csv")
        complete = [row for row in rows if len(row) == len(COLUMNS)]
        kept = [row for row in complete if row[COLUMNS.index("model_version")] == version and not row[-1]]
    new = out.with_name(f".{out.name}.new")
    with new.open("w", newline="", encoding="utf-8", errors=_BYTES) as file:
        csv.writer(file).writerows([COLUMNS, *kept])
    new.replace(out)
    return {row[0] for row in kept}
