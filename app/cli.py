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

Exit codes: 0 if all went well, 1 if a picture could not be read or there is no reader, 2 for a wrong command,
130 if interrupted.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.champion import ChampionError, load_champion, why_unread
from pipeline.common.stage import StageError

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader
    from pipeline.reader.reading import Reading


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "read":
        _check_read(parser, options)
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what the terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        if options.command == "score":
            code = _score(options.manifest, options.json)
        elif options.command == "correct":
            code = _correct(options.image, options.number)
        elif options.command == "versions":
            code = _versions(options.json)
        elif options.command == "promote":
            code = _promote(str(options.version), options.why)
        elif options.command == "rollback":
            code = _rollback(options.why)
        elif options.command == "live":
            code = _live(options.camera, options.video, options.output)
        elif options.csv:
            code = _read_folder(options.images[0], options.csv)
        else:
            code = _read(options.images, options.json, options.annotate)
        sys.stdout.flush()
        return code
    except (ChampionError, StageError) as error:
        return _fail(error)
    except KeyboardInterrupt:
        print("digits: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough, as in `digits read … | head`. What Python still flushes at
        # its end must go somewhere, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="digits", description="Read handwritten digits in pictures.")
    commands = parser.add_subparsers(dest="command", required=True)

    read = commands.add_parser("read", help="read pictures")
    read.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture; with --csv a folder")
    read.add_argument("--json", action="store_true", help="print one JSON object a picture")
    read.add_argument("--annotate", type=Path, metavar="DIR", help="save the pictures with what was read")
    read.add_argument("--csv", type=Path, metavar="OUT.csv", help="read a folder; goes on where it stopped")

    score = commands.add_parser("score", help="score the reader on labelled pictures")
    score.add_argument(
        "manifest",
        type=Path,
        metavar="MANIFEST.csv",
        help="columns path and truth (lines joined with /, empty for no digit); others are groups",
    )
    score.add_argument("--json", action="store_true", help="print the figures as one JSON object")

    correct = commands.add_parser("correct", help="keep a picture with the number that it really shows")
    correct.add_argument("image", type=Path, metavar="IMAGE")
    correct.add_argument("number", metavar="NUMBER", help='lines joined with /, "" for no digit')

    versions = commands.add_parser("versions", help="list the versions of the reader, and who chose them")
    versions.add_argument("--json", action="store_true", help="print them as one JSON object")

    promote = commands.add_parser("promote", help="use another version of the reader")
    promote.add_argument("version", type=int, metavar="VERSION")
    rollback = commands.add_parser("rollback", help="use the version that was in use before")
    for move in (promote, rollback):
        move.add_argument("--why", default="by hand", metavar="TEXT", help="the reason, for the trace")
    live = commands.add_parser("live", help="read a camera or a video in a window: q quits, p pauses")
    source = live.add_mutually_exclusive_group()
    source.add_argument("--camera", type=int, default=0, metavar="N", help="number of the camera (0)")
    source.add_argument("--video", type=Path, metavar="FILE", help="a video instead of a camera")
    live.add_argument("--output", type=Path, metavar="FILE", help="keep what is shown, as .mp4 or .avi")
    return parser


def _check_read(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what argparse cannot see: folders and --csv belong together."""
    folders = [path for path in options.images if path.is_dir()]
    if options.csv:
        if len(options.images) != 1 or not folders or options.json or options.annotate:
            parser.error("--csv goes with one folder, and without --json and --annotate")
    elif folders:
        parser.error(f"{folders[0]} is a folder; add --csv OUT.csv")


def _read(paths: list[Path], as_json: bool, annotate: Path | None) -> int:
    reader, version = _champion()
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
                return _fail(f"{annotate} cannot be written to ({error.strerror})")
    return int(failed)


def _champion() -> tuple["Reader", str]:
    """The reader in use, logging what it reads if the environment says so; and its version."""
    from pipeline.reader import log

    reader, version = load_champion()
    return log.logged(reader, "cli", version), version


def _annotate(reading: "Reading", path: Path, folder: Path, drawn: set[str]) -> None:
    """Save the picture with its reading as DIR/<name>.png; a second picture of that name gets a number."""
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
    from app.folder import FolderError, read_folder

    reader, version = _champion()
    try:
        unreadable = read_folder(reader, version, folder, out)
    except FolderError as error:
        return _fail(error)
    for path, reason in unreadable:
        _print_error(path, reason)
    return int(bool(unreadable))


def _score(manifest: Path, as_json: bool) -> int:
    from tqdm import tqdm

    from app import score

    try:
        pictures = score.load_manifest(manifest)
    except score.ManifestError as error:
        return _fail(error)
    reader, version = _champion()
    progress = tqdm(pictures, unit="picture", disable=None)
    figures = score.report(pictures, list(score.outcomes(reader, progress)))
    if as_json:
        print(json.dumps({"model_version": version, **figures}, indent=2))
    else:
        print(score.as_text(figures))
        for row in figures["unreadable"]:
            _print_error(row["path"], row["error"])
    return int(bool(figures["unreadable"]))


def _correct(path: Path, number: str) -> int:
    from app import feedback

    reader, version = _champion()
    try:
        truth = feedback.parse_truth(number)
        reading = reader.read(path)
        kept = feedback.save(path.read_bytes(), truth, reading, version)
    except feedback.FeedbackError as error:
        return _fail(error)
    except Exception as error:
        _print_error(path, why_unread(error))
        return 1
    before, after = (text.replace("\n", "/") or "nothing" for text in (reading.text, truth))
    print(f"{path}: {before} corrected to {after}, kept in {kept}")
    return 0


def _versions(as_json: bool) -> int:
    from app import versions

    found = versions.report()
    print(json.dumps(found, indent=2) if as_json else versions.as_text(found))
    return 0


def _promote(version: str, why: str) -> int:
    from app import versions

    print(versions.promote(version, why))
    return 0


def _rollback(why: str) -> int:
    from app import versions

    print(versions.rollback(why))
    return 0


def _live(camera: int, video: Path | None, output: Path | None) -> int:
    from app.live import LiveError, read_live

    reader, _ = load_champion()
    try:
        read_live(reader, camera, video, output)
    except LiveError as error:
        return _fail(error)
    return 0


def _fail(message: Exception | str) -> int:
    print(f"digits: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
