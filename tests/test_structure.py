"""The rooms of the code: which way imports point, and that DVC knows every file that a stage runs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from pipeline import train
from tests.conftest import ROOT

PIPELINE = ROOT / "pipeline"
READER = PIPELINE / "reader"
STAGES: dict[str, dict] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# Imported by stages, and yet no reason to run one again: they decide what is said and kept, not what comes out.
NO_REASON = {
    "pipeline/common/params.py",
    "pipeline/common/paths.py",
    "pipeline/common/stage.py",
    "pipeline/registry/store.py",
    "pipeline/registry/tracking.py",
}


@cache
def imported(path: Path) -> frozenset[Path]:
    """The project's files that one file imports, itself or within a function."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(*(files_of(name.name) for name in node.names))
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).parts[: -node.level]
                module = ".".join([*package, *filter(None, [module])])
            found.update(files_of(module), *(files_of(f"{module}.{name.name}") for name in node.names))
    return frozenset(found)


def files_of(module: str) -> Iterator[Path]:
    path = ROOT / module.replace(".", "/")
    if path.with_suffix(".py").is_file():
        yield path.with_suffix(".py")


def closure(stage: str) -> set[str]:
    """All files of the project that a stage runs, relative to its root."""
    seen: set[Path] = set()
    waiting = [PIPELINE / f"{stage}.py"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(imported(path))
    return {path.relative_to(ROOT).as_posix() for path in seen}


def listed(stage: str) -> set[str]:
    """The Python files among the `deps` of a stage, those of whole folders included."""
    files = [
        file
        for dependency in STAGES[stage]["deps"]
        if dependency.startswith("pipeline/")
        for file in ([ROOT / dependency] if dependency.endswith(".py") else (ROOT / dependency).rglob("*.py"))
    ]
    return {file.relative_to(ROOT).as_posix() for file in files if file.name != "__init__.py"}


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_what_stands_in_pipeline_is_the_list_of_stages() -> None:
    modules = {path.stem for path in PIPELINE.glob("*.py")} - {"__init__"}
    assert modules == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_code_that_it_runs(stage: str) -> None:
    """Else a change would leave what the stage made from the code before it."""
    if stage == "register":
        pytest.skip("it runs each time")
    missing = closure(stage) - NO_REASON - listed(stage)
    assert not missing, f"dvc.yaml lacks these deps of {stage}: {sorted(missing)}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_other_code(stage: str) -> None:
    """Else a change would run it again for nothing."""
    # The reader is shipped and measured as a whole.
    whole = {path.relative_to(ROOT).as_posix() for path in READER.glob("*.py")}
    superfluous = listed(stage) - closure(stage) - whole
    assert not superfluous, f"{stage} does not run these deps in dvc.yaml: {sorted(superfluous)}"


def test_the_training_s_digest_covers_the_code_that_makes_the_weights() -> None:
    """What prepared the training's files is in their hashes."""
    reader = {name for name in closure("train") if name.startswith("pipeline/reader/")}
    covered = {f"pipeline/{name}" for name in train.CODE}
    assert covered == closure("train") - NO_REASON - reader


@pytest.mark.parametrize("path", sorted(READER.glob("*.py")), ids=lambda path: path.name)
def test_the_reader_stands_alone(path: Path) -> None:
    """A registered version holds a copy of this folder: it must not need anything else of ours."""
    for name in imported_names(path):
        assert not name.startswith(("pipeline", "app", "..", "tensorflow", "keras", "dvc", "streamlit")), name


@pytest.mark.parametrize("path", sorted(PIPELINE.rglob("*.py")), ids=lambda path: path.name)
def test_the_pipeline_knows_nothing_of_the_app(path: Path) -> None:
    assert not any(name.split(".")[0] == "app" for name in imported_names(path))


@pytest.mark.parametrize("path", sorted(PIPELINE.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_imports_a_stage(path: Path) -> None:
    """Stages hand files to each other, and rooms serve stages."""
    stages = {PIPELINE / f"{stage}.py" for stage in STAGES}
    assert not imported(path) & stages


def test_reading_imports_no_tensorflow() -> None:
    code = "import sys, pipeline.reader.reader; print({'tensorflow', 'keras', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
