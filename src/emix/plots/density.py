"""Data, density and components in one picture, and truth beside it where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Mask
from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.grids import (
    column_of,
    component_densities,
    curve_points,
    histogram,
    outside,
    view,
    weighted,
)
from emix.plots.rug import draw_rug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# A peak this many times the rest of the picture is cut off: it would flatten all else.
CUT = 2.5
RUG = 0.055
# Where a component is lower than this share of the picture, its line would cover the axis.
SEEN = 0.003
# Bars that have a white edge; of more, the edges would be a screen over them.
MOST_EDGES = 80


def plot_density(
    mixture: Mixture,
    x: object,
    *,
    ax: Axes | None = None,
    name: str = "x",
    unit: str | None = None,
    truth: Mixture | None = None,
    sample_weight: object = None,
) -> Axes:
    """The data x (n,) as a histogram and a rug, under the mixture's density and its components.

    Components are weighted: they add up to the density. Rug ticks are coloured by
    responsibility, so that an unsure point looks between. A peak too high to show with the rest
    is cut off, with a mark that says how high it is. With `truth`, its components are dashed
    and their means open circles, beside the full ones of `mixture`. Where rows have weights,
    `sample_weight` (n,), so have they in the histogram.

    Raises `DataError` for unusable x, `ParameterError` for a mixture in more than one column,
    `MissingExtraError` without matplotlib.

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> mixture = emix.Mixture.univariate([0.36, 0.64], [54.6, 80.1], [5.87, 5.87])
    >>> picture = plot_density(mixture, waiting, name="waiting", unit="minutes")
    >>> picture.get_xlabel(), picture.get_ylabel()
    ('waiting (minutes)', 'density (1/minutes)')
    """
    ax = axes_or_new(ax)
    column, weight = weighted(column_of(mixture, x), sample_weight)
    handles, labels, top = draw_density(ax, mixture, column, truth, weight=weight)
    style.y_from_zero(ax, top, 1.5 * RUG * top)
    draw_rug(ax, column, lambda values: style.blend(mixture.responsibilities(values)),
             -1.35 * RUG * top, -0.35 * RUG * top)
    notes = [f"{name}: {style.in_words(len(column), mixture.n_components)}",
             "and the truth" if truth is not None else "", outside(column, *ax.get_xlim())]
    style.frame(ax, ", ".join(filter(None, notes)),
                style.axis_label(name, unit), style.density_label(unit))
    style.legend(ax, handles, labels)
    return ax


def draw_density(
    ax: Axes, mixture: Mixture, column: Floats, truth: Mixture | None = None,
    numbered: bool = True, weight: Floats | None = None,
) -> tuple[list[Any], list[str], float]:
    """Histogram, density and components on `ax`: legend handles, their labels, and the top.

    Unless `numbered`, components have neither numbers nor marks at their means.
    """
    shown = [mixture] if truth is None else [mixture, truth]
    low, high = view(column, *shown)
    inside = (column >= low) & (column <= high)
    share = 1.0
    if not inside.all():
        share = float(inside.mean() if weight is None else weight[inside].sum() / weight.sum())
        column, weight = column[inside], None if weight is None else weight[inside]
    edges, heights = histogram(column, mixture, weight)
    heights, start = share * heights, float(column.min())
    low, high = min(low, start + edges[0]), max(high, start + edges[-1])
    curves = Curves.of(mixture, low, high)
    top, cut = curves.top(float(heights.max()))
    bars = ax.bar(start + edges[:-1], heights, width=np.diff(edges), align="edge",
                  color=style.PALE, edgecolor=style.PALE_EDGE, zorder=1,
                  linewidth=0.6 if len(heights) <= MOST_EDGES else 0.0)
    handles, labels = _draw_components(ax, curves, top, cut, numbered)
    (line,) = ax.plot(curves.x, curves.total, color=style.INK, linewidth=1.5, zorder=4)
    (head,) = ax.plot([], [], linestyle="none")
    names = ["histogram of the data", "density of the mixture", style.LEGEND_HEAD]
    if truth is not None:
        handles.append(_draw_truth(ax, mixture, truth, low, high, top))
        labels.append("the truth")
    ax.set_xlim(low, high)
    return [bars, line, head, *handles], [*names, *labels], top


@dataclass(frozen=True, eq=False)
class Curves:
    """What is drawn of a mixture: x (m,), weighted components (m, k) and their sum (m,)."""

    mixture: Mixture
    x: Floats
    components: Floats
    total: Floats

    @classmethod
    def of(cls, mixture: Mixture, low: float, high: float) -> Curves:
        x = curve_points(mixture, low, high)
        components = component_densities(mixture, x)
        return cls(mixture, x, components, components.sum(axis=1))

    def seen(self, component: int, top: float) -> Floats:
        """A weighted component (m,), NaN where it cannot be told from 0 in a picture so high."""
        curve = self.components[:, component]
        return np.where(curve >= SEEN * top, curve, np.nan)

    @property
    def within(self) -> Mask:
        """(k,) whose means are in the picture."""
        means = self.mixture.means[:, 0]
        within: Mask = (means >= self.x[0]) & (means <= self.x[-1])
        return within

    @property
    def peaks(self) -> Floats:
        """(k,) each weighted component at its own mean."""
        means = self.mixture.means[:, 0]
        return component_densities(self.mixture, means).diagonal().copy()

    def top(self, highest_bar: float) -> tuple[float, Mask]:
        """Where the picture ends, and which components' peaks (k,) are cut off there.

        A component far above every bar of the histogram rests on few points. One that does not
        is shown whole, and so is the density where none that is cut off makes most of it.
        """
        peaks = self.peaks
        within = self.within
        cut = (peaks > CUT * highest_bar) & within
        with np.errstate(under="ignore"):
            rest = self.total[self.components[:, cut].sum(axis=1) <= 0.5 * self.total]
        highest = max([highest_bar, *rest, *peaks[~cut & within]])
        # Bars of a spike's own points can be the highest; without one they fill the picture.
        return (1.3 if cut.any() else 1.13) * min(highest, CUT * highest_bar), cut


def _draw_components(
    ax: Axes, curves: Curves, top: float, cut: Mask, numbered: bool
) -> tuple[list[Any], list[str]]:
    handles: list[Any] = []
    labels: list[str] = []
    mixture, peaks, within = curves.mixture, curves.peaks, curves.within
    for j in range(mixture.n_components):
        hue, curve = style.colour(j), curves.seen(j, top)
        fill = ax.fill_between(curves.x, curve, color=hue, alpha=0.22, linewidth=0, zorder=2)
        (line,) = ax.plot(curves.x, curve, color=hue, linewidth=1.8,
                          linestyle=style.line_style(j), zorder=3)
        handles.append((fill, line))
        labels.append(style.component_label(mixture, j) + "  (outside)" * (not within[j]))
        if not within[j]:
            continue
        mean, peak = float(mixture.means[j, 0]), float(peaks[j])
        # A spike's stem is all that is seen of it, so it goes over the density's line.
        ax.vlines(mean, 0, min(peak, top), colors=hue, linewidths=1.6 if cut[j] else 1.0,
                  zorder=5 if cut[j] else 3)
        if cut[j]:
            mark = ax.scatter([mean], [top], marker="^", s=60, color=hue, edgecolor=style.INK,
                              linewidth=0.6, zorder=7, clip_on=False)
            handles.append(mark)
            labels.append(f"{j + 1} is cut off: it peaks at {style.number(peak, 2)}")
        elif numbered:
            ax.scatter([mean], [peak], s=26, color=hue, edgecolor="white", linewidth=0.8, zorder=6)
    if numbered:
        _number(ax, curves, top, cut)
    return handles, labels


def _number(ax: Axes, curves: Curves, top: float, cut: Mask) -> None:
    """Each component's number above the curves at its mean; of close ones, the next higher."""
    low, high = float(curves.x[0]), float(curves.x[-1])
    means = curves.mixture.means[:, 0]
    heights = component_densities(curves.mixture, means)[:, ~cut].sum(axis=1)
    # A legend of two columns leaves little more than half of the picture's width.
    crowding = 1.0 if len(means) + 3 <= style.LEGEND_ROWS else 1.8
    placed: list[tuple[float, float]] = []
    for j in np.argsort(heights):
        if not curves.within[j]:
            continue
        if cut[j]:
            style.numeral(ax, int(j), float(means[j]), top, offset=(11.0, 0.0))
            continue
        x, y = float(means[j]), float(heights[j]) / top
        width = (0.026 if j < 9 else 0.042) * crowding * (high - low)
        while any(abs(x - a) < width and abs(y - b) < 0.055 for a, b in placed):
            y += 0.01
        placed.append((x, y))
        style.numeral(ax, int(j), x, y * top, offset=(0.0, 5.0))


def _draw_truth(
    ax: Axes, mixture: Mixture, truth: Mixture, low: float, high: float, top: float
) -> Any:
    """The truth dashed; components in order share colours where there are as many of them."""
    curves = Curves.of(truth.in_canonical_order(), low, high)
    (line,) = ax.plot(curves.x, curves.total, color=style.INK, linewidth=1.3, linestyle="--",
                      zorder=4.5)
    same = truth.n_components == mixture.n_components
    order = mixture.canonical_order()
    for j in range(truth.n_components):
        hue = style.colour(int(order[j])) if same else style.MUTED
        ax.plot(curves.x, curves.seen(j, top), color=hue, linewidth=1.3, linestyle="--",
                zorder=4.2)
        mean, peak = curves.mixture.means[j, 0], min(float(curves.peaks[j]), top)
        if curves.within[j]:
            ax.scatter([mean], [peak], s=85, facecolor="none", edgecolor=hue, linewidth=1.5,
                       zorder=6.5)
    # Only for the legend: a ring of no component's colour.
    ring = ax.scatter([], [], s=50, facecolor="none", edgecolor=style.INK, linewidth=1.3)
    return line, ring
