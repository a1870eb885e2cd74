"""The pictures on which versions are compared, and what a version read on them: models/readings.csv.gz.

A row a picture: its kind (a key of `gate.KINDS`), a digest by which it is found again, and truth and text with
their lines joined.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from tqdm import tqdm

from pipeline.common import params, paths
from pipeline.common.stage import StageError
from pipeline.evaluation import scoring
from pipeline.labels import feedback
from pipeline.registry import tracking
from pipeline.synthetic.page import make_pages

# Added to the seed, which with small numbers added decides the pages that the verifier is trained on.
PAGE_SEED = 1000
# The text of a picture that the reader failed on.
UNREADABLE = "unreadable"


def make_row(kind: str, picture: np.ndarray | bytes, truth: str, text: str) -> dict[str, str]:
    """A row of the table."""
    return {
        "kind": kind,
        "picture": digest(picture),
        "truth": scoring.join_lines(truth),
        "text": scoring.join_lines(text),
    }


def digest(picture: np.ndarray | bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a picture, an array's shape included."""
    if isinstance(picture, bytes):
        return hashlib.sha256(picture).hexdigest()[:16]
    return hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest()[:16]


def load(path: Path) -> pd.DataFrame:
    """The table in a file; all columns hold text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def load_pictures(kind: str) -> Iterator[np.ndarray | bytes]:
    """The pictures of one kind, as params.yaml and the files in data/ have them."""
    if kind == "test":
        yield from paths.read_split("test")[0]
    elif kind == "pages":
        images, labels = paths.read_split("test")
        count = params.read(params.Evaluate, "evaluate").pages
        for page in make_pages(images, labels, count, page_seed()):
            yield page.picture
    else:
        for correction in load_evaluated():
            yield correction.picture


def page_seed() -> int:
    """The seed of the generated pages: other light, paper and places than the verifier's pages."""
    return params.read(params.Base, "base").seed + PAGE_SEED


def load_evaluated() -> list[feedback.Correction]:
    """The corrections that no version trains on."""
    share = params.read(params.Feedback, "feedback").evaluation
    return [
        correction
        for correction in feedback.load()
        if feedback.side(correction, share) == feedback.EVALUATION
    ]


def find_texts(version: ModelVersion, tasks: pd.DataFrame) -> list[str]:
    """What a registered version reads on the pictures of `tasks`, a table with the columns that `make_row` makes.

    What stands in the table that is stored with the version need not be read again: a version reads a picture
    always alike. New corrections and changed pages are read now, by the version's own code.

    Raises:
        StageError: The version's files are lost or damaged, or the table is not of the pictures there are.
    """
    known = stored_texts(version)
    wanted = dict(zip(tasks["picture"], tasks["kind"], strict=True))
    missing = {kind for picture, kind in wanted.items() if picture not in known}
    if missing:
        reader = load_reader(version)
        for kind in sorted(missing):
            for picture in tqdm(load_pictures(kind), desc=f"champion: {kind}", unit="picture", disable=None):
                found = digest(picture)
                if found in wanted and found not in known:
                    known[found] = read_text(reader, picture)
    if not wanted.keys() <= known.keys():
        raise StageError(
            f"{paths.READINGS} is of other pictures than there are now; run `dvc repro`, which renews it"
        )
    return [known[picture] for picture in tasks["picture"]]


def stored_texts(version: ModelVersion) -> dict[str, str]:
    """Texts by the pictures' digests, as `evaluate` measured them; empty for a version from before there was a gate."""
    run_id = str(version.run_id)
    stored = {item.path for item in mlflow.MlflowClient().list_artifacts(run_id, tracking.ARTIFACTS)}
    # Versions of before the table was packed have it as it is.
    names = [f"{tracking.ARTIFACTS}/{name}" for name in (paths.READINGS.name, paths.READINGS.stem)]
    name = next((name for name in names if name in stored), None)
    if name is None:
        return {}
    with TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name, dst_path=folder)
        table = load(Path(path))
    return dict(zip(table["picture"], table["text"], strict=True))


def load_reader(version: ModelVersion) -> Any:
    """The Reader of a registered version, which reads with its own code.

    Raises:
        StageError: Its files are lost or damaged.
    """
    try:
        model = mlflow.pyfunc.load_model(f"models:/{tracking.NAME}/{version.version}")
        return model.unwrap_python_model().reader
    except Exception as error:  # of any kind: the version's own code is run
        raise StageError(
            f"version {version.version} of {tracking.NAME} cannot be loaded to be compared with "
            f"({type(error).__name__}: {error}); mend its files and run the same command again, or decide by hand "
            "with `digits promote`"
        ) from error


def read_text(reader: Any, picture: np.ndarray | bytes) -> str:
    try:
        return scoring.join_lines(reader.read(picture).text)
    except Exception:  # whatever a stored version fails on
        return UNREADABLE
