"""The registered model: the reader as MLflow stores, loads and serves it.

MLflow keeps this file with each version and runs it from there ("models from code"). It imports nothing of
this repository: the reader comes from the version's artifacts, which `version` describes.
"""

import base64
import binascii
import logging
import threading
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import yaml
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

Picture = bytes | str | list | np.ndarray
Answer = dict[str, str | float | list | None]
UNREAD: Answer = {"text": None, "digits": None, "milliseconds": None}

# MLflow warns that it does not check unions; picture.load checks, and says what is wrong.
logging.getLogger("mlflow.types.type_hints").setLevel(logging.ERROR)


class ReaderModel(PythonModel):
    """Reads pictures. What does the work is its attribute `reader`."""

    def load_context(self, context: PythonModelContext) -> None:
        artifacts = {name: Path(path) for name, path in context.artifacts.items()}
        spec = spec_from_file_location("version", artifacts["code"] / "version.py")
        if spec is None or spec.loader is None:
            raise ImportError("the version's code cannot be loaded")
        version = module_from_spec(spec)
        spec.loader.exec_module(version)
        self.reader = version.load(artifacts)
        # The log is part of the version's code, too.
        log = import_module(f"{type(self.reader).__module__.rpartition('.')[0]}.log")
        self._logged = log.logged(self.reader, "server", registered_version(artifacts["code"].parents[1]))
        # MLflow's server calls from several threads, and a LiteRT interpreter answers one at a time.
        self._alone = threading.Lock()

    # MLflow lets a model leave the first parameter of the base class, the context, out.
    def predict(self, model_input: list[Picture], params: dict | None = None) -> list[Answer]:  # type: ignore[override]
        """Read pictures.

        Args:
            model_input: Encoded pictures as bytes, or in base64 as text (so in JSON); or arrays or nested
                lists of numbers, H×W, H×W×3 or H×W×4.
            params: Not used; MLflow's interface has them.

        Returns:
            For each picture its reading as `Reading.to_dict` gives it, and "error": None, or one line that says
            why it could not be read; then all else is None. Equal keys make them rows of a table, as in Spark.
        """
        return [self._read(picture) for picture in model_input]

    def _read(self, picture: Picture) -> Answer:
        try:
            decoded = _undo_json(picture)
            with self._alone:
                answer: Answer = self._logged.read(decoded).to_dict()
        except ValueError as error:
            # The reader's PictureError is one; its class is the version's own.
            return UNREAD | {"error": str(error)}
        except Exception as error:  # one picture that nobody thought of must not end a job of millions
            return UNREAD | {"error": f"the reader failed on this picture; please report it ({error!r})"}
        return answer | {"error": None}


def registered_version(folder: Path) -> str:
    """The version that is kept in a folder, as MLflow notes it there when it loads a registered model."""
    meta = folder / "registered_model_meta"
    return str(yaml.safe_load(meta.read_text())["model_version"]) if meta.is_file() else "unregistered"


def _undo_json(picture: Picture) -> bytes | np.ndarray:
    """Bytes and arrays as they were before they were put into JSON.

    Text is never taken for a path: who may ask a server to read a picture may not thereby read its files.
    """
    if isinstance(picture, str):
        try:
            return base64.b64decode(picture, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("the text is not base64; send the bytes of a picture in base64") from None
    if isinstance(picture, list):
        try:
            return np.array(picture)
        except ValueError:
            raise ValueError("the picture's rows differ in length; send H×W or H×W×3 numbers") from None
    return picture


set_model(ReaderModel())
