"""Distances against quantiles: normal rows follow the line, others are found and named."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy import stats

import emix
from emix.errors import DataError
from emix.plots import plot_mahalanobis, style
from emix.plots.mahalanobis import quantiles

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure

APART = emix.Mixture([0.3, 0.7], [[0.0, 0.0, 0.0], [40.0, 0.0, 0.0]],
                     [np.eye(3), [[4.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]])


def points_of(ax: Axes) -> PathCollection:
    return max((c for c in ax.collections if isinstance(c, PathCollection)),
               key=lambda drawn: len(drawn.get_offsets()))


def drawn(ax: Axes) -> Axes:
    ax.figure.savefig(io.BytesIO(), dpi=50)
    return ax


def test_points_are_sorted_squares_against_quantiles() -> None:
    x, labels = APART.sample(200, 1)
    ax = drawn(plot_mahalanobis(APART, x))
    points = points_of(ax).get_offsets()
    own = APART.mahalanobis(x)[np.arange(200), labels] ** 2
    np.testing.assert_allclose(points[:, 1], np.sort(own), rtol=1e-12)
    wanted = stats.chi2(3).ppf((np.arange(200) + 0.5) / 200)
    np.testing.assert_allclose(points[:, 0], wanted, rtol=1e-10)
    hues = points_of(ax).get_facecolors()[:, :3]
    of_first = np.isclose(hues, style.rgb(style.colour(0))).all(axis=1)
    np.testing.assert_array_equal(of_first, labels[np.argsort(own)] == 0)


def test_normal_rows_lie_in_the_band_and_below_the_limit() -> None:
    beyond = 0
    for seed in range(10):
        ax = plot_mahalanobis(APART, APART.sample(300, seed)[0])
        points = points_of(ax).get_offsets()
        (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
        inside = band.get_paths()[0].contains_points(points[20:-1])
        assert inside.mean() > 0.6
        beyond += not ax.get_title(loc="left").startswith("300 points, none beyond")
    assert beyond <= 2


@pytest.mark.parametrize("n", [1, 2, 10, 5000])
def test_the_band_is_that_of_order_statistics(n: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, 2))
    ax = drawn(plot_mahalanobis(emix.Mixture([1.0], [[0.0, 0.0]], [np.eye(2)]), x))
    (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)]
    corners = band.get_paths()[0].vertices
    at_last = np.isclose(corners[:, 0], corners[:, 0].max())
    # The largest of n: P(max ≤ q) = F(q)ⁿ.
    wanted = stats.chi2(2).ppf(np.array([0.025, 0.975]) ** (1 / n))
    assert [corners[at_last, 1].min(), corners[at_last, 1].max()] == pytest.approx(wanted)
    (limit,) = {line.get_ydata()[0] for line in ax.get_lines()
                if len(line.get_ydata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]}
    assert limit == pytest.approx(stats.chi2(2).isf(0.05 / n))


def test_an_outlier_is_named_and_counted() -> None:
    x = APART.sample(100, 1)[0]
    x[41] = [0.0, 6.0, 0.0]
    ax = drawn(plot_mahalanobis(APART, x))
    assert ax.get_title(loc="left") == "100 points, 1 beyond the reach of normal components"
    assert [text.get_text() for text in ax.texts] == ["row 41"]
    assert ax.texts[0].xy[1] == pytest.approx(36.0)


def test_what_is_much_farther_stands_at_the_top() -> None:
    x = APART.sample(100, 1)[0]
    x[[41, 7]] = [[0.0, 1e3, 0.0], [0.0, 0.0, 2e3]]
    ax = drawn(plot_mahalanobis(APART, x))
    assert ax.get_ylim()[1] < 100
    triangles = [c.get_offsets() for c in ax.collections
                 if isinstance(c, PathCollection) and len(c.get_offsets()) == 2]
    np.testing.assert_allclose(triangles[0][:, 1], ax.get_ylim()[1])
    own = APART.mahalanobis(x)[[7, 41], APART.predict(x)[[7, 41]]] ** 2
    assert own[0] == pytest.approx(4e6)
    named = f"row 7 at 4.00×10⁶\nrow 41 at {style.number(own[1])}"
    assert [text.get_text() for text in ax.texts] == [named]
    assert len(points_of(ax).get_offsets()) == 98


def test_heavy_tails_are_seen() -> None:
    x = np.random.default_rng(0).standard_t(3, (2000, 3))
    fitted = emix.Mixture([1.0], [x.mean(axis=0)], [np.cov(x.T)])
    ax = drawn(plot_mahalanobis(fitted, x))
    beyond = int(ax.get_title(loc="left").split(", ")[1].split()[0])
    assert beyond > 10
    # However many there are, few are named.
    assert 1 <= "\n".join(text.get_text() for text in ax.texts).count("row") <= 6
    legend = " ".join(text.get_text() for text in ax.get_legend().get_texts())
    assert "outliers" in legend and "heavier" in legend


def test_of_many_rows_the_farthest_are_all_drawn() -> None:
    x = APART.sample(20_000, 3)[0]
    ax = drawn(plot_mahalanobis(APART, x))
    assert ax.get_title(loc="left").startswith("20\u2009000 points")
    points = points_of(ax).get_offsets()
    assert len(points) == 4000
    own = np.sort(APART.mahalanobis(x).min(axis=1) ** 2)
    np.testing.assert_allclose(points[-1000:, 1], own[-1000:], rtol=1e-12)


def test_one_column_and_equal_rows() -> None:
    column = emix.Mixture.univariate([0.36, 0.64], [54.6, 80.1], [5.87, 5.87])
    ax = drawn(plot_mahalanobis(column, emix.datasets.load("faithful")["waiting"]))
    assert ax.get_xlabel() == "quantile of χ² with 1 degree of freedom"
    drawn(plot_mahalanobis(column, np.full(7, 54.6)))


def test_quantiles_are_exact_in_both_tails() -> None:
    p = np.array([1e-12, 0.025, 0.5, 0.975, 1 - 1e-10])
    for d in (1, 2, 7, 300):
        np.testing.assert_allclose(quantiles(p, d), stats.chi2(d).ppf(p), rtol=1e-6)


def test_the_given_axes_are_used_and_no_data_refused() -> None:
    one, other = Figure().subplots(1, 2)
    assert plot_mahalanobis(APART, APART.sample(50)[0], ax=one) is one
    assert not other.has_data()
    with pytest.raises(DataError, match="2 columns, the mixture 3"):
        plot_mahalanobis(APART, [[1.0, 2.0]])
