"""Goodness of fit in pictures: quantiles, shares, and the histogram of integral transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import ParameterError
from emix.plots import style
from emix.plots.backend import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats, Order
    from emix.inference.goodness import Goodness

KINDS = ("qq", "pp", "pit")
# How rarely a row leaves its band.
RARE = 0.05
# Rows drawn, and how many at each end are drawn all.
MOST_POINTS, ENDS = 4000, 500
# Shares whose quantiles are finite.
INSIDE = (1e-16, 1 - 1e-16)


def plot_goodness(
    goodness: Goodness, ax: Axes | None = None, kind: str = "qq", column: int = 0
) -> Axes:
    """"qq": quantiles of the data against those of the mixture, in the data's units in one column,
    as normal scores in more; "pp": shares of the data below against the mixture's; "pit": the
    histogram of the transforms, flat where the mixture is true. Were the mixture true and not
    fitted, each row would lie in the band in 19 of 20 samples.

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
    name = style.shortened(goodness.columns[column], 40)
    if kind == "pit":
        handles, words = _draw_histogram(ax, goodness, column)
        style.frame(ax, f"{name}: probability integral transform", "share below, by the mixture",
                    "density")
    else:
        handles, words = _draw_points(ax, goodness, kind, column)
        what = "quantiles" if kind == "qq" else "shares"
        labels = _labels(kind, name, len(goodness.columns) == 1)
        style.frame(ax, f"{name}: {what}, data against mixture", *labels)
    style.legend(ax, handles, words)
    return ax


def _labels(kind: str, name: str, alone: bool) -> tuple[str, str]:
    if kind == "pp":
        return "share below, by the mixture", "share below, of the data"
    if alone:
        return f"quantile of the mixture ({name})", f"quantile of the data ({name})"
    return "quantile of the normal", f"normal score of {name}, given those before it"


def _draw_points(
    ax: Axes, goodness: Goodness, kind: str, column: int
) -> tuple[list[Any], list[str]]:
    """Rows in order, the line where the mixture is true, and a band about it."""
    order = np.argsort(goodness.pit[:, column], kind="stable")
    share = _middle_shares(goodness.weight[order])
    some = _some(len(order))
    order, share = order[some], share[some]
    scale = _scale(goodness, kind)
    mixture, data = scale(share), scale(goodness.pit[order, column])
    if kind == "qq" and len(goodness.columns) == 1:
        data = goodness.points[order, 0].astype(np.float64)
    across, up = (data, mixture) if kind == "pp" else (mixture, data)
    handles: list[Any] = []
    words: list[str] = []
    if (goodness.weight == goodness.weight[0]).all():
        ranks = (some + 1).astype(np.float64)
        low, high = (scale(edge) for edge in _band(ranks, len(goodness.weight)))
        fill = ax.fill_betweenx if kind == "pp" else ax.fill_between
        handles.append(fill(mixture, low, high, color=style.PALE, linewidth=0, zorder=1))
        words.append("each row, in 19 of 20\nsamples of the mixture")
    ends = [float(min(across.min(), up.min())), float(max(across.max(), up.max()))]
    handles += ax.plot(ends, ends, color=style.INK, linewidth=0.8, zorder=2)
    handles.append(ax.scatter(across, up, s=12, color=style.colour(0), linewidth=0, alpha=0.7,
                              zorder=3))
    return handles, [*words, "where they agree", "rows of the data"]


def _scale(goodness: Goodness, kind: str) -> Callable[[Floats], Floats]:
    """From shares to what is drawn: shares, quantiles of one column, or normal scores."""
    if kind == "pp":
        return lambda share: share
    if len(goodness.columns) == 1:
        return lambda share: np.asarray(goodness.mixture.quantile(np.clip(share, *INSIDE)),
                                        np.float64)
    from scipy.special import ndtri

    return lambda share: np.asarray(ndtri(np.clip(share, *INSIDE)), np.float64)


def _some(n: int) -> Order:
    """Rows that are drawn, by rank: of many, all of the ends and some between."""
    if n <= MOST_POINTS:
        return np.arange(n)
    ends = np.arange(ENDS)
    between = np.linspace(ENDS, n - ENDS - 1, MOST_POINTS - 2 * ENDS).astype(int)
    return np.concatenate([ends, between, n - ENDS + ends])


def _band(rank: Floats, n: int) -> tuple[Floats, Floats]:
    """Shares between which order statistics lie in 19 of 20 samples: order statistic i of n uniform
    numbers has the distribution Beta(i, n − i + 1)."""
    from scipy.special import betaincinv

    low, high = (np.asarray(betaincinv(rank, n - rank + 1, share), np.float64)
                 for share in (RARE / 2, 1 - RARE / 2))
    return low, high


def _middle_shares(weight: Floats) -> Floats:
    """The share of the weight below the middle of each row, rows in order."""
    shares: Floats = (np.cumsum(weight) - weight / 2) / weight.sum()
    return shares


def _draw_histogram(
    ax: Axes, goodness: Goodness, column: int
) -> tuple[list[Any], list[str]]:
    edges, total = np.linspace(0, 1, goodness.bins + 1), float(goodness.weight.sum())
    heights = goodness.counts[column] * goodness.bins / total
    bars = ax.bar(edges[:-1], heights, width=np.diff(edges), align="edge", color=style.colour(0),
                  alpha=0.5, edgecolor="white", linewidth=0.6, zorder=2)
    level = ax.axhline(1.0, color=style.INK, linewidth=0.8, zorder=3)
    # A bin's share spreads as a binomial's; weights make fewer rows of them.
    rows = total**2 / float((goodness.weight**2).sum())
    reach = 1.96 * np.sqrt((goodness.bins - 1) / rows)
    band = ax.axhspan(max(1 - reach, 0.0), 1 + reach, color=style.PALE, alpha=0.7, linewidth=0,
                      zorder=1)
    ax.set_xlim(0, 1)
    return [bars, level, band], ["the data", "the mixture",
                                 "each bar, in 19 of 20\nsamples of the mixture"]
