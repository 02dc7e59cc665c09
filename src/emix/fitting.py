"""fit: data to internal units, starts, search, climbs on all the data, and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, Units, as_seed, is_whole
from emix.candidates import Candidate
from emix.checking import check_rank, check_spread
from emix.checkpoint import Journal
from emix.climbing import Climb, Outcome, Progress, Stop
from emix.coinciding import counted
from emix.covariance import Isotropic
from emix.em import Step, iterate
from emix.errors import (
    DegenerateWarning,
    NotConvergedWarning,
    NumericalError,
    ParameterError,
)
from emix.finding import Finder
from emix.fingerprint import identity_of
from emix.kernels import available_threads, instruction_set, kernel_for
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.moments import Moments, moments_of
from emix.plan import CROWD_ITER, NEGLECT, is_crowd
from emix.result import Fit, Optimum
from emix.sources.opening import open_source
from emix.standard_errors import Deferred

if TYPE_CHECKING:
    import os

    from emix.soundness import Degenerate
    from emix.sources.array import ArraySource

# The gradient per row at which a climb has arrived: four hundred thousand roundings.
TOLERANCE = 1e-10
MAX_ITER = 20_000
# Degenerate components that warnings name.
MOST_NAMED = 10


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
    columns: object = None,
    sample_weight: object = None,
    start: object = None,
    n_starts: int | None = None,
    seed: int | np.random.Generator = 0,
    tol: float | None = None,
    max_iter: int | None = None,
    neglect: float | None = None,
    threads: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Fit:
    """Fit a mixture of k normal components by Expectation-Maximization.

    Parameters
    ----------
    x : the data (n,) or (n, d): an array, a Series, a data frame, or a path to a CSV file
    k : number of components
    covariance : how components may be shaped. One of mclust's fourteen names, of which the letters
        say whether volume, shape and orientation are equal (E), varying (V) or, for shape and
        orientation, those of the axes (I): EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV
        VVV; or one of scikit-learn's words: "full" (VVV), "tied" (EEE), "diag" (VVI),
        "spherical" (VII). In one column "V" ("full"): each component its own σ; "E" ("tied"):
        one σ for all
    weights, means, sds, covariances : held values, in the units of the data; NaN inside learns
        that one, None learns all. weights (k,), or "equal" for 1/k; means (k,) in one column, else
        (k, d); sds (k,) or one number, in one column and for spherical structures; covariances
        (k, d, d) or one (d, d) for all, each held whole or learned whole
    prior : `NormalPrior` on means, `DirichletPrior` on weights, `ConjugatePrior` on means and
        covariances ("conjugate" for mclust's default), or a list of them; with one, EM climbs the
        log-posterior
    columns : which columns of x to fit, by name (by index from 0 in an array); all by default
    sample_weight : (n,) not negative, or the name of a column; a weight counts as repetition
    start : a Mixture to start from, labels (n,) of a division of the rows, or a kind of start
        ("kmeans", "quantiles", "random", "responsibilities", "kmeans++" and, in several columns,
        "hierarchical"); by default many starts of varied kinds
    n_starts : how many starts, instead of the default search
    seed : an integer, or a NumPy Generator, which is advanced; the same seed finds the same fit
    tol : the gradient of the objective, per row and without units, that counts as 0 (1e-10)
    max_iter : EM steps at most (20000; 300 from 256 components in several columns)
    neglect : the share of a row's density, on average over rows, that E-steps may leave out by
        looking only at components near the row; 0 for exact steps. By default 0 below 256
        components and in one column, else 1e-5. What was left out in the end is in the fit, whose
        log-likelihood is exact in any case; `tol` below neglect / k is then taken as that
    threads : processors to use (all); the result does not depend on it by a bit
    progress : called with a `Progress` now and then while a fit of much data runs
    checkpoint : a file that keeps how far the fit has come, written whole every second or so. The
        same call goes on from it, and ends with the bits of a fit that was never broken off;
        a finished one gives its fit at once

    Returns
    -------
    Fit, its mixture in canonical order (by mean) and in the units of x. Ctrl-C ends it with the
    best so far and the outcome "interrupted", once there is something.

    Raises
    ------
    DataError : x or sample_weight is not usable (says where)
    ParameterError : an argument, or a combination, has no meaning
    CheckpointError, WriteError : the checkpoint is damaged, of another fit, or cannot be written
    Warns `NotConvergedWarning` and `DegenerateWarning`; the fit itself carries them too.

    The algorithm is that of Dempster, Laird & Rubin (1977, doi:10.1111/j.2517-6161.1977.tb01600.x).

    >>> import emix
    >>> waiting = emix.datasets.load("faithful")["waiting"]
    >>> found = emix.fit(waiting, 2)
    >>> round(found.loglik, 5), found.mixture.means[:, 0].round(2).tolist()
    (-1034.00175, [54.61, 80.09])
    """
    source, names = open_source(x, sample_weight, columns)
    d = source.n_features
    model = Model.parse(k, d, covariance, weights, means, sds, covariances, prior)
    threads, seed = threads_of(threads), as_seed(seed)
    if max_iter is None and is_crowd(model.n_components, d):
        max_iter = CROWD_ITER
    stop, neglect = stop_of(tol, max_iter), neglect_of(neglect, model.n_components, d)
    moments = moments_of(source, threads)
    check_spread(moments, model, names)
    units = Units.of_spread(moments.mean, moments.sd, not model.structure.is_scale_free)
    model = _informed(model, source, moments, units, names, threads)
    begin = _start(start)
    journal = None if checkpoint is None else Journal(
        checkpoint, identity_of(source, names, model, begin, n_starts, stop, seed, neglect),
        instruction_set(),
    )
    finder = Finder(source, ", ".join(names), model, units, moments.weight, stop, seed, threads,
                    progress, journal=journal, neglect=neglect)
    candidates = finder.candidates(begin, n_starts)
    return finished(candidates, finder, moments, names)


def _informed(
    model: Model, source: ArraySource, moments: Moments, units: Units, names: tuple[str, ...],
    threads: int,
) -> Model:
    """The model, once it has been told the data's mean and covariance where it asks for them.

    Raises `DataError` where columns are combinations of others and that matters.
    """
    d = source.n_features
    turned = d > 1 and model.structure.scatter_form in ("full", "pooled")
    if not turned and model.prior.conjugate is None:
        return model
    whole = Mixture.trusted(np.ones(1), units.inward(moments.mean)[None], Isotropic(np.ones(1), d))
    statistics = kernel_for(whole).expect(whole, source.block, "full", units, threads)
    scatter = statistics.scatter_about(whole.means + statistics.shift / moments.weight)[0]
    check_rank(scatter / moments.weight, moments, model, names)
    if model.prior.conjugate is None:
        return model
    scatter = scatter / np.multiply.outer(units.scale, units.scale)
    # Divisor n − 1, as R's var.
    return model.informed(moments.mean, scatter / max(moments.weight - 1, 1.0), moments.weight)


def _start(start: object) -> Mixture | Labels | str | None:
    """A mixture, a name or nothing; anything else is labels."""
    if start is None or isinstance(start, str | Mixture):
        return start
    try:
        labels = np.asarray(start.to_numpy() if hasattr(start, "to_numpy") else start)
        if labels.dtype.kind not in "iufb" or labels.ndim != 1:
            raise TypeError
    except (TypeError, ValueError):
        raise ParameterError(
            f"start={start!r}; expected a Mixture, the name of a kind of start, or a label for "
            f"each row"
        ) from None
    return labels


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
    columns: object = None,
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
    source, names = open_source(x, sample_weight, columns)
    k, d = start.n_components, source.n_features
    if start.n_features != d:
        raise ParameterError(f"start has {start.n_features} columns; expected {d}")
    model = Model.parse(k, d, covariance, weights, means, sds, covariances, prior)
    threads = threads_of(threads)
    moments = moments_of(source, threads)
    units = Units.of_spread(moments.mean, moments.sd, not model.structure.is_scale_free)
    model = _informed(model, source, moments, units, names, threads)
    within = model.inward(units, FLOOR)
    first = model.conforming(start)
    for step in iterate(source, within.conforming(first.inward(units)), within, units, threads):
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


def finished(
    candidates: list[Candidate], finder: Finder, moments: Moments, names: tuple[str, ...]
) -> Fit:
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
    errors = Deferred.when_cheap(
        finder.source, best.mixture, finder.within.reordered(order), finder.units, names,
        best.degenerate, () if climb.outcome is Outcome.CONVERGED else (climb.outcome.prose,),
    )
    return Fit(
        mixture=best.mixture, model=model.reordered(order), loglik=best.loglik,
        objective=best.objective, n=moments.weight, outcome=climb.outcome,
        n_iter=climb.iterations, trace=trace, gradient=climb.gradient, optima=optima,
        warnings=notes, classification=(hard, soft), columns=names, seed=finder.seed,
        kernel=kernel.name, compression=finder.compression, neglect=finder.neglect,
        neglected=climb.neglected, _uncertainty=errors,
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
    notes = list(finder.journal.notes)
    if climb.outcome is not Outcome.CONVERGED:
        notes.append(f"{climb.outcome.prose} (gradient {climb.gradient:.1e} per row after "
                     f"{climb.iterations} steps)")
        warnings.warn(notes[-1], NotConvergedWarning, stacklevel=4)
    if climb.relocated:
        notes.append(f"{climb.relocated} times a component collapsed onto too few rows for a "
                     f"covariance of its own, and was put where the heaviest was; a smaller k, a "
                     f"common covariance ('tied') or prior='conjugate' would have no need of that")
    if climb.neglected > 2 * finder.neglect:
        notes.append(f"E-steps left out {climb.neglected:.1e} nats per row, more than "
                     f"neglect={finder.neglect:g}; the log-likelihood is exact all the same")
    if best.degenerate:
        named = [f"component {found.component + 1} is degenerate: {found.reason}"
                 for found in best.degenerate[:MOST_NAMED]]
        if len(best.degenerate) > MOST_NAMED:
            named.append(f"so are {len(best.degenerate) - MOST_NAMED} more components")
        notes += named
        warnings.warn("; ".join(named) +
                      "; no optimum without a degenerate component was found: try a smaller k, "
                      "a common covariance ('tied'), held ones or prior='conjugate'",
                      DegenerateWarning, stacklevel=4)
    return (*notes, *counted(best.mixture, finder.weight).notes())


def neglect_of(neglect: float | None, k: int, n_features: int) -> float:
    if neglect is None:
        return NEGLECT if is_crowd(k, n_features) else 0.0
    if not isinstance(neglect, int | float | np.number) or not 0 <= neglect < 1:
        raise ParameterError(f"neglect={neglect!r}; expected a share of each row's density, from 0 "
                             f"(exact) to less than 1, such as 1e-5")
    if neglect > 0 and n_features == 1:
        raise ParameterError("neglect is for several columns; in one column steps are exact")
    return float(neglect)


def threads_of(threads: int | None) -> int:
    if threads is None:
        return available_threads()
    if not is_whole(threads, 1):
        raise ParameterError(f"threads={threads!r}; expected a number of processors, 1 or more")
    return int(threads)


def stop_of(tol: float | None, max_iter: int | None) -> Stop:
    tol = TOLERANCE if tol is None else tol
    max_iter = MAX_ITER if max_iter is None else max_iter
    if not isinstance(tol, int | float | np.number) or not tol >= 0:
        raise ParameterError(f"tol={tol!r}; expected a gradient per row, 0 or more (0 climbs until "
                             f"max_iter)")
    if not is_whole(max_iter, 0):
        raise ParameterError(f"max_iter={max_iter!r}; expected a number of EM steps, 0 or more")
    return Stop(float(tol), int(max_iter))
