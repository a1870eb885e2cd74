"""Folders of pictures read on Spark, with two workers on this machine."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from pipeline.registry.champion import load_champion
from tests.app.conftest import Store

pytest.importorskip("pyspark", reason="the extra [spark] is not installed")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java", allow_module_level=True)


@pytest.fixture
def spark(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        # One file a partition, so that both workers have some to read.
        .config("spark.sql.files.openCostInBytes", str(128 * 1024**2))
        .getOrCreate()
    )
    yield session
    session.stop()


def test_spark_reads_as_the_reader_does_and_broken_pictures_are_rows(spark: Any, pictures: Path) -> None:
    columns = "text string, error string, milliseconds double"
    udf = mlflow.pyfunc.spark_udf(
        spark, "models:/digit-reader@champion", env_manager="local", result_type=f"struct<{columns}>"
    )
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(pictures))
    assert files.rdd.getNumPartitions() >= 2
    rows = files.select("path", udf("content").alias("reading")).select("path", "reading.*").collect()

    reader, _ = load_champion()
    by_name = {Path(row.path).name: row for row in rows}
    assert set(by_name) == {"two.png", "one.jpg", "sheet.png", "notes.txt"}
    for name in ("two.png", "more/one.jpg", "sheet.png"):
        row = by_name[Path(name).name]
        assert (row.text, row.error) == (reader.read(pictures / name).text, None)
    assert by_name["two.png"].text
    broken = by_name["notes.txt"]
    assert broken.text is None
    assert "not a picture" in broken.error
