from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# For `makers`, which every test of this folder may draw from.
sys.path.insert(0, str(Path(__file__).parent))

# Of Spark itself: the gateway to Java leaves its sockets to the end of the process.
NOISE = ["ignore:PySpark does not yet fully support pandas:FutureWarning",
         "ignore:unclosed <socket:ResourceWarning",
         "ignore::pytest.PytestUnraisableExceptionWarning"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("spark"):
            for noise in NOISE:
                item.add_marker(pytest.mark.filterwarnings(noise))


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One session for all tests, of two workers."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("emix")
    for name, value in {
        "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1", "spark.log.level": "OFF",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "77",
        # Jobs of milliseconds, for which compiling well does not pay.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.codegen.wholeStage": "false",
    }.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        # Its workers are asked with monoids of the conformance suite.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
        session = builder.getOrCreate()
        yield session
        session.stop()


@pytest.fixture(autouse=True)
def session(request: pytest.FixtureRequest) -> None:
    """Spark's session is begun where it is first needed."""
    if request.node.get_closest_marker("spark"):
        request.getfixturevalue("spark")
