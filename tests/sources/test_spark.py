"""Spark: data frames as sources and with columns put beside theirs. Run by `pytest -m spark`, in a
step of its own: it needs pyspark, which is large, and Java."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_conformance as conformance
from makers import MAKERS, Rows
from test_conformance import small_blocks  # noqa: F401

import emix
from emix import DataError, Mixture, ParameterError
from emix.em import Step, iterate
from emix.engines import spark as engine
from emix.model import Model
from emix.moments import moments_of
from emix.sources.array import ArraySource
from emix.sources.opening import open_rows
from emix.sources.protocol import Source, block_rows

pyspark = pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    # The gateway to Java leaves its sockets to the end of the process.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

D = 3
MODEL = Model.parse(2, D, "full", None, None, None, None, None)
START = Mixture([0.5, 0.5], [[0.0] * D, [5.0] * D], [np.eye(D)] * 2)


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("emix")
    for name, value in {
        "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1", "spark.log.level": "OFF",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "77",
    }.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        # Its workers are asked with monoids of the conformance suite.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
        session = builder.getOrCreate()
        yield session
        session.stop()


def framed(x: np.ndarray, partitions: int, weight: np.ndarray | None = None) -> Any:
    """A frame of columns a, b, c, a text, and w if weighted, of rows in their order."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    assert session is not None
    names = list("abc"[: x.shape[1]])
    lines = [(*row, "text") for row in x.tolist()]
    if weight is not None:
        lines = [(*line, w) for line, w in zip(lines, weight.tolist(), strict=True)]
    kinds = [f"{name} double" for name in names] + ["t string"] + ["w double"] * (
        weight is not None)
    slices = session.sparkContext.parallelize(lines, partitions)
    return session.createDataFrame(slices, ", ".join(kinds))


def of_spark(rows: Rows) -> Source:
    """Partitions of several blocks."""
    return open_rows(framed(rows.points, 1, rows.weight), rows.weight_name, list(rows.names))[0]


@pytest.mark.parametrize("law", [
    lambda at: conformance.test_rows_come_in_order_in_the_blocks_of_an_array("Spark", 3, True, at),
    lambda at: conformance.test_samples_are_those_of_an_array("Spark", 1, False, at),
    lambda at: conformance.test_all_rows_where_they_are_few("Spark", 3, True, at),
    lambda at: conformance.test_digests_do_not_depend_on_blocks(
        "Spark", at, pytest.MonkeyPatch()),
    lambda at: conformance.test_what_is_not_finite_is_refused_with_its_place("Spark", at),
    lambda at: conformance.test_a_map_is_given_blocks_that_kernels_take("Spark", at),
], ids=["rows", "samples", "whole", "digest", "not finite", "kernels"])
def test_it_conforms_to_what_sources_owe(
    law: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAKERS, "Spark", of_spark)
    law(tmp_path)


def rows(seed: int = 0, n: int = 1200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, D))
    points[rng.random(n) < 0.4] += 4.0
    return points


def climbed(source: Source, steps: int = 6) -> Step:
    *_, last = islice(iterate(source, START, MODEL), steps)
    return last


def test_partitions_are_blocks_and_others_give_the_same_within_rounding() -> None:
    x = rows()
    wanted = climbed(ArraySource.of(x))
    equal = len(x) // block_rows(D)
    for _ in range(2):
        found = climbed(open_rows(framed(x, equal), None, ["a", "b", "c"])[0])
        assert found.loglik == wanted.loglik and found.mixture == wanted.mixture
    other = climbed(open_rows(framed(x, 5), None, ["a", "b", "c"])[0])
    assert other.loglik == pytest.approx(wanted.loglik, rel=1e-12)
    np.testing.assert_allclose(other.mixture.means, wanted.mixture.means, rtol=1e-12)


def test_a_fit_is_that_in_memory() -> None:
    x, weight = rows(), np.arange(1200.0) % 3
    settings: dict[str, Any] = {"start": START, "max_iter": 6, "tol": 0.0}
    with pytest.warns(emix.NotConvergedWarning):
        found = emix.fit(framed(x, 6, weight), 2, columns=list("abc"), sample_weight="w",
                         **settings)
    with pytest.warns(emix.NotConvergedWarning):
        wanted = emix.fit(x, 2, sample_weight=weight, **settings)
    assert (found.mixture, found.loglik, found.n) == (wanted.mixture, wanted.loglik, wanted.n)
    assert found.columns == ("a", "b", "c")


def test_other_numbers_are_doubles_and_floats_stay() -> None:
    frame = framed(rows(), 2)
    for kind, dtype in (("float", np.float32), ("int", np.float64), ("decimal(20,4)", np.float64),
                        ("boolean", np.float64)):
        source, _ = open_rows(frame.select(frame.a.cast(kind).alias("odd name.")))
        assert source.dtype == dtype and source.column_names == ("odd name.",)
        drawn = source.sample(50, 1)
        assert drawn.points.dtype == dtype and drawn.points.shape == (50, 1)


def test_columns_are_put_beside_those_of_the_frame() -> None:
    x = rows()
    mixture = emix.fit(x, 2)
    fit = emix.fit(framed(x, 1), 2, columns=["a", "b", "c"])
    frame = framed(x, 3).select("c", "t", "a", "b")
    told = fit.responsibilities(fit.predict(frame))
    assert told.columns == ["c", "t", "a", "b", "component", "component_1", "component_2"]
    assert frame.columns == ["c", "t", "a", "b"]
    found = told.collect()
    assert [row.component for row in found] == mixture.predict(x).tolist()
    assert {row.t for row in found} == {"text"}
    shares = [[row.component_1, row.component_2] for row in found]
    np.testing.assert_allclose(shares, mixture.responsibilities(x), rtol=1e-12)


@pytest.mark.parametrize(("asked", "match"), [
    (lambda x: emix.fit(framed(x, 2), 2), r"do not hold numbers: 't' \(string\)"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=["a", "bb"]), "no column 'bb'"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=[0]), "chosen by name"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=["a"], sample_weight=x[:, 0]), "name of a column"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=["a"], sample_weight="a"), "also the data"),
    (lambda x: emix.fit(framed(x, 2).filter("a > 1e9"), 2, columns=["a"]), "no rows"),
    (lambda x: Assigned().predict(framed(x, 2).withColumnRenamed("t", "component")), "already"),
], ids=["text", "missing", "index", "weight", "both", "empty", "twice"])
def test_what_cannot_be_done_is_refused(asked: Callable[[np.ndarray], Any], match: str) -> None:
    with pytest.raises((DataError, ParameterError), match=match):
        asked(rows())


def Assigned() -> Any:
    from emix.assigned import Assigned

    return Assigned(START, ("a", "b", "c"))


def test_missing_values_are_named_by_partition_and_row() -> None:
    frame = framed(rows(), 3).selectExpr("a", "nullif(b, b) as n", "case when t = 'text' and "
                                         "a > 3.5 then null else b end as b")
    with pytest.raises(DataError, match=r"partition \d, row \d+, column 'n'"):
        moments_of(open_rows(frame, None, ["a", "n"])[0])
    x = rows()
    first = int(np.flatnonzero(x[:, 0] > 3.5)[0])
    with pytest.raises(DataError, match=rf"partition 0, row {first}, column 'b'"):
        moments_of(open_rows(frame, None, ["a", "b"])[0])


def test_partitions_too_large_for_one_piece_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    divide = engine._Divide(("a",), None, np.dtype(np.float64), 100)
    monkeypatch.setattr(engine, "MOST_BYTES", 3000)
    monkeypatch.setattr(engine, "_partition", lambda: 7)
    import pyarrow

    batches = pyarrow.table({"c0": np.arange(1000.0)}).to_batches(77)
    found = [row for batch in divide(iter(batches)) for row in batch.to_pylist()]
    assert "partition 7 of x holds more" in found[3]["error"]
    assert [row["n_rows"] for row in found[:3]] == [100] * 3
