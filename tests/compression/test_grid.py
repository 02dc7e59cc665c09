"""Where bins are narrow: a grid's edges are whole bins on both sides, and no component is wider
of bin than it may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emix.compression import Grid
from emix.compression.grid import MOST_BINS, REACH

COMPONENTS = st.lists(
    st.tuples(st.floats(-100, 100), st.floats(-20, 8).map(lambda e: 2.0**e)),
    min_size=1, max_size=6,
)


@given(COMPONENTS, st.sampled_from([16, 64]))
def test_bins_are_narrow_about_each_component_and_edges_are_whole_bins(components, fineness):
    means, sds = np.array(components).T
    grid = Grid.of_components(means, sds, fineness)
    assert (np.diff(grid.edges) > 0).all()
    for low, high, edge in zip(grid.exponent[:-1], grid.exponent[1:], grid.edges, strict=True):
        assert edge % 2.0 ** max(low, high) == 0
    for mean, sd in zip(means, sds, strict=True):
        at = mean + sd * np.linspace(-REACH, REACH, 41)[1:-1]
        assert (np.ldexp(1.0, grid.exponent_at(at)) <= sd / fineness).all()


@given(COMPONENTS)
def test_a_table_counts_where_the_grid_says(components):
    means, sds = np.array(components).T
    grid = Grid.of_components(means, sds, 16)
    table = grid.table((means - REACH * sds).min(), (means + REACH * sds).max())
    assert table.count <= MOST_BINS
    x = np.concatenate([
        np.random.default_rng(0).normal(mean, sd, 50)
        for mean, sd in zip(means, sds, strict=True)
    ])
    segment = np.searchsorted(table.edges, x, side="right")
    inside = table.scale[segment] > 0
    place = (np.floor(x * table.scale[segment]) + table.base[segment])[inside].astype(int)
    assert ((place >= 0) & (place < table.count)).all()
    exponent = grid.exponent_at(x[inside])
    np.testing.assert_array_equal(table.exponent[place], exponent)
    np.testing.assert_array_equal(table.index[place], np.floor(np.ldexp(x[inside], -exponent)))


def test_a_component_beside_a_narrow_one_far_away():
    grid = Grid.of_components(np.array([0.0, 1e6]), np.array([1.0, 1e-6]), 16)
    # By degrees: a wide bin in narrow ones only would be two million of them.
    assert grid.exponent.tolist() == [-4, -4, -4, -8, -12, -16, -20, -24, -20, -16, -12, -8, -4]
    assert grid.edges == pytest.approx([-10, 10] + [1e6] * 10, abs=0.1)
    table = grid.table(-10.0, 1e6 + 1)
    # All bins of components are there; the gap's millions are not.
    held = np.bincount(table.exponent + 24)
    assert 16 * 2 * REACH <= held[0] <= 16 * 2 * REACH + 64
    assert 16 * 2 * REACH <= held[20] <= 16 * 2 * REACH + 64
    assert table.count < 1000
