"""The versions of the reader: `digits versions | promote | rollback`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.champion import ask_mlflow, tracking_uri
from pipeline.common.stage import StageError

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from pipeline.registry.promotion import Move

# Figures of a version, and how its run names them.
MEASURED = {
    "test_accuracy": "test.accuracy",
    "pages_exact": "pages.exact",
    "corrections_exact": "feedback.exact",
}


def report() -> dict[str, Any]:
    """What `digits versions --json` prints: all versions, the newest first, and all moves of the champion."""
    with _store():
        from pipeline.registry import promotion, tracking

        model = tracking.find_model()
        aliases = {str(version): alias for alias, version in model.aliases.items()} if model else {}
        return {
            "versions": [_described(version, aliases) for version in tracking.versions()],
            "moves": [asdict(move) for move in promotion.moves()],
        }


def _described(version: "ModelVersion", aliases: dict[str, str]) -> dict[str, Any]:
    from pipeline.registry import tracking

    number = str(version.version)
    registered = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)
    metrics = tracking.metrics_of(version)
    return {
        "version": number,
        "alias": aliases.get(number),
        "registered": registered.isoformat(timespec="seconds"),
        "data": version.tags.get("data.source"),
        **{name: metrics.get(metric) for name, metric in MEASURED.items()},
        "decision": version.tags.get(tracking.DECIDED),
    }


def as_text(found: dict[str, Any]) -> str:
    """The report for a person: a table of the versions, and who moved the champion when and why."""
    lines = [
        f"{'version':<20}{'registered':<18}" + "".join(f"{name.replace('_', ' '):>19}" for name in MEASURED)
    ]
    for row in found["versions"]:
        name = f"{row['version']} {row['alias'] or ''}"
        shares = ("–" if row[key] is None else f"{row[key]:.2%}" for key in MEASURED)
        lines.append(
            f"{name:<20}{_minute(row['registered']):<18}" + "".join(f"{share:>19}" for share in shares)
        )
        lines.append(f"    {row['decision'] or 'not decided on yet'}")
    if found["moves"]:
        lines += ["", "champion"]
    for move in found["moves"]:
        how = "back to" if move["back"] else "to"
        before = f" from {move['before']}" if move["before"] else ""
        lines.append(
            f"{_minute(move['time'])}  {move['who']}: {how} {move['version']}{before}: {move['why']}"
        )
    return "\n".join(lines)


def promote(version: str, why: str) -> str:
    """Make a version champion, whatever the gate said; what was done, in one line."""
    with _store():
        from pipeline.registry import promotion

        move = promotion.promote(version, why)
    return f"version {version} is champion already" if move is None else _said(move)


def rollback(why: str) -> str:
    """Make the champion before this one champion again; what was done, in one line."""
    with _store():
        from pipeline.registry import promotion

        return _said(promotion.rollback(why))


def _said(move: "Move") -> str:
    return f"version {move.version} is champion" + (f", version {move.before} was" if move.before else "")


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


@contextmanager
def _store() -> Iterator[None]:
    """MLflow, pointed at its store; its failures are StageErrors."""
    uri = tracking_uri()
    database = Path(uri.removeprefix("sqlite:///"))
    # MLflow would make an empty one.
    if uri.startswith("sqlite:///") and "?" not in uri and not database.is_file():
        raise StageError(f"nothing is registered yet (there is no {database}); run `make`")
    ask_mlflow()
    from pipeline.registry import tracking

    with tracking.reachable():
        yield
