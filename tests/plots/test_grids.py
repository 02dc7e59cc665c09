"""Ranges, curves and bins: nothing is missed, whatever the units and the widths."""

from __future__ import annotations

import io

import numpy as np
import pytest

import emix
from emix.plots import plot_density
from emix.plots.grids import component_densities, curve_points, histogram, lattice

pytest.importorskip("matplotlib")

TWO = emix.Mixture.univariate([0.36, 0.64], [54.6, 80.1], [5.87, 5.87])


def test_curves_are_fine_around_every_mean() -> None:
    mixture = emix.Mixture.univariate([0.5, 0.5], [0.0, 1.0], [1.0, 1e-6])
    grid = curve_points(mixture, -4.0, 4.0)
    assert (np.diff(grid) > 0).all()
    assert {0.0, 1.0} <= set(grid)
    assert (np.abs(grid - 1.0) < 6e-6).sum() > 100
    assert component_densities(mixture, grid).sum(axis=1) == pytest.approx(mixture.pdf(grid))


@pytest.mark.parametrize(("offset", "scale"), [
    (0.0, 1e-150), (0.0, 1e-9), (0.0, 1.0), (0.0, 1e150), (1.0, 1e-9), (1e8, 1.0), (-1e8, 1e-3),
])
def test_the_histogram_holds_all_points(scale: float, offset: float) -> None:
    x = offset + scale * TWO.sample(500)[0]
    mixture = emix.Mixture.univariate(TWO.weights, offset + scale * TWO.means[:, 0],
                                      scale * TWO.sds)
    edges, heights = histogram(x, mixture)
    assert (heights * np.diff(edges)).sum() == pytest.approx(1.0)
    plot_density(mixture, x).figure.savefig(io.BytesIO(), dpi=50)


def test_bins_show_the_parts_of_many_components() -> None:
    k = 30
    many = emix.Mixture.univariate(np.full(k, 1 / k), 10.0 * np.arange(k), np.ones(k))
    edges, _ = histogram(many.sample(9000)[0], many)
    assert np.diff(edges)[0] < 2.0


def test_rounded_data_get_bins_of_whole_roundings() -> None:
    waiting = emix.datasets.load("faithful")["waiting"]
    assert lattice(waiting) == 1.0
    edges, _ = histogram(waiting, TWO)
    width = np.diff(edges)[0]
    assert width == round(width) and edges[0] == -0.5
    assert lattice(np.random.default_rng(0).normal(size=50)) == 0.0
