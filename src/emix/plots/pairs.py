"""Any number of columns: every pair of them, and each for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Floats, Order
from emix.errors import ParameterError
from emix.given import as_positions, as_rows
from emix.plots import style
from emix.plots.backend import axes_or_new, round_ticks
from emix.plots.cloud import Cloud, draw_ellipses, draw_legend, draw_means, names_of
from emix.plots.density import draw_density
from emix.plots.grids import view, weighted
from emix.plots.room import sized, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# Columns drawn where none are chosen; of more, panels would be too small to read.
MOST_COLUMNS = 7
# Rows drawn in each panel, and points in all of them.
MOST_POINTS, MOST_IN_ALL = 2000, 30_000
# Between panels, in shares of one.
GAP = 0.08
INCHES, MOST_INCHES, LEGEND_INCHES = 2.3, 14.0, 3.2
# The area of a sure point, in square points.
SIZE = 13.0


def plot_pairs(
    mixture: Mixture,
    x: object,
    *,
    names: Sequence[str] | None = None,
    columns: Sequence[int] | None = None,
    ax: Axes | None = None,
    sample_weight: object = None,
) -> Axes:
    """Rows x (n, d) in every pair of columns, under the ellipses of the components there, and
    along the diagonal each column's histogram under the density that the mixture has in it.

    Points are coloured by responsibility in all columns, and larger where it is unsure. Of more
    than 2000 rows (fewer in many panels) a sample is drawn, and the title says so. Without
    `columns`, at most seven are drawn: those in which the components' means lie farthest apart
    for the spread of the whole. `names` are of all d columns; with
    `sample_weight` (n,) points have areas, and bars heights, by weight. The panels stand in the
    Axes, which is returned, as its `child_axes`: row by row the lower triangle and the diagonal.

    Raises `DataError` for unusable x, `ParameterError` for a mixture in one column, for what
    are no two or more columns of it and for other names, `MissingExtraError` without matplotlib.

    >>> import emix
    >>> iris = emix.datasets.load("iris")
    >>> mixture = emix.Mixture([1.0], [iris.data.mean(axis=0)], [np.cov(iris.data.T)])
    >>> len(plot_pairs(mixture, iris.data, names=iris.columns).child_axes)
    10
    """
    d = mixture.n_features
    if d == 1:
        raise ParameterError("the mixture has one column and this picture is of pairs: draw "
                             "plot_density")
    chosen = separating(mixture, MOST_COLUMNS) if columns is None else as_positions(columns, d)
    m = len(chosen)
    if m == 1:
        raise ParameterError(f"columns={columns!r}; a pair needs two of them")
    named = names_of(x, names, d)
    rows, weight = weighted(as_rows(x, d).astype(np.float64), sample_weight)
    side = min(INCHES * m, MOST_INCHES)
    # The empty corner above the diagonal holds a legend of so many lines.
    inside = 7 + mixture.n_components <= min(11 * (m - 2), style.LEGEND_ROWS)
    ax = axes_or_new(ax, (side + (0.6 if inside else LEGEND_INCHES), side + 0.4))
    most = min(MOST_POINTS, MOST_IN_ALL * 2 // (m * (m - 1)))
    cloud = Cloud.of(mixture, rows, most, weight)
    panels = _panels(ax, m)
    limits = [view(rows[:, j], mixture.marginal(j)) for j in chosen]
    for i in range(m):
        of_one = _draw_column(panels[i][i], mixture.marginal(chosen[i]), rows[:, chosen[i]],
                              limits[i], weight)
        for j in range(i):
            of_two = _draw_pair(panels[i][j], mixture, cloud, chosen[[j, i]], limits[j],
                                limits[i])
    _label(panels, [style.shortened(named[j], 18) for j in chosen], limits)
    more = f" ({m} of them drawn)" if m < d else ""
    more += cloud.beyond(*zip(limits, chosen.tolist(), strict=True))
    ax.set_title(wrapped(ax, cloud.title(mixture) + more, style.TITLE), loc="left", pad=14,
                 fontsize=sized(ax, style.TITLE), color=style.INK)
    _legend(ax, mixture, cloud, [of_one, of_two], inside)
    return ax


def separating(mixture: Mixture, most: int) -> Order:
    """So many columns, with the largest share of variance between components, in their order."""
    sds = np.stack([mixture.marginal(j).sds for j in range(mixture.n_features)], axis=1)
    # In units of its own, no column's square leaves the range of numbers.
    units = sds.max(axis=0)
    within = mixture.weights @ (sds / units) ** 2
    between = mixture.weights @ ((mixture.means - mixture.mean) / units) ** 2
    largest = np.argsort(-between / (between + within), kind="stable")[:most]
    return np.sort(largest)


def _panels(ax: Axes, m: int) -> list[list[Axes]]:
    """The lower triangle and the diagonal of a square of Axes within `ax`, row by row."""
    ax.set_axis_off()
    side = 1 / (m + GAP * (m - 1))
    step = side * (1 + GAP)
    return [[ax.inset_axes((j * step, (m - 1 - i) * step, side, side)) for j in range(i + 1)]
            for i in range(m)]


def _draw_column(
    ax: Axes, mixture: Mixture, column: Floats, limits: tuple[float, float],
    weight: Floats | None,
) -> list[Any]:
    """Histogram and density of one column: a handle for each of the two."""
    handles, _, top = draw_density(ax, mixture, column, numbered=False, weight=weight)
    ax.set_xlim(*limits)
    ax.set_ylim(0.0, top)
    return handles[:2]


def _draw_pair(
    ax: Axes, mixture: Mixture, cloud: Cloud, pair: Order,
    horizontal: tuple[float, float], vertical: tuple[float, float],
) -> list[Any]:
    """Points and ellipses of two columns: a handle for each component."""
    part = mixture.marginal(pair)
    cloud.draw(ax, pair, SIZE)
    handles = draw_ellipses(ax, part, 1.3, cloud.is_crowd)
    draw_means(ax, part, style.SMALL - 1.5)
    ax.set_xlim(*horizontal)
    ax.set_ylim(*vertical)
    return handles


def _label(
    panels: list[list[Axes]], names: list[str], limits: list[tuple[float, float]]
) -> None:
    """Names and ticks along the left and the bottom; elsewhere they would only repeat."""
    last = len(panels) - 1
    for i, row in enumerate(panels):
        for j, ax in enumerate(row):
            style.frame(ax, "", names[j] if i == last else "", names[i] if j == 0 else "")
            ax.yaxis.set_label_coords(-0.2, 0.5)
            ax.tick_params(labelsize=style.SMALL - 1, labelbottom=i == last,
                           labelleft=j == 0 < i)
            ax.set_xticks(round_ticks(*limits[j], 4))
            ax.set_yticks(round_ticks(*limits[i], 4) if j < i else [])
            ax.spines["left"].set_visible(j < i)


def _legend(
    ax: Axes, mixture: Mixture, cloud: Cloud, handles: list[list[Any]], inside: bool
) -> None:
    """What is in panels of one column and of two, in the corner or beside the picture."""
    numbered = [f"{j + 1}   {style.share(weight)}"
                for j, weight in enumerate(mixture.weights.tolist())]
    of_one, of_two = handles
    of_two, labels = draw_legend(ax, cloud, SIZE, of_two, ["no., weight", *numbered])
    style.legend(ax, [*of_one, *of_two],
                 ["histogram of the data", "density of the mixture", *labels], inside=inside)
