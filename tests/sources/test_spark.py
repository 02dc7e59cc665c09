"""Spark: data frames as sources, beyond what all sources owe, and columns put beside theirs. Run by
`pytest -m spark`, in a step of its own: it needs pyspark, which is large, and Java."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import spark_frame
from test_conformance import small_blocks  # noqa: F401

import emix
from emix import DataError, Mixture, ParameterError
from emix.em import iterate
from emix.engines import spark as engine
from emix.errors import ClusterError
from emix.model import Model
from emix.moments import moments_of
from emix.sources.array import ArraySource
from emix.sources.opening import open_rows

pyspark = pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
pytestmark = pytest.mark.spark

D = 3
MODEL = Model.parse(2, D, "full", None, None, None, None, None)
START = Mixture([0.5, 0.5], [[0.0] * D, [5.0] * D], [np.eye(D)] * 2)


def framed(x: np.ndarray, partitions: int, weight: np.ndarray | None = None) -> Any:
    """A frame of columns a, b, c, a text, and w if weighted, of rows in their order."""
    columns = dict(zip("abc", x.T, strict=False)) | ({} if weight is None else {"w": weight})
    return spark_frame(columns, -(-len(x) // partitions))


def rows(seed: int = 0, n: int = 1200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, D))
    points[rng.random(n) < 0.4] += 4.0
    return points


def test_other_partitions_give_the_same_within_rounding() -> None:
    x = rows()
    wanted, found = (next(islice(iterate(source, START, MODEL), 3, None)) for source in (
        ArraySource.of(x), open_rows(framed(x, 5), None, ["a", "b", "c"])[0]))
    assert found.loglik == pytest.approx(wanted.loglik, rel=1e-12)
    np.testing.assert_allclose(found.mixture.means, wanted.mixture.means, rtol=1e-12)
    np.testing.assert_allclose(found.mixture.covariances, wanted.mixture.covariances, rtol=1e-12)


def test_other_numbers_are_doubles_and_floats_stay() -> None:
    frame = framed(rows(), 2)
    for kind, dtype in (("float", np.float32), ("int", np.float64), ("decimal(20,4)", np.float64),
                        ("boolean", np.float64)):
        source, _ = open_rows(frame.select(frame.a.cast(kind).alias("odd `name.")))
        assert source.dtype == dtype and source.column_names == ("odd `name.",)
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
    (lambda x: emix.fit(framed(x, 2).select("a", "a"), 2), "several columns .* called 'a'"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=[5]), "no column 5"),
    (lambda x: emix.fit(framed(x, 2).select(), 2), "x has no columns"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=["a"], sample_weight=x[:, 0]), "name of a column"),
    (lambda x: emix.fit(framed(x, 2), 2, columns=["a"], sample_weight="a"), "also the data"),
    (lambda x: emix.fit(framed(x, 2).filter("a > 1e9"), 2, columns=["a"]), "no rows"),
    (lambda x: Assigned().predict(framed(x, 2).withColumnRenamed("t", "component")), "already"),
], ids=["text", "missing", "named alike", "index", "no columns", "weight", "both",
        "empty", "twice"])
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


def test_partitions_without_rows_are_left_out() -> None:
    x = rows()
    frame = framed(x, 3).filter("a > 3.5 and (b < 2 or c > 3)")
    kept = x[(x[:, 0] > 3.5) & ((x[:, 1] < 2) | (x[:, 2] > 3))]
    for one, many in ((frame, kept), (frame.filter(f"a = {float(kept[0, 0])!r}"), kept[:1])):
        moments = moments_of(open_rows(one, None, ["a", "b"])[0])
        assert moments.count == len(many)
        np.testing.assert_allclose(moments.mean, many[:, :2].mean(axis=0), rtol=1e-12)


def test_what_fails_on_sparks_side_is_a_typed_error() -> None:
    frame = framed(rows(), 2)
    with pytest.raises(ClusterError, match=r"Spark failed .* out of order"):
        emix.fit(frame.selectExpr("cast(raise_error('out of order') as double) as a"), 2)
    with pytest.raises(ClusterError, match=r"Spark failed .* ZeroDivisionError: division by zero"):
        open_rows(frame, None, ["a"])[0].reduce(fails, None)


@pytest.mark.filterwarnings("ignore::emix.NotConvergedWarning")
def test_a_fit_that_spark_ends_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, path, left = rows(), tmp_path / "fit.json", 9
    settings: dict[str, Any] = {"n_starts": 2, "tol": 0.0, "max_iter": 12}

    def fail(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            monkeypatch.setattr(engine, "ANSWER", "no schema at all")

    frame = framed(x, 1)
    with pytest.raises(ClusterError, match=r"Spark failed .*fit\.json keeps how far the fit"):
        emix.fit(frame, 2, columns=list("abc"), checkpoint=path, progress=fail, **settings)
    there = ArraySource.of(x, None, ("a", "b", "c"))
    found = emix.fit(there, 2, checkpoint=path, **settings)
    assert found.mixture == emix.fit(there, 2, **settings).mixture


def fails(block: object) -> None:
    raise ZeroDivisionError("division by zero")


def test_rows_without_a_value_have_no_component() -> None:
    frame = framed(rows(), 2).selectExpr("nullif(a, a) as a", "b", "c")
    with pytest.raises(Exception, match=r"DataError: partition \d, rows from 0 on: x holds nan"):
        Assigned().predict(frame).collect()


def test_partitions_too_large_for_one_piece_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    divide = engine._Divide(("a",), None, np.dtype(np.float64), 100)
    monkeypatch.setattr(engine, "MOST_BYTES", 3000)
    monkeypatch.setattr(engine, "_partition", lambda: 7)
    import pyarrow

    batches = pyarrow.table({"c0": np.arange(1000.0)}).to_batches(77)
    found = [row for batch in divide(iter(batches)) for row in batch.to_pylist()]
    assert "partition 7 of x holds more" in found[3]["error"]
    assert [row["n_rows"] for row in found[:3]] == [100] * 3
