"""fit: data to internal units, starts, search, climbs on all the data, and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units, as_seed, is_whole
from emix.climbing import Climb, Outcome, Progress, Stop
from emix.em import Step, iterate
from emix.errors import (
    DataError,
    DegenerateWarning,
    NotConvergedWarning,
    NumericalError,
    ParameterError,
)
from emix.finding import Finder
from emix.kernels import available_threads, kernel_for
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.moments import Moments, moments_of
from emix.result import Fit, Optimum
from emix.search import Candidate, imposed
from emix.sources.opening import open_source

if TYPE_CHECKING:
    from emix.soundness import Degenerate

# The gradient per row at which a climb has arrived: four hundred thousand roundings.
TOLERANCE = 1e-10
MAX_ITER = 20_000


def fit(
    x: object,
    k: int,
    *,
    covariance: str = "full",
    weights: object = None,
    means: object = None,
    sds: object = None,
    covariances: object = None,
    prior: object = None,
    sample_weight: object = None,
    start: Mixture | str | None = None,
    n_starts: int | None = None,
    seed: int | np.random.Generator = 0,
    tol: float | None = None,
    max_iter: int | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Fit:
    """Fit a mixture of k normal components to one column by Expectation-Maximization.

    Parameters
    ----------
    x : the data (n,) or (n, 1): an array, a Series, a one-column frame, or a path to a CSV file
    k : number of components
    covariance : "V" (also "full"): each component its own σ; "E" ("tied"): one σ for all
    weights, means, sds : held values, (k,) or one for all, in the units of the data; NaN inside
        learns that one, None learns all; weights="equal" holds 1/k. `covariances` holds
        variances instead of sds
    prior : `NormalPrior` on means, `DirichletPrior` on weights, or a list of both; with one, EM
        climbs the log-posterior
    sample_weight : (n,) not negative; a weight counts as repetition
    start : a Mixture to start from, or a kind of start ("kmeans", "quantiles", "random",
        "responsibilities", "kmeans++"); by default many starts of varied kinds
    n_starts : how many starts, instead of the default search
    seed : an integer, or a NumPy Generator, which is advanced; the same seed finds the same fit
    tol : the gradient of the objective, per row and without units, that counts as 0 (1e-10)
    max_iter : EM steps at most (20000)
    threads : processors to use (all); the result does not depend on it by a bit
    progress : called with a `Progress` now and then while a fit of much data runs

    Returns
    -------
    Fit, its mixture in canonical order (by mean) and in the units of x.

    Raises
    ------
    DataError : x or sample_weight is not usable (says where)
    ParameterError : an argument, or a combination, has no meaning
    Warns `NotConvergedWarning` and `DegenerateWarning`; the fit itself carries them too.

    The algorithm is that of Dempster, Laird & Rubin (1977, doi:10.1111/j.2517-6161.1977.tb01600.x).

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> found = emix.fit(waiting, 2)
    >>> round(found.loglik, 5), found.mixture.means[:, 0].round(2).tolist()
    (-1034.00175, [54.61, 80.09])
    """
    source, name = open_source(x, sample_weight)
    model = Model.parse(k, source.n_features, covariance, weights, means, sds, covariances, prior)
    threads = _threads(threads)
    moments = moments_of(source, threads)
    _check(moments, model, name)
    units = Units.of_spread(moments.mean, moments.sd)
    stop = _stop(tol, max_iter)
    number = as_seed(seed)
    finder = Finder(
        source, name, model, units, moments.weight, stop, number, threads, progress
    )
    candidates = finder.candidates(start, n_starts)
    return _finish(candidates, finder, moments, name)


def steps(
    x: object,
    start: Mixture,
    *,
    covariance: str = "full",
    weights: object = None,
    means: object = None,
    sds: object = None,
    covariances: object = None,
    prior: object = None,
    sample_weight: object = None,
    threads: int | None = None,
) -> Iterator[Step]:
    """Plain EM from `start`, step by step, for ever: take as many as you like.

    The first step is the start itself (with held values written over it); each holds the mixture,
    its log-likelihood, its objective and its statistics, in the units of the data. Components
    keep the order of the start. Arguments are those of `fit`, and so is what is raised.

    >>> import emix, itertools
    >>> start = emix.Mixture.univariate([0.5, 0.5], [2.0, 5.0], [1.0, 1.0])
    >>> for step in itertools.islice(emix.steps([3.0, 4.5], start), 2):
    ...     print(step.iteration, round(step.loglik, 6), step.mixture.means[:, 0].round(4).tolist())
    0 -3.599171 [2.0, 5.0]
    1 -1.636707 [3.0822, 4.2589]
    """
    if not isinstance(start, Mixture):
        raise ParameterError(f"start={start!r}; expected a Mixture to take the first step from")
    source, _ = open_source(x, sample_weight)
    k = start.n_components
    model = Model.parse(k, source.n_features, covariance, weights, means, sds, covariances, prior)
    threads = _threads(threads)
    moments = moments_of(source, threads)
    units = Units.of_spread(moments.mean, moments.sd)
    within = model.inward(units, FLOOR)
    first = imposed(start, model)
    for step in iterate(source, imposed(first.inward(units), within), within, units, threads):
        mixture = first if step.iteration == 0 else \
            model.held.imposed_on(step.mixture.outward(units))
        statistics = step.statistics.outward(units)
        if not np.isfinite(statistics.scatter).all():
            raise NumericalError(
                f"the scatter at step {step.iteration} is not finite: the start is further from "
                f"the data than double precision can square; start nearer, or rescale"
            )
        loglik = statistics.loglik
        objective = loglik + model.log_prior(mixture)
        yield Step(step.iteration, mixture, loglik, objective, statistics)


def _finish(candidates: list[Candidate], finder: Finder, moments: Moments, name: str) -> Fit:
    """From internal units to the Fit that the user gets."""
    model = finder.model
    optima = tuple(_optimum(candidate, finder, moments) for candidate in candidates)
    best, climb = optima[0], candidates[0].climb
    # Trace in the units of the data: internal objectives differ by a constant.
    trace = climb.trace + (best.objective - climb.objective)
    kernel = kernel_for(best.mixture)
    hard, soft = kernel.classification(best.mixture, finder.source.block, finder.threads)
    order = climb.mixture.canonical_order()
    notes = _warnings(best, climb, finder)
    return Fit(
        mixture=best.mixture, model=model.reordered(order), loglik=best.loglik,
        objective=best.objective, n=moments.weight, outcome=climb.outcome,
        n_iter=climb.iterations, trace=trace, gradient=climb.gradient, optima=optima,
        warnings=notes, classification=(hard, soft), name=name, seed=finder.seed,
        kernel=kernel.name,
    )


def _optimum(candidate: Candidate, finder: Finder, moments: Moments) -> Optimum:
    climb, model = candidate.climb, finder.model
    order = climb.mixture.canonical_order()
    mixture = model.held.imposed_on(climb.mixture.outward(finder.units)).reordered(order)
    loglik = climb.loglik + moments.weight * finder.units.log_jacobian
    objective = loglik + model.reordered(order).log_prior(mixture)
    degenerate: tuple[Degenerate, ...] = ()
    if not candidate.is_sound:
        degenerate = finder.degenerate(
            climb.mixture.reordered(order), finder.within.reordered(order)
        )
    return Optimum(loglik, objective, candidate.starts, climb.outcome, degenerate, mixture)


def _warnings(best: Optimum, climb: Climb, finder: Finder) -> tuple[str, ...]:
    notes = []
    if climb.outcome is not Outcome.CONVERGED:
        notes.append(f"{climb.outcome.prose} (gradient {climb.gradient:.1e} per row after "
                     f"{climb.iterations} steps)")
        warnings.warn(notes[-1], NotConvergedWarning, stacklevel=4)
    if best.degenerate:
        for found in best.degenerate:
            notes.append(f"component {found.component + 1} is degenerate: {found.reason}")
        warnings.warn("; ".join(notes[-len(best.degenerate):]) +
                      "; no optimum without a degenerate component was found: try a smaller k, "
                      "covariance='E', held sds or a prior", DegenerateWarning, stacklevel=4)
    return tuple(notes)


def _threads(threads: int | None) -> int:
    if threads is None:
        return available_threads()
    if not is_whole(threads, 1):
        raise ParameterError(f"threads={threads!r}; expected a number of processors, 1 or more")
    return int(threads)


def _stop(tol: float | None, max_iter: int | None) -> Stop:
    tol = TOLERANCE if tol is None else tol
    max_iter = MAX_ITER if max_iter is None else max_iter
    if not isinstance(tol, int | float | np.number) or not tol >= 0:
        raise ParameterError(f"tol={tol!r}; expected a gradient per row, 0 or more (0 climbs until "
                             f"max_iter)")
    if not is_whole(max_iter, 0):
        raise ParameterError(f"max_iter={max_iter!r}; expected a number of EM steps, 0 or more")
    return Stop(float(tol), int(max_iter))


def _check(moments: Moments, model: Model, name: str) -> None:
    """Refuse what no choice of start could fit. Raises `DataError`."""
    if moments.minimum[0] == moments.maximum[0] and model.held.learned_sds.any():
        what = "its only value is" if moments.count == 1 else f"all {moments.count} values are"
        raise DataError(
            f"{name} is constant: {what} {moments.minimum[0]:g}, so it has no spread to learn; "
            f"hold the standard deviations (sds=...) to fit means"
        )
