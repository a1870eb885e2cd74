"""What the page Model shows: all registered versions, how each was made and how it was measured."""

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.registry import store
from pipeline.registry.store import NONE_YET, ROOT, RegistryError, StoreError

_TEST_IMAGES = Path("data/prepared/test.npz")
# Seconds. MLflow gives up on a server much sooner; importing it takes long on a busy machine.
_PATIENCE = 90


@dataclass(frozen=True)
class Version:
    """A registered version.

    Attributes:
        number: Its number in the registry.
        aliases: `champion`, `challenger` or none.
        created: When it was registered, in UTC.
        run: The MLflow run that describes it.
        experiment: That run's experiment.
        decision: Why it became champion, or did not; empty if that is not decided.
        metrics: Its run's, named by their path in reports/metrics.json.
        tags: Its run's: commit, data source and hashes.
        architecture: Its network's.
    """

    number: str
    aliases: tuple[str, ...]
    created: datetime
    run: str
    experiment: str
    decision: str
    metrics: dict[str, float]
    tags: dict[str, str]
    architecture: str

    @property
    def test_digest(self) -> str | None:
        """MD5 of the test images that it was measured on."""
        return self.tags.get(f"md5.{_TEST_IMAGES.as_posix()}")


@dataclass(frozen=True)
class Report:
    """All versions, and what was measured on one of them.

    Attributes:
        versions: Newest first; at least one.
        tables: CSV by the names in `versions.TABLES`, None if the version's run has no such table.
    """

    versions: list[Version]
    tables: dict[str, str | None]

    def table(self, name: str) -> pd.DataFrame | None:
        """One of the tables."""
        text = self.tables[name]
        return None if text is None else pd.read_csv(io.StringIO(text))


@st.cache_data(show_spinner="Asking MLflow …", ttl=60, max_entries=20)
def fetch(uri: str, chosen: str | None) -> Report:
    """Ask MLflow, in a process of its own, as `app.versions` explains.

    Args:
        uri: The store's address.
        chosen: The version whose tables are wanted; None for the champion, else the newest.

    Raises:
        RegistryError: There is no version yet, or the store cannot be used.
    """
    store.find_database()
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "app.versions", *([chosen] if chosen else [])],
            cwd=ROOT,
            env={**os.environ, "MLFLOW_TRACKING_URI": uri},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.splitlines() or [f"exit code {error.returncode}"])[-1]
        raise StoreError(uri, reason) from None
    except (subprocess.TimeoutExpired, OSError) as error:
        raise StoreError(uri, store.summarize_error(error)) from None
    # MLflow may have printed something before.
    found = json.loads(answer.stdout.splitlines()[-1])
    if not found["versions"]:
        raise RegistryError(NONE_YET)
    return Report([_version(fields) for fields in found["versions"]], found["tables"])


def load_test_images(indices: list[int], digest: str | None) -> np.ndarray | None:
    """Images of the test data, uint8 N×28×28; None if this machine's test data do not have this MD5."""
    path = ROOT / _TEST_IMAGES
    if not path.is_file() or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != digest:
        return None
    with np.load(path) as arrays:
        return arrays["images"][indices]


def link(version: Version) -> str:
    """Where MLflow's own pages show a version's run; for a local store, where `make ui` serves them."""
    uri = store.tracking_uri()
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{version.experiment}/runs/{version.run}"


def _version(fields: dict) -> Version:
    created = datetime.fromisoformat(fields["created"])
    return Version(**{**fields, "aliases": tuple(fields["aliases"]), "created": created})
