"""The versions of the reader: `digits versions | promote | rollback`, and what the page Model shows of them.

    python -m app.versions             # the page's data as JSON, with the tables of the champion, else of the newest
    python -m app.versions 3           # with those of version 3

The page runs this module as a program. MLflow takes as much memory as the reader; imported into the app, it would stay
there for a page that is seldom open.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion

from pipeline.registry import promotion, tracking
from pipeline.registry.promotion import Move
from pipeline.registry.store import CHAMPION, StoreError

# Figures in `digits versions`, and what a version's run calls them.
FIGURES = {
    "test_accuracy": "test.accuracy",
    "pages_exact": "pages.exact",
    "corrections_exact": "feedback.exact",
}
# Tables of the page Model, and where they are among a run's reports.
TABLES = {
    "confusion": "test/confusion.csv",
    "misread": "test/misread.csv",
    "reliability": "test/reliability.csv",
    "history": "training/history.csv",
    "effects": "pages/effects.csv",
}


def promote(version: str, why: str) -> str:
    """Make a version champion, whatever the gate decided, and return a line that says so."""
    with tracking.existing_store():
        move = promotion.promote(version, why)
    return f"version {version} is already champion" if move is None else _announce(move)


def rollback(why: str) -> str:
    """Make the previous champion champion again, and return a line that says so."""
    with tracking.existing_store():
        return _announce(promotion.rollback(why))


def list_versions() -> dict[str, Any]:
    """What `digits versions --json` prints: all versions, newest first, and all moves of the champion, oldest first."""
    with tracking.existing_store():
        aliases = _aliases()
        return {
            "versions": [_describe(version, aliases) for version in tracking.versions()],
            "moves": [asdict(move) for move in promotion.moves()],
        }


def as_text(found: dict[str, Any]) -> str:
    """The same for a person: a table of the versions, and who moved the champion, when and why."""
    lines = [
        f"{'version':<20}{'registered':<18}" + "".join(f"{name.replace('_', ' '):>19}" for name in FIGURES)
    ]
    for row in found["versions"]:
        name = f"{row['version']} {row['alias'] or ''}"
        shares = ("–" if row[key] is None else f"{row[key]:.2%}" for key in FIGURES)
        lines.append(
            f"{name:<20}{_minute(row['registered']):<18}" + "".join(f"{share:>19}" for share in shares)
        )
        lines.append(f"    {row['decision'] or 'not decided yet'}")
    if found["moves"]:
        lines += ["", "champion"]
    for move in found["moves"]:
        how = "back to" if move["back"] else "to"
        before = f" from {move['before']}" if move["before"] else ""
        lines.append(
            f"{_minute(move['time'])}  {move['who']}: {how} {move['version']}{before}: {move['why']}"
        )
    return "\n".join(lines)


def describe_for_page(chosen: str | None = None) -> dict[str, Any]:
    """What the page Model shows.

    Args:
        chosen: The version whose tables are wanted; by default the champion, else the newest.

    Returns:
        {"versions": the fields of `report.Version` for each, newest first,
        "tables": {name: CSV, or None if the version's run has no such table}}
    """
    with tracking.existing_store():
        found = tracking.versions()
        aliases = _aliases()
        chosen = chosen or next((number for number, alias in aliases.items() if CHAMPION in alias), None)
        shown = next((each for each in found if str(each.version) == chosen), found[0] if found else None)
        return {
            "versions": [_describe_with_run(version, aliases) for version in found],
            "tables": {name: _report(str(shown.run_id), path) for name, path in TABLES.items()}
            if shown
            else {},
        }


def main(arguments: Sequence[str]) -> int:
    """Print the page's data; if the store cannot be used, print the reason to stderr and return 1."""
    try:
        print(json.dumps(describe_for_page(*arguments)))
    except StoreError as error:
        print(error.reason, file=sys.stderr)
        return 1
    return 0


def _aliases() -> dict[str, list[str]]:
    """The aliases of each version that has any."""
    model = tracking.find_model()
    aliases: dict[str, list[str]] = {}
    for alias, number in (model.aliases if model else {}).items():
        aliases.setdefault(str(number), []).append(alias)
    return aliases


def _describe(version: ModelVersion, aliases: dict[str, list[str]]) -> dict[str, Any]:
    number = str(version.version)
    metrics = tracking.metrics_of(version)
    return {
        "version": number,
        "alias": next(iter(aliases.get(number, [])), None),
        "registered": _registered(version).isoformat(timespec="seconds"),
        "data": version.tags.get("data.source"),
        **{name: metrics.get(metric) for name, metric in FIGURES.items()},
        "decision": version.tags.get(tracking.DECIDED),
    }


def _describe_with_run(version: ModelVersion, aliases: dict[str, list[str]]) -> dict[str, Any]:
    number = str(version.version)
    run = mlflow.get_run(str(version.run_id))
    return {
        "number": number,
        "aliases": aliases.get(number, []),
        "created": _registered(version).isoformat(),
        "run": run.info.run_id,
        "experiment": run.info.experiment_id,
        "decision": version.tags.get(tracking.DECIDED, ""),
        "metrics": run.data.metrics,
        "tags": run.data.tags,
        "architecture": run.data.params.get("train.architecture", "unknown"),
    }


def _registered(version: ModelVersion) -> datetime:
    return datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)


def _report(run: str, path: str) -> str | None:
    try:
        return str(mlflow.artifacts.load_text(f"runs:/{run}/reports/{path}"))
    # What is raised for a missing file depends on where the store keeps files.
    except Exception:
        return None


def _announce(move: Move) -> str:
    before = f", in place of version {move.before}" if move.before else ""
    return f"version {move.version} is now champion{before}"


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
