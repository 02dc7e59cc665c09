"""The best log-likelihood above each floor: what depends on the floor, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.plots import style
from emix.plots.backend import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.degeneracy import FloorPath


def plot_floor(path: FloorPath, ax: Axes | None = None) -> Axes:
    """By how much the best mixture found above each floor is higher or lower than the fit.

    The floor falls from left to right, on a logarithmic scale, in standard deviations of the data.
    Crosses are optima of which a component rests on the floor; dots are sound, squares degenerate.
    The fit's own smallest standard deviation is marked, and so is where the fit is the best found.
    Nats are linear within 1 of the fit, logarithmic further away. Raises `MissingExtraError`
    without matplotlib.

    >>> import emix
    >>> galaxies = emix.datasets.load("galaxies")["velocity"]
    >>> path = emix.fit(galaxies, 4).floor_path(galaxies)
    >>> plot_floor(path).get_ylabel()
    'log-likelihood minus that of the fit (nats)'
    """
    ax = axes_or_new(ax)
    floors = np.array([row.floor for row in path.rows])
    apart = np.array([row.objective - path.objective for row in path.rows])
    # Rounding of what is the same is no difference.
    apart[[row.is_fit for row in path.rows]] = 0.0
    rests = np.array([bool(row.resting) for row in path.rows])
    spurious = ~rests & np.array([bool(row.degenerate) for row in path.rows])
    same = ax.axhline(0.0, color=style.INK, linewidth=1.0, zorder=1)
    handles: list[Any] = [same]
    labels = ["the fit"]
    stable = path.stable
    if stable is not None:
        low, high = stable
        handles.append(ax.axvspan(low / 2**0.5, high * 2**0.5, color=style.PALE, alpha=0.5,
                                  linewidth=0, zorder=0))
        labels.append("the fit is the best found")
    ax.plot(floors, apart, color=style.colour(0), linewidth=1.5, zorder=2)
    kinds = (("sound, none on the floor", ~rests & ~spurious, "o", style.colour(0)),
             ("degenerate, none on it", spurious, "s", style.colour(4)),
             ("a component rests on it", rests, "X", style.colour(5)))
    for label, mine, mark, hue in kinds:
        if mine.any():
            handles.append(ax.scatter(floors[mine], apart[mine], marker=mark, s=46, color=hue,
                                      edgecolor="white", linewidth=0.8, zorder=3))
            labels.append(label)
    handles.append(ax.axvline(path.smallest, color=style.MUTED, linewidth=1.0, linestyle=":",
                              zorder=1))
    labels.append("the fit's smallest sd")
    ax.set_xscale("log")
    ax.set_xlim(float(floors.max()) * 1.6, float(floors.min()) / 1.6)
    # What is far below the fit must not flatten what happens near it.
    ax.set_yscale("symlog", linthresh=1.0)
    ax.margins(y=0.08)
    ticks = [t for t in (-1000.0, -100.0, -10.0, -1.0, 0.0, 1.0, 10.0, 100.0, 1000.0)
             if ax.get_ylim()[0] <= t <= ax.get_ylim()[1]]
    ax.set_yticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
    ax.minorticks_off()
    depends = "depends on the floor" if path.depends_on_floor else "does not depend on the floor"
    name = style.shortened(", ".join(path.columns), 40)
    style.frame(ax, f"{name}: the largest likelihood {depends}",
                "least standard deviation allowed (of the data's)",
                "log-likelihood minus that of the fit (nats)")
    style.legend(ax, handles, labels)
    return ax
