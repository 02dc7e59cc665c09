"""Goodness of fit in pictures: quantiles, shares, and the histogram of integral transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.errors import ParameterError
from emix.plots import style
from emix.plots.backend import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats
    from emix.inference.goodness import Goodness

KINDS = ("qq", "pp", "pit")


def plot_goodness(
    goodness: Goodness, ax: Axes | None = None, kind: str = "qq", column: int = 0
) -> Axes:
    """"qq": quantiles of the data against those of the mixture, in the data's units in one column,
    as normal scores in more; "pp": shares of the data below against the mixture's; "pit": the
    histogram of the transforms, flat where the mixture is true.

    Raises `ParameterError` for another kind or no such column, `MissingExtraError` without
    matplotlib.

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> fit = emix.fit(waiting, 2, covariance="E")
    >>> plot_goodness(fit.goodness(waiting), kind="pp").get_xlabel()
    'share below, by the mixture'
    """
    if kind not in KINDS:
        raise ParameterError(f"kind={kind!r}; expected one of {', '.join(KINDS)}")
    if column not in range(len(goodness.columns)):
        raise ParameterError(f"column={column!r}; expected one of 0 to "
                             f"{len(goodness.columns) - 1}")
    ax = axes_or_new(ax)
    name = goodness.columns[column]
    if kind == "pit":
        _draw_histogram(ax, goodness, column)
        style.frame(ax, f"{name}: probability integral transform", "share below, by the mixture",
                    "density")
        return ax
    order = np.argsort(goodness.pit[:, column])
    share = _middle_shares(goodness.weight[order])
    if kind == "pp":
        across, up = goodness.pit[order, column], share
        labels = "share below, by the mixture", "share below, of the data"
    elif len(goodness.columns) == 1:
        across = np.asarray(goodness.mixture.quantile(share), np.float64)
        up = np.sort(goodness.points[:, 0])
        labels = f"quantile of the mixture ({name})", f"quantile of the data ({name})"
    else:
        from scipy.special import ndtri

        inside = np.clip(goodness.pit[order, column], 1e-16, 1 - 1e-16)
        across, up = np.asarray(ndtri(share)), np.asarray(ndtri(inside))
        labels = "quantile of the normal", f"normal score of {name}, given those before it"
    ends = [float(min(across.min(), up.min())), float(max(across.max(), up.max()))]
    ax.plot(ends, ends, color=style.INK, linewidth=0.8, zorder=1)
    ax.scatter(across, up, s=12, color=style.colour(0), linewidth=0, alpha=0.7, zorder=2)
    style.frame(ax, f"{name}: {'quantiles' if kind == 'qq' else 'shares'}, data against mixture",
                *labels)
    return ax


def _middle_shares(weight: Floats) -> Floats:
    """The share of the weight below the middle of each row, rows in order."""
    shares: Floats = (np.cumsum(weight) - weight / 2) / weight.sum()
    return shares


def _draw_histogram(ax: Axes, goodness: Goodness, column: int) -> None:
    edges = np.linspace(0, 1, goodness.bins + 1)
    heights = goodness.counts[column] * goodness.bins / goodness.weight.sum()
    ax.bar(edges[:-1], heights, width=np.diff(edges), align="edge", color=style.colour(0),
           alpha=0.5, edgecolor="white", linewidth=0.6)
    ax.axhline(1.0, color=style.INK, linewidth=0.8)
