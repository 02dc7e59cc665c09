"""Is the best known mixture of k components the best there is? σ held, k up to 3."""

from __future__ import annotations

import math
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from emix.certificates.certificate import GlobalProof
from emix.certificates.concavity import Peak
from emix.certificates.global_search import Search
from emix.certificates.lumps import FEW, Lumps
from emix.errors import DegenerateWarning, NotConvergedWarning, ParameterError
from emix.fitting import fit as fit_mixture

if TYPE_CHECKING:
    from emix.arrays import Block, Floats
    from emix.moments import Moments
    from emix.result import Fit
    from emix.sources.array import ArraySource

MOST_COMPONENTS = 3
# Nats by which the best known mixture may be exceeded for it to count as the best; of much data,
# so many roundings of what log-likelihoods are made of.
TOLERANCE, ROUNDINGS = 1e-6, 2.0**14


def prove(
    source: ArraySource, moments: Moments, fit: Fit, upper: float, seconds: float, threads: int
) -> GlobalProof:
    """Branch and bound against the best mixture of the fit's k with its σ held.

    `upper` is a bound known already, for when time runs out before a better one is found. Raises
    `ParameterError` as `check_provable` does.
    """
    check_provable(fit)
    start, sd = time.monotonic(), float(fit.mixture.sds[0])
    best = _best_known(source, fit, sd, threads)
    tolerance = max(TOLERANCE, ROUNDINGS * 2.0**-52 * (moments.weight + abs(best.loglik)))
    with np.errstate(under="ignore", over="ignore"):
        search = _search(source, moments, best, sd, tolerance)
    if isinstance(search, str):
        return GlobalProof(fit.k, False, upper, best.loglik, best.mixture, tolerance, 0,
                           time.monotonic() - start, search)
    outcome = search.run(seconds - (time.monotonic() - start))
    above = (outcome.upper - search.known) * moments.weight
    proven = above <= tolerance * (1 + 2.0**-20)
    return GlobalProof(
        fit.k, proven, min(best.loglik + above, upper), best.loglik, best.mixture, tolerance,
        outcome.boxes, time.monotonic() - start,
        outcome.reason if proven or search.halves.all() else
        f"{outcome.reason}, and it could not be shown that the best known mixture is the only "
        f"maximum near by",
    )


def check_provable(fit: Fit) -> None:
    """Raises `ParameterError` where branch and bound is not for this kind of fit."""
    held, k = fit.model.held, fit.k
    if k > MOST_COMPONENTS:
        raise ParameterError(f"a global optimum can be proven for k up to {MOST_COMPONENTS}, and "
                             f"the fit has {k}; leave out prove_global, or fit fewer")
    if not (fit.mixture.sds == fit.mixture.sds[0]).all():
        raise ParameterError("a global optimum can be proven for one σ, and the fit's components "
                             "have their own; fit with covariance='E', or hold sds")
    if not (held.learned_means.all() and held.learned_weights.all()):
        raise ParameterError("a global optimum can be proven where means and weights are learned, "
                             "and the fit holds some; leave out prove_global")


def _best_known(source: ArraySource, fit: Fit, sd: float, threads: int) -> Fit:
    """The better of where the fit leads with σ held, and what a search of its own finds."""
    with warnings.catch_warnings():
        for category in (NotConvergedWarning, DegenerateWarning):
            warnings.simplefilter("ignore", category)
        near = fit_mixture(source, fit.k, sds=sd, start=fit.mixture, threads=threads)
        anew = fit_mixture(source, fit.k, sds=sd, threads=threads)
    return anew if anew.loglik > near.loglik + TOLERANCE else near


def _search(
    source: ArraySource, moments: Moments, best: Fit, sd: float, tolerance: float
) -> Search | str:
    """The search in units of σ; in words why there is none."""
    centre = float(moments.mean[0])

    def of_block(block: Block) -> Lumps:
        z: Floats = (block.points[:, 0].astype(np.float64) - centre) / sd
        weight = block.sample_weight
        return Lumps.of(z, np.ones(len(z)) if weight is None else weight, 0.0)

    nodes = source.reduce(of_block, Lumps.zero(0.0)).nodes()
    if len(nodes.z) > FEW:
        return f"x has {len(nodes.z)} distinct values, and the search is for {FEW} at most"
    shares = nodes.masses / nodes.masses.sum()
    means = (best.mixture.means[:, 0] - centre) / sd
    halves, excess = Peak(nodes.z, shares, means, best.mixture.weights).reach(
        max(float(np.ptp(nodes.z)), 1.0))
    known = best.loglik / moments.weight + math.log(sd)
    return Search(nodes.z, shares, known, means, halves, excess, tolerance / moments.weight)
