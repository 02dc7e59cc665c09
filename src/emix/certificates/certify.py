"""certify: how far a fit is from the best there can be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI
from emix.certificates.ceiling import ceiling
from emix.certificates.certificate import Certificate
from emix.certificates.proving import check_provable, prove
from emix.errors import DataError, ParameterError
from emix.kernels import kernel_for, threads_of
from emix.moments import moments_of
from emix.names import default_names
from emix.result import Fit
from emix.sources.opening import open_source

if TYPE_CHECKING:
    from emix.moments import Moments
    from emix.sources.array import ArraySource

# Log-likelihoods of the same data and mixture agree to this share of what they are made of.
SAME = 1e-7


def certify(
    x: object,
    fit: Fit,
    *,
    sample_weight: object = None,
    columns: object = None,
    sd_floor: float | None = None,
    prove_global: bool = False,
    time_limit: float = 60.0,
    threads: int | None = None,
) -> Certificate:
    """Bound what any mixture could reach on the data of a fit of one column, and so how far the fit
    is from the best there can be.

    With standard deviations σ or more, the likelihood over all mixing distributions is a convex
    problem. For the density f of its solution and W = Σ w, every such mixture has Σ w log f_G(x) ≤
    Σ w log f(x) + W log max_u Σ (w/W) N(x | u, σ²) / f(x). The right side is found to some 0.001
    nats, and holds in floating point: every rounding is bounded and added.

    Parameters
    ----------
    x : the data that `fit` was fitted to, as `fit` takes it; of a table, the fit's column is taken
    fit : a `Fit` of one column
    sample_weight : (n,) as it was given to `fit`
    columns : the column of x, by name, where it is called otherwise than in the fit
    sd_floor : in the units of x; the certificate is of mixtures whose standard deviations are this
        or more. By default the fit's own σ, or the smallest where they differ
    prove_global : whether to prove, by branch and bound, that no mixture of the fit's own k with
        its σ held is better than the best one known; for k up to 3, one σ for all, and means and
        weights learned
    time_limit : seconds that the proof may take; then `global_proof.gap` says how far it came
    threads : processors to use (all); the result does not depend on it

    Returns
    -------
    Certificate: `bound`, `gap`, `duality_gap`, `npmle`, `excludes(k)`, `global_proof`; `print` it
    for words.

    Raises
    ------
    ParameterError : the fit is of several columns, or has a component narrower than sd_floor; or
        prove_global is not for such a fit
    DataError : x is not usable, or is not the data that the fit was made to

    Koenker & Mizera 2014, doi:10.1080/01621459.2013.869224; Kim, Carbonetto, Stephens & Anitescu
    2020, doi:10.1080/10618600.2019.1689985.

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> certificate = emix.certify(waiting, emix.fit(waiting, 2, covariance="E"))
    >>> round(certificate.gap, 2), certificate.first_excluded
    (0.15, 3)
    """
    _check_fit(fit)
    floor = _floor(sd_floor, fit)
    if prove_global:
        check_provable(fit)
        _check_seconds(time_limit)
    source = _source(x, fit, sample_weight, columns)
    threads = threads_of(threads)
    moments = moments_of(source, threads)
    loglik = _loglik(source, fit, threads)
    _check_same(fit, moments, loglik)
    found = ceiling(source, moments, floor, threads)
    proof = prove(source, moments, fit, found.bound, time_limit, threads) if prove_global else None
    return Certificate(
        fit, found.bound, loglik, found.npmle, found.bound - found.loglik, floor, moments.weight,
        _single(moments, floor, fit), proof,
    )


def _check_fit(fit: object) -> None:
    if not isinstance(fit, Fit):
        raise ParameterError(f"fit is {type(fit).__name__}; expected what emix.fit returned")
    if fit.mixture.n_features > 1:
        raise ParameterError(f"a certificate is of one column so far, and the fit is of "
                             f"{fit.mixture.n_features}: {fit.name}; fit one of them")


def _floor(sd_floor: object, fit: Fit) -> float:
    least = float(fit.mixture.sds.min())
    if sd_floor is None:
        return least
    if isinstance(sd_floor, bool) or not isinstance(sd_floor, int | float | np.number) or not \
            0 < sd_floor < math.inf:
        raise ParameterError(f"sd_floor={sd_floor!r}; expected a standard deviation in the units "
                             f"of the data, above 0")
    if sd_floor > least:
        raise ParameterError(f"sd_floor={sd_floor:g} is above the fit's smallest standard "
                             f"deviation, {least:.17g}, so the certificate would not be of the "
                             f"fit; give that or less, or fit with the sds held")
    return float(sd_floor)


def _check_seconds(time_limit: object) -> None:
    if isinstance(time_limit, bool) or not isinstance(time_limit, int | float | np.number) or not \
            time_limit >= 0:
        raise ParameterError(f"time_limit={time_limit!r}; expected a number of seconds, 0 or more")


def _single(moments: Moments, floor: float, fit: Fit) -> float:
    """The most that one component reaches whose sd is `floor` or more, or is held; rounded up."""
    weight = moments.weight
    held = fit.model.held.sds
    sd = float(held.min()) if np.isfinite(held).all() else max(floor, float(moments.sd[0]))
    largest = -0.5 * weight * (LOG_2PI + 2 * math.log(sd) + (float(moments.sd[0]) / sd) ** 2)
    return largest + SAME * SAME * (weight + abs(largest))


def _source(x: object, fit: Fit, sample_weight: object, columns: object) -> ArraySource:
    """The fit's column of x, which is chosen by name where x has several."""
    if columns is None and fit.columns != default_names(1):
        try:
            # Other columns need not be numbers.
            return open_source(x, sample_weight, list(fit.columns))[0]
        except DataError:
            pass
    source, names = open_source(x, sample_weight, columns)
    if len(names) > 1:
        raise ParameterError(f"x has {len(names)} columns; say with columns= which one the fit is "
                             f"of")
    return source


def _loglik(source: ArraySource, fit: Fit, threads: int) -> float:
    block = source.block
    logs = kernel_for(fit.mixture).log_density(fit.mixture, block.points, threads)
    weight = block.sample_weight
    if weight is None:
        return math.fsum(logs.tolist())
    counts = weight > 0
    return math.fsum((weight[counts] * logs[counts]).tolist())


def _check_same(fit: Fit, moments: Moments, loglik: float) -> None:
    n = moments.weight
    if abs(n - fit.n) > SAME * n:
        raise DataError(f"the fit was made to n = {fit.n:g}, and x has {n:g}; give the data and "
                        f"the sample_weight that the fit was made to")
    if not abs(loglik - fit.loglik) <= SAME * (n + abs(loglik)):
        raise DataError(f"the fit's log-likelihood is {fit.loglik:.6f}, and on x its mixture has "
                        f"{loglik:.6f}; give the data that the fit was made to")
