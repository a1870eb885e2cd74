"""The registered reader that is in use: version @champion of the model digit-reader."""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.reader import version as stored

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader

MODEL = "digit-reader"
ALIAS = "champion"
ROOT = Path(__file__).resolve().parents[1]

# Queries of MLflow's own database.
_CHAMPION = """
    SELECT version, storage_location FROM registered_model_aliases
    JOIN model_versions USING (workspace, name, version) WHERE name = ? AND alias = ?
"""
_VERSION = "SELECT version, storage_location FROM model_versions WHERE name = ? AND version = ?"

NONE_YET = "no reader is in use yet; run `make`, which trains and registers one"


class ChampionError(Exception):
    """The reader in use cannot be loaded. The message is one line: what is wrong and what to do."""


class StoreError(ChampionError):
    """MLflow's store cannot be reached or opened."""


def load_champion() -> tuple["Reader", str]:
    """Load the reader in use.

    Returns:
        The reader, which reads with the code and the networks it was registered with, and its version.

    Raises:
        ChampionError: There is none yet, the store cannot be reached, or its files are damaged.
    """
    version = champion_version()
    return load_version(version), version


def champion_version() -> str:
    """The version in use: the one that @champion points to now.

    Raises:
        ChampionError: There is none yet, or the store cannot be reached.
    """
    uri = tracking_uri()
    database = _database(uri)
    if database is None:
        return _ask_mlflow(uri)
    rows = _query(database, _CHAMPION, ALIAS)
    if rows is None:
        return _ask_mlflow(uri)
    if not rows:
        raise ChampionError(NONE_YET)
    return rows[0][0]


def load_version(version: str) -> "Reader":
    """Load one version of the reader, be it in use or not.

    Raises:
        ChampionError: There is no such version, the store cannot be reached, or its files are damaged.
    """
    uri = tracking_uri()
    database = _database(uri)
    rows = _query(database, _VERSION, version) if database else None
    folder = Path(rows[0][1].removeprefix("file://")) if rows else None
    if folder is not None and folder.is_absolute():
        return _load_folder(folder, version)
    return _load_through_mlflow(uri, version)


def tracking_uri() -> str:
    """The address of MLflow's store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{ROOT / 'mlflow.db'}"


def why_unread(error: Exception) -> str:
    """Why the reader could not read a picture, in one line for a person.

    Besides PictureError it may raise others on a picture nobody thought of; they must not end a long run.
    """
    # Each version has a class PictureError of its own, hence the comparison by name.
    if type(error).__name__ == "PictureError":
        return str(error)
    return f"the reader failed on this picture; please report it ({_one_line(error)})"


def _database(uri: str) -> Path | None:
    """The file of MLflow's own database; None if the store is something else, which MLflow is asked about."""
    if not uri.startswith("sqlite:///") or "?" in uri:
        return None
    database = Path(uri.removeprefix("sqlite:///"))
    if not database.is_file():
        raise ChampionError(f"{NONE_YET} (there is no {database})")
    return database


def _query(database: Path, query: str, value: str) -> list[tuple[str, str]] | None:
    """Version and folder of those versions of the model that a query finds, from MLflow's own database.

    MLflow would find them, too; but importing it and its database layer takes seconds, which is long for a
    command that reads one picture. None if the database is not as expected: then MLflow is asked.
    """
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            rows = connection.execute(query, (MODEL, value)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return [(str(version), str(location)) for version, location in rows]


def _load_folder(folder: Path, version: str) -> Any:
    """Load a version from the folder in which MLflow keeps it."""
    import yaml

    try:
        description = yaml.safe_load((folder / "MLmodel").read_text())
        artifacts = description["flavors"]["python_function"]["artifacts"]
        return stored.load({name: folder / artifact["path"] for name, artifact in artifacts.items()})
    # Damaged code and damaged networks raise whatever Python and LiteRT raise.
    except Exception as error:
        raise ChampionError(_damaged(version, error)) from None


def ask_mlflow() -> Any:
    """A client of MLflow, which is imported here, because that takes a second.

    MLflow's own settings would have it try for over ten minutes to reach a server that is down.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "8")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ["MLFLOW_TRACKING_URI"] = tracking_uri()
    import mlflow

    return mlflow.MlflowClient()


def _ask_mlflow(uri: str) -> str:
    try:
        client = ask_mlflow()
    except Exception as error:
        raise StoreError(_unreachable(uri, error)) from None
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

    none_yet = {ErrorCode.Name(code) for code in (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE)}
    try:
        return str(client.get_model_version_by_alias(MODEL, ALIAS).version)
    except MlflowException as error:
        if error.error_code in none_yet:
            raise ChampionError(f"{NONE_YET} ({uri} has none)") from None
        raise StoreError(_unreachable(uri, error)) from None
    except Exception as error:
        raise StoreError(_unreachable(uri, error)) from None


def _load_through_mlflow(uri: str, version: str) -> Any:
    try:
        ask_mlflow()
    except Exception as error:
        raise StoreError(_unreachable(uri, error)) from None
    import mlflow

    try:
        model = mlflow.pyfunc.load_model(f"models:/{MODEL}/{version}", suppress_warnings=True)
        return model.unwrap_python_model().reader
    except Exception as error:
        raise ChampionError(_damaged(version, error)) from None


def _unreachable(uri: str, error: Exception) -> str:
    return f"the MLflow store {uri} cannot be used; check MLFLOW_TRACKING_URI ({_one_line(error)})"


def _damaged(version: str, error: Exception) -> str:
    return (
        f"version {version} of {MODEL} cannot be loaded, its files are missing or damaged; "
        f"run `make` to register it anew ({_one_line(error)})"
    )


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
