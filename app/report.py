"""What MLflow knows of the registered versions: how they were made, and how good they were found to be."""

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.champion import MODEL, ROOT, StoreError, ask_mlflow, tracking_uri

_TEST_IMAGES = Path("data/prepared/test.npz")


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


@st.cache_data(show_spinner="Asking MLflow …", ttl=20)
def versions(uri: str) -> list[Version]:
    """All versions in the store at `uri`, the newest first.

    Raises:
        StoreError: The store does not answer.
    """
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///").split("?")[0]).exists():
        # MLflow would make it.
        return []
    try:
        client = ask_mlflow()
        found = client.search_model_versions(f"name='{MODEL}'")
        if not found:
            return []
        aliases: dict[str, list[str]] = {}
        for alias, number in client.get_registered_model(MODEL).aliases.items():
            aliases.setdefault(str(number), []).append(alias)
        known = [_version(client, each, tuple(aliases.get(str(each.version), ()))) for each in found]
    except Exception as error:
        raise StoreError(
            f"the MLflow store {uri} cannot be used; check MLFLOW_TRACKING_URI ({type(error).__name__})"
        ) from None
    return sorted(known, key=lambda version: -int(version.number))


def _version(client: Any, version: Any, aliases: tuple[str, ...]) -> Version:
    run = client.get_run(version.run_id)
    return Version(
        number=str(version.version),
        aliases=aliases,
        created=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
        run=version.run_id,
        experiment=run.info.experiment_id,
        decision=version.tags.get("promotion", ""),
        metrics=run.data.metrics,
        tags=run.data.tags,
        architecture=run.data.params.get("train.architecture", "unknown"),
    )


@st.cache_data(show_spinner=False, max_entries=50)
def table(run: str, name: str) -> pd.DataFrame | None:
    """A CSV file of a run's reports, such as `test/misread.csv`; None if the run has none."""
    ask_mlflow()
    from mlflow.artifacts import load_text

    try:
        return pd.read_csv(io.StringIO(load_text(f"runs:/{run}/reports/{name}")))
    # What a store says of a missing file depends on what it is.
    except Exception:
        return None


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
