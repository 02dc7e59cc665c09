"""Soft against hard: K-Means' assignment beside the mixture's responsibilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Labels
from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.density import draw_density
from emix.plots.room import sized
from emix.plots.rug import MOST_TICKS, draw_rug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.comparison import KMeansComparison

# Height of a row, and the middle of each below the axis, in shares of the density's height.
ROW = 0.07
HARD, SOFT = -0.085, -0.195


def plot_kmeans(
    comparison: KMeansComparison,
    ax: Axes | None = None,
    name: str = "x",
    unit: str | None = None,
) -> Axes:
    """The density with K-Means' cuts across it, over the points twice: as K-Means has them, each
    whole, and as the mixture has them, coloured by responsibility.

    Points that the two put elsewhere are ringed (of many points, the stretches where they lie
    are barred instead). Raises `MissingExtraError` without matplotlib.

    >>> import emix
    >>> from emix.comparison import compare_kmeans
    >>> mixture = emix.Mixture.univariate([0.36, 0.64], [54.6, 80.1], [5.87, 5.87])
    >>> comparison = compare_kmeans(mixture, [50.0, 54.0, 68.0, 79.0, 84.0])
    >>> plot_kmeans(comparison, name="waiting").get_xlabel()
    'waiting'
    """
    ax = axes_or_new(ax)
    mixture, column = comparison.mixture, comparison.points
    handles, labels, top = draw_density(ax, mixture, column)
    style.y_from_zero(ax, top, 0.26 * top)
    ax.spines["left"].set_bounds(0.0, top)
    cuts = ax.vlines(comparison.cuts, -0.26 * top, top, colors=style.INK, linewidths=1.2,
                     linestyles=(0, (1.2, 1.6)), zorder=5)
    k = mixture.n_components
    _draw_row(ax, comparison, HARD * top, ROW * top,
              lambda values: np.eye(k)[_hard(comparison, values)])
    _draw_row(ax, comparison, SOFT * top, ROW * top, mixture.responsibilities)
    ring = _draw_disagreement(ax, comparison, top)
    for middle, text in ((HARD, "K-Means"), (SOFT, "mixture")):
        ax.annotate(text, (1.0, middle * top), xycoords=("axes fraction", "data"),
                    xytext=(4, 0), textcoords="offset points", va="center", color=style.INK,
                    fontsize=sized(ax, style.SMALL), annotation_clip=False)
    apart = len(comparison.disagree)
    share = f"{style.counted(apart)} of {style.counted(len(column))} points"
    style.frame(ax, f"{name}: K-Means and the mixture differ on {share}",
                style.axis_label(name, unit), style.density_label(unit))
    style.legend(ax, [*handles, cuts, *ring],
                 [*labels, "cuts of K-Means", *["put elsewhere by K-Means"] * len(ring)])
    return ax


def _draw_row(
    ax: Axes, comparison: KMeansComparison, middle: float, height: float,
    opinion: Callable[[Floats], Floats],
) -> None:
    draw_rug(ax, comparison.points, lambda values: style.blend(opinion(values)),
             middle - height / 2, middle + height / 2)


def _hard(comparison: KMeansComparison, values: Floats) -> Labels:
    """K-Means' cluster (m,) of each value (m,)."""
    clusters: Labels = np.searchsorted(comparison.cuts, values).astype(np.int64)
    return clusters


def _draw_disagreement(ax: Axes, comparison: KMeansComparison, top: float) -> list[Any]:
    """A ring around each point that the two put elsewhere, or a bar where they are many."""
    column, apart = comparison.points, comparison.disagree
    if len(apart) == 0:
        return []
    middle = 0.5 * (HARD + SOFT) * top
    if len(column) <= MOST_TICKS:
        values = np.unique(column[apart])
        return [ax.scatter(values, np.full(len(values), SOFT * top), s=38, facecolor="none",
                           edgecolor=style.INK, linewidth=0.9, zorder=6)]
    # Between two neighbouring boundaries, of either kind, the two agree throughout or nowhere.
    order = np.argsort(column, kind="stable")
    differs = (comparison.labels != comparison.hard)[order]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], differs, [False]]).astype(int)))
    starts, ends = column[order[edges[::2]]], column[order[edges[1::2] - 1]]
    return [ax.hlines(np.full(len(starts), middle), starts, ends, colors=style.INK,
                      linewidths=4.0, zorder=6)]
