"""The version in use, `models:/digit-reader@champion`: finding and loading it without waiting for MLflow.

The default store is a SQLite file, and its tables are queried here directly. With MLflow's client instead, `digits
read` takes 2.8 s and 279 MB, not 0.3 s and 96 MB (medians of 5, MLflow 3.17, two busy cores), and the app, which asks
every few seconds, would keep MLflow in memory. A cached answer could be stale: MLflow's UI can move aliases, too.

The tables are no interface that MLflow promises. If they are not as expected, MLflow itself is asked, so that a change
makes reading slower, not wrong; a test compares both answers, and pyproject.toml bounds MLflow's major version.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.reader import version as stored
from pipeline.registry.store import (
    CHAMPION,
    NAME,
    NONE_YET,
    RegistryError,
    find_database,
    summarize_error,
)

if TYPE_CHECKING:
    from pipeline.reader.reader import Reader

_CHAMPION = """
    SELECT version, storage_location FROM registered_model_aliases JOIN model_versions USING (workspace, name, version)
    WHERE workspace = 'default' AND name = ? AND alias = ?
"""
_VERSION = """
    SELECT version, storage_location FROM model_versions WHERE workspace = 'default' AND name = ? AND version = ?
"""


def load_champion() -> tuple["Reader", str]:
    """Load the reader in use.

    Returns:
        The reader, which reads with the code and the networks that it was registered with, and its version.

    Raises:
        RegistryError: There is none yet, the store cannot be reached, or the version's files are damaged.
    """
    version = find_champion()
    return load_version(version), version


def find_champion() -> str:
    """The version in use: the one that @champion points to now.

    Raises:
        RegistryError: There is none yet, or the store cannot be reached.
    """
    rows = _query(_CHAMPION, CHAMPION)
    version = _ask_mlflow() if rows is None else rows[0][0] if rows else None
    if version is None:
        raise RegistryError(NONE_YET)
    return version


def load_version(version: str) -> "Reader":
    """Load one version of the reader, in use or not.

    Raises:
        RegistryError: There is no such version, the store cannot be reached, or the version's files are damaged.
    """
    rows = _query(_VERSION, version)
    if rows == []:
        raise RegistryError(f"there is no version {version} of {NAME}; `digits versions` lists all")
    folder = _local_folder(rows[0][1]) if rows else None
    try:
        return _load_folder(folder) if folder else _load_through_mlflow(version)
    except RegistryError:
        raise
    # Damaged code and damaged networks raise whatever Python and LiteRT raise.
    except Exception as error:
        raise RegistryError(
            f"version {version} of {NAME} cannot be loaded, its files are missing or damaged; "
            f"run `make` to register it again ({summarize_error(error)})"
        ) from None


def why_unread(error: Exception) -> str:
    """Why a version could not read a picture, in one line for a person.

    Besides PictureError, a version may raise anything on a picture nobody thought of; that must not end a long run.
    """
    # Each version has a class PictureError of its own, hence the comparison by name.
    if type(error).__name__ == "PictureError":
        return str(error)
    return f"the reader failed on this picture; please report it ({summarize_error(error)})"


def _query(query: str, value: str) -> list[tuple[str, str]] | None:
    """Version and folder of the versions that a query finds; None if only MLflow can tell."""
    database = find_database()
    if database is None:
        return None
    try:
        # Read-only: MLflow alone writes.
        uri = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            rows = connection.execute(query, (NAME, value)).fetchall()
    except sqlite3.Error:
        return None
    return [(str(version), str(location)) for version, location in rows]


def _local_folder(location: str) -> Path | None:
    """The folder on this machine that a path or a file URI names; None for storage elsewhere."""
    if location.startswith("file:"):
        from urllib.request import url2pathname

        return Path(url2pathname(urlsplit(location).path))
    folder = Path(location)
    return folder if folder.is_absolute() else None


def _load_folder(folder: Path) -> Any:
    """Load a version from the folder in which MLflow keeps it."""
    import yaml

    description = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    artifacts = description["flavors"]["python_function"]["artifacts"]
    return stored.load({name: folder / artifact["path"] for name, artifact in artifacts.items()})


def _ask_mlflow() -> str | None:
    from pipeline.registry import tracking

    with tracking.existing_store():
        version = tracking.find_alias(CHAMPION)
    return str(version.version) if version else None


def _load_through_mlflow(version: str) -> Any:
    import mlflow

    from pipeline.registry import tracking

    with tracking.existing_store():
        model = mlflow.pyfunc.load_model(f"models:/{NAME}/{version}", suppress_warnings=True)
    return model.unwrap_python_model().reader
