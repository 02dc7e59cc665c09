"""Pictures of mixtures; they need the extra `plot`.

In one column plot_density, plot_responsibilities and plot_kmeans; in two plot_ellipses and
plot_classification; in more plot_pairs; in any number plot_mahalanobis. Of a fit plot_trace,
plot_optima, plot_goodness and plot_intervals; of many plot_bic and plot_criteria; of a certificate
plot_certificate; of a floor path plot_floor; of a profile plot_profile. EM itself, step by step,
as a film: animate.

Every other function returns the Axes it drew on: the one it was given, or one on a figure of its
own, which no display and no global state knows of; `picture.figure.savefig("picture.png")` keeps
it. Legends stand to the right of the Axes, or below narrow ones; a figure made with
layout="constrained" gives them room.
"""

from __future__ import annotations

from emix.plots.animation import animate
from emix.plots.bic import plot_bic
from emix.plots.certificate import plot_certificate
from emix.plots.classification import plot_classification
from emix.plots.criteria import plot_criteria
from emix.plots.density import plot_density
from emix.plots.ellipses import plot_ellipses
from emix.plots.floor import plot_floor
from emix.plots.goodness import plot_goodness
from emix.plots.intervals import plot_intervals
from emix.plots.kmeans import plot_kmeans
from emix.plots.mahalanobis import plot_mahalanobis
from emix.plots.optima import plot_optima
from emix.plots.pairs import plot_pairs
from emix.plots.profile import plot_profile
from emix.plots.responsibilities import plot_responsibilities
from emix.plots.trace import plot_trace

__all__ = [
    "animate",
    "plot_bic",
    "plot_certificate",
    "plot_classification",
    "plot_criteria",
    "plot_density",
    "plot_ellipses",
    "plot_floor",
    "plot_goodness",
    "plot_intervals",
    "plot_kmeans",
    "plot_mahalanobis",
    "plot_optima",
    "plot_pairs",
    "plot_profile",
    "plot_responsibilities",
    "plot_trace",
]
