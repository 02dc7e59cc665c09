"""select: how many components, and of which covariance structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from emix.arrays import as_seed, is_whole
from emix.covariance import STRUCTURES, structure
from emix.errors import DataError, ParameterError
from emix.fitting import fit, stop_of, warn_of
from emix.kernels import threads_of
from emix.making import finished
from emix.selection.choice import CRITERIA, Row, Selection, ranked
from emix.selection.contest import Contest, SelectionProgress
from emix.selection.likelihood_ratio import bootstrap_lrt
from emix.selection.setting import Setting
from emix.sources.opening import open_rows, open_source, settled

if TYPE_CHECKING:
    import numpy as np

    from emix.inference.component_tests import ComponentTests
    from emix.result import Fit
    from emix.sources.array import ArraySource

FOLDS = 5


def select(
    x: object,
    ks: Iterable[int] | int = range(1, 10),
    covariances: str | Iterable[str] = "all",
    *,
    criterion: str = "bic",
    weights: object = None,
    prior: object = None,
    sample_weight: object = None,
    columns: object = None,
    folds: int | None = None,
    lrt: int | None = None,
    seed: int | np.random.Generator = 0,
    tol: float | None = None,
    threads: int | None = None,
    progress: Callable[[SelectionProgress], None] | None = None,
) -> Selection:
    """Compare covariance structures and numbers of components, and fit the best.

    Parameters
    ----------
    x : the data (n,) or (n, d), whatever `fit` takes; folds and lrt need them in memory
    ks : numbers of components to try
    covariances : structures to try, by the names that `fit` takes: one, several, or "all" of
        them, fourteen in several columns and E and V in one
    criterion : what decides, smaller is better: "bic"; "icl", which charges for points whose
        component is unsure; "aic"; or "heldout", −2 times the log-likelihood of rows left out
    weights : "equal" holds every weight at 1/k; None learns them
    prior : as in `fit`
    sample_weight : (n,) not negative, or the name of a column; a weight counts as repetition
    columns : which columns of x to use, by name (by index from 0 in an array); all by default
    folds : parts for cross-validation, which the table then also has; 5 for "heldout", else none
    lrt : replicates of a bootstrap likelihood-ratio test of k against k + 1 components, one k
        after the other in the chosen structure (see `bootstrap_lrt`); none by default
    seed : an integer, or a NumPy Generator, which is advanced
    tol : the gradient of the objective, per row and without units, that counts as 0 in the rows
        that are refined (1e-10)
    threads : processors to use (all); the result does not depend on it by a bit
    progress : called with a `SelectionProgress` as each row is begun

    Returns
    -------
    Selection: `table`, `best` (a `Fit`), `top`. All rows of the table are screened together, each
    starting from what its neighbours found (see `screening`); then the leading ones are
    searched as `fit` searches, until the first three all are, so that `best` is what `fit` gives,
    or better. Where all optima of a row are degenerate, or nothing can be fitted, the row fails by
    name and is never chosen. Of one structure, more components never have a lower log-likelihood,
    unless there is a prior or weights are held, or all that lies higher is degenerate.

    Of more than 16384 rows of data a sample is screened, what it found is climbed some steps on all
    of them, and the first alone is refined.

    Ctrl-C ends it with the best so far; rows that were not reached say so.

    Raises
    ------
    DataError : x or sample_weight is not usable, or no row at all has a sound optimum
    ParameterError : an argument, or a combination, has no meaning

    BIC as a choice of mixtures: Fraley & Raftery 2002, doi:10.1198/016214502760047131.

    >>> import emix
    >>> faithful = emix.datasets.load("faithful")
    >>> choice = emix.select(faithful["waiting"], range(1, 4))
    >>> choice.best.covariance, choice.best.k, round(choice.best.bic, 3)
    ('E', 2, 2090.427)
    """
    opened, names = open_rows(x, sample_weight, columns, threads_of(threads))
    source = settled(opened)
    if folds is not None or criterion == "heldout" or lrt is not None:
        # Which take rows apart.
        source = open_source(source)[0]
    numbers = _numbers(ks)
    structures = _structures(covariances, source.n_features)
    folds = _folds(folds, criterion, source.n_rows)
    if weights is not None and not (isinstance(weights, str) and weights == "equal"):
        raise ParameterError(f"weights={weights!r}; expected None, which learns them, or 'equal'")
    threads = threads_of(threads)
    setting = Setting(source, names, weights, prior, as_seed(seed), threads)
    contest = Contest(
        setting, structures, numbers, criterion, folds, stop_of(tol, None), progress
    )
    contest.run()
    rows = contest.rows()
    leaders = ranked(rows, contest.criterion)
    if not leaders:
        raise DataError(_all_failed(rows))
    candidates, finder = contest.optima(leaders[0])
    best = finished(candidates, finder, setting.moments, names)
    warn_of(best)
    is_complete, tests = contest.is_complete, None
    if lrt is not None and is_complete:
        try:
            tests = _tests(open_source(source)[0], numbers, best, lrt, weights, prior,
                           setting.seed, threads)
        except KeyboardInterrupt:
            is_complete = False
    return Selection(
        tuple(contest.full_rows(best)), best, contest.criterion, setting.weight, names, folds,
        setting.seed, is_complete, tests,
    )


def _tests(
    source: ArraySource, numbers: list[int], best: Fit, n_replicates: int, weights: object,
    prior: object, seed: int, threads: int,
) -> ComponentTests:
    """Tests of the numbers of components in the structure of the best row, and in one column the
    EM-test beside them."""
    tests = bootstrap_lrt(
        source, [k for k in numbers if k + 1 in numbers] or numbers, best.covariance,
        n_replicates=n_replicates, weights=weights, prior=prior, seed=seed, threads=threads,
    )
    if source.n_features > 1 or weights is not None or prior is not None or 1 not in numbers:
        return tests
    one = fit(source, 1, covariance=best.covariance, threads=threads)
    return replace(tests, em_test=one.em_test(source))


def _numbers(ks: Iterable[int] | int) -> list[int]:
    given = list(ks) if isinstance(ks, Iterable) else [ks]
    if not given or not all(is_whole(k, 1) for k in given):
        raise ParameterError(f"ks={ks!r}; expected numbers of components, each 1 or more")
    return sorted({int(k) for k in given})


def _structures(covariances: str | Iterable[str], n_features: int) -> list[str]:
    """The structures' own names, the simplest first."""
    table = ("E", "V") if n_features == 1 else tuple(STRUCTURES)
    if isinstance(covariances, str):
        covariances = table if covariances == "all" else [covariances]
    wanted = {structure(name, n_features).name for name in covariances}
    if not wanted:
        raise ParameterError("covariances is empty; expected names of structures, or 'all'")
    return [name for name in table if name in wanted]


def _folds(folds: int | None, criterion: str, n_rows: int) -> int | None:
    if criterion not in CRITERIA:
        raise ParameterError(f"criterion={criterion!r}; expected one of {', '.join(CRITERIA)}")
    if folds is None:
        folds = min(FOLDS, n_rows) if criterion == "heldout" else None
    if folds is not None and not (is_whole(folds, 2) and folds <= n_rows):
        raise ParameterError(f"folds={folds!r}; expected parts of the {n_rows} rows, 2 or more")
    return folds


def _all_failed(rows: list[Row]) -> str:
    reasons = list(dict.fromkeys(str(row.failure) for row in rows))
    return (f"none of {len(rows)} models has a sound optimum: {'; '.join(reasons[:3])}; try fewer "
            f"components, simpler covariances or prior='conjugate'")
