"""What MLflow knows of the registered versions: how they were made, and how good they were found to be."""

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

from app.champion import NONE_YET, ROOT, ChampionError, StoreError, tracking_uri

_TEST_IMAGES = Path("data/prepared/test.npz")
# Seconds. MLflow itself gives a server up much sooner; to import it takes long on a busy machine.
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
        decision: Why it became champion, or not; empty if that was not decided.
        metrics: Of its run, named by their path in reports/metrics.json.
        tags: Of its run: commit, data source and hashes.
        architecture: Of its network.
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


@dataclass(frozen=True)
class Known:
    """All versions, and what was measured of one of them.

    Attributes:
        versions: The newest first; at least one.
        tables: CSV by the names in `registry.TABLES`, None where the version's run has none.
    """

    versions: list[Version]
    tables: dict[str, str | None]

    def table(self, name: str) -> pd.DataFrame | None:
        """One of the tables."""
        text = self.tables[name]
        return None if text is None else pd.read_csv(io.StringIO(text))


@st.cache_data(show_spinner="Asking MLflow …", ttl=60, max_entries=20)
def known(uri: str, chosen: str | None) -> Known:
    """What the store at `uri` knows.

    Args:
        uri: MLflow's tracking URI.
        chosen: The version whose tables are wanted; None for the champion's, or else the newest one's.

    Raises:
        ChampionError: There is no version yet, or the store does not answer.
    """
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///").split("?")[0]).exists():
        # MLflow would make it.
        raise ChampionError(NONE_YET)
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "app.registry", *([chosen] if chosen else [])],
            cwd=ROOT,
            env={**os.environ, "MLFLOW_TRACKING_URI": uri},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        reasons = str(getattr(error, "stderr", None) or "").splitlines() or [type(error).__name__]
        raise StoreError(
            f"the MLflow store {uri} cannot be used; check MLFLOW_TRACKING_URI ({reasons[-1]})"
        ) from None
    # What MLflow may have said before does not matter.
    found = json.loads(asked.stdout.splitlines()[-1])
    if not found["versions"]:
        raise ChampionError(NONE_YET)
    versions = [
        Version(
            **{
                **version,
                "aliases": tuple(version["aliases"]),
                "created": datetime.fromisoformat(version["created"]),
            }
        )
        for version in found["versions"]
    ]
    return Known(versions, found["tables"])


def test_images(indices: list[int], digest: str | None) -> np.ndarray | None:
    """Images of the test data, uint8 N×28×28; None if the data here are not those with this MD5."""
    path = ROOT / _TEST_IMAGES
    if not path.is_file() or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != digest:
        return None
    with np.load(path) as arrays:
        return arrays["images"][indices]


def digest_of_test(version: Version) -> str | None:
    """MD5 of the test images that a version was measured on."""
    return version.tags.get(f"md5.{_TEST_IMAGES.as_posix()}")


def link(version: Version) -> str:
    """Where MLflow's own pages show the run of a version; for a local store where `make ui` shows it."""
    uri = tracking_uri()
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{version.experiment}/runs/{version.run}"
