"""What moves in an animation: one column under its curves, or two under their ellipses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emix.plots import style
from emix.plots.cloud import draw_ellipses, draw_means
from emix.plots.density import CUT, RUG, SEEN, Curves
from emix.plots.grids import component_densities, histogram, view
from emix.plots.rug import draw_rug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats, Order
    from emix.mixture import Mixture

# Points drawn in two columns; of more, some by lot.
MOST_POINTS = 1500
SIZE = 22.0


class Stage(Protocol):
    """An Axes on which a mixture moves."""

    def show(self, mixture: Mixture, seen: Mixture | None) -> None:
        """Draw the components of `mixture`, and the points in the colours of what `seen` says of
        them; without it they have none."""
        ...


class _Moving:
    """What is taken away before the next frame is drawn."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        self._there: list[Any] = []

    def begin(self) -> None:
        for artist in self._there:
            artist.remove()
        self._there = []
        self._before = set(map(id, self.ax.get_children()))

    def end(self) -> None:
        self._there = [artist for artist in self.ax.get_children()
                       if id(artist) not in self._before]


class ColumnStage:
    """One column: histogram, density, components, and a rug of the points."""

    def __init__(
        self, ax: Axes, column: Floats, mixtures: list[Mixture], weight: Floats | None
    ) -> None:
        self.ax, self.column, self.moving = ax, column, _Moving(ax)
        self.low, self.high = view(column, mixtures[-1])
        edges, heights = histogram(column, mixtures[-1], weight)
        start = float(column.min())
        ax.bar(start + edges[:-1], heights, width=np.diff(edges), align="edge", zorder=1,
               color=style.PALE, edgecolor=style.PALE_EDGE, linewidth=0.6)
        highest = max(float(component_densities(each, each.means[:, 0]).sum(axis=1).max())
                      for each in mixtures)
        bars = float(heights.max())
        self.top = 1.15 * min(max(highest, bars), CUT * bars)
        style.y_from_zero(ax, self.top, 2.2 * RUG * self.top)
        ax.set_xlim(self.low, self.high)

    def show(self, mixture: Mixture, seen: Mixture | None) -> None:
        self.moving.begin()
        curves = Curves.of(mixture, self.low, self.high)
        for j in range(mixture.n_components):
            curve = np.minimum(curves.components[:, j], 2 * self.top)
            curve = np.where(curve >= SEEN * self.top, curve, np.nan)
            hue = style.colour(j)
            self.ax.fill_between(curves.x, curve, color=hue, alpha=0.25, linewidth=0, zorder=2)
            self.ax.plot(curves.x, curve, color=hue, linewidth=2.0, zorder=3,
                         linestyle=style.line_style(j))
            x = float(mixture.means[j, 0])
            if self.low <= x <= self.high:
                peak = min(float(curves.peaks[j]), 0.97 * self.top)
                style.numeral(self.ax, j, x, peak, offset=(0.0, 3.0))
        self.ax.plot(curves.x, np.minimum(curves.total, 2 * self.top), color=style.INK,
                     linewidth=1.4, zorder=4)
        draw_rug(self.ax, self.column, lambda values: _colours(seen, values),
                 -2.0 * RUG * self.top, -0.4 * RUG * self.top)
        self.moving.end()


class PlaneStage:
    """Two columns, of a mixture in two or more: points and ellipses."""

    def __init__(self, ax: Axes, rows: Floats, mixtures: list[Mixture], chosen: Order) -> None:
        self.ax, self.chosen, self.moving = ax, chosen, _Moving(ax)
        if len(rows) > MOST_POINTS:
            some = np.random.default_rng(0).choice(len(rows), MOST_POINTS, replace=False)
            rows = rows[np.sort(some)]
        self.rows = rows
        last = mixtures[-1]
        ax.set_xlim(*view(rows[:, chosen[0]], last.marginal(chosen[0])))
        ax.set_ylim(*view(rows[:, chosen[1]], last.marginal(chosen[1])))

    def show(self, mixture: Mixture, seen: Mixture | None) -> None:
        self.moving.begin()
        crowded = len(self.rows) > 600
        x, y = self.rows[:, self.chosen].T
        self.ax.scatter(x, y, c=_colours(seen, self.rows), zorder=2, edgecolor="white",
                        s=SIZE * (0.4 if crowded else 1.0), linewidth=0.0 if crowded else 0.4)
        draw_ellipses(self.ax, mixture, 1.8, crowded)
        draw_means(self.ax, mixture)
        self.moving.end()


def _colours(seen: Mixture | None, rows: Floats) -> Floats:
    """(n, 3) by responsibilities, or one grey for all."""
    if seen is None:
        return np.tile(style.rgb(style.MUTED), (len(rows), 1))
    return style.blend(seen.responsibilities(rows))
