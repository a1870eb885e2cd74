"""A stored version of the reader, brought to life with its own code.

A version is stored as five artifacts:

    code               a copy of the folder this file is in
    splitter.tflite      marks where digits touch: float32 N×48×128×1 of 0 to 1 in, log odds of that form out
    digits.tflite      tells which digit: float32 N×28×28×1 of 0 to 1 in, N×10 out
    verifier.tflite       tells whether it is one whole digit: the same in, N×11 out
    calibration.json   {"temperature": what divides the logits of digits.tflite,
                        "page_temperature": what divides the logits of what is read on pages}

So it reads as it did when it was stored, also after the repository has moved on, and two versions can be used
side by side. This module needs no MLflow, whose import takes longer than reading a hundred pictures.
"""

import hashlib
import importlib
import json
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any


def load(artifacts: Mapping[str, Path]) -> Any:
    """Load a version.

    Args:
        artifacts: Paths of "code", "cutter", "digits", "judge" and "calibration".

    Returns:
        The version's Reader: an object with `read`, of the class in its own code.

    Raises:
        Exception: Of any kind, if an artifact is missing or damaged; the version's code decides.
    """
    package = _import_copy(artifacts["code"])
    return importlib.import_module(f"{package}.version").build(artifacts)


def build(artifacts: Mapping[str, Path]) -> Any:
    """The Reader of the package that this module is in, with these networks."""
    # Imported here because MLflow runs this file outside its package, to call `load`.
    from .classifier import Classifier, TTAClassifier
    from .reader import Reader
    from .split import Splitter

    calibration = json.loads(artifacts["calibration"].read_text())
    return Reader(
        Splitter(artifacts["cutter"].read_bytes()),
        TTAClassifier(artifacts["digits"].read_bytes(), calibration["temperature"]),
        Classifier(artifacts["judge"].read_bytes()),
        calibration.get("page_temperature", 1.0),
    )


def digest_code(folder: Path) -> str:
    """SHA-256 over all files below a folder and their paths in it, in hexadecimal.

    Python's caches do not count, nor does what only a person reads.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__" and path.suffix != ".md":
            name = path.relative_to(folder).as_posix()
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _import_copy(folder: Path) -> str:
    """Import a copy of the reader's package under a name of its own, and return that name.

    Equal code has equal names, so that it is imported once a process, and different code different ones.
    """
    name = f"digit_reader_{digest_code(folder)[:16]}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
        if spec is None or spec.loader is None:
            raise ImportError(f"{folder} is no Python package")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return name
