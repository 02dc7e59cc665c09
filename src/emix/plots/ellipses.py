"""Two columns: the points, and the components as ellipses over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.cloud import Cloud, draw_ellipses, draw_legend, draw_means, names_of, two_of
from emix.plots.room import sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.mixture import Mixture

# Rows drawn; of more, a sample.
MOST_POINTS = 5000
SIZE = 26.0


def plot_ellipses(
    mixture: Mixture,
    x: object,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    columns: tuple[int, int] = (0, 1),
    sample_weight: object = None,
) -> Axes:
    """Rows x (n, d) in two columns, coloured by responsibility in all, under the ellipses of
    the components there.

    A point that the mixture is sure of has its component's colour; an unsure one is larger and
    of a colour between. The ellipses are of the marginal in these columns, one and two standard
    deviations from the mean. Of more than 5000 rows a sample is drawn, and the title says so.
    `names` are of all d columns. With `sample_weight` (n,) areas are by weight.

    Raises `DataError` for unusable x, `ParameterError` for columns that are not two of the
    mixture's or for other names, `MissingExtraError` without matplotlib.

    >>> import emix
    >>> faithful = emix.datasets.load("faithful")
    >>> mixture = emix.Mixture([0.36, 0.64], [[2.04, 54.5], [4.29, 80.0]],
    ...                        [[[0.07, 0.4], [0.4, 34.0]], [[0.17, 0.9], [0.9, 36.0]]])
    >>> picture = plot_ellipses(mixture, faithful.data, names=faithful.columns)
    >>> picture.get_xlabel(), picture.get_ylabel()
    ('eruptions', 'waiting')
    """
    ax = axes_or_new(ax)
    chosen = two_of(columns, mixture)
    named = names_of(x, names, mixture.n_features)
    cloud = Cloud.of(mixture, x, MOST_POINTS, sample_weight)
    part = mixture.marginal(chosen)
    size = sized(ax, SIZE)
    cloud.draw(ax, chosen, size)
    handles = draw_ellipses(ax, part, sized(ax, 1.6), cloud.is_crowd)
    draw_means(ax, part)
    cloud.frame(ax, chosen, cloud.limits(mixture, chosen), named, cloud.title(mixture))
    labels = [style.means_label(mixture, j, chosen) for j in range(mixture.n_components)]
    style.legend(ax, *draw_legend(ax, cloud, size, handles,
                                  [style.LEGEND_HEAD_COLUMNS, *labels]))
    return ax
