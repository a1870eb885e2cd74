"""Networks as files that are equal if the networks are."""

import json
import re
import zipfile
from pathlib import Path

import keras

from pipeline.common.stage import whole_file


def save_as_keras(model: keras.Model, path: Path) -> None:
    """Save a model in Keras's format, without what differs from one saving to the next.

    That is the time, twice, and addresses in memory by which parts of the configuration that share an object are known.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    with zipfile.ZipFile(path) as saved:
        content = {name: saved.read(name) for name in saved.namelist()}
    metadata = json.loads(content["metadata.json"])
    del metadata["date_saved"]
    content["metadata.json"] = json.dumps(metadata).encode()
    content["config.json"] = number_shared_objects(content["config.json"].decode()).encode()
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, part in content.items():
            archive.writestr(zipfile.ZipInfo(name), part)  # dated 1980


def number_shared_objects(config: str) -> str:
    """A configuration in which shared objects are counted in the order of their first appearance."""
    numbers: dict[str, int] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+', lambda found: str(numbers.setdefault(found[0], len(numbers))), config
    )
