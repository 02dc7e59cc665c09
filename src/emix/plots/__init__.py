"""Pictures of mixtures in one column; they need the extra `plot`.

Every function returns the Axes it drew on: the one it was given, or one on a figure of its own,
which no display and no global state knows of. `picture.figure.savefig("picture.png")` keeps it.
Legends stand to the right of the Axes; a figure made with layout="constrained" gives them room.
"""

from __future__ import annotations

from emix.plots.density import plot_density
from emix.plots.kmeans import plot_kmeans
from emix.plots.optima import plot_optima
from emix.plots.responsibilities import plot_responsibilities
from emix.plots.trace import plot_trace

__all__ = [
    "plot_density",
    "plot_kmeans",
    "plot_optima",
    "plot_responsibilities",
    "plot_trace",
]
