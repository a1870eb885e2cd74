"""What MLflow knows of the registered versions, for the page Model, as one JSON object.

    python -m app.registry            # all versions, and the reports of the champion, or else of the newest
    python -m app.registry 3          # and the reports of version 3

A program of its own, because MLflow takes as much memory as the reader: the app would keep it for a page that is
seldom open.
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.champion import ALIAS, ask_mlflow

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

# The tables of a run's reports, as the page names them.
TABLES = {
    "confusion": "test/confusion.csv",
    "misread": "test/misread.csv",
    "reliability": "test/reliability.csv",
    "history": "training/history.csv",
    "effects": "pages/effects.csv",
}


def main(arguments: Sequence[str]) -> int:
    """Print what is known; where the store does not answer, the error's name on stderr and exit code 1."""
    try:
        found = json.dumps(known(*arguments))
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
        return 1
    print(found)
    return 0


def known(chosen: str | None = None) -> dict[str, Any]:
    """All versions, the newest first, and the tables of one of them.

    Args:
        chosen: The version whose tables are wanted.

    Returns:
        {"versions": what `report.Version` holds of each, "tables": {name: CSV, or None where the run has none}}
    """
    ask_mlflow()
    from pipeline.registry import tracking

    found = tracking.versions()
    model = tracking.find_model()
    aliases: dict[str, list[str]] = {}
    for alias, number in (model.aliases if model else {}).items():
        aliases.setdefault(str(number), []).append(alias)
    chosen = chosen or next((number for number, names in aliases.items() if ALIAS in names), None)
    shown = next((each for each in found if str(each.version) == chosen), found[0] if found else None)
    return {
        "versions": [_described(each, aliases.get(str(each.version), [])) for each in found],
        "tables": {name: _text(str(shown.run_id), path) for name, path in TABLES.items()} if shown else {},
    }


def _described(version: "ModelVersion", aliases: list[str]) -> dict[str, Any]:
    import mlflow

    from pipeline.registry import tracking

    run = mlflow.get_run(str(version.run_id))
    return {
        "number": str(version.version),
        "aliases": aliases,
        "created": datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).isoformat(),
        "run": run.info.run_id,
        "experiment": run.info.experiment_id,
        "decision": version.tags.get(tracking.DECIDED, ""),
        "metrics": run.data.metrics,
        "tags": run.data.tags,
        "architecture": run.data.params.get("train.architecture", "unknown"),
    }


def _text(run: str, path: str) -> str | None:
    from mlflow.artifacts import load_text

    try:
        return str(load_text(f"runs:/{run}/reports/{path}"))
    # What a store says of a missing file depends on what it is.
    except Exception:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
