"""The gradient function: at most 1 for the best mixture, above 1 where the fit lacks something."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest

import emix
from emix.plots import plot_certificate, style

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def curve(ax: Axes, colour: str) -> Any:
    (line,) = [drawn for drawn in ax.get_lines()
               if drawn.get_color() == colour and len(drawn.get_xdata()) > 100]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_the_fit_rises_where_a_component_is_missing_and_the_best_nowhere() -> None:
    galaxies = emix.datasets.load("galaxies")["velocity"]
    found = emix.certify(galaxies, emix.fit(galaxies, 2, covariance="E"))
    ax = found.plot(galaxies)
    ax.figure.savefig(io.BytesIO(), dpi=50)
    u, best = curve(ax, style.INK)
    assert best.max() <= 1 + 2 * found.duality_gap / found.n
    u, own = curve(ax, style.colour(0))
    assert own.max() > 2 and 30 < u[own.argmax()] < 38
    at = np.interp(found.fit.mixture.means[:, 0], u, own)
    np.testing.assert_allclose(at, 1.0, atol=1e-5)
    assert "2 components, at most 8.95 nats from any" in ax.get_title(loc="left")


def test_weights_count_and_the_given_axes_are_used() -> None:
    x, weight = np.array([0.0, 1.0, 5.0, 9.0]), np.array([3.0, 1.0, 2.0, 0.0])
    fit = emix.fit(x, 1, sds=1.0, sample_weight=weight)
    found = emix.certify(x, fit, sample_weight=weight)
    one, other = Figure().subplots(1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot_certificate(found, x, ax=one, sample_weight=weight) is one
    assert not other.has_data()
    _, best = curve(one, style.INK)
    assert best.max() <= 1 + 2 * found.duality_gap / found.n
