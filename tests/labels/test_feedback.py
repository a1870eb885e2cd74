"""Corrections as they are kept, and on which side each of them is."""

import hashlib
import json
from pathlib import Path

import pytest

from pipeline.common.stage import StageError
from pipeline.labels import feedback


def keep(folder: Path, picture: bytes, truth: object = "12", name: str = "") -> Path:
    kept = folder / (name or hashlib.sha256(picture).hexdigest())
    kept.mkdir(parents=True)
    (kept / "picture.png").write_bytes(picture)
    (kept / "correction.json").write_text(json.dumps({"truth": truth, "model_version": "1"}))
    return kept


def test_no_folder_and_an_empty_one_hold_no_corrections(tmp_path: Path) -> None:
    assert feedback.load(tmp_path / "none") == []
    assert feedback.load(tmp_path) == []


def test_a_correction_being_written_does_not_count_yet(tmp_path: Path) -> None:
    keep(tmp_path, b"one", "12\n345")
    (keep(tmp_path, b"two") / "correction.json").unlink()
    (correction,) = feedback.load(tmp_path)
    assert (correction.picture, correction.truth) == (b"one", "12\n345")


@pytest.mark.parametrize("truth", ["12a", "1 2", "\n1", "1\n", 12, None, ["1"]])
def test_a_truth_that_is_none_is_refused(tmp_path: Path, truth: object) -> None:
    kept = keep(tmp_path, b"one", truth)
    with pytest.raises(StageError, match=rf"{kept.name}: the truth in correction.json.*mend or delete"):
        feedback.load(tmp_path)


def test_another_picture_than_was_corrected_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, b"one", name="0" * 64)
    with pytest.raises(StageError, match=r"picture\.png is not the picture that was corrected"):
        feedback.load(tmp_path)


def test_a_correction_without_a_picture_is_refused(tmp_path: Path) -> None:
    (keep(tmp_path, b"one") / "picture.png").unlink()
    with pytest.raises(StageError, match="it holds 0 pictures instead of one"):
        feedback.load(tmp_path)


def test_a_correction_stays_on_its_side_whatever_joins_it(tmp_path: Path) -> None:
    for number in range(300):
        keep(tmp_path, str(number).encode())
    corrections = feedback.load(tmp_path)
    sides = {it.name: feedback.side(it, 0.3) for it in corrections}
    evaluating = [name for name, side in sides.items() if side == feedback.EVALUATION]
    # 300 draws at 0.3: the middle 99.9 % of the binomial distribution.
    assert 64 <= len(evaluating) <= 117
    for number in range(300, 350):
        keep(tmp_path, str(number).encode())
    later = {it.name: feedback.side(it, 0.3) for it in feedback.load(tmp_path)}
    assert len(later) == 350
    assert sides.items() <= later.items()


def test_a_larger_share_only_adds_to_those_that_evaluate() -> None:
    corrections = [
        feedback.Correction(hashlib.sha256(bytes([number])).hexdigest(), b"", "") for number in range(200)
    ]
    by_share = [
        {it.name for it in corrections if feedback.side(it, share) == feedback.EVALUATION}
        for share in (0.0, 0.2, 0.5, 1.0)
    ]
    assert not by_share[0]
    assert by_share[0] < by_share[1] < by_share[2] < by_share[3]
    assert len(by_share[3]) == 200
