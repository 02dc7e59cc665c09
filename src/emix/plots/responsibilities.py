"""Responsibilities along the axis: where the mixture is sure, and where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats
from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.grids import column_of, curve_points, outside, view
from emix.plots.rug import draw_rug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# Bands thinner than this cannot hold their number.
LEAST_BAND = 0.09


def plot_responsibilities(
    mixture: Mixture,
    x: object,
    ax: Axes | None = None,
    name: str = "x",
    unit: str | None = None,
) -> Axes:
    """P(component | x) along x as stacked areas, which fill the picture, over a rug of x (n,).

    Raises `DataError` for unusable x, `ParameterError` for a mixture in more than one column,
    `MissingExtraError` without matplotlib.

    >>> import emix
    >>> mixture = emix.Mixture.univariate([0.36, 0.64], [54.6, 80.1], [5.87, 5.87])
    >>> picture = plot_responsibilities(mixture, [54.0, 79.0], name="waiting")
    >>> picture.get_ylabel()
    'responsibility'
    """
    ax = axes_or_new(ax)
    column = column_of(mixture, x)
    low, high = view(column, mixture)
    grid = curve_points(mixture, low, high)
    bands = mixture.responsibilities(grid)
    edges = np.column_stack([np.zeros(len(grid)), np.cumsum(bands, axis=1)])
    k = mixture.n_components
    areas = []
    for j in range(k):
        # White between bands, so that they part without colour too.
        areas.append(ax.fill_between(grid, edges[:, j], edges[:, j + 1], color=style.colour(j),
                                     alpha=0.75, linewidth=0, zorder=1))
        if j:
            ax.plot(grid, edges[:, j], color="white", linewidth=1.4, zorder=2)
    _number(ax, grid, bands, edges)
    ax.set_xlim(low, high)
    style.y_from_zero(ax, 1.0, 0.09, [0.0, 0.25, 0.5, 0.75, 1.0])
    draw_rug(ax, column, lambda values: style.blend(mixture.responsibilities(values)),
             -0.08, -0.02)
    beyond = outside(column, low, high)
    style.frame(ax, f"{name}: which component a point belongs to{', ' * bool(beyond)}{beyond}",
                style.axis_label(name, unit), "responsibility")
    style.legend(ax, areas[::-1], [style.component_label(mixture, j) for j in range(k)][::-1],
                 title=style.LEGEND_HEAD)
    return ax


def _number(ax: Axes, grid: Floats, bands: Floats, edges: Floats) -> None:
    """Each component's number in the middle of its widest stretch near its best."""
    for j in range(bands.shape[1]):
        best = float(bands[:, j].max())
        if best < LEAST_BAND:
            continue
        near = np.flatnonzero(bands[:, j] >= 0.9 * best)
        stretches = np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)
        widest = max(stretches, key=lambda stretch: float(grid[stretch[-1]] - grid[stretch[0]]))
        middle = 0.5 * (grid[widest[0]] + grid[widest[-1]])
        at = widest[np.argmin(np.abs(grid[widest] - middle))]
        style.numeral(ax, j, float(grid[at]), float(0.5 * (edges[at, j] + edges[at, j + 1])))
