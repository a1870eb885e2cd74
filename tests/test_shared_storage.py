"""Two machines that share runs, versions and data: PostgreSQL, S3-style storage and a real `mlflow server`."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from pipeline.common import paths
from pipeline.registry.champion import load_champion
from tests.conftest import Digits, Project, Server, free_port
from tests.test_pipeline import ran, versions

boto3 = pytest.importorskip("boto3", reason="the extra [shared] is not installed")
pytest.importorskip("dvc_s3", reason="the extra [shared] is not installed")
pytest.importorskip("psycopg2", reason="the extra [shared] is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto[server], which plays S3, is not installed")

# Debian keeps it off the path.
PG_CTL = shutil.which("pg_ctl") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), "")
if not PG_CTL:
    pytest.skip("PostgreSQL is not installed", allow_module_level=True)

BUCKET = "shared"


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The address of an empty database."""
    # PostgreSQL refuses to run as root, and its own user cannot enter pytest's folders.
    user = "postgres" if os.geteuid() == 0 else None
    folder, port = Path(tempfile.mkdtemp()), free_port()
    if user:
        shutil.chown(folder, user)

    def control(*arguments: str) -> None:
        command = (PG_CTL, *arguments, "--silent", "--pgdata", "data", "--log", "log")
        subprocess.run(command, cwd=folder, user=user, check=True)

    try:
        control("initdb", "--options=--username=mlflow --auth=trust --no-sync")
        control("start", f"--options=-p {port} -c listen_addresses=127.0.0.1 -k {folder} -F")
        yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
        control("stop", "--mode=immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of a storage with an empty bucket, whose address and keys are in the environment."""
    server = moto_server.ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket=BUCKET)
    yield client
    server.stop()


@pytest.fixture
def server(tmp_path: Path, postgresql: str, s3: Any) -> Iterator[Server]:
    """An `mlflow server` on both, started."""
    server = Server(tmp_path / "mlflow", postgresql, f"s3://{BUCKET}/mlflow")
    server.start()
    yield server
    server.stop()


def git(project: Project, *arguments: str) -> None:
    done = project.run("git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments)
    assert done.returncode == 0, done.stdout


def dvc(project: Project, *arguments: str) -> None:
    done = project.run("dvc", *arguments)
    assert done.returncode == 0, done.stdout


def test_what_one_machine_builds_another_gets_and_reads_with(
    built: Project, digits: Digits, tmp_path: Path, server: Server, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = built.copy(tmp_path / "one")
    one.environment["MLFLOW_TRACKING_URI"] = server.address
    one.repro()
    dvc(one, "remote", "add", "--default", "storage", f"s3://{BUCKET}/dvc")
    dvc(one, "remote", "modify", "storage", "endpointurl", s3.meta.endpoint_url)
    dvc(one, "push")
    git(one, "add", ".")
    git(one, "commit", "--quiet", "--message", "Built")

    git(one, "clone", "--quiet", str(one.root), str(tmp_path / "other"))
    other = Project(tmp_path / "other")
    other.environment["MLFLOW_TRACKING_URI"] = server.address
    dvc(other, "pull")
    assert ran(other.repro()) == ["register"]
    assert (other.root / paths.LITERT_MODEL).read_bytes() == (one.root / paths.LITERT_MODEL).read_bytes()

    # The other machine's register finds the version that is there.
    assert len(versions(mlflow.MlflowClient(server.address))) == 1
    page = np.hstack(list(digits[0][:6]))
    read = {}
    for store in (server.address, f"sqlite:///{built.root}/mlflow.db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
        reader, version = load_champion()
        assert version == "1"
        read[store] = reader.read(page).digits
    assert read[server.address] == read[f"sqlite:///{built.root}/mlflow.db"]
    stored = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert any(key.startswith("mlflow/") and key.endswith("digits.tflite") for key in stored)
    assert any(key.startswith("dvc/") for key in stored)
