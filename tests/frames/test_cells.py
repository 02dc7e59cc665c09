"""Which columns hold numbers, in every library."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pytest
from libraries import ROWS, TABLE, pandas, polars, pyarrow, read, refusal

from emix import DataError, frames
from emix.arrays import as_points

WHOLE = [3, 0, 127]


@pytest.mark.parametrize("dtype", [
    "int8", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64", "Int8",
    "UInt8", "Int64", "UInt32", "Float32", "Float64", "int64[pyarrow]", "double[pyarrow]",
    "float[pyarrow]", "uint8[pyarrow]", "object", "Sparse[float64]", "Sparse[int64]",
])
def test_every_numeric_dtype_of_pandas(dtype: str) -> None:
    x = pandas.Series(WHOLE, name="a").astype(dtype)
    single = dtype in ("float32", "Float32", "float[pyarrow]")
    for points in (read(x), read(x.to_frame())):
        assert points[:, 0].tolist() == WHOLE
        assert points.dtype == (np.float32 if single else np.float64)
    both = pandas.DataFrame({"a": x, "b": np.arange(3.0)})
    assert read(both).dtype == np.float64
    assert read(both).tolist() == [[3, 0], [0, 1], [127, 2]]


@pytest.mark.parametrize("dtype", [
    polars.Int8, polars.UInt8, polars.Int32, polars.Int64, polars.UInt64, polars.Float32,
    polars.Float64, polars.Int128, polars.Decimal(10, 2),
], ids=str)
def test_every_numeric_dtype_of_polars(dtype: Any) -> None:
    x = polars.Series("a", WHOLE).cast(dtype)
    assert read(x)[:, 0].tolist() == WHOLE
    assert read(x.to_frame()).dtype == (np.float32 if dtype == polars.Float32 else np.float64)


@pytest.mark.parametrize("kind", [
    pyarrow.int8(), pyarrow.uint64(), pyarrow.float32(), pyarrow.float64(),
    pyarrow.decimal128(30, 2),
], ids=str)
def test_every_numeric_dtype_of_pyarrow(kind: Any) -> None:
    x = pyarrow.table({"a": pyarrow.array(WHOLE).cast(kind)})
    assert read(x)[:, 0].tolist() == WHOLE


def test_decimals_become_the_nearest_double() -> None:
    values = [decimal.Decimal("0.10"), decimal.Decimal("-3.33"), decimal.Decimal("2.55")]
    for x in (polars.Series("a", values), pandas.Series(values, name="a"),
              pyarrow.table({"a": values}),
              pandas.Series(values, dtype=pandas.ArrowDtype(pyarrow.decimal128(5, 2)))):
        assert read(x)[:, 0].tolist() == [0.1, -3.33, 2.55]


@pytest.mark.parametrize("x", [
    polars.Series("a", [True, False]), pandas.Series([True, False], name="a"),
    pandas.Series([True, False], name="a", dtype="boolean"), pyarrow.table({"a": [True, False]}),
    pandas.Series([True, False], name="a", dtype=object),
], ids=lambda x: type(x).__module__)
def test_booleans_are_ones_and_zeros_as_in_arrays(x: Any) -> None:
    assert read(x)[:, 0].tolist() == as_points(np.array([True, False]))[:, 0].tolist() == [1, 0]


def test_single_precision_stays_where_all_columns_are() -> None:
    for maker in (pandas.DataFrame, polars.DataFrame):
        single = maker({"a": np.float32([1, 2]), "b": np.float32([3, 4])})
        assert read(single).dtype == np.float32 and read(single).flags.c_contiguous
        mixed = maker({"a": np.float32([1, 2]), "b": [0.1, 0.2]})
        assert read(mixed).dtype == np.float64 and read(mixed)[:, 1].tolist() == [0.1, 0.2]
        assert read(mixed, "a").dtype == np.float32


NOT_NUMBERS = {
    "String": ["x", "y", "z"],
    "Categorical": pandas.Categorical([1, 2, 1]),
    "Datetime": pandas.to_datetime(["2020", "2021", "2022"]),
    "Duration": pandas.to_timedelta([1, 2, 3]),
    "complex128": [1j, 2.0, 3.0],
    "Object": [1, "a", 2.5],
    "period[D]": pandas.period_range("2020", periods=3),
}


@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_what_holds_no_numbers_is_refused_by_name(kind: str) -> None:
    x = pandas.DataFrame(TABLE | {"what": NOT_NUMBERS[kind]})
    message = refusal(x)
    assert f"a column that does not hold numbers: 'what' ({kind})" in message
    assert "x[['a', 'b']]" in message
    np.testing.assert_array_equal(read(x[["a", "b"]]), ROWS)
    np.testing.assert_array_equal(read(x, "a", "b"), ROWS)
    with pytest.raises(DataError, match="convert first, or choose other columns"):
        frames.rows_like(x, ["a", "what"])
    assert f"x, column 'what', is of type {kind}" in refusal(x["what"])
    assert f"is of type {kind}" in refusal(pandas.Series(NOT_NUMBERS[kind]))
    with pytest.raises(DataError, match="sample_weight, column 'what'"):
        as_points(x["what"], "sample_weight")


@pytest.mark.parametrize("values", [
    polars.Series(["a", "b", "c"], dtype=polars.Categorical),
    polars.Series(["a", "b", "c"], dtype=polars.Enum(["a", "b", "c"])),
    polars.Series([[1.0], [2.0], [3.0]]), polars.Series([{"u": 1}] * 3),
    polars.Series([datetime.date(2020, 1, 1)] * 3), polars.Series([b"a"] * 3),
    polars.Series([object()] * 3, dtype=polars.Object),
], ids=lambda s: str(s.dtype))
def test_what_holds_no_numbers_in_polars(values: Any) -> None:
    x = polars.DataFrame(TABLE).with_columns(values.alias("what"), polars.lit("t").alias("text"))
    message = refusal(x)
    assert "2 columns that do not hold numbers: 'what' (" in message
    assert "'text' (String)" in message
    assert "x[['a', 'b']]" in message


def test_what_to_try_is_what_the_library_understands() -> None:
    x = pyarrow.table(TABLE | {"what": ["x", "y", "z"], "code": ["1", "2", "3"]})
    message = refusal(x)
    assert "x.select(['a', 'b'])" in message
    np.testing.assert_array_equal(read(x.select(["a", "b"])), ROWS)
    wide = pandas.DataFrame({f"c{i}": ["t"] for i in range(50)})
    message = refusal(wide)
    assert "50 columns" in message and "30 more" in message and "x[[" not in message


def test_objects_are_numbers_only_when_every_one_is() -> None:
    assert read(pandas.Series([1, 2.5, np.float32(3), decimal.Decimal(4), True],
                              dtype=object))[:, 0].tolist() == [1, 2.5, 3, 4, 1]
    for cells in (["1", "2"], [1, "2"], [1, b"2"], [1, datetime.date(2020, 1, 1)], [1, [2]]):
        assert "Object" in refusal(pandas.Series(cells, dtype=object)) or \
            "String" in refusal(pandas.Series(cells, dtype=object))
        with pytest.raises(DataError):
            as_points(np.array([*cells, None], dtype=object)[:-1])
