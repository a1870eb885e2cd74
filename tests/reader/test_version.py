"""Copies of the reader's code, imported side by side."""

import shutil
from pathlib import Path

import pytest

from pipeline.reader import version


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that says, when a version of it is built, what a room and a data file in it hold."""
    folder = tmp_path / "code"
    (folder / "room").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "room/__init__.py").write_text("NAME = 'first'")
    (folder / "table.txt").write_text("one")
    (folder / "version.py").write_text(
        "from pathlib import Path\n"
        "from .room import NAME\n"
        "def build(artifacts): return NAME, Path(__file__).with_name('table.txt').read_text()\n"
    )
    return folder


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [("room/__init__.py", "NAME = 'second'", ("second", "one")), ("table.txt", "two", ("first", "two"))],
)
def test_versions_that_differ_in_a_room_or_a_data_file_do_not_mix(
    package: Path, tmp_path: Path, file: str, content: str, expected: tuple[str, str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(package, other)
    (other / file).write_text(content)
    assert version.load({"code": package}) == ("first", "one")
    assert version.load({"code": other}) == expected
    assert version.load({"code": package}) == ("first", "one")


def test_equal_code_has_one_digest_wherever_it_stands(package: Path, tmp_path: Path) -> None:
    digest = version.digest_code(package)
    moved = tmp_path / "elsewhere" / "copy"
    shutil.copytree(package, moved)
    (moved / "room/__pycache__").mkdir()
    (moved / "room/__pycache__/inner.pyc").write_bytes(b"compiled")
    assert version.digest_code(moved) == digest
    (moved / "table.txt").rename(moved / "room/table.txt")
    assert version.digest_code(moved) != digest
