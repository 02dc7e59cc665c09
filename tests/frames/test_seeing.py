"""What is a frame, and what its columns are called."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from libraries import COLUMNS, MAKERS, ROWS, TABLE, pandas, polars, pyarrow, read

from emix import DataError, frames
from emix.arrays import as_points, as_sample_weight


def run(script: str) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


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
