"""Whether rows lie about their components as a normal's would: distances against quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Labels, Order
from emix.given import as_rows
from emix.plots import style
from emix.plots.backend import axes_or_new, halo
from emix.plots.room import sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# The share of samples of normal rows in which an order statistic leaves the band, or any row is
# beyond the limit.
RARE = 0.05
# A distance this many times as high as any normal row's is cut off: it would flatten all else.
CUT = 3.0
# Points drawn: of more, all of the largest and some of the rest.
MOST_POINTS, LARGEST = 4000, 1000
# Rows beyond the limit that are named.
NAMED = 6


def plot_mahalanobis(mixture: Mixture, x: object, ax: Axes | None = None) -> Axes:
    """Squared Mahalanobis distance of each row x (n, d) to its most probable component, in
    ascending order, against the quantiles of χ² with d degrees of freedom.

    Were each component normal, the points would follow the line, each of them within the band in
    19 of 20 samples, and none would be beyond the dotted limit in 19 of 20. Points far above
    the line are outliers, or the tails are heavier than a normal's. Where components overlap,
    points lie somewhat below it: what is far from the one is given to the other. The rows
    farthest beyond the limit are named, counted from 0; what is much higher than the rest is
    drawn as a triangle at the top.

    Raises `DataError` for unusable x, `MissingExtraError` without matplotlib.

    >>> import emix
    >>> mixture = emix.Mixture([1.0], [[0.0, 0.0]], [[[1.0, 0.0], [0.0, 1.0]]])
    >>> plot_mahalanobis(mixture, mixture.sample(100)[0]).get_xlabel()
    'quantile of χ² with 2 degrees of freedom'
    """
    ax = axes_or_new(ax)
    rows = as_rows(x, mixture.n_features)
    n, d = rows.shape
    labels = mixture.predict(rows)
    squares = mixture.mahalanobis(rows)[np.arange(n), labels] ** 2
    expected = quantiles((np.arange(n, dtype=np.float64) + 0.5) / n, d)
    limit = float(quantiles(np.array([1 - RARE / n]), d)[0])
    band = _draw_reference(ax, expected, limit, d)
    ax.set_xlim(0.0, 1.03 * float(expected[-1]))
    ax.set_ylim(0.0, 1.08 * max(limit, min(float(squares.max()), CUT * limit)))
    order = np.argsort(squares, kind="stable")
    _draw_points(ax, mixture, expected, squares[order], labels[order])
    beyond = int((squares > limit).sum())
    _name(ax, expected, squares[order], order, min(beyond, NAMED))
    style.frame(ax, f"{style.counted(n)} point{'s' * (n != 1)}, "
                    f"{style.counted(beyond) if beyond else 'none'} beyond the reach of normal "
                    f"components",
                f"quantile of χ² with {d} degree{'s' * (d > 1)} of freedom",
                "squared Mahalanobis distance")
    _legend(ax, mixture, band)
    return ax


def quantiles(probability: Floats, d: int) -> Floats:
    """Of χ² with d degrees of freedom, for probabilities (n,) in (0, 1)."""
    from scipy.special import gammainccinv, gammaincinv

    # Each tail by its own function, for the sake of the digits.
    values: Floats = 2 * np.where(probability < 0.5, gammaincinv(d / 2, probability),
                                  gammainccinv(d / 2, 1 - probability))
    return values


def _draw_reference(ax: Axes, expected: Floats, limit: float, d: int) -> list[Any]:
    """The line of equality, the band of each order statistic, and the limit of all."""
    from scipy.special import betaincinv

    n = len(expected)
    # Order statistic i of n uniform numbers has the distribution Beta(i, n − i + 1).
    some = np.unique(np.concatenate([np.linspace(1, n, min(n, 300)).astype(int),
                                     np.arange(max(1, n - 100), n + 1)]))
    low, high = (quantiles(np.asarray(betaincinv(some, n - some + 1, share), dtype=np.float64), d)
                 for share in (RARE / 2, 1 - RARE / 2))
    band = ax.fill_between(expected[some - 1], low, high, color=style.PALE, linewidth=0, zorder=1)
    end = 1.03 * float(expected[-1])
    (line,) = ax.plot([0.0, end], [0.0, end], color=style.INK, linewidth=1.2, zorder=2)
    (dotted,) = ax.plot([0.0, end], [limit, limit], color=style.INK, linewidth=1.0,
                        linestyle=(0, (1.2, 1.6)), zorder=2)
    return [line, band, dotted]


def _draw_points(
    ax: Axes, mixture: Mixture, expected: Floats, squares: Floats, labels: Labels
) -> None:
    """In the colours of their components; what is above the picture as triangles at its top."""
    n = len(squares)
    if n > MOST_POINTS:
        bulk = np.linspace(0, n - LARGEST - 1, MOST_POINTS - LARGEST).astype(int)
        drawn = np.concatenate([bulk, np.arange(n - LARGEST, n)])
        expected, squares, labels = expected[drawn], squares[drawn], labels[drawn]
    hues = np.array([style.rgb(style.colour(j)) for j in range(mixture.n_components)])[labels]
    top = ax.get_ylim()[1]
    within = squares <= top
    ax.scatter(expected[within], squares[within], s=14 if n <= 1000 else 8, c=hues[within],
               linewidth=0, alpha=0.9, zorder=4, clip_on=False)
    if not within.all():
        ax.scatter(expected[~within], np.full((~within).sum(), top), marker="^", s=46,
                   c=hues[~within], edgecolor=style.INK, linewidth=0.6, zorder=5, clip_on=False)


def _name(ax: Axes, expected: Floats, squares: Floats, order: Order, most: int) -> None:
    """The rows farthest out, as far as their names do not lie on each other."""
    top = ax.get_ylim()[1]
    farthest = range(len(order) - 1, len(order) - 1 - most, -1)
    above = [f"row {order[i]} at {style.number(float(squares[i]))}"
             for i in farthest if squares[i] > top]
    last = np.inf
    if above:
        _annotate(ax, "\n".join(above), float(expected[-1]), top, (0.0, -8.0))
        last = top * (0.98 - 0.04 * len(above))
    for i in farthest:
        y = float(squares[i])
        if y <= top and last - y > 0.045 * top:
            last = y
            _annotate(ax, f"row {order[i]}", float(expected[i]), y, (-5.0, 3.0))


def _annotate(ax: Axes, text: str, x: float, y: float, offset: tuple[float, float]) -> None:
    ax.annotate(text, (x, y), xytext=offset, textcoords="offset points", ha="right",
                va="bottom" if offset[1] > 0 else "top", fontsize=sized(ax, style.SMALL),
                color=style.INK, path_effects=halo(), zorder=6, annotation_clip=False)


def _legend(ax: Axes, mixture: Mixture, reference: list[Any]) -> None:
    k = mixture.n_components
    (blank,) = ax.plot([], [], linestyle="none")
    points = [ax.scatter([], [], s=30, color=style.colour(j)) for j in range(k)]
    weights = mixture.weights.tolist()
    style.legend(
        ax, [*reference, blank, blank, *points],
        ["where normal rows lie", "each row, in 19 of 20 samples",
         "limit of all, in 19 of 20 samples",
         "far above the line: outliers, or\ntails heavier than a normal's",
         "no., weight", *(f"{j + 1}   {style.share(weights[j])}" for j in range(k))],
    )
