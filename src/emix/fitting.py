"""fit and steps: what a user asks for, in arguments, and what comes of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, Units, as_seed, is_whole
from emix.climbing.climb import Progress, Stop
from emix.em import Step, iterate
from emix.errors import (
    DegenerateWarning,
    NotConvergedWarning,
    NumericalError,
    ParameterError,
)
from emix.kernels import threads_of
from emix.making import Search, degenerate_notes, fit_source, informed, unarrived_note
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.moments import moments_of
from emix.result import Fit
from emix.searching.plan import CROWD_ITER, NEGLECT, is_crowd
from emix.sources.opening import open_rows

if TYPE_CHECKING:
    import os

# The gradient per row at which a climb has arrived: four hundred thousand roundings.
TOLERANCE = 1e-10
MAX_ITER = 20_000
_STOP, _STOP_OF_A_CROWD = Stop(TOLERANCE, MAX_ITER), Stop(TOLERANCE, CROWD_ITER)


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
    x : the data (n,) or (n, d): an array, a Series, a data frame, or a path to a CSV file; or rows
        that need not be in memory: a path to Parquet or CSV, a folder, a pattern ("data/*.parquet")
        or a list of them, a mapped array, whatever gives Arrow streams, a lazy frame of polars, a
        function that on every call returns an iterator of blocks, any `sources.protocol.Source`
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
    threads = threads_of(threads)
    source, names = open_rows(x, sample_weight, columns, threads)
    d = source.n_features
    model = Model.parse(k, d, covariance, weights, means, sds, covariances, prior)
    how = Search(
        start_of(start), n_starts, as_seed(seed), stop_of(tol, max_iter, model.n_components, d),
        threads, progress, checkpoint, neglect_of(neglect, model.n_components, d),
    )
    found = fit_source(source, names, model, how)
    warn_of(found)
    return found


def start_of(start: object) -> Mixture | Labels | str | None:
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
    source, names = open_rows(x, sample_weight, columns)
    k, d = start.n_components, source.n_features
    if start.n_features != d:
        raise ParameterError(f"start has {start.n_features} columns; expected {d}")
    model = Model.parse(k, d, covariance, weights, means, sds, covariances, prior)
    threads = threads_of(threads)
    moments = moments_of(source, threads)
    units = Units.of_spread(moments.mean, moments.sd, not model.structure.is_scale_free)
    model = informed(model, source, moments, units, names, threads)
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


def warn_of(found: Fit) -> None:
    """Warn the caller of whoever calls this of what the fit's own notes say."""
    if not found.converged:
        warnings.warn(unarrived_note(found.outcome, found.gradient, found.n_iter),
                      NotConvergedWarning, stacklevel=3)
    if found.degenerate:
        warnings.warn("; ".join(degenerate_notes(found.degenerate)) +
                      "; no optimum without a degenerate component was found: try a smaller k, "
                      "a common covariance ('tied'), held ones or prior='conjugate'",
                      DegenerateWarning, stacklevel=3)


def neglect_of(neglect: float | None, k: int, n_features: int) -> float:
    if neglect is None:
        return NEGLECT if is_crowd(k, n_features) else 0.0
    if not isinstance(neglect, int | float | np.number) or not 0 <= neglect < 1:
        raise ParameterError(f"neglect={neglect!r}; expected a share of each row's density, from 0 "
                             f"(exact) to less than 1, such as 1e-5")
    if neglect > 0 and n_features == 1:
        raise ParameterError("neglect is for several columns; in one column steps are exact")
    return float(neglect)


def stop_of(
    tol: float | None, max_iter: int | None, k: int = 1, n_features: int = 1
) -> Stop:
    if tol is None and max_iter is None:
        return _STOP_OF_A_CROWD if is_crowd(k, n_features) else _STOP
    tol = TOLERANCE if tol is None else tol
    if max_iter is None:
        max_iter = CROWD_ITER if is_crowd(k, n_features) else MAX_ITER
    if not isinstance(tol, int | float | np.number) or not tol >= 0:
        raise ParameterError(f"tol={tol!r}; expected a gradient per row, 0 or more (0 climbs until "
                             f"max_iter)")
    if not is_whole(max_iter, 0):
        raise ParameterError(f"max_iter={max_iter!r}; expected a number of EM steps, 0 or more")
    return Stop(float(tol), int(max_iter))
