"""One fit on behalf of the estimator: `emix.fit`, from a start where one is given."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.climbing.climb import Outcome
from emix.errors import DataError, DegenerateWarning, NotConvergedWarning
from emix.estimator.aside import Aside, broadened
from emix.estimator.shapes import checked_weights, roots_of_precisions, shaped, spread_of
from emix.fitting import fit
from emix.mixture import Mixture
from emix.model.conjugate import ConjugatePrior

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels, Order
    from emix.estimator.settings import Settings
    from emix.result import Fit
    from emix.sources.array import ArraySource

    Start = Mixture | Labels | None

# Where a direction is a thousand times narrower than the others, as a small reg_covar makes it,
# rounding leaves fewer digits of the gradient than `emix.fit` asks for.
RIDGE_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A fit, and its mixture of all columns: in the order of the start if one was given, and with
    reg_covar added. lower_bounds (n_iter + 1,) is the trace per row, to end at lower_bound, the
    mean log-likelihood of that mixture."""

    fit: Fit
    mixture: Mixture
    lower_bound: float
    lower_bounds: Floats


def learn(source: ArraySource, settings: Settings, start: Start = None) -> Learned:
    """`emix.fit` without its warnings, which the Fit carries; start is a mixture of all columns,
    or labels of a division.

    Columns that have no spread of their own are set aside, unless reg_covar is 0. Raises as
    `emix.fit` does.
    """
    aside = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)
        warnings.simplefilter("ignore", DegenerateWarning)
        try:
            found, mixture = _regularised(source, settings, start)
        except DataError:
            aside = Aside.of(source, settings.covariance, settings.reg_covar)
            if aside is None:
                raise
        if aside is not None:
            narrow = start.marginal(aside.kept) if isinstance(start, Mixture) else start
            found, mixture = _regularised(aside.without(source), settings, narrow)
            mixture = aside.widened(mixture)
    bound = found.loglik / found.n
    if mixture is not found.mixture:
        bound = float(np.average(mixture.logpdf(source.points), weights=source.sample_weight))
    if isinstance(start, Mixture):
        mixture = mixture.reordered(_order_of_start(start, mixture, source))
    trace = found.trace / found.n
    return Learned(found, mixture, bound, trace + (bound - trace[-1]))


def _regularised(
    source: ArraySource, settings: Settings, start: Start
) -> tuple[Fit, Mixture]:
    """A fit, and its mixture with reg_covar added to every variance.

    Where there is no sound optimum without it, EM itself needs it, as scikit-learn has it: as a
    prior that gives each row a scatter of reg_covar.
    """
    found = _fit(source, settings, start)
    variance = settings.reg_covar or 0.0
    if variance == 0:
        return found, found.mixture
    if not found.degenerate and found.outcome is not Outcome.COLLAPSED:
        return found, broadened(found.mixture, variance)
    is_common = found.model.structure.is_common
    scale = variance * found.n / (1 if is_common else settings.k)
    prior = ConjugatePrior(shrinkage=0.0, dof=0.0, scale=scale)
    tol = RIDGE_TOLERANCE if settings.tol is None else settings.tol
    found = _fit(source, replace(settings, tol=tol), start, prior)
    return found, found.mixture


def _fit(
    source: ArraySource, settings: Settings, start: Start,
    prior: ConjugatePrior | None = None,
) -> Fit:
    s = settings
    return fit(
        source, s.k, covariance=s.covariance, prior=prior, start=s.kind if start is None else start,
        n_starts=s.n_starts if start is None else None, seed=s.seed, tol=s.tol,
        max_iter=s.max_iter, progress=s.progress,
    )


def given_start(estimator: Any, source: ArraySource, settings: Settings) -> Mixture | None:
    """The start that weights_init, means_init and precisions_init describe; None without any.

    What is not given is, beside means, that of the rows nearest to each; otherwise that of one
    start of the kind asked for. Raises `ParameterError` for what does not fit.
    """
    given = (estimator.weights_init, estimator.means_init, estimator.precisions_init)
    weights_init, means_init, precisions_init = given
    if all(each is None for each in given):
        return None
    k, d = settings.k, source.n_features
    weights = means = spread = None
    if precisions_init is not None:
        spread = spread_of(roots_of_precisions(precisions_init, settings.covariance, k, d))
    if means_init is not None:
        means = shaped(means_init, (k, d), "means_init")
    if weights_init is not None:
        weights = shaped(checked_weights(weights_init, "weights_init"), (k,), "weights_init")
    if weights is not None and means is not None and spread is not None:
        return Mixture.trusted(weights, means, spread)
    first = replace(settings, max_iter=0, n_starts=1)
    rest = learn(source, first).mixture if means is None else _around(means, source, first)
    return Mixture.trusted(
        rest.weights if weights is None else weights, rest.means if means is None else means,
        rest.covariance if spread is None else spread,
    )


def _around(means: Floats, source: ArraySource, settings: Settings) -> Mixture:
    """The mixture of k groups of rows: those nearest to each of `means` (k, d) in the metric of
    all the data, in their order."""
    k = len(means)
    whole = learn(source, replace(settings, k=1, kind=None)).mixture.covariance
    broad = Mixture.trusted(
        np.full(k, 1 / k), means, whole.reordered(np.zeros(k, dtype=np.intp))
    )
    groups = learn(source, settings, broad.predict(source.points)).mixture
    return groups.reordered(_order_of_start(broad, groups, source))


def _order_of_start(start: Mixture, found: Mixture, source: ArraySource) -> Order:
    """Which component of `found` stands where the start had it: (k,).

    EM keeps components apart, a Fit sorts them: each is matched with that of the start with which
    it shares most rows.
    """
    from scipy.optimize import linear_sum_assignment

    rows = source.points
    with np.errstate(under="ignore"):
        begun: Floats = start.responsibilities(rows)
        if source.sample_weight is not None:
            begun = begun * source.sample_weight[:, None]
        shared = begun.T @ found.responsibilities(rows)
    order: Order = linear_sum_assignment(-shared)[1]
    return order
