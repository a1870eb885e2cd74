"""How stages fail and write."""

from pathlib import Path

import pytest

from pipeline.common.stage import StageError, run, whole_file


def test_users_fault_ends_in_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise StageError("the reason")

    with pytest.raises(SystemExit) as ended:
        run(fails)
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: the reason\n"


def test_our_fault_keeps_its_traceback() -> None:
    def fails() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match=r"^ours$"):
        run(fails)


def test_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with whole_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail_half_way() -> None:
        with whole_file(path) as file:
            file.write(b"ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
