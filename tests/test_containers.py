"""What Dockerfile and compose.yaml take for granted; the workflow builds them and reads a picture in them."""

import re
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from pipeline.common import params, paths
from pipeline.register import LOCK
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_the_server_is_of_the_version_that_is_locked(services: dict[str, Any]) -> None:
    lock = (ROOT / "requirements-build.lock").read_text()
    locked = re.search(r"^mlflow==(\S+)", lock, re.MULTILINE)
    assert locked
    assert services["mlflow"]["image"].endswith(f":v{locked[1]}")


def test_one_service_registers_the_reader_and_the_others_wait_for_it(services: dict[str, Any]) -> None:
    """Two that register into an empty store at the same time would both find it empty."""
    assert services["app"]["depends_on"] == {"mlflow": {"condition": "service_healthy"}}
    assert services["serve"]["depends_on"] == {"app": {"condition": "service_healthy"}}
    assert "register" not in services["serve"]["command"]


def test_the_image_has_what_register_reads() -> None:
    ignored = [line.rstrip("/") for line in (ROOT / ".dockerignore").read_text().split()]
    needed = [
        *paths.READER_PARTS.values(),
        paths.TRAINING,
        paths.READINGS,
        paths.REPORTS,
        params.PARAMS,
        LOCK,
    ]
    for path in needed:
        relative = ROOT.joinpath(path).relative_to(ROOT)
        names = [relative.as_posix(), *(parent.as_posix() for parent in relative.parents)]
        assert not [name for name in names for pattern in ignored if fnmatch(name, pattern)], path


def test_the_volume_for_corrections_belongs_to_the_reader_s_user() -> None:
    """Docker gives a new volume the owner of the folder it is mounted on, and root if there is none."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.index("USER reader") < dockerfile.index(f"mkdir --parents {paths.FEEDBACK.as_posix()}")
