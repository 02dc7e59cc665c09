"""Missing and infinite values are named by row and column."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pytest
from libraries import pandas, polars, pyarrow, read, refusal

from emix import DataError, Mixture


@pytest.mark.parametrize("x", [
    pandas.Series([1.0, np.nan, 3.0], name="a"),
    pandas.Series([1, None, 3], name="a", dtype="Int64"),
    pandas.Series([1, None, 3], name="a", dtype="Float32"),
    pandas.Series([True, None, False], name="a", dtype="boolean"),
    pandas.Series([1, None, 3], name="a", dtype=object),
    pandas.Series([1, pandas.NA, 3], name="a", dtype=object),
    pandas.Series([1, None, 3], name="a", dtype="int64[pyarrow]"),
    pandas.Series([None, None, None], name="a").iloc[[0, 0, 0]],
    polars.Series("a", [1, None, 3]), polars.Series("a", [True, None, False]),
    polars.Series("a", [decimal.Decimal(1), None]), polars.Series("a", [None, None]),
    pyarrow.table({"a": [1.0, None]}), pyarrow.table({"a": pyarrow.nulls(2)}),
], ids=lambda x: f"{type(x).__module__} {getattr(x, 'dtype', '')}")
def test_a_missing_value_is_named(x: Any) -> None:
    message = refusal(x)
    assert "a missing value at row" in message and "column 'a'" in message
    assert "drop those rows" in message


def test_the_first_missing_value_and_all_columns_with_one() -> None:
    x = polars.DataFrame({"a": [1, 2, None], "b": [1.0, None, None], "c": [1, 2, 3]})
    assert refusal(x).startswith(
        "x holds a missing value at row 1, column 'b' (3 such values in all; columns 'a', 'b')")
    assert read(x, "c")[:, 0].tolist() == [1, 2, 3]


def test_rows_are_named_as_pandas_names_them() -> None:
    x = pandas.DataFrame({"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, np.inf]}, index=["u", "v", "w"])
    assert "row 1 (labelled 'v'), column 'a'" in refusal(x)
    assert "row 2 (labelled 'w'), column 'b'" in refusal(x, "b")
    assert "row 0, column 'a'" in refusal(pandas.DataFrame({"a": [np.nan]}))
    # Filtering leaves labels that are no positions.
    assert "row 0 (labelled 1)" in refusal(x.reset_index(drop=True)[1:])


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_named(bad: float) -> None:
    x = polars.DataFrame({"a": [1.0, 2.0, bad], "b": [1.0, bad, 3.0]})
    assert refusal(x).startswith(f"x holds {bad} at row 1, column 'b' (2 such values in all)")
    for maker in (polars.DataFrame, pandas.DataFrame):
        with pytest.raises(DataError, match="row 1, column 'b'"):
            Mixture.univariate([1.0], [0.0], [1.0]).logpdf(maker({"b": [1.0, bad]}))


@pytest.mark.parametrize("x", [
    pandas.DataFrame(), pandas.DataFrame({"a": []}), pandas.DataFrame(index=[1, 2]),
    polars.DataFrame(), polars.DataFrame({"a": []}), polars.Series("a", []),
    pandas.Series([], dtype=float), pyarrow.table({"a": pyarrow.array([], "float64")}),
], ids=lambda x: f"{type(x).__module__} {getattr(x, 'shape', '')}")
def test_an_empty_frame_is_refused(x: Any) -> None:
    assert "x is empty (shape (" in refusal(x)
