"""The command line: `digits read | score | live | correct | versions | promote | rollback`.

    digits read photo.jpg
    digits read *.jpg --json --annotate seen/
    digits read scans/ --csv readings.csv
    digits score labelled/manifest.csv
    digits correct photo.jpg 5283
    digits versions
    digits promote 4 --why "reads my sevens"
    digits rollback --why "misreads my ones"
    digits live --video film.mp4 --output seen.mp4

Exit codes: 0 for success, 1 if a picture cannot be read or there is no reader, 2 for a wrong command line, 130 if
interrupted.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.common.stage import StageError
from pipeline.registry.champion import load_champion, why_unread

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader
    from pipeline.reader.reading import Reading


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = make_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold characters that the terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except StageError as error:
        print(f"digits: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("digits: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever reads our output has seen enough, as in `digits read … | head`. What Python still flushes at exit
        # must go somewhere, as its documentation of SIGPIPE says.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def make_parser() -> argparse.ArgumentParser:
    """The commands of `digits` and their options."""
    parser = argparse.ArgumentParser(prog="digits", description="Read handwritten digits in pictures.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    read = commands.add_parser("read", help="read pictures")
    read.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture; with --csv a folder")
    read.add_argument("--json", action="store_true", help="print one JSON object per picture")
    read.add_argument("--annotate", type=Path, metavar="DIR", help="save the pictures with what was read")
    read.add_argument("--csv", type=Path, metavar="OUT.csv", help="read a folder; resumes where it stopped")
    read.set_defaults(run=_read, error=read.error)

    score = commands.add_parser("score", help="score the reader on labelled pictures")
    score.add_argument(
        "manifest",
        type=Path,
        metavar="MANIFEST.csv",
        help="columns path and truth (lines joined with /, empty for no digit); others are groups",
    )
    score.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    score.set_defaults(run=_score)

    correct = commands.add_parser("correct", help="save a picture with the number that it really shows")
    correct.add_argument("image", type=Path, metavar="IMAGE")
    correct.add_argument("number", metavar="NUMBER", help='lines joined with /, "" for no digit')
    correct.set_defaults(run=_correct)

    versions = commands.add_parser("versions", help="list the versions of the reader, and who chose them")
    versions.add_argument("--json", action="store_true", help="print them as one JSON object")
    versions.set_defaults(run=_versions)

    promote = commands.add_parser("promote", help="use another version of the reader")
    promote.add_argument("version", type=int, metavar="VERSION")
    promote.set_defaults(run=_promote)
    rollback = commands.add_parser("rollback", help="use the version that was in use before")
    rollback.set_defaults(run=_rollback)
    for move in (promote, rollback):
        move.add_argument("--why", default="by hand", metavar="TEXT", help="the reason, for the record")

    live = commands.add_parser("live", help="read a camera or a video in a window: q quits, p pauses")
    source = live.add_mutually_exclusive_group()
    source.add_argument("--camera", type=int, default=0, metavar="N", help="number of the camera (0)")
    source.add_argument("--video", type=Path, metavar="FILE", help="a video instead of a camera")
    live.add_argument("--output", type=Path, metavar="FILE", help="save what is shown, as .mp4 or .avi")
    live.set_defaults(run=_live)
    return parser


def _read(options: argparse.Namespace) -> int:
    # argparse cannot see that folders and --csv belong together.
    folders = [path for path in options.images if path.is_dir()]
    if options.csv:
        if len(options.images) != 1 or not folders or options.json or options.annotate:
            options.error("--csv takes one folder, and neither --json nor --annotate")
        return _read_folder(folders[0], options.csv)
    if folders:
        options.error(f"{folders[0]} is a folder; add --csv OUT.csv")
    return _read_pictures(options.images, options.json, options.annotate)


def _read_pictures(paths: list[Path], as_json: bool, annotate: Path | None) -> int:
    reader, version = _load_reader()
    failed = False
    drawn: set[str] = set()
    for path in paths:
        try:
            reading = reader.read(path)
        except Exception as error:
            failed = True
            _print_error(path, why_unread(error), as_json)
            continue
        if as_json:
            print(json.dumps({"path": str(path), **reading.to_dict(), "model_version": version}), flush=True)
        elif len(paths) == 1:
            print(reading.text)
        else:
            print(f"{path}: {reading.text.replace(chr(10), '/')}", flush=True)
        if annotate:
            try:
                _annotate(reading, path, annotate, drawn)
            except OSError as error:
                raise StageError(f"{annotate} cannot be written to ({error.strerror})") from None
    return int(failed)


def _load_reader() -> tuple["Reader", str]:
    """The reader in use, which logs its readings if the environment says so; and its version."""
    from pipeline.reader import log

    reader, version = load_champion()
    return log.logged(reader, "cli", version), version


def _annotate(reading: "Reading", path: Path, folder: Path, drawn: set[str]) -> None:
    """Save the picture with its boxes as FOLDER/<name>.png; a second picture of that name gets a number."""
    from PIL import Image

    from pipeline.reader import picture

    name, number = path.stem, 1
    while name in drawn:
        number += 1
        name = f"{path.stem}-{number}"
    drawn.add(name)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(reading.draw(picture.load(path))).save(folder / f"{name}.png")


def _print_error(path: Path | str, reason: str, as_json: bool = False) -> None:
    if as_json:
        print(json.dumps({"path": str(path), "error": reason}), flush=True)
    else:
        print(f"digits: {path}: {reason}", file=sys.stderr)


def _read_folder(folder: Path, out: Path) -> int:
    from app.folder import read_folder

    reader, version = _load_reader()
    unreadable = read_folder(reader, version, folder, out)
    for path, reason in unreadable:
        _print_error(path, reason)
    return int(bool(unreadable))


def _score(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from app import score

    pictures = score.load_manifest(options.manifest)
    reader, version = _load_reader()
    progress = tqdm(pictures, unit="picture", disable=None)
    figures = score.report(pictures, list(score.outcomes(reader, progress)))
    if options.json:
        print(json.dumps({"model_version": version, **figures}, indent=2))
    else:
        print(score.as_text(figures))
        for row in figures["unreadable"]:
            _print_error(row["path"], row["error"])
    return int(bool(figures["unreadable"]))


def _correct(options: argparse.Namespace) -> int:
    from app import feedback

    truth = feedback.parse_truth(options.number)
    reader, version = _load_reader()
    try:
        reading = reader.read(options.image)
    except Exception as error:
        _print_error(options.image, why_unread(error))
        return 1
    saved = feedback.save(options.image.read_bytes(), truth, reading, version)
    before, after = (text.replace("\n", "/") or "nothing" for text in (reading.text, truth))
    print(f"{options.image}: {before} corrected to {after}, saved in {saved}")
    return 0


def _versions(options: argparse.Namespace) -> int:
    from app import versions

    found = versions.list_versions()
    print(json.dumps(found, indent=2) if options.json else versions.as_text(found))
    return 0


def _promote(options: argparse.Namespace) -> int:
    from app import versions

    print(versions.promote(str(options.version), options.why))
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from app import versions

    print(versions.rollback(options.why))
    return 0


def _live(options: argparse.Namespace) -> int:
    from app.live import read_live

    reader, _ = load_champion()
    read_live(reader, options.camera, options.video, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
