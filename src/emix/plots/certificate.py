"""Where another component would help, and where none can: the gradient function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.moments import moments_of
from emix.plots import style
from emix.plots.backend import axes_or_new
from emix.plots.grids import column_of
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emix.certificates.certificate import Certificate

# Points of a curve, and how many sds beyond the data they reach.
ACROSS, BEYOND = 801, 1.0
# Where the picture ends: below, D says no more than that nothing is to be gained there.
LEAST, ABOVE = 0.3, 1.25
TICKS = (0.3, 0.5, 1.0, 2.0, 5.0, *(10.0**e for e in range(1, 300)))


def plot_certificate(
    certificate: Certificate, x: object, ax: Axes | None = None, sample_weight: object = None
) -> Axes:
    """The gradient function D(u) of the fit and of the mixture that the bound rests on, over u.

    D(u) − 1 is how much the log-likelihood per row rises at first when a little weight is moved to
    a new component at u, of the certificate's σ. Where D > 1 one would help; at the best mixture
    there is D ≤ 1 everywhere, and 1 at each of its means (dots, as large as their weights).
    Rings are the fit's means.

    Raises `DataError` for unusable x, `MissingExtraError` without matplotlib.

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> certificate = emix.certify(waiting, emix.fit(waiting, 2, covariance="E"))
    >>> plot_certificate(certificate, waiting).get_ylabel()
    'gradient function D(u)'
    """
    ax = axes_or_new(ax)
    fit, best, sd = certificate.fit, certificate.npmle, certificate.sd_floor
    column = column_of(best, x)
    moments = moments_of(ArraySource.of(column, sample_weight))
    low, high = float(moments.minimum[0]), float(moments.maximum[0])
    u = np.linspace(low - BEYOND * sd, high + BEYOND * sd, ACROSS)
    u = np.unique(np.concatenate([u, best.means[:, 0], fit.mixture.means[:, 0]]))
    fitted, highest = certificate.gradients(column, u, sample_weight)
    limit = ax.axhline(1.0, color=style.MUTED, linewidth=1.0, linestyle=":", zorder=1)
    (of_fit,) = ax.plot(u, fitted, color=style.colour(0), linewidth=1.8, zorder=3)
    (of_best,) = ax.plot(u, highest, color=style.INK, linewidth=1.5, zorder=2)
    at = np.searchsorted(u, best.means[:, 0])
    dots = ax.scatter(best.means[:, 0], highest[at], color=style.INK, zorder=4,
                      s=12 + 60 * np.sqrt(best.weights))
    at = np.searchsorted(u, fit.mixture.means[:, 0])
    rings = ax.scatter(fit.mixture.means[:, 0], fitted[at], s=70, facecolor="white",
                       edgecolor=style.colour(0), linewidth=1.5, zorder=5)
    ax.set_xlim(float(u[0]), float(u[-1]))
    ax.set_yscale("log")
    top = ABOVE * max(float(fitted.max()), float(highest.max()), 1.0)
    ax.set_ylim(LEAST, top)
    ticks = [tick for tick in TICKS if tick < top]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    ax.set_yticks([], minor=True)
    title = (f"{style.shortened(fit.name, 40)}: {fit.k} component{'s' * (fit.k > 1)}, at most "
             f"{style.fixed(certificate.gap, 2)} nats from any")
    style.frame(ax, title, fit.name, "gradient function D(u)")
    style.legend(ax, [of_fit, rings, of_best, dots, limit],
                 ["of the fit", "its means", f"of the best mixture, {best.n_components} components",
                  "its means", "D = 1: nothing to gain"])
    return ax
