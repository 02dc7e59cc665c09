"""Answers are frames of the caller's own kind."""

from __future__ import annotations

import numpy as np
import pytest
from libraries import COLUMNS, MAKERS, TABLE, pandas

import emix
from emix import DataError, frames
from emix.arrays import as_points

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
