"""Imports point one way: app → pipeline.reader ← the stages of pipeline."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

READER = ROOT / "pipeline/reader"


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("path", sorted(READER.glob("*.py")), ids=lambda path: path.name)
def test_the_reader_stands_alone(path: Path) -> None:
    """A registered version holds a copy of this folder: it must not need anything else of ours."""
    for name in imported(path):
        assert not name.startswith(("pipeline", "app", "..", "tensorflow", "keras", "dvc", "streamlit")), name


@pytest.mark.parametrize("path", sorted((ROOT / "pipeline").rglob("*.py")), ids=lambda path: path.name)
def test_the_pipeline_knows_nothing_of_the_app(path: Path) -> None:
    assert not any(name.split(".")[0] == "app" for name in imported(path))


def test_reading_imports_no_tensorflow() -> None:
    code = "import sys, pipeline.reader.reader; print({'tensorflow', 'keras', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
