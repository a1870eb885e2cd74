"""Moving the alias `champion`: promotion, rollback, and a record of every move.

MLflow moves an alias in one transaction, so there is exactly one champion however a move is interrupted. The record is
written after it: a tag of the registered model for each move, which later moves leave alone.
"""

import getpass
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import mlflow

from pipeline.common.stage import StageError
from pipeline.registry.store import CHALLENGER, CHAMPION, NAME
from pipeline.registry.tracking import DECIDED, find_alias, find_model, versions

# The tag of a move is this and its time.
_MOVE = "champion.move."


@dataclass(frozen=True)
class Move:
    """A move of the alias `champion`.

    Attributes:
        time: In UTC, as in 2026-11-21T11:30:00.123456Z.
        version: The version that it moved to.
        before: The version that it moved from; None if there was no champion.
        back: Whether it was a rollback.
        who: The user who did it, or whose `dvc repro` did.
        why: The reason, in one line.
    """

    time: str
    version: str
    before: str | None
    back: bool
    who: str
    why: str


def promote(version: str, why: str) -> Move | None:
    """Make a version champion.

    Returns:
        The move; None if the version already was champion, and the record says so.

    Raises:
        StageError: There is no such version.
    """
    existing = _existing()
    if version not in existing:
        numbers = ", ".join(sorted(existing, key=int)) or "none"
        raise StageError(f"there is no version {version} of {NAME}; there are: {numbers}")
    before = _champion()
    trace = moves()
    if before == version and trace and trace[-1].version == version:
        _finish(trace[-1])
        return None
    if before == version:  # killed between moving the alias and recording it
        before = trace[-1].version if trace else None
    return _move(version, before, why, back=False)


def rollback(why: str) -> Move:
    """Make the previous champion champion again; repeated, this goes back further.

    Raises:
        StageError: There is none to go back to.
    """
    current = _champion()
    before = previous(moves(), current, _existing())
    if before is None:
        raise StageError("no version was champion before this one; `digits versions` lists all versions")
    return _move(before, current, why, back=True)


def previous(trace: list[Move], current: str | None, existing: set[str]) -> str | None:
    """The version to go back to from `current`. Aliases moved in MLflow itself have left no record.

    Args:
        trace: All moves, oldest first.
        current: The champion.
        existing: The versions that have not been deleted.
    """
    line: list[str] = []
    for move in trace:
        if move.before is not None and line[-1:] != [move.before]:
            line.append(move.before)
        if move.back and move.version in line:
            # Versions that a rollback left behind are not returned to by the next one.
            while line[-1] != move.version:
                line.pop()
        else:
            line.append(move.version)
    candidates = [version for version in line if version in existing]
    while candidates and candidates[-1] == current:
        candidates.pop()
    return candidates[-1] if candidates else None


def moves() -> list[Move]:
    """All moves, oldest first."""
    model = find_model()
    tags = model.tags if model else {}
    return [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_MOVE)]


def _move(version: str, before: str | None, why: str, *, back: bool) -> Move:
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(NAME, CHAMPION, version)
    move = Move(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), version, before, back, _user(), why)
    client.set_registered_model_tag(NAME, _MOVE + move.time, json.dumps(asdict(move)))
    _finish(move)
    return move


def _finish(move: Move) -> None:
    """Note the decision on the version itself; a champion is no longer challenger."""
    client = mlflow.MlflowClient()
    client.set_model_version_tag(NAME, move.version, DECIDED, f"became champion: {move.why}")
    challenger = find_alias(CHALLENGER)
    if challenger is not None and str(challenger.version) == move.version:
        client.delete_registered_model_alias(NAME, CHALLENGER)


def _champion() -> str | None:
    version = find_alias(CHAMPION)
    return str(version.version) if version else None


def _existing() -> set[str]:
    return {str(version.version) for version in versions()}


def _user() -> str:
    try:
        return getpass.getuser()
    # A container may run as a user without a name, and Windows has no module pwd.
    except (OSError, KeyError, ImportError):
        return "unknown"
