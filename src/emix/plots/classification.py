"""Two columns divided among the components: where each is the most probable, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.cloud import Cloud, draw_means, names_of, two_of
from emix.plots.room import sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.arrays import Floats
    from emix.mixture import Mixture

# A row below this is unsure.
SURE = 0.9
# Places of the ground, across and up, and how strong its colours are where the mixture is sure.
GRID, STRENGTH = (280, 200), 0.38
MOST_POINTS, SIZE = 5000, 20.0


def plot_classification(
    mixture: Mixture,
    x: object,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    columns: tuple[int, int] = (0, 1),
    sample_weight: object = None,
) -> Axes:
    """Rows x (n, d) in two columns, each in the colour of its most probable component, on a ground
    divided among the components.

    The ground is in the colour of the component that is most probable there, paler where that is
    less sure; on the solid lines two are equally probable, between the dashed ones the most
    probable has less than 90%. Rows that the mixture is less sure of are ringed. Of a mixture in
    more columns the ground is that of the marginal in these two, the rows' colours are by all. Of
    more than 5000 rows a sample is drawn.

    Raises `DataError` for unusable x, `ParameterError` for columns that are not two of the
    mixture's or for other names, `MissingExtraError` without matplotlib.

    >>> import emix
    >>> faithful = emix.datasets.load("faithful")
    >>> mixture = emix.Mixture([0.36, 0.64], [[2.04, 54.5], [4.29, 80.0]],
    ...                        [[[0.07, 0.4], [0.4, 34.0]], [[0.17, 0.9], [0.9, 36.0]]])
    >>> plot_classification(mixture, faithful.data).get_title(loc="left")
    '272 points, 1 of them unsure (below 90%)'
    """
    ax = axes_or_new(ax)
    chosen = two_of(columns, mixture)
    named = names_of(x, names, mixture.n_features)
    cloud = Cloud.of(mixture, x, MOST_POINTS, sample_weight)
    part = mixture.marginal(chosen)
    limits = cloud.limits(mixture, chosen)
    lines = _ground(ax, part, *limits)
    labels = mixture.predict(cloud.points)
    hues = np.array([style.rgb(style.colour(j)) for j in range(mixture.n_components)])[labels]
    unsure = cloud.unsure > 1 - SURE
    size, thin = sized(ax, SIZE) * cloud.crowding, 0.0 if cloud.is_crowd else 0.4
    x_drawn, y_drawn = cloud.points[:, chosen].T
    ax.scatter(x_drawn, y_drawn, s=size * cloud.areas, c=hues, edgecolor="white", linewidth=thin,
               zorder=3)
    ax.scatter(x_drawn[unsure], y_drawn[unsure], s=2.6 * size, facecolor="none", linewidth=0.9,
               edgecolor=style.INK, zorder=4)
    draw_means(ax, part)
    cloud.frame(ax, chosen, limits, named, _title(cloud, int(unsure.sum())))
    _legend(ax, mixture, chosen, lines, size)
    return ax


def _title(cloud: Cloud, unsure: int) -> str:
    drawn = len(cloud.points)
    some = f"{style.counted(drawn)} of " if drawn < cloud.n else ""
    points = f"{some}{style.counted(cloud.n)} point{'s' * (cloud.n != 1)}{' drawn' * bool(some)}"
    return f"{points}, {style.counted(unsure) if unsure else 'none'} of them unsure " \
           f"(below {100 * SURE:.0f}%)"


def _ground(
    ax: Axes, part: Mixture, across: tuple[float, float], up: tuple[float, float]
) -> list[Any]:
    """The colours, and the lines where the two most probable are equal and where one has 90%."""
    x, y = np.linspace(*across, GRID[0]), np.linspace(*up, GRID[1])
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    shares = part.responsibilities(places)
    most = shares.max(axis=1)
    colours = np.column_stack([style.blend(shares), STRENGTH * most])
    ax.imshow(colours.reshape(GRID[1], GRID[0], 4), extent=(*across, *up), origin="lower",
              aspect="auto", interpolation="bilinear", zorder=0)
    handles = [ax.plot([], [], color=style.INK, linewidth=1.2)[0],
               ax.plot([], [], color=style.INK, linewidth=0.8, linestyle=(0, (4, 3)))[0]]
    if part.n_components == 1:
        return []
    for j in range(part.n_components):
        ahead = _ahead(part, places, j).reshape(GRID[1], GRID[0])
        if (ahead > 0).any() and (ahead < 0).any():
            ax.contour(x, y, ahead, levels=[0.0], colors=style.INK, linewidths=1.2, zorder=2)
    sure = most.reshape(GRID[1], GRID[0])
    if sure.min() < SURE < sure.max():
        ax.contour(x, y, sure, levels=[SURE], colors=style.INK, linewidths=0.8,
                   linestyles=[(0, (4, 3))], zorder=2)
    return handles


def _ahead(part: Mixture, places: Floats, component: int) -> Floats:
    """By how many nats a component is more probable than the best other, at places (m, 2)."""
    squares = part.mahalanobis(places) ** 2
    with np.errstate(divide="ignore"):
        logs = np.log(part.weights) - 0.5 * (squares + part.covariance.log_determinants)
    others = np.delete(logs, component, axis=1).max(axis=1)
    ahead: Floats = np.clip(logs[:, component] - others, -1e6, 1e6)
    return ahead


def _legend(ax: Axes, mixture: Mixture, chosen: Any, lines: list[Any], size: float) -> None:
    ring = ax.scatter([], [], s=2.6 * size, facecolor="none", edgecolor=style.INK, linewidth=0.9)
    (head,) = ax.plot([], [], linestyle="none")
    dots = [ax.scatter([], [], s=30, color=style.colour(j)) for j in range(mixture.n_components)]
    words = ["two are equally probable", f"the most probable has {100 * SURE:.0f}%"]
    style.legend(ax, [*lines, ring, head, *dots],
                 [*words[: len(lines)], "an unsure point", style.LEGEND_HEAD_COLUMNS,
                  *(style.means_label(mixture, j, chosen) for j in range(mixture.n_components))])
