"""What all stages share: how they fail, and how they write files."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class StageError(ValueError):
    """A fault the user can mend; its message says what is wrong, where, and what to do."""


def run(main: Callable[[], None]) -> None:
    """Run a stage as a program: a fault the user can mend ends in one message and exit code 1.

    Anything else is a fault of ours and keeps its traceback.
    """
    try:
        main()
    except (StageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing bytes; it appears, or replaces the old one, only when it is whole.

    Until then the bytes stand in `<path>.part`. The name is fixed, so that what a killed process
    left behind is overwritten by the next one instead of piling up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
