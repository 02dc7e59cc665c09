"""What users have becomes a source with names, or is refused by name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emix
from emix import DataError, ParameterError
from emix.sources.array import ArraySource
from emix.sources.opening import open_source, rows_like

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

TABLE = {"a": [1.0, 2.0, 4.0], "b": [3.0, 5.0, 6.0], "w": [1.0, 0.0, 2.0]}
ROWS = np.column_stack(list(TABLE.values()))
TEXT = "a,b,w\n1,3,1\n2,5,0\n4,6,2\n"


@pytest.fixture(params=["pandas", "polars", "csv", "path", "stream", "bytes", "data set", "source"])
def x(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The same table in every form that has names."""
    path = tmp_path / "t.csv"
    path.write_text(TEXT)
    units = dict.fromkeys(TABLE, "cm")
    return {
        "pandas": lambda: pandas.DataFrame(TABLE), "polars": lambda: polars.DataFrame(TABLE),
        "csv": lambda: str(path), "path": lambda: path, "stream": lambda: io.StringIO(TEXT),
        "bytes": lambda: io.BytesIO(TEXT.encode()),
        "data set": lambda: emix.datasets.Dataset("t", "t", ROWS, tuple(TABLE), units, "", ""),
        "source": lambda: ArraySource.of(ROWS, None, tuple(TABLE)),
    }[request.param]()


def test_all_columns_with_their_names(x: Any) -> None:
    source, names = open_source(x)
    assert names == source.column_names == ("a", "b", "w")
    assert source.points.flags.c_contiguous and source.sample_weight is None
    np.testing.assert_array_equal(source.points, ROWS)


@pytest.mark.parametrize("columns", [["b", "a"], ("b", "a"), np.array(["b", "a"])])
def test_columns_are_chosen_by_name_in_the_order_asked_for(x: Any, columns: Any) -> None:
    source, names = open_source(x, columns=columns)
    assert names == ("b", "a") and source.points.flags.c_contiguous
    np.testing.assert_array_equal(source.points, ROWS[:, [1, 0]])


def test_one_column_by_its_name(x: Any) -> None:
    source, names = open_source(x, columns="b")
    assert names == ("b",) and source.points.tolist() == [[3.0], [5.0], [6.0]]


def test_weights_by_the_name_of_a_column(x: Any) -> None:
    source, names = open_source(x, "w")
    assert names == ("a", "b") and source.points.flags.c_contiguous
    np.testing.assert_array_equal(source.points, ROWS[:, :2])
    assert source.sample_weight is not None and source.sample_weight.tolist() == [1.0, 0.0, 2.0]


def test_weights_by_name_beside_a_choice(x: Any) -> None:
    source, names = open_source(x, "w", ["b"])
    assert names == ("b",) and source.sample_weight is not None
    assert source.sample_weight.tolist() == [1.0, 0.0, 2.0]


def test_weights_beside_the_data(x: Any) -> None:
    for weight in ([1, 0, 2], np.array([1, 0, 2]), pandas.Series([1, 0, 2], index=list("uvw")),
                   polars.Series([1.0, 0.0, 2.0])):
        if hasattr(x, "seek"):
            x.seek(0)
        source, names = open_source(x, weight)
        assert names == ("a", "b", "w") and source.sample_weight is not None
        assert source.sample_weight.tolist() == [1.0, 0.0, 2.0]


@pytest.mark.parametrize("columns", ["A", ["a", "A"]])
def test_a_name_that_is_not_there_is_answered_with_those_that_are(x: Any, columns: Any) -> None:
    with pytest.raises(DataError, match=r"no column 'A'; did you mean 'a'\?") as got:
        open_source(x, columns=columns)
    assert "'a', 'b', 'w'" in str(got.value)


def test_a_weight_that_is_not_there(x: Any) -> None:
    with pytest.raises(DataError, match="no column 'v'"):
        open_source(x, "v")


@pytest.mark.parametrize("columns", [["w"], ["a", "w"]])
def test_weights_are_not_data_too(x: Any, columns: list[str]) -> None:
    with pytest.raises((DataError, ParameterError), match=r"also the data|selected twice"):
        open_source(x, "w", columns)


@pytest.mark.parametrize("columns", [[], ["a", "a"], 1.5, [None], [1.5], [[]], object()])
def test_a_choice_without_meaning(x: Any, columns: Any) -> None:
    with pytest.raises(ParameterError, match="columns="):
        open_source(x, columns=columns)


@pytest.mark.parametrize("make", [
    lambda: pandas.DataFrame(index=range(3)), lambda: polars.DataFrame(),
    lambda: lambda: iter([pandas.DataFrame(index=range(3))]),
], ids=["frame", "table", "blocks"])
def test_what_has_no_columns(make: Any) -> None:
    with pytest.raises(DataError, match="x has no columns; expected one at least"):
        emix.fit(make(), 1)


def test_a_file_has_names_and_no_indices(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TEXT)
    with pytest.raises(ParameterError, match="by name"):
        open_source(tmp_path / "t.csv", columns=[0])


def test_arrays_have_indices() -> None:
    for x in (ROWS, ROWS.tolist(), np.asfortranarray(ROWS)):
        source, names = open_source(x, columns=[2, 0])
        assert names == ("x3", "x1") and source.points.flags.c_contiguous
        np.testing.assert_array_equal(source.points, ROWS[:, [2, 0]])
        assert open_source(x, columns=np.int64(1))[0].points.tolist() == [[3.0], [5.0], [6.0]]
        assert open_source(x, "x3", ["x1"])[0].sample_weight.tolist() == [1.0, 0.0, 2.0]
        for wrong in (3, -1, "a", [0, 3]):
            with pytest.raises(DataError, match="the columns are 'x1', 'x2', 'x3'"):
                open_source(x, columns=wrong)


def test_c_ordered_arrays_are_used_where_they_lie() -> None:
    for x in (ROWS, ROWS[0], np.float32(ROWS), pandas.DataFrame(ROWS, copy=False)):
        source, _ = open_source(x)
        assert np.shares_memory(source.points, np.asarray(x))


def test_bare_columns_are_called_x() -> None:
    for x in ([1.0, 2.0], np.ones(2), np.ones((2, 1)), pandas.Series([1.0, 2.0]),
              polars.Series([1.0, 2.0]), pandas.DataFrame([1.0, 2.0])):
        assert open_source(x)[1] == ("x",)
    for x in (np.ones((2, 2)), [[1.0, 2.0]], pandas.DataFrame(np.ones((2, 2)))):
        assert open_source(x)[1] == ("x1", "x2")


def test_a_series_has_its_name() -> None:
    for maker in (pandas.DataFrame, polars.DataFrame):
        source, names = open_source(maker(TABLE)["b"])
        assert names == ("b",) and source.points.tolist() == [[3.0], [5.0], [6.0]]


def test_text_beside_the_chosen_columns_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("place,a,w\nhere,1,2\nthere,3,4\n")
    frame = pandas.read_csv(tmp_path / "t.csv")
    for x in (frame, tmp_path / "t.csv"):
        source, names = open_source(x, "w", "a")
        assert names == ("a",) and source.points.tolist() == [[1.0], [3.0]]
        with pytest.raises(DataError, match=r"'place'.*'a'"):
            open_source(x, "w")


def test_a_source_keeps_its_own_weights() -> None:
    source = ArraySource.of(ROWS, [1, 2, 3], tuple(TABLE))
    assert open_source(source)[0] is source
    chosen, names = open_source(source, columns="b")
    assert names == ("b",) and chosen.sample_weight.tolist() == [1.0, 2.0, 3.0]
    for weight in ([1, 2, 3], "w"):
        with pytest.raises(DataError, match="its own weights"):
            open_source(source, weight)


@pytest.mark.parametrize("weight", [[1.0], np.ones(4), np.ones((3, 2)), "abc"])
def test_there_is_one_weight_per_row(weight: Any) -> None:
    with pytest.raises(DataError):
        open_source(ROWS, weight)
    with pytest.raises(DataError):
        open_source(pandas.DataFrame(TABLE), weight)


def test_weights_must_be_numbers() -> None:
    x = pandas.DataFrame({"a": [1.0, 2.0], "w": ["many", "few"], "m": [1.0, np.nan]})
    with pytest.raises(DataError, match="sample_weight, column 'w', is of type"):
        open_source(x, "w", "a")
    with pytest.raises(DataError, match="sample_weight holds a missing value at row 1, column 'm'"):
        open_source(x, x["m"], "a")


# --- rows for a model that has been fitted


def test_rows_for_a_model_are_found_by_name(x: Any) -> None:
    np.testing.assert_array_equal(rows_like(x, ("w", "a")), ROWS[:, [2, 0]])


def test_rows_for_a_model_without_names_go_by_position(x: Any) -> None:
    np.testing.assert_array_equal(rows_like(x, ("x1", "x2", "x3")), ROWS)


def test_a_name_that_a_model_needs_is_missed(x: Any) -> None:
    with pytest.raises(DataError, match="no column 'v'"):
        rows_like(x, ("a", "v"))


def test_what_has_no_names_comes_back_as_it_is() -> None:
    for x in (ROWS, ROWS.tolist(), 3.0):
        assert rows_like(x, ("a", "b", "w")) is x
    bare = ArraySource.of(ROWS)
    assert rows_like(bare, ("a", "b", "w")) is bare.points
