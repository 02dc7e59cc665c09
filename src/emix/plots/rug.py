"""Rugs: the points themselves below a picture, coloured by what is thought of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Points above which a rug is one smear, and is drawn as bins instead.
MOST_TICKS = 2000
BINS = 240


def draw_rug(
    ax: Axes, column: Floats, colours: Callable[[Floats], Floats], low: float, high: float
) -> None:
    """One tick for each value of column (n,) from `low` to `high` on the y axis, as far
    as the picture reaches.

    `colours` gives the colours (m, 3) of values (m,). Of many points, bins are drawn, fainter
    where there are fewer.
    """
    left, right = ax.get_xlim()
    column = column[(column >= left) & (column <= right)]
    if len(column) > MOST_TICKS:
        _draw_bins(ax, column, colours, low, high)
        return
    values = np.unique(column)
    ax.vlines(values, low, high, colors=[tuple(c) for c in colours(values)], linewidths=1.1,
              zorder=2)


def _draw_bins(
    ax: Axes, column: Floats, colours: Callable[[Floats], Floats], low: float, high: float
) -> None:
    start = float(column.min())
    counts, edges = np.histogram(column - start, bins=BINS)
    centres = start + 0.5 * (edges[1:] + edges[:-1])
    # The square root keeps tails in sight; a bin with one point is still seen.
    strength = np.where(counts > 0, 0.12 + 0.88 * np.sqrt(counts / counts.max()), 0.0)
    faces = np.column_stack([colours(centres), strength])
    # One collection: bars each for themselves would take most of the time of a picture.
    ax.broken_barh([(start + left, width) for left, width in zip(edges[:-1].tolist(),
                                                                 np.diff(edges).tolist(),
                                                                 strict=True)],
                   (low, high - low), facecolors=[tuple(face) for face in faces], linewidth=0,
                   zorder=2)
