"""Where MLflow's store is, and what the pipeline keeps in it under which name.

This module does not import MLflow, which takes a second: a command that reads one picture does without it.
"""

import os
from pathlib import Path

from pipeline.common.stage import StageError

NAME = "digit-reader"  # of the experiment and of the registered model
CHAMPION, CHALLENGER = "champion", "challenger"
ROOT = Path(__file__).resolve().parents[2]

NONE_YET = "no reader is in use yet; run `make`, which registers the last build"


class RegistryError(StageError):
    """The registry has no reader that can be used."""


class StoreError(RegistryError):
    """MLflow's store cannot be reached or opened.

    Args:
        uri: The store's address.
        reason: What went wrong, in one line.
    """

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"the MLflow store {uri} cannot be used ({reason}); check MLFLOW_TRACKING_URI and that its server runs, "
            "then try again"
        )
        self.reason = reason


def tracking_uri(root: Path = ROOT) -> str:
    """The store's address: MLFLOW_TRACKING_URI, or else the file mlflow.db in the repository at `root`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(root / 'mlflow.db').as_posix()}"


def repository() -> Path:
    """The repository whose stages run: the working directory, or, in a `dvc exp run --temp` copy, the original."""
    root = Path.cwd()
    for parent in root.parents:
        if parent.name == "exps" and parent.parent.parent.name == ".dvc":
            return parent.parent.parent.parent
    return root


def find_database() -> Path | None:
    """The SQLite file that the store is, or None if it is something else.

    Raises:
        RegistryError: There is no such file. MLflow would create it.
    """
    uri = tracking_uri()
    if not uri.startswith("sqlite:///") or "?" in uri:
        return None
    database = Path(uri.removeprefix("sqlite:///"))
    if not database.is_file():
        raise RegistryError(f"{NONE_YET} (there is no {database})")
    return database


def summarize_error(error: Exception) -> str:
    """An error's type and the first line of its message."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
