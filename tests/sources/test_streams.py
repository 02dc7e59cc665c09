"""Streams, mapped arrays, functions that make blocks: what is asked of them, and how they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import Relation, Rows

import emix
from emix import DataError, ParameterError
from emix.arrays import Block, Place
from emix.climbing import climb
from emix.searching import finding
from emix.selection import setting
from emix.sources import opening, protocol
from emix.sources.array import ArraySource
from emix.sources.blocks import BlocksSource
from emix.sources.mapped import MappedArray
from emix.sources.opening import open_rows
from emix.sources.streamed import ahead

pyarrow = pytest.importorskip("pyarrow")
X = np.concatenate([np.random.default_rng(0).normal(size=(300, 2)),
                    np.random.default_rng(1).normal(4, 2, size=(300, 2))])


def blocks() -> Iterator[np.ndarray]:
    return (X[start:start + 77] for start in range(0, len(X), 77))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is little enough to be held in memory."""
    monkeypatch.setattr(protocol, "BLOCK_NUMBERS", 200)
    monkeypatch.setattr(protocol, "LEAST_ROWS", 100)
    monkeypatch.setattr(protocol, "GRANULE", 1)
    monkeypatch.setattr(opening, "IN_MEMORY", 0)


# --- functions


def test_a_function_is_called_once_for_each_pass(small: None) -> None:
    calls = 0

    def make() -> Iterator[np.ndarray]:
        nonlocal calls
        calls += 1
        return blocks()

    source = BlocksSource(make)
    assert calls == 1
    source.reduce(lambda block: Words(str(block.n_rows)), Words(""))
    assert calls == 2 and source.n_rows == 600
    source.sample(50, 0)
    assert calls == 3


class Words:
    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: Words) -> Words:
        return Words(self.text + other.text)


@pytest.mark.parametrize(("make", "said"), [
    (lambda: iter([]), "yields no blocks"),
    (lambda: [np.zeros((0, 2))], "block 0: .*empty"),
    (lambda: [X, X[:, :1]], "block 1 has the columns x; expected those of the first, x1, x2"),
    (lambda: [X, [["a", "b"]]], "block 1: .*dtype"),
    (lambda: [np.float32(X), X], "block 1 is float64, the first float32"),
    (lambda: [X, np.full((3, 2), np.nan)], "nan at block 1, row 0, column 'x1'"),
])
def test_blocks_that_cannot_be_used(make: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        emix.fit(make, 2)


def test_a_function_that_does_not_begin_anew(small: None) -> None:
    once = blocks()
    with pytest.raises(DataError, match="reads it from the beginning"):
        emix.fit(lambda: once, 2)
    lengths = iter([600, 600, 500, 600, 600])
    with pytest.raises(DataError, match=r"held \d+ rows at first and \d+ now"):
        emix.fit(lambda: [X[:next(lengths)]], 2)


def test_a_generator_is_refused() -> None:
    with pytest.raises(DataError, match="a generator, which can be read only once"):
        emix.fit(blocks(), 2)


def test_weights_are_of_the_blocks() -> None:
    with pytest.raises(ParameterError, match="the name of a column"):
        emix.fit(blocks, 2, sample_weight=np.ones(600))
    with pytest.raises(ParameterError, match="leave columns and sample_weight out"):
        emix.fit(BlocksSource(blocks), 2, columns=["x1"])


def test_labels_as_a_start_are_of_rows_in_memory(small: None) -> None:
    labels = np.arange(600) % 2
    with pytest.raises(ParameterError, match="these 600 rows are read block by block"):
        emix.fit(blocks, 2, start=labels)


def test_steps_are_those_of_an_array(small: None) -> None:
    start = emix.Mixture([0.5, 0.5], [[0, 0], [4, 4]], [np.eye(2)] * 2)
    for number, (one, other) in enumerate(zip(emix.steps(blocks, start), emix.steps(X, start),
                                              strict=False)):
        assert one.mixture == other.mixture and one.loglik == other.loglik
        if number == 3:
            break


# --- answers


def test_answers_of_rows_elsewhere(small: None, tmp_path: Path) -> None:
    found = emix.fit(blocks, 2)
    assert np.array_equal(found.predict(blocks), found.mixture.predict(X))
    assert np.array_equal(found.responsibilities(blocks), found.mixture.responsibilities(X))
    errors = emix.uncertainty(blocks, found)
    np.testing.assert_allclose(errors.means, emix.uncertainty(X, found).means, rtol=1e-12)
    with pytest.raises(DataError, match="not the data of the fit"):
        emix.uncertainty(lambda: [X[:500]], found)
    with pytest.raises(DataError, match="more than the"):
        emix.select(blocks, 2, folds=3)


def test_many_components_take_exact_steps() -> None:
    protocol_rows = np.random.default_rng(0).normal(size=(700, 2))
    model = {"start": "random", "n_starts": 1, "max_iter": 2, "covariance": "EII"}
    with pytest.warns(emix.NotConvergedWarning):
        found = emix.fit(lambda: [protocol_rows], 260, **model, neglect=0)
    assert found.neglect == 0.0 and found.k == 260


@pytest.mark.parametrize("criterion", ["bic", "icl"])
def test_a_selection_is_that_of_an_array(
    small: None, monkeypatch: Any, criterion: str
) -> None:
    monkeypatch.setattr(setting, "SAMPLE_ROWS", 300)
    monkeypatch.setattr(finding, "SEARCH_ROWS", 300)
    monkeypatch.setattr(climb, "NATIVE_ROWS", 300)
    made = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal made
        made += 1
        return blocks()

    found = emix.select(counted, [1, 2, 3], ["VVV", "EII", "VVI"], criterion=criterion)
    wanted = emix.select(X, [1, 2, 3], ["VVV", "EII", "VVI"], criterion=criterion)
    assert found.best.mixture == wanted.best.mixture
    # As many passes as the longest climb has steps, not as all of them have.
    assert made < 70
    for one, other in zip(found.table, wanted.table, strict=True):
        assert (one.covariance, one.k, one.loglik, one.icl) == \
            (other.covariance, other.k, other.loglik, other.icl)


# --- streams


def test_a_stream_that_can_be_read_once_is_held_or_refused(monkeypatch: Any) -> None:
    table = pyarrow.table({"a": X[:, 0], "b": X[:, 1]})
    reader = table.to_reader(50)
    assert np.array_equal(open_rows(reader)[0].points, X)
    monkeypatch.setattr(opening, "IN_MEMORY", 600 * 16 - 1)
    with pytest.raises(DataError, match=r"can be read only once.*write it to Parquet"):
        emix.fit(table.to_reader(50), 2)


def test_missing_values_in_a_stream(tmp_path: Path) -> None:
    rows = Rows(X.copy(), None, ("a", "b"), tmp_path)
    relation = Relation(rows)
    relation._table = pyarrow.table({"a": [1.0] * 300 + [None], "b": [2.0] * 301})
    with pytest.raises(DataError, match=r"missing value at row 300, column 'a'"):
        emix.fit(relation, 2)


def test_of_a_lazy_frame_only_what_is_asked_for_is_worked_out() -> None:
    polars = pytest.importorskip("polars")
    lazy = polars.LazyFrame({"a": X[:, 0], "t": ["x"] * 600, "w": [1.0] * 600}).with_columns(
        bad=polars.col("t").map_elements(lambda _: 1 / 0, return_dtype=polars.Float64))
    found = emix.fit(lazy, 2, columns="a", sample_weight="w")
    assert found.mixture == emix.fit(X[:, 0], 2, sample_weight=np.ones(600)).mixture


# --- mapped arrays


def test_an_array_on_disk_is_used_where_it_lies(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    source = open_rows(tmp_path / "a.npy")[0]
    assert isinstance(source, ArraySource) and isinstance(source.points.base, np.memmap)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert emix.fit(mapped, 2).mixture == emix.fit(X, 2).mixture
    assert isinstance(open_rows(mapped, columns=[1])[0], MappedArray)
    np.save(tmp_path / "b.npy", np.arange(12, dtype=">i4").reshape(6, 2))
    whole = open_rows(tmp_path / "b.npy", "x1")[0].whole(9)
    assert whole.points.tolist() == [[1], [3], [5], [7], [9], [11]]
    assert whole.points.dtype == np.float64 and whole.sample_weight[1] == 2.0


@pytest.mark.parametrize(("content", "said"), [
    (b"hello", "cannot be read as an array"), (None, "does not exist"),
])
def test_what_is_no_array(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(DataError, match=said):
        emix.fit(tmp_path / "a.npy", 2)


# --- places, readers, progress


def test_places_follow_their_rows() -> None:
    place = Place(((0, "a.csv", 7), (3, "b.csv", 0)), ("u", "v"))
    assert [place.of_row(row) for row in (0, 2, 3, 5)] == [
        "a.csv, row 7", "a.csv, row 9", "b.csv, row 0", "b.csv, row 2"]
    assert [place.after(2).of_row(row) for row in (0, 1)] == ["a.csv, row 9", "b.csv, row 0"]
    assert place.after(4).of_row(0) == "b.csv, row 1" and place.of_column(1) == "column 'v'"
    assert Place.whole().of_row(3) == "row 3" and Place.whole().of_column(1) == "column 1"


def test_no_reader_outlives_its_pass(small: None) -> None:
    source = BlocksSource(blocks)

    def fail(block: Block) -> Words:
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            source.reduce(fail, Words(""))
    assert not [t for t in threading.enumerate() if t.name.startswith("emix-reader")]
    closed = []

    def watched() -> Iterator[Block]:
        try:
            yield from (Block(X), Block(X))
        finally:
            closed.append(True)

    reading = ahead(watched())
    next(reading)
    reading.close()
    assert closed == [True]


def test_progress_tells_how_far_a_pass_has_come(small: None, monkeypatch: Any) -> None:
    from emix.sources import reading

    monkeypatch.setattr(reading, "BETWEEN", 0.0)
    monkeypatch.setattr(finding, "SEARCH_ROWS", 300)
    told: list[Any] = []
    emix.fit(blocks, 2, n_starts=1, progress=told.append)
    passes = [each.reading for each in told if each.reading is not None]
    assert passes[0].n_rows is None and passes[0].seconds_left is None
    last = passes[-1]
    assert (last.n_rows, last.bytes, last.n_bytes) == (600, 16 * last.rows, 9600)
    assert {each.rows for each in passes} == {100, 200, 300, 400, 500, 600}
    assert all(each.seconds_left is not None for each in passes[6:])
    assert [each.iteration for each in told if each.reading is None][-1] >= 1
