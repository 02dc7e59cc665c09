"""bootstrap_lrt: how many components, by testing one number after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import as_seed, is_whole
from emix.errors import DataError, DegenerateWarning, NotConvergedWarning, ParameterError
from emix.fitting import fit
from emix.ground import ground_of
from emix.inference.component_tests import ComponentTest, ComponentTests
from emix.kernels import threads_of
from emix.selection.null_replicates import Contestants, null_statistics
from emix.sources.opening import open_source

if TYPE_CHECKING:
    from emix.result import Fit
    from emix.sources.array import ArraySource


def bootstrap_lrt(
    x: object,
    ks: Iterable[int] | int = range(1, 10),
    covariance: str = "full",
    *,
    n_replicates: int = 999,
    level: float = 0.05,
    thorough: bool = True,
    weights: object = None,
    prior: object = None,
    columns: object = None,
    sample_weight: object = None,
    seed: int | np.random.Generator = 0,
    threads: int | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> ComponentTests:
    """Test k against k + 1 components by bootstrap likelihood ratios, until one is not rejected.

    Parameters
    ----------
    x : the data (n,) or (n, d), as in `fit`; likewise covariance, columns, sample_weight, prior,
        and weights ("equal" or None)
    ks : numbers of components to test against one more, in ascending order
    n_replicates : data sets drawn from the mixture of k; 999 give p-values in thousandths
    level : the sequence ends at the first p-value above it
    thorough : in each replicate k + 1 components are begun at the mixture fitted to the data and
        also at that of k with each component split in two; False leaves out the latter, as mclust
        does: quicker, and p-values come out too small
    seed : an integer, or a NumPy Generator, which is advanced
    threads : processors to use (all); the result does not depend on it by a bit
    progress : called with k, how many replicates are done, and of how many

    Returns
    -------
    ComponentTests: `.k`, `.tests` (statistic, p-value and null distribution of each), `.report()`.

    The likelihood ratio of mixtures has no χ² distribution, since the smaller model lies on the
    boundary of the larger; so its distribution is drawn (McLachlan 1987, doi:10.2307/2347790).
    Optima at which a component is degenerate count nowhere: where k + 1 components have no other,
    the sequence ends and says so.

    Raises `DataError` and `ParameterError` as `fit` does.

    >>> import emix
    >>> x = [4.0, 4.2, 4.7, 5.0, 5.1, 5.5, 29.1, 29.4, 30.0, 30.3, 30.9, 31.2]
    >>> emix.bootstrap_lrt(x, 1, covariance="E", n_replicates=19).p_value(1)
    0.05
    """
    numbers = _numbers(ks)
    if not is_whole(n_replicates, 19):
        raise ParameterError(f"n_replicates={n_replicates!r}; expected 19 or more, for p-values "
                             f"down to a twentieth")
    if not isinstance(level, float) or not 0 < level < 1:
        raise ParameterError(f"level={level!r}; expected a share of false alarms between 0 and 1")
    source, names = open_source(x, sample_weight, columns)
    threads, number = threads_of(threads), as_seed(seed)
    fits: dict[int, Fit | str] = {}

    def fitted(k: int) -> Fit | str:
        if k not in fits:
            fits[k] = _fitted(source, k, covariance, weights, prior, number, threads)
        return fits[k]

    tests: list[ComponentTest] = []
    for k in numbers:
        told = None if progress is None else _told(progress, k, n_replicates)
        tests.append(_test(source, k, fitted(k), fitted(k + 1), n_replicates, thorough,
                           number, threads, told))
        if tests[-1].failure is not None or tests[-1].p_value > level:
            break
    known = [found for found in fits.values() if not isinstance(found, str)]
    name = known[0].covariance if known else covariance
    return ComponentTests(tuple(tests), name, level, n_replicates, names, number)


def _told(progress: Callable[[int, int, int], None], k: int, count: int) -> Callable[[int], None]:
    return lambda done: progress(k, done, count)


def _numbers(ks: Iterable[int] | int) -> list[int]:
    given = list(ks) if isinstance(ks, Iterable) else [ks]
    if not given or not all(is_whole(k, 1) for k in given):
        raise ParameterError(f"ks={ks!r}; expected numbers of components, each 1 or more")
    return sorted({int(k) for k in given})


def _fitted(
    source: ArraySource, k: int, covariance: str, weights: object, prior: object, seed: int,
    threads: int,
) -> Fit | str:
    """The fit of k components, or why there is no sound one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        warnings.simplefilter("ignore", NotConvergedWarning)
        try:
            found = fit(source, k, covariance=covariance, weights=weights, prior=prior, seed=seed,
                        threads=threads)
        except DataError as reason:
            if k == 1:
                raise
            return str(reason)
    return f"{k} components have no sound optimum" if found.degenerate else found


def _test(
    source: ArraySource, k: int, smaller: Fit | str, larger: Fit | str, n_replicates: int,
    thorough: bool, seed: int, threads: int, told: Callable[[int], None] | None,
) -> ComponentTest:
    failure = next((each for each in (smaller, larger) if isinstance(each, str)), None)
    if isinstance(smaller, str) or isinstance(larger, str):
        return ComponentTest(k, np.nan, np.nan, np.zeros(0), failure=failure)
    statistic = 2 * (larger.objective - smaller.objective)
    here, there = ground_of(source, smaller, None), ground_of(source, larger, None)
    contestants = Contestants(here.mixture, there.mixture, here.within, there.within, thorough)
    # A stream of its own for each k, so that a test does not depend on those before it.
    stream = int(np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)[0])
    null, left_out = null_statistics(
        contestants, max(round(smaller.n), 1), n_replicates, statistic, stream, threads, told
    )
    p_value = (1 + int((null >= statistic).sum())) / (1 + len(null))
    return ComponentTest(k, statistic, p_value, null, left_out)
