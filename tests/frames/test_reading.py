"""Rows by position and by name, and where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from libraries import MAKERS, ROWS, TABLE, pandas, polars, read

from emix import DataError, frames
from emix.frames import reading

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
    monkeypatch.setattr(reading, "ROWS_AT_A_TIME", 7)
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
