"""Data frames of every library: read by name or refused by name, and handed back in kind."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import emix
from emix import DataError, Mixture, frames
from emix.arrays import as_points, as_sample_weight

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")
narwhals = pytest.importorskip("narwhals")

TABLE = {"a": [3.5, -1.0, 2.25], "b": [1.0, 2.0, 4.0]}
ROWS = np.column_stack([TABLE["a"], TABLE["b"]])

# A frame from columns, by library.
MAKERS = {
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "pyarrow": pyarrow.table,
    "record batch": lambda data: pyarrow.RecordBatch.from_pydict(
        {name: pyarrow.array(values) for name, values in data.items()}),
    "narwhals": lambda data: narwhals.from_native(polars.DataFrame(data)),
}
# A Series of the same, from its name and its values.
COLUMNS = {
    "pandas": lambda name, values: pandas.Series(values, name=name),
    "polars": polars.Series,
    "pyarrow": lambda name, values: pyarrow.chunked_array([values]),
    "narwhals": lambda name, values: narwhals.from_native(
        polars.Series(name, values), series_only=True),
}


def run(script: str) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def read(x: Any, *names: str) -> np.ndarray:
    frame = frames.opened(x)
    assert frame is not None
    return frames.points(frame, [frame.names.index(name) for name in names] or None)


def refusal(x: Any, *names: str) -> str:
    with pytest.raises(DataError) as got:
        read(x, *names)
    return str(got.value)


# --- what is a frame


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_a_frame_is_rows_in_c_order_with_its_names(maker: Any) -> None:
    x = maker(TABLE)
    frame = frames.opened(x)
    assert frame is not None and frame.names == ("a", "b") and frame.is_named
    points = frames.points(frame)
    assert points.dtype == np.float64 and points.flags.c_contiguous
    np.testing.assert_array_equal(points, ROWS)
    np.testing.assert_array_equal(read(x, "b", "a"), ROWS[:, ::-1])
    np.testing.assert_array_equal(read(x, "b"), ROWS[:, 1:])
    np.testing.assert_array_equal(as_points(x), ROWS)


@pytest.mark.parametrize("maker", COLUMNS.values(), ids=COLUMNS)
def test_a_series_is_one_column(maker: Any) -> None:
    x = maker("a", TABLE["a"])
    frame = frames.opened(x)
    assert frame is not None
    # A chunked array has no name.
    assert (frame.names, frame.is_named) == ((("x",), False) if isinstance(x, pyarrow.ChunkedArray)
                                             else (("a",), True))
    np.testing.assert_array_equal(frames.points(frame), ROWS[:, :1])
    np.testing.assert_array_equal(as_sample_weight([1, 2, 3], 3), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("x", [
    ROWS, TABLE["a"], (1.0, 2.0), 3.0, np.float64(3.0), "faithful", b"x", None, TABLE, object(),
    pandas.Index([1.0]), pyarrow.array([1.0]), np.ma.array([1.0]), range(3),
], ids=lambda x: type(x).__name__)
def test_what_is_no_frame(x: object) -> None:
    assert frames.opened(x) is None
    assert frames.rows_like(x, ["a"]) is x
    assert frames.like(x, {"a": np.ones(1)}) is None
    assert frames.column_like(x, "a", np.ones(1)) is None


def test_what_is_no_frame_may_be_numbers_all_the_same() -> None:
    for x in (pandas.Index([1.0, 2.0]), pyarrow.array([1, 2]), np.ma.array([1.0, 2.0])):
        assert as_points(x)[:, 0].tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="'a'"):
        as_points(pyarrow.array(["a"]))


def test_rows_must_be_in_memory() -> None:
    with pytest.raises(DataError, match=r"lazy frame.*\.collect\(\)"):
        frames.opened(polars.DataFrame(TABLE).lazy())


# --- names


def test_columns_without_names() -> None:
    for x in (pandas.DataFrame(ROWS), pandas.DataFrame(ROWS, columns=np.arange(2))):
        frame = frames.opened(x)
        assert frame is not None and frame.names == ("x1", "x2") and not frame.is_named
        np.testing.assert_array_equal(frames.points(frame), ROWS)
    for x in (pandas.Series([1.0]), pandas.Series([1.0], name=0), polars.Series([1.0]),
              pandas.DataFrame([1.0])):
        frame = frames.opened(x)
        assert frame is not None and frame.names == ("x",) and not frame.is_named


def test_names_that_are_not_text() -> None:
    years = pandas.DataFrame(ROWS, columns=[2020, 2021])
    assert frames.opened(years).names == ("2020", "2021")
    np.testing.assert_array_equal(read(years, "2021"), ROWS[:, 1:])
    pairs = pandas.DataFrame(ROWS, columns=pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)]))
    assert frames.opened(pairs).names == ("('a', 1)", "('a', 2)")
    np.testing.assert_array_equal(frames.rows_like(pairs, ["('a', 2)"]), ROWS[:, 1:])
    # Counting, but not from 0: these are names.
    assert frames.opened(pandas.DataFrame(ROWS, columns=[1, 2])).names == ("1", "2")
    assert frames.opened(pandas.DataFrame(ROWS, columns=[False, True])).names == ("False", "True")
    assert frames.opened(polars.DataFrame({"": [1.0], "b": [2.0]})).names == ("column 1", "b")


@pytest.mark.parametrize("x", [
    pandas.DataFrame(ROWS, columns=["a", "a"]), pyarrow.table([[1.0], [2.0]], names=["a", "a"]),
    pandas.DataFrame(ROWS, columns=[1, "1"]),
    pandas.DataFrame(np.ones((1, 3)), columns=["a", "b", "a"]),
])
def test_names_must_differ(x: Any) -> None:
    with pytest.raises(DataError, match=r"several columns named '[a1]'; give each"):
        frames.opened(x)
    with pytest.raises(DataError, match="several columns"):
        as_points(x)


# --- what holds numbers


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


# --- missing values


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


# --- where the numbers lie


def test_floats_are_used_where_they_lie() -> None:
    column = np.arange(4.0)
    for x in (pandas.Series(column, name="a"), polars.Series("a", column),
              pandas.DataFrame({"a": column}, copy=False)):
        assert np.shares_memory(read(x), x.to_numpy())
    table = np.arange(12.0).reshape(4, 3)
    assert np.shares_memory(read(pandas.DataFrame(table, columns=list("abc"), copy=False)), table)


def test_frames_are_never_written_to() -> None:
    x = pandas.DataFrame(TABLE)
    before = x.copy()
    read(x), frames.rows_like(x, ["b"]), frames.like(x, {"c": np.ones(3)})
    pandas.testing.assert_frame_equal(x, before)


def test_blocks_of_rows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {name: np.random.default_rng(j).normal(size=1000) for j, name in enumerate("abc")}
    whole = read(polars.DataFrame(table))
    monkeypatch.setattr(frames, "ROWS_AT_A_TIME", 7)
    np.testing.assert_array_equal(read(polars.DataFrame(table)), whole)
    np.testing.assert_array_equal(whole, np.column_stack(list(table.values())))


# --- rows by the names of a model


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_columns_are_found_by_name(maker: Any) -> None:
    names = ("a", "b")
    for x in (TABLE, {"b": TABLE["b"], "a": TABLE["a"]},
              {"other": ["t", "u", "v"], "b": TABLE["b"], "c": [None, None, 1.0],
               "a": TABLE["a"]}):
        np.testing.assert_array_equal(frames.rows_like(maker(x), names), ROWS)
    with pytest.raises(DataError, match=r"no column 'b'; did you mean 'B'\?.*expected 'a', 'b'"):
        frames.rows_like(maker({"a": TABLE["a"], "B": TABLE["b"]}), names)
    with pytest.raises(DataError, match="no column 'b'"):
        frames.rows_like(maker({"a": TABLE["a"]}), names)


def test_a_series_is_checked_too() -> None:
    x = pandas.Series(TABLE["a"], name="a")
    assert frames.rows_like(x, ["a"])[:, 0].tolist() == TABLE["a"]
    with pytest.raises(DataError, match=r"no column 'b'.*x has 'a'.*NumPy array"):
        frames.rows_like(x, ["b"])
    with pytest.raises(DataError, match="no column 'b'"):
        frames.rows_like(x, ["a", "b"])


def test_without_names_columns_go_by_position() -> None:
    bare = pandas.DataFrame(ROWS)
    np.testing.assert_array_equal(frames.rows_like(bare, ["a", "b"]), ROWS)
    np.testing.assert_array_equal(frames.rows_like(bare[0], ["a"]), ROWS[:, :1])
    with pytest.raises(DataError, match="x has 2 columns; expected 3: 'a', 'b', 'c'"):
        frames.rows_like(bare, ["a", "b", "c"])
    named = pandas.DataFrame(TABLE)
    np.testing.assert_array_equal(frames.rows_like(named, ["x1", "x2"]), ROWS)
    np.testing.assert_array_equal(frames.rows_like(named["a"], ["x"]), ROWS[:, :1])
    with pytest.raises(DataError, match="x has 2 columns; expected 3"):
        frames.rows_like(named, ["x1", "x2", "x3"])
    # Columns that are really called so are found by name, and missed by name.
    turned = pandas.DataFrame({"x2": TABLE["b"], "x1": TABLE["a"]})
    np.testing.assert_array_equal(frames.rows_like(turned, ["x1", "x2"]), ROWS)
    with pytest.raises(DataError, match="no column 'x3'"):
        frames.rows_like(turned.assign(y=1.0), ["x1", "x2", "x3"])


# --- back in kind


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow", "narwhals"])
def test_answers_are_of_the_same_kind(name: str) -> None:
    frame, column = MAKERS[name](TABLE), COLUMNS[name]("a", TABLE["a"])
    data = {"component_1": np.array([0.25, 0.5, 1.0]), "component_2": np.array([0.75, 0.5, 0.0])}
    labels = np.array([1, 0, 0])
    for x in (frame, column):
        shares = frames.like(x, data)
        assert type(shares) is type(frame)
        back = frames.opened(shares)
        assert back.names == ("component_1", "component_2")
        np.testing.assert_array_equal(frames.points(back), np.column_stack(list(data.values())))
        found = frames.column_like(x, "component", labels)
        assert type(found) is type(column)
        assert np.asarray(found).tolist() == labels.tolist()
        if name != "pyarrow":
            assert found.name == "component"


def test_pandas_keeps_its_index() -> None:
    index = pandas.MultiIndex.from_tuples([("u", 1), ("v", 1), ("u", 2)])
    for x in (pandas.DataFrame(TABLE, index=index), pandas.Series(TABLE["a"], index=index)):
        shares = frames.like(x, {"component_1": np.ones(3)})
        assert shares.index.equals(index) and shares["component_1"].tolist() == [1, 1, 1]
        assert frames.column_like(x, "component", np.arange(3)).index.equals(index)


def test_a_record_batch_gives_a_table() -> None:
    x = MAKERS["record batch"](TABLE)
    assert frames.like(x, {"a": np.ones(3)}).num_rows == 3


# --- through a fit


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow", "narwhals"])
def test_frame_in_same_kind_of_frame_out(name: str) -> None:
    data = emix.datasets.load("faithful")
    table = {column: data[column] for column in data.columns}
    found = emix.fit(MAKERS[name](table), 2, n_starts=2)
    assert found.columns == data.columns
    assert found.loglik == emix.fit(data.data, 2, n_starts=2).loglik
    other = MAKERS[name]({"note": ["n"] * data.n, **dict(reversed(table.items()))})
    shares, labels = found.responsibilities(other), found.predict(other)
    assert type(shares) is type(other) and type(labels) is type(COLUMNS[name]("a", [1.0]))
    np.testing.assert_array_equal(as_points(shares), found.mixture.responsibilities(data.data))
    assert np.asarray(labels).tolist() == found.mixture.predict(data.data).tolist()
    with pytest.raises(DataError, match="no column 'waiting'"):
        found.predict(MAKERS[name]({"eruptions": table["eruptions"]}))


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow", "narwhals"])
def test_a_series_in_a_series_out(name: str) -> None:
    waiting = emix.datasets.load("faithful")["waiting"]
    x = COLUMNS[name]("waiting", waiting)
    found = emix.fit(x, 2, n_starts=2)
    assert found.columns == (("x",) if name == "pyarrow" else ("waiting",))
    assert type(found.predict(x)) is type(x)
    assert np.asarray(found.predict(x)).tolist() == found.mixture.predict(waiting).tolist()
    assert found.predict(waiting).tolist() == found.mixture.predict(waiting).tolist()


def test_a_column_of_weights_is_not_data() -> None:
    data = emix.datasets.load("faithful")
    weights = np.arange(data.n) % 3
    frame = pandas.DataFrame(data.data, columns=data.columns).assign(w=weights)
    found = emix.fit(frame, 2, sample_weight="w", n_starts=2)
    assert found.columns == data.columns and found.n == weights.sum()
    assert found.loglik == emix.fit(data.data, 2, sample_weight=weights, n_starts=2).loglik


# --- what is imported


@pytest.mark.parametrize(("code", "loaded"), [
    ("emix.fit(numpy.arange(9.0), 1)", False),
    ("emix.fit([1.0, 2.0, 4.0], 1)", False),
    ("emix.Mixture.univariate([1.0], [0.0], [1.0]).logpdf(3.0)", False),
    ("emix.fit(emix.datasets.load('faithful')['waiting'], 1)", False),
    ("emix.fit(range(9), 1)", True),
])
def test_narwhals_is_imported_only_for_what_may_be_a_frame(code: str, loaded: bool) -> None:
    script = f"import sys, numpy, emix; {code}; print('narwhals' in sys.modules)"
    assert run(script) == str(loaded)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_one_library_does_not_bring_in_another(library: str) -> None:
    # pyarrow imports pandas by itself, where it is installed.
    script = (f"import sys, {library}; before = set(sys.modules); from emix import frames; "
              f"x = {library}.DataFrame({{'a': [1.0, 2.0]}}); frames.points(frames.opened(x)); "
              f"frames.like(x, {{'b': frames.points(frames.opened(x))[:, 0]}}); "
              f"print({{'pandas', 'polars', 'pyarrow'}} & (set(sys.modules) - before))")
    assert run(script) == "set()"
