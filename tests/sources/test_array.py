"""An array as a source: blocks, the tree they merge in, samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from emix import DataError
from emix.arrays import Block
from emix.sources import array
from emix.sources.array import ArraySource
from emix.sources.protocol import merge


@dataclass(frozen=True)
class Words:
    """A monoid that shows how it was merged."""

    text: str

    def __add__(self, other):
        return Words(f"({self.text}{other.text})")


def test_what_it_is_of():
    x = np.arange(6.0).reshape(3, 2)
    source = ArraySource.of(x, [1, 2, 3])
    assert (source.n_rows, source.n_features, source.dtype) == (3, 2, np.float64)
    assert np.shares_memory(source.points, x) and source.block.points is source.points
    assert source.block.sample_weight.tolist() == [1.0, 2.0, 3.0]
    assert ArraySource.of([1, 2]).sample_weight is None
    assert ArraySource.of(np.float32([1, 2])).dtype == np.float32
    with pytest.raises(DataError):
        ArraySource.of([])
    with pytest.raises(DataError, match="one weight per row"):
        ArraySource.of([1.0], [1.0, 2.0])


def test_rows_are_put_in_c_order_once():
    table = np.arange(12.0).reshape(4, 3)
    for view in (table.T, table[:, :2], table[::2], table[:, 1], np.asfortranarray(table)):
        points = ArraySource.of(view).points
        assert points.flags.c_contiguous
        np.testing.assert_array_equal(points, view if view.ndim == 2 else view[:, None])
    for lying in (table, table[1:3], table[0], np.float32(table)):
        assert np.shares_memory(ArraySource.of(lying).points, lying)
    assert ArraySource.of(np.asfortranarray(np.float32(table))).dtype == np.float32


def test_columns_have_names():
    assert ArraySource.of([1.0]).column_names == ("x",)
    assert ArraySource.of([[1.0, 2.0]]).column_names == ("x1", "x2")
    named = ArraySource.of([[1.0, 2.0]], None, ("a", "b"))
    assert named.names == named.column_names == ("a", "b")


@pytest.mark.parametrize(("n", "tree"), [
    (1, "a"), (3, "a"), (4, "(ab)"), (7, "((ab)c)"), (12, "((ab)(cd))"), (13, "(((ab)(cd))e)"),
    (18, "(((ab)(cd))(ef))"),
])
def test_blocks_are_rows_in_order_and_merge_as_a_tree_of_their_number(monkeypatch, n, tree):
    monkeypatch.setattr(array, "block_rows", lambda n_features: 3)
    source, seen = ArraySource.of(np.arange(float(n)), np.arange(float(n)) + 1), []

    def look(block: Block) -> Words:
        seen.append(block)
        return Words("abcdefgh"[len(seen) - 1])

    assert source.reduce(look, Words("")).text == tree
    assert max(block.n_rows for block in seen) <= 3
    np.testing.assert_array_equal(np.concatenate([b.points for b in seen]), source.points)
    np.testing.assert_array_equal(np.concatenate([b.sample_weight for b in seen]),
                                  source.sample_weight)


def test_merging_nothing_is_zero():
    assert merge([], Words("zero")).text == "zero"
    assert merge([Words("a")], Words("zero")).text == "a"


def test_samples_are_rows_without_replacement_the_same_for_a_seed():
    source = ArraySource.of(np.arange(1000.0), np.arange(1000.0) % 7)
    found = source.sample(100, 3)
    rows = found.points[:, 0].astype(int)
    assert found.n_rows == 100 and len(set(rows)) == 100 and (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(found.sample_weight, rows % 7)
    np.testing.assert_array_equal(source.sample(100, 3).points, found.points)
    assert not np.array_equal(source.sample(100, 4).points, found.points)
    # From all over the data.
    assert rows[:10].mean() < 150 and rows[-10:].mean() > 850
    for n in (1000, 5000):
        assert source.sample(n, 0).points is source.points
    assert ArraySource.of(np.arange(9.0)).sample(4, 0).sample_weight is None
